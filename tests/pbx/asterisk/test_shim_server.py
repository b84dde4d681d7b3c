"""The shim socket against real clients: EAGI sessions, questions for the verdict, hostile shims."""

import asyncio
import os
import pty
import socket
import stat
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agent.hearing.sound import Encoding
from agent.pbx.asterisk.agi import AgiError
from agent.pbx.asterisk.eagi import EagiClosedError, EagiSession
from agent.pbx.asterisk.refusals import Refusal
from agent.pbx.asterisk.shim_server import ShimServer, ShimSettings
from agent.pbx.port import TapKind

ENVIRONMENT = b"agi_channel: PJSIP/carrier-01\nagi_uniqueid: 17.42\nagi_enhanced: 1.0\n\n"


class Agent:
    """A shim server and what it told."""

    def __init__(self, path: Path, **changes: object) -> None:
        self.sessions: list[EagiSession] = []
        self.questions: list[tuple[str, tuple[str, ...]]] = []
        self.answer: Mapping[str, str] | Exception = {
            "EARLYMEDIA_CLASS": "speech",
            "EARLYMEDIA_STATUS": "final",
        }
        self.thinks_s = 0.0
        self.ready = True
        settings = ShimSettings(path, group="", handshake_timeout_s=0.2, **changes)  # type: ignore[arg-type]
        self.server = ShimServer(
            settings, on_eagi=self.sessions.append, on_sync=self.asked, ready=lambda: self.ready
        )

    async def asked(self, unique_id: str, args: tuple[str, ...]) -> Mapping[str, str]:
        self.questions.append((unique_id, args))
        await asyncio.sleep(self.thinks_s)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture(autouse=True)
def no_descriptor_is_leaked() -> Iterator[None]:
    before = descriptors()
    yield
    assert descriptors() == before


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Agent]:
    agent = Agent(tmp_path / "shim.sock", max_connections=3)
    agent.server.start()
    yield agent
    await agent.server.close()


class Shim:
    """The shim's side of the socket, with Asterisk's end of the audio pipe."""

    def __init__(self, agent: Agent) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(2)
        self.socket.connect(str(agent.server.settings.path))
        self.read_end, self.write_end = os.pipe()

    def close(self) -> None:
        self.socket.close()
        for fd in (self.read_end, self.write_end):
            if fd >= 0:
                os.close(fd)

    async def line(self, data: bytes, *fds: int) -> None:
        """Wait for the agent's `+` and introduce oneself."""
        assert await self.receive(1) == b"+"
        socket.send_fds(self.socket, [data], list(fds))

    async def receive(self, size: int = 65536) -> bytes:
        try:
            return await asyncio.to_thread(self.socket.recv, size)
        except ConnectionResetError:
            return b""

    async def eagi(self, agent: Agent, args: bytes = b"") -> EagiSession:
        """Become a session."""
        known = len(agent.sessions)
        await self.line(b"EAGI" + args + b"\n", self.read_end)
        self.socket.sendall(ENVIRONMENT)
        await until(lambda: len(agent.sessions) > known)
        return agent.sessions[-1]


async def until(condition: Callable[[], object], within_s: float = 2) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)


