"""The fuse as a real process beside a real event loop: it does nothing until that stands still."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agent.pbx.asterisk.fuse import Fuse
from agent.pbx.asterisk.fuse_process import STALL_SECONDS
from agent.pbx.asterisk.taps import hang_up
from tests.pbx.waiting import until


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
async def fuse(listening: socket.socket) -> AsyncIterator[Fuse]:
    fuse = Fuse(listening)
    yield fuse
    fuse.close()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def connect(listening: socket.socket, stack: ExitStack) -> tuple[socket.socket, socket.socket]:
    """Return both ends of a connection: Asterisk's and ours."""
    theirs = stack.enter_context(closing(socket.create_connection(listening.getsockname(), timeout=5)))
    return theirs, stack.enter_context(closing(listening.accept()[0]))


def ended(theirs: socket.socket) -> bool:
    """Wait for the end of a connection, False if it does not come."""
    theirs.settimeout(STALL_SECONDS + 5)
    try:
        return theirs.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def still_open(theirs: socket.socket) -> bool:
    theirs.settimeout(0.01)
    try:
        return theirs.recv(1) != b""
    except TimeoutError:
        return True


async def over(pid: int) -> None:
    """Wait for the end of a process; nobody may have buried it yet."""
    await until(
        lambda: not (status := Path(f"/proc/{pid}/status")).exists() or "State:\tZ" in status.read_text()
    )


def descriptors(fuse: Fuse) -> int:
    return len(list(Path(f"/proc/{fuse.pid}/fd").iterdir()))


async def test_as_long_as_the_loop_turns_nobody_is_ended(
    fuse: Fuse, listening: socket.socket, stack: ExitStack
) -> None:
    theirs, ours = connect(listening, stack)
    fuse.hold(ours)
    await asyncio.sleep(STALL_SECONDS + 1)
    assert still_open(theirs)


async def test_a_loop_that_stands_still_lets_go_of_whom_it_holds_and_of_nobody_else(
    fuse: Fuse, listening: socket.socket, stack: ExitStack
) -> None:
    held, kept = connect(listening, stack), connect(listening, stack)
    for _, ours in (held, kept):
        fuse.hold(ours)
    fuse.release(kept[1])
    await asyncio.sleep(0.1)
    began = time.monotonic()
    assert ended(held[0])  # which stands still
    assert time.monotonic() - began > STALL_SECONDS - 1
    assert still_open(kept[0])


async def test_a_loop_that_stands_still_turns_away_who_comes(fuse: Fuse, listening: socket.socket) -> None:
    await asyncio.sleep(0.1)
    for _ in range(3):
        with socket.create_connection(listening.getsockname(), timeout=5) as theirs:
            assert ended(theirs)


async def test_a_loop_that_turns_again_is_served_again(
    fuse: Fuse, listening: socket.socket, stack: ExitStack
) -> None:
    with capture_logs() as logs:
        with socket.create_connection(listening.getsockname(), timeout=5) as turned_away:
            assert ended(turned_away)
        await asyncio.sleep(1)
    assert [line["event"] for line in logs] == ["the agent stood still: calls were let go"]
    theirs, ours = connect(listening, stack)
    fuse.hold(ours)
    await asyncio.sleep(STALL_SECONDS + 1)
    assert still_open(theirs)
    assert ended(theirs)


async def test_what_is_hung_up_ends_at_once_though_the_fuse_holds_it(
    fuse: Fuse, listening: socket.socket, stack: ExitStack
) -> None:
    theirs, ours = connect(listening, stack)
    fuse.hold(ours)
    hang_up(ours)
    theirs.settimeout(1)
    assert theirs.recv(1) == b""


async def test_it_keeps_no_descriptor_of_what_is_over(
    fuse: Fuse, listening: socket.socket, stack: ExitStack
) -> None:
    await asyncio.sleep(0.2)
    before = descriptors(fuse)
    for by_us in (True, False) * 10:
        theirs, ours = connect(listening, stack)
        fuse.hold(ours)
        for end in (ours, theirs) if by_us else (theirs, ours):
            hang_up(end)
    async with asyncio.timeout(5):
        while descriptors(fuse) > before:
            await asyncio.sleep(0.05)


async def test_a_stop_of_all_processes_of_the_service_leaves_it_to_its_agent(fuse: Fuse) -> None:
    pid = fuse.pid
    assert pid is not None
    await asyncio.sleep(0.5)
    os.kill(pid, signal.SIGTERM)
    await asyncio.sleep(1.2)
    assert fuse.pid == pid
    fuse.close()
    await over(pid)


AGENT = """
import asyncio, socket, sys
from pathlib import Path
from agent.pbx.asterisk.fuse import Fuse

async def main():
    sign_of_life = socket.socket(socket.AF_UNIX)
    sign_of_life.bind(sys.argv[1])
    sign_of_life.listen()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        fuse = Fuse(listening, Path(sys.argv[1]))
        print(listening.getsockname()[1], flush=True)
        connection, _ = listening.accept()
        fuse.hold(connection)
        print(fuse.pid, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_it_outlives_an_agent_that_is_killed_for_those_who_are_on_the_way(tmp_path: Path) -> None:
    sign_of_life = tmp_path / "agent.sock"
    agent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", AGENT, str(sign_of_life), stdout=asyncio.subprocess.PIPE
    )
    assert agent.stdout is not None
    port = int(await agent.stdout.readline())
    with socket.create_connection(("127.0.0.1", port), timeout=5) as theirs:
        pid = int(await agent.stdout.readline())
        assert still_open(theirs)
        agent.kill()
        await agent.wait()
        theirs.settimeout(STALL_SECONDS / 2)
        assert theirs.recv(1) == b""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as late:
        assert ended(late)
    await until(lambda: not sign_of_life.exists())
    await over(pid)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


async def test_the_next_agents_sign_of_life_is_left_alone(listening: socket.socket, tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    fuse = Fuse(listening, path)
    pid = fuse.pid
    assert pid is not None
    await asyncio.sleep(0.2)
    with socket.socket(socket.AF_UNIX) as next_agent:
        next_agent.bind(str(path))
        next_agent.listen()
        fuse.close()
        await over(pid)
        assert path.exists()


async def test_one_that_is_gone_is_replaced_and_knows_everything(
    fuse: Fuse, listening: socket.socket, stack: ExitStack
) -> None:
    theirs, ours = connect(listening, stack)
    fuse.hold(ours)
    first = fuse.pid
    assert first is not None
    with capture_logs() as logs:
        os.kill(first, signal.SIGKILL)
        async with asyncio.timeout(10):
            while fuse.pid in (None, first):
                await asyncio.sleep(0.05)
    assert [line["event"] for line in logs] == ["the fuse of AudioSocket is gone: it is replaced"]
    assert still_open(theirs)
    await asyncio.sleep(0.2)
    assert ended(theirs)


async def test_more_than_its_channel_takes_at_once_is_said_bit_by_bit(
    fuse: Fuse, listening: socket.socket, stack: ExitStack
) -> None:
    held = [connect(listening, stack) for _ in range(400)]
    for _, ours in held:
        fuse.hold(ours)
    first = fuse.pid
    async with asyncio.timeout(10):
        while descriptors(fuse) < 400:
            await asyncio.sleep(0.05)
    assert fuse.pid == first
    time.sleep(STALL_SECONDS + 0.5)  # the loop stands still
    assert all(ended(theirs) for theirs, _ in held)
