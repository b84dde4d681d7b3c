"""`earlymedia-eagi` between a pipe for Asterisk's audio and a Unix socket for the agent: no PBX needed."""

import array
import contextlib
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.demo.lab import shipped_dialplan

SHIM = shipped_dialplan() / "earlymedia-eagi"


@dataclass(slots=True)
class Shim:
    """A running shim: what Asterisk has in its hands."""

    process: subprocess.Popen[bytes]
    audio: int
    """Write end of the pipe that is the shim's descriptor 3."""

    def say(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def heard(self) -> bytes:
        """Return what the shim wrote to Asterisk until it ended."""
        assert self.process.stdout is not None
        return self.process.stdout.read()

    def ends_within(self, seconds: float) -> int:
        return self.process.wait(seconds)

    def clean_up(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        os.close(self.audio)


class Agent:
    """The agent's socket, held in a test's own hands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(5)
        self.listener.settimeout(3)
        self.connections: list[socket.socket] = []

    def close(self) -> None:
        for open_one in (self.listener, *self.connections):
            open_one.close()

    def accept(self) -> socket.socket:
        connection, _ = self.listener.accept()
        self.connections.append(connection)
        connection.settimeout(3)
        return connection

    def welcome(self) -> tuple[socket.socket, bytes, list[int]]:
        """Accept a shim and return its connection, its first line and the descriptors that came with it."""
        connection = self.accept()
        connection.send(b"+")
        data, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(64))
        fds = array.array("i")
        for _, _, content in ancillary:
            fds.frombytes(content)
        return connection, data, list(fds)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    agent = Agent(tmp_path / "agent.sock")
    yield agent
    agent.close()


def run(path: Path, *arguments: str, shim: Path = SHIM) -> Shim:
    """Start the shim as Asterisk does: AGI on 0 and 1, audio on 3."""
    reading, writing = os.pipe()
    process = subprocess.Popen(
        ["/bin/bash", "-c", f'exec 3<&{reading} {reading}<&-; exec "$@"', "bash", str(shim), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(reading,),
        env={"EARLYMEDIA_SOCKET": str(path)},
    )
    os.close(reading)
    return Shim(process, writing)


@pytest.fixture
def shims() -> Iterator[list[Shim]]:
    """Shims to clean up."""
    started: list[Shim] = []
    yield started
    for shim in started:
        shim.clean_up()


def start(shims: list[Shim], path: Path, *arguments: str, shim: Path = SHIM) -> Shim:
    shims.append(run(path, *arguments, shim=shim))
    return shims[-1]


def test_hands_over_the_audio_and_nothing_else(agent: Agent, shims: list[Shim]) -> None:
    shim = start(shims, agent.path, "5551234", "second")
    _, line, fds = agent.welcome()
    assert line == b"EAGI\0005551234\0second\n"
    [audio] = fds
    assert stat.S_ISFIFO(os.fstat(audio).st_mode)
    assert os.fstat(audio).st_ino == os.fstat(shim.audio).st_ino
    os.write(shim.audio, b"\x01\x02" * 160)
    assert os.read(audio, 4096) == b"\x01\x02" * 160
    os.close(audio)


def test_keeps_no_copy_of_the_audio(agent: Agent, shims: list[Shim]) -> None:
    shim = start(shims, agent.path)
    connection, _, [audio] = agent.welcome()
    shim.say(b"ready\n")
    assert connection.recv(100) == b"ready\n"
    os.close(audio)
    with pytest.raises(BrokenPipeError):
        os.write(shim.audio, b"x")


def test_relays_agi_both_ways(agent: Agent, shims: list[Shim]) -> None:
    shim = start(shims, agent.path)
    connection, _, _ = agent.welcome()
    shim.say(b"agi_uniqueid: 1.2\n\n")
    assert connection.recv(100) == b"agi_uniqueid: 1.2\n\n"
    connection.sendall(b"GET VARIABLE X\n")
    shim.say(b"200 result=1 (y)\n")
    assert connection.recv(100) == b"200 result=1 (y)\n"
    connection.close()
    assert shim.ends_within(1) == 0
    assert shim.heard() == b"GET VARIABLE X\n"


def test_an_absent_agent_costs_nothing(tmp_path: Path, shims: list[Shim]) -> None:
    began = time.monotonic()
    shim = start(shims, tmp_path / "nobody.sock", "5551234")
    assert shim.ends_within(2) == 0
    assert shim.heard() == b""
    assert time.monotonic() - began < 0.5


def test_a_socket_that_nobody_listens_on(agent: Agent, shims: list[Shim]) -> None:
    agent.listener.close()
    assert start(shims, agent.path).ends_within(1) == 0


def test_an_agent_that_never_accepts_is_given_up(agent: Agent, shims: list[Shim]) -> None:
    began = time.monotonic()
    assert start(shims, agent.path).ends_within(3) == 0
    assert 1.4 < time.monotonic() - began < 2.2


@pytest.mark.parametrize("greeting", [b"", b"-", b"\0"])
def test_an_agent_that_declines(agent: Agent, shims: list[Shim], greeting: bytes) -> None:
    shim = start(shims, agent.path)
    with agent.accept() as connection:
        connection.send(greeting)
    assert shim.ends_within(1) == 0


def test_an_agent_that_dies_lets_the_call_go_on_at_once(agent: Agent, shims: list[Shim]) -> None:
    shim = start(shims, agent.path)
    connection, _, _ = agent.welcome()
    began = time.monotonic()
    connection.close()
    assert shim.ends_within(1) == 0
    assert time.monotonic() - began < 0.3


def test_asterisk_that_closes_ends_it(agent: Agent, shims: list[Shim]) -> None:
    shim = start(shims, agent.path)
    agent.welcome()
    assert shim.process.stdin is not None
    shim.process.stdin.close()
    assert shim.ends_within(1) == 0


def test_a_hangup_is_told_and_the_last_word_comes_through(agent: Agent, shims: list[Shim]) -> None:
    shim = start(shims, agent.path)
    connection, _, _ = agent.welcome()
    shim.process.send_signal(signal.SIGHUP)
    assert connection.recv(100) == b"HANGUP\n"
    connection.sendall(b'SET VARIABLE EARLYMEDIA_STATUS "final"\n')
    shim.say(b"200 result=1\n")
    assert connection.recv(100) == b"200 result=1\n"
    connection.close()
    assert shim.ends_within(1) == 0
    assert shim.heard() == b'SET VARIABLE EARLYMEDIA_STATUS "final"\n'


def test_after_a_hangup_a_stalled_agent_is_given_half_a_second(agent: Agent, shims: list[Shim]) -> None:
    shim = start(shims, agent.path)
    connection, _, _ = agent.welcome()
    began = time.monotonic()
    shim.process.send_signal(signal.SIGHUP)
    assert shim.ends_within(2) == -signal.SIGALRM
    assert 0.4 < time.monotonic() - began < 1.0
    connection.close()


def test_a_hangup_reaches_no_agent_whose_socket_is_full(agent: Agent, shims: list[Shim]) -> None:
    shim = start(shims, agent.path)
    connection, _, _ = agent.welcome()
    assert shim.process.stdin is not None
    os.set_blocking(shim.process.stdin.fileno(), False)
    while True:
        try:
            if not os.write(shim.process.stdin.fileno(), b"x" * 65536):
                break
        except BlockingIOError:
            time.sleep(0.1)
            try:
                os.write(shim.process.stdin.fileno(), b"x")
            except BlockingIOError:
                break
    began = time.monotonic()
    shim.process.send_signal(signal.SIGHUP)
    shim.ends_within(2)
    assert time.monotonic() - began < 1.0
    connection.close()


def test_a_hangup_during_the_handshake_ends_it(agent: Agent, shims: list[Shim]) -> None:
    shim = start(shims, agent.path)
    agent.accept()
    shim.process.send_signal(signal.SIGHUP)
    assert shim.ends_within(1) == -signal.SIGHUP


def test_no_call_is_held_for_ever(agent: Agent, shims: list[Shim], tmp_path: Path) -> None:
    text = SHIM.read_text()
    assert "\nCALL_SECONDS = 120\n" in text
    hasty = tmp_path / "hasty"
    hasty.write_text(text.replace("CALL_SECONDS = 120", "CALL_SECONDS = 1"))
    hasty.chmod(0o755)
    began = time.monotonic()
    shim = start(shims, agent.path, shim=hasty)
    agent.welcome()
    assert shim.ends_within(3) == -signal.SIGALRM
    assert time.monotonic() - began > 0.8


def test_where_the_agent_is_by_default() -> None:
    assert 'b"/run/earlymedia/agent.sock"' in SHIM.read_text()


@given(
    arguments=st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=3)
)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_arguments_arrive_as_they_are(agent: Agent, arguments: list[str]) -> None:
    shim = run(agent.path, *arguments)
    try:
        connection, line, [audio] = agent.welcome()
        assert line == "\0".join(["EAGI", *arguments]).encode() + b"\n"
        os.close(audio)
        connection.close()
        assert shim.ends_within(1) == 0
    finally:
        shim.clean_up()