async def test_an_eagi_script_becomes_a_session(agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        session = await shim.eagi(agent, b"\0job-7\0two words")
        assert session.args == ("job-7", "two words")
        assert session.environment.unique_id == "17.42"
        assert session.environment.channel == "PJSIP/carrier-01"
        assert not session.hung_up
        assert agent.server.connections == 1


async def test_the_environment_may_come_with_the_first_line(agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        await shim.line(b"EAGI\n" + ENVIRONMENT, shim.read_end)
        await until(lambda: agent.sessions)
        assert agent.sessions[0].args == ()


async def test_everything_may_come_byte_by_byte(agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        await shim.line(b"E", shim.read_end)
        for byte in b"AGI\0x\n" + ENVIRONMENT:
            shim.socket.send(bytes((byte,)))
            await asyncio.sleep(0)
        await until(lambda: agent.sessions)
        assert agent.sessions[0].args == ("x",)


async def test_the_audio_is_read_from_the_passed_pipe(agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        session = await shim.eagi(agent)
        os.write(shim.write_end, b"early" * 64)
        tap = session.listen()
        assert (tap.kind, tap.encoding, tap.ended) == (TapKind.EAGI, Encoding.SLIN8, False)
        assert tap.read() == b"early" * 64
        assert tap.read() == b""
        os.write(shim.write_end, b"more")
        assert tap.read() == b"more"


async def test_a_spy_at_sixteen_kilohertz_is_called_so(agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        tap = (await shim.eagi(agent)).listen(TapKind.SPY_EAGI, Encoding.SLIN16)
        assert (tap.kind, tap.encoding) == (TapKind.SPY_EAGI, Encoding.SLIN16)


async def test_audio_is_listened_to_once(agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        session = await shim.eagi(agent)
        session.listen()
        with pytest.raises(EagiClosedError, match="already listened to"):
            session.listen()


async def test_letting_go_of_the_tap_lets_the_dialplan_go_on(agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        session = await shim.eagi(agent)
        tap = session.listen()
        tap.close()
        tap.close()
        assert session.closed
        assert tap.ended
        assert tap.read() == b""
        assert await shim.receive() == b""


async def test_a_pipe_that_ends_ends_the_session(agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        session = await shim.eagi(agent)
        tap = session.listen()
        os.close(shim.read_end)
        os.close(shim.write_end)
        shim.read_end = shim.write_end = -1
        assert tap.read() == b""
        assert tap.ended
        assert session.closed


async def test_a_command_gets_its_reply(agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        session = await shim.eagi(agent)
        asking = asyncio.create_task(session.command("GET", "VARIABLE", "X"))
        assert await shim.receive() == b"GET VARIABLE X\n"
        shim.socket.sendall(b"200 result=1 (7)\n")
        assert (await asking).value == "7"


async def test_commands_are_pipelined_and_answered_in_order(agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        session = await shim.eagi(agent)
        first, second = session.send("GET", "VARIABLE", "A"), session.send("GET", "VARIABLE", "B")
        shim.socket.sendall(b"200 result=1 (a)\nHANGUP\n200 result=1 (b)\n")
        assert [(await first).value, (await second).value] == ["a", "b"]


async def test_a_hangup_leaves_time_for_last_words(agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        session = await shim.eagi(agent)

        def last_words() -> None:
            session.send("SET", "VARIABLE", "EARLYMEDIA_STATUS", "final")
            session.close()

        session.on_hangup = last_words
        shim.socket.sendall(b"HANGUP\n")
        assert await shim.receive() == b"SET VARIABLE EARLYMEDIA_STATUS final\n"
        assert await shim.receive() == b""
        assert session.hung_up


async def test_a_hangup_that_nobody_minds_ends_the_session_after_half_a_second(agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        session = await shim.eagi(agent)
        over: list[bool] = []
        session.on_closed = lambda: over.append(True)
        shim.socket.sendall(b"HANGUP\nHANGUP\n")
        await until(lambda: session.hung_up)
        assert not session.closed
        await until(lambda: session.closed, within_s=1)
        assert over == [True]


async def test_a_shim_that_dies_fails_what_waits(agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        session = await shim.eagi(agent)
        tap = session.listen()
        asking = asyncio.create_task(session.command("GET", "VARIABLE", "X"))
        await asyncio.sleep(0)
        shim.socket.close()
        with pytest.raises(EagiClosedError, match="ended before the reply"):
            await asking
        assert tap.ended
        with pytest.raises(EagiClosedError, match="is over"):
            await session.command("GET", "VARIABLE", "X")
        assert agent.server.connections == 0


async def test_an_asterisk_that_does_not_answer_ends_the_session(agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        session = await shim.eagi(agent)
        with pytest.raises(TimeoutError, match=r"did not answer AGI GET within 0\.05 s"):
            await session.command("GET", "VARIABLE", "X", timeout_s=0.05)
        assert session.closed


async def test_a_command_that_nobody_awaits_may_fail_silently(agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        session = await shim.eagi(agent)
        session.send("NOOP")
        session.close()
        session.close()


async def test_a_shim_that_does_not_read_ends_the_session(agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        session = await shim.eagi(agent)
        for _ in range(10_000):
            if session.closed:
                break
            session.send("NOOP", "x" * 1000)
        assert session.closed


async def test_forged_commands_are_refused_and_harm_nothing(agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        session = await shim.eagi(agent)
        with pytest.raises(AgiError):
            session.send("SET", "VARIABLE", "A", "1\nHANGUP")
        assert not session.closed


@pytest.mark.parametrize("garbage", [b"hello\n", b"200 result=0\n", b"x" * 20_000])
async def test_what_is_no_agi_ends_the_session(agent: Agent, garbage: bytes) -> None:
    with closing(Shim(agent)) as shim:
        session = await shim.eagi(agent)
        with capture_logs() as logs:
            shim.socket.sendall(garbage)
            await until(lambda: session.closed)
        assert [entry["event"] for entry in logs] == ["AGI conversation given up"]


async def test_a_listener_that_fails_lets_the_channel_go(agent: Agent) -> None:
    with closing(Shim(agent)) as shim, capture_logs() as logs:
        session = await shim.eagi(agent)

        def fail() -> None:
            raise RuntimeError("no")

        session.on_hangup = fail
        shim.socket.sendall(b"HANGUP\n")
        await until(lambda: session.closed)
    assert [entry["event"] for entry in logs] == ["EAGI callback failed"]


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
    assert agent.server.refusals.count == {Refusal.FAILED: 1}


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


async def test_a_descriptor_within_the_conversation_is_not_taken(agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        session = await shim.eagi(agent)
        before = descriptors()
        socket.send_fds(shim.socket, [b"HANGUP\n"], [shim.read_end])
        await until(lambda: session.hung_up)
        assert descriptors() == before


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


async def test_a_group_that_does_not_exist_is_only_warned_of(tmp_path: Path) -> None:
    server = ShimServer(
        ShimSettings(tmp_path / "shim.sock", group="no-such-group"),
        on_eagi=lambda session: None,
        on_sync=Agent(tmp_path / "x").asked,
    )
    with capture_logs() as logs:
        server.start()
    assert "group does not exist" in logs[0]["event"]
    await server.close()
