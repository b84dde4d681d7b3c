"""EAGI sessions with a shim on the other side: audio, commands, hang-ups, whatever ends them."""

import asyncio
import os
import socket
from contextlib import closing

import pytest
from structlog.testing import capture_logs

from agent.hearing.sound import Encoding
from agent.pbx.asterisk.agi import AgiError
from agent.pbx.asterisk.eagi import EagiClosedError
from agent.pbx.port import TapKind
from tests.pbx.asterisk.shims import ENVIRONMENT, Agent, Shim, descriptors
from tests.pbx.waiting import until

pytestmark = pytest.mark.usefixtures("no_descriptor_is_leaked")


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


async def test_commands_are_said_one_at_a_time(agent: Agent) -> None:
    """Asterisk reads ahead: a second command in its buffer would wait for bytes that never come."""
    with closing(Shim(agent)) as shim:
        session = await shim.eagi(agent)
        first, second = session.send("GET", "VARIABLE", "A"), session.send("GET", "VARIABLE", "B")
        assert await shim.receive() == b"GET VARIABLE A\n"
        shim.socket.sendall(b"200 result=1 (a)\nHANGUP\n")
        assert (await first).value == "a"
        assert await shim.receive() == b"GET VARIABLE B\n"
        shim.socket.sendall(b"200 result=1 (b)\n")
        assert (await second).value == "b"


async def test_a_hangup_leaves_time_for_last_words(agent: Agent) -> None:
    """The session stays until the last of them is answered: a shim that finds it gone drops the rest."""
    with closing(Shim(agent)) as shim:
        session = await shim.eagi(agent)
        tap = session.listen()

        def last_words() -> None:
            session.send("SET", "VARIABLE", "EARLYMEDIA_OUTCOME", "busy")
            session.send("SET", "VARIABLE", "EARLYMEDIA_STATUS", "final")
            session.close()

        session.on_hangup = last_words
        shim.socket.sendall(b"HANGUP\n")
        first, second = b"SET VARIABLE EARLYMEDIA_OUTCOME busy\n", b"SET VARIABLE EARLYMEDIA_STATUS final\n"
        assert await shim.receive(len(first)) == first
        assert session.hung_up
        assert session.closed
        assert tap.ended
        with pytest.raises(EagiClosedError, match="is over"):
            await session.command("NOOP")
        shim.socket.sendall(b"200 result=1\n")
        await asyncio.sleep(0.05)
        assert await shim.receive(len(second)) == second
        assert agent.server.connections == 1
        shim.socket.sendall(b"200 result=1\n")
        assert await shim.receive() == b""
        assert agent.server.connections == 0


@pytest.mark.parametrize("early", [b"HANGUP\n" + ENVIRONMENT, ENVIRONMENT + b"HANGUP\n"])
async def test_a_hangup_is_told_once_the_channel_is_known(agent: Agent, early: bytes) -> None:
    with closing(Shim(agent)) as shim:
        await shim.line(b"EAGI\n", shim.read_end)
        shim.socket.sendall(early)
        await until(lambda: agent.hung_up)
        assert agent.hung_up == agent.sessions


async def test_last_words_that_nobody_answers_are_not_waited_for_long(agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        session = await shim.eagi(agent)
        session.send("NOOP")
        session.close()
        await until(lambda: agent.server.connections == 0, within_s=1)


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


async def test_a_shim_that_never_answers_ends_the_session(agent: Agent) -> None:
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


async def test_a_descriptor_within_the_conversation_is_not_taken(agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        session = await shim.eagi(agent)
        before = descriptors()
        socket.send_fds(shim.socket, [b"HANGUP\n"], [shim.read_end])
        await until(lambda: session.hung_up)
        assert descriptors() == before
