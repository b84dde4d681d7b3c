"""The shim socket against real clients: introductions, questions for the verdict, hostile shims."""

import asyncio
import grp
import os
import pty
import socket
import stat
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agent.pbx.asterisk.refusals import Refusal
from agent.pbx.asterisk.shim_server import ShimServer, ShimSettings
from tests.pbx.asterisk.shims import ENVIRONMENT, Agent, Shim
from tests.pbx.waiting import until

pytestmark = pytest.mark.usefixtures("no_descriptor_is_leaked")


async def test_a_question_is_answered(agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        await shim.line(b"SYNC\x0017.42\0after-dial\n")
        assert await shim.receive() == b"EARLYMEDIA_CLASS=speech\nEARLYMEDIA_STATUS=final\n"
        assert await shim.receive() == b""
    assert agent.questions == [("17.42", ("after-dial",))]


@pytest.mark.parametrize(
    "answer", [{"A B": "1"}, {"A": "1\nB=2"}, {"A": "1\0"}, RuntimeError("no"), {"": "x"}]
)
async def test_a_wrong_answer_is_none(agent: Agent, answer: Mapping[str, str] | Exception) -> None:
    agent.answer = answer
    with closing(Shim(agent)) as shim, capture_logs():
        await shim.line(b"SYNC\x0017.42\n")
        assert await shim.receive() == b""
    assert agent.server.refusals.count == {Refusal.FAILED: 1}


async def test_a_late_answer_is_none(agent: Agent) -> None:
    agent.thinks_s = 5
    with closing(Shim(agent)) as shim:
        await shim.line(b"SYNC\x0017.42\n")
        assert await shim.receive() == b""
    assert agent.server.refusals.count == {Refusal.LATE: 1}


async def test_a_question_whose_asker_left_harms_nothing(agent: Agent) -> None:
    agent.thinks_s = 0.02
    with closing(Shim(agent)) as shim:
        await shim.line(b"SYNC\x0017.42\n")
        shim.socket.close()
        await until(lambda: agent.questions and not agent.server.connections)


async def test_an_agent_that_is_not_ready_sends_everyone_home(agent: Agent) -> None:
    agent.ready = False
    with closing(Shim(agent)) as shim:
        assert await shim.receive() == b""
    assert agent.server.refusals.count == {Refusal.NOT_READY: 1}


async def test_too_many_are_sent_home(agent: Agent) -> None:
    shims = [Shim(agent) for _ in range(4)]
    assert await shims[3].receive() == b""
    assert agent.server.refusals.count == {Refusal.TOO_MANY: 1}
    for shim in shims:
        shim.close()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", Refusal.TOO_SLOW),
        (b"EAGI\0no end", Refusal.TOO_SLOW),
        (b"x" * 5000, Refusal.MALFORMED),
        (b"EAGI\0no descriptor\n", Refusal.MALFORMED),
        (b"SYNC\n", Refusal.MALFORMED),
        (b"HELO\0x\n", Refusal.MALFORMED),
        (b"\n", Refusal.MALFORMED),
        (b"\xff\xfe\n", Refusal.MALFORMED),
    ],
)
async def test_a_bad_introduction_is_refused(agent: Agent, line: bytes, reason: Refusal) -> None:
    with closing(Shim(agent)) as shim:
        assert await shim.receive(1) == b"+"
        shim.socket.sendall(line)
        assert await shim.receive() == b""
    assert agent.server.refusals.count == {reason: 1}
    assert agent.server.connections == 0


async def test_a_session_without_environment_is_refused(agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        await shim.line(b"EAGI\n", shim.read_end)
        shim.socket.sendall(ENVIRONMENT[:-1])
        assert await shim.receive() == b""
    assert agent.server.refusals.count == {Refusal.TOO_SLOW: 1}
    assert not agent.sessions


async def test_a_regular_file_is_no_audio(agent: Agent, tmp_path: Path) -> None:
    with closing(Shim(agent)) as shim, (tmp_path / "passwords").open("w+") as file:
        await shim.line(b"EAGI\n", file.fileno())
        assert await shim.receive() == b""
    assert agent.server.refusals.count == {Refusal.MALFORMED: 1}


async def test_a_terminal_is_no_audio(agent: Agent) -> None:
    ours, theirs = pty.openpty()
    with closing(Shim(agent)) as shim:
        await shim.line(b"EAGI\n", theirs)
        assert await shim.receive() == b""
    os.close(ours)
    os.close(theirs)
    assert agent.server.refusals.count == {Refusal.MALFORMED: 1}


async def test_the_wrong_end_of_a_pipe_is_no_audio(agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        await shim.line(b"EAGI\n", shim.write_end)
        assert await shim.receive() == b""


@pytest.mark.parametrize("count", [2, 3, 100])
async def test_more_than_one_descriptor_is_refused_and_none_is_kept(agent: Agent, count: int) -> None:
    with closing(Shim(agent)) as shim:
        await shim.line(b"EAGI\n", *[shim.read_end] * count)
        assert await shim.receive() == b""
    assert agent.server.refusals.count == {Refusal.MALFORMED: 1}


async def test_descriptors_one_after_the_other_are_refused(agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        await shim.line(b"EAGI", shim.read_end)
        await asyncio.sleep(0.02)
        socket.send_fds(shim.socket, [b"\n"], [shim.read_end])
        assert await shim.receive() == b""


async def test_a_question_that_brings_a_descriptor_is_refused(agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        await shim.line(b"SYNC\x0017.42\n", shim.read_end)
        assert await shim.receive() == b""
    assert not agent.questions


async def test_one_that_leaves_before_its_line_is_forgotten(agent: Agent) -> None:
    Shim(agent).close()
    await until(lambda: agent.server.refusals.count == {Refusal.GONE: 1})
    assert agent.server.connections == 0


async def test_only_user_and_group_may_connect(agent: Agent) -> None:
    assert stat.S_IMODE(agent.server.settings.path.stat().st_mode) == 0o660


async def test_closing_ends_everything_and_removes_the_socket(tmp_path: Path) -> None:
    agent = Agent(tmp_path / "shim.sock", sync_timeout_s=60)
    agent.thinks_s = 60
    agent.server.start()
    with closing(Shim(agent)) as silent, closing(Shim(agent)) as talker, closing(Shim(agent)) as asker:
        session = await talker.eagi(agent)
        await asker.line(b"SYNC\x0017.42\n")
        await until(lambda: agent.questions)
        await agent.server.close()
        await agent.server.close()
        assert session.closed
        assert await silent.receive() == b"+"
        assert await silent.receive() == b""
        assert await asker.receive() == b""
    assert not agent.server.settings.path.exists()


async def test_the_socket_of_a_dead_agent_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "shim.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    agent = Agent(path)
    agent.server.start()
    with closing(Shim(agent)) as shim:
        await shim.eagi(agent)
    await agent.server.close()


async def test_the_socket_of_a_living_agent_is_respected(agent: Agent) -> None:
    second = Agent(agent.server.settings.path)
    with pytest.raises(OSError, match=r"Another agent listens on the shim socket .*shim\.sock: stop it"):
        second.server.start()
    with closing(Shim(agent)) as shim:
        await shim.eagi(agent)


async def test_a_file_in_the_way_is_respected(tmp_path: Path) -> None:
    path = tmp_path / "shim.sock"
    path.write_text("precious")
    with pytest.raises(OSError, match="taken by something that is no socket: move it away"):
        Agent(path).server.start()
    assert path.read_text() == "precious"


async def test_a_path_that_is_too_long_or_has_no_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="longer than 107 bytes: choose a shorter one"):
        Agent(tmp_path / ("x" * 107)).server.start()
    with pytest.raises(OSError, match=r"cannot be made .* its folder must exist"):
        Agent(tmp_path / "none" / "shim.sock").server.start()


def server_of_group(path: Path, group: str) -> ShimServer:
    return ShimServer(ShimSettings(path, group), on_eagi=lambda session: None, on_sync=Agent(path).asked)


async def test_a_group_that_does_not_exist_is_only_warned_of(tmp_path: Path) -> None:
    server = server_of_group(tmp_path / "shim.sock", "no-such-group")
    with capture_logs() as logs:
        server.start()
    assert "group does not exist" in logs[0]["event"]
    await server.close()


async def test_the_socket_is_given_to_the_group(tmp_path: Path) -> None:
    own = os.getgroups()[-1] if os.getgroups() else os.getgid()
    server = server_of_group(tmp_path / "shim.sock", grp.getgrgid(own).gr_name)
    server.start()
    assert server.settings.path.stat().st_gid == own
    await server.close()


async def test_a_group_that_we_are_no_member_of_is_only_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "chown", deny)  # root, who may run this, is never denied
    server = server_of_group(tmp_path / "shim.sock", grp.getgrgid(os.getgid()).gr_name)
    with capture_logs() as logs:
        server.start()
    assert "make its user a member of it" in logs[0]["event"]
    await server.close()
