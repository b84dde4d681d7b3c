"""`earlymedia-sync` between AGI on its standard streams and a Unix socket for the agent: no PBX needed."""

import gc
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.demo.lab import shipped_dialplan

SHIM = shipped_dialplan() / "earlymedia-sync"
ENVIRONMENT = (
    b"agi_request: earlymedia-sync\nagi_channel: PJSIP/a-1\nagi_uniqueid: 1795360509.7\nagi_version: 22\n\n"
)


@pytest.fixture(autouse=True)
def short_collections() -> None:
    """What earlier tests left is not looked through while the shim waits its tenth of a second."""
    gc.freeze()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "agent.sock"


@contextmanager
def agent(path: Path, answer: bytes, *, welcome: bytes = b"+") -> Iterator[list[bytes]]:
    """Answer one question, and tell what it was."""
    questions: list[bytes] = []
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(5)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, suppress(BrokenPipeError, ConnectionResetError):
                connection.send(welcome)
                questions.append(connection.recv(4096))
                connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield questions
        thread.join(2)


def ask(path: Path, *arguments: str, environment: bytes = ENVIRONMENT) -> tuple[int, bytes]:
    """Run the shim with an Asterisk that says its environment and no more; return its end and its words."""
    finished = subprocess.run(
        [str(SHIM), *arguments],
        input=environment,
        capture_output=True,
        env={"EARLYMEDIA_SOCKET": str(path)},
        timeout=5,
    )
    assert finished.stderr == b""
    return finished.returncode, finished.stdout


def converse(path: Path, *arguments: str) -> list[bytes]:
    """Run the shim and reply to each of its commands, one by one, as Asterisk does; return the commands."""
    commands = []
    with subprocess.Popen(
        [str(SHIM), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"EARLYMEDIA_SOCKET": str(path)},
    ) as shim:
        assert shim.stdin is not None
        assert shim.stdout is not None
        shim.stdin.write(ENVIRONMENT)
        shim.stdin.flush()
        for command in shim.stdout:
            commands.append(command)
            shim.stdin.write(b"200 result=1\n")
            shim.stdin.flush()
    assert shim.returncode == 0
    return commands


def as_asterisk_reads_it(command: bytes) -> tuple[bytes, bytes]:
    """Return name and value of a SET VARIABLE, unquoted as Asterisk's res_agi.c does (`parse_args`)."""
    found = re.fullmatch(rb'SET VARIABLE (\w+) "((?:[^"\\]|\\.)*)"\n', command, re.DOTALL)
    assert found, command
    return found[1], re.sub(rb"\\(.)", rb"\1", found[2], flags=re.DOTALL)


def test_sets_the_variables_in_the_agents_order(path: Path) -> None:
    with agent(path, b"EARLYMEDIA_OUTCOME=busy\nEARLYMEDIA_CAUSE=17\nEARLYMEDIA_STATUS=final\n") as questions:
        commands = converse(path)
    assert questions == [b"SYNC\x001795360509.7\n"]
    assert commands == [
        b'SET VARIABLE EARLYMEDIA_OUTCOME "busy"\n',
        b'SET VARIABLE EARLYMEDIA_CAUSE "17"\n',
        b'SET VARIABLE EARLYMEDIA_STATUS "final"\n',
    ]


def test_arguments_go_with_the_question(path: Path) -> None:
    with agent(path, b"") as questions:
        assert converse(path, "one", "zwö") == []
    assert questions == [b"SYNC\x001795360509.7\0one\0" + "zwö\n".encode()]


def test_an_absent_agent_costs_nothing(path: Path) -> None:
    began = time.monotonic()
    assert ask(path) == (0, b"")
    assert time.monotonic() - began < 0.3


def test_a_stalled_agent_costs_a_tenth_of_a_second(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(5)
        began = time.monotonic()
        assert ask(path) == (-signal.SIGALRM, b"")
        assert 0.09 < time.monotonic() - began < 0.4


def test_an_agent_that_stalls_after_its_welcome(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(5)
        hold: list[socket.socket] = []

        def serve() -> None:
            connection, _ = listener.accept()
            connection.send(b"+")
            hold.append(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        assert ask(path) == (-signal.SIGALRM, b"")
        thread.join()
        hold[0].close()


def test_an_agent_that_declines(path: Path) -> None:
    with agent(path, b"EARLYMEDIA_STATUS=final\n", welcome=b"-"):
        assert ask(path) == (0, b"")


def test_asterisk_that_does_not_reply_is_not_waited_for(path: Path) -> None:
    with agent(path, b"A=1\nB=2\n"):
        # The end of our input is what Asterisk's death looks like.
        assert ask(path) == (0, b'SET VARIABLE A "1"\n')


def test_no_environment_no_question(path: Path) -> None:
    assert ask(path, environment=b"") == (0, b"")
    assert ask(path, environment=b"agi_uniqueid: 1\n") == (0, b"")


def test_an_answer_cut_short_sets_whole_lines_only(path: Path) -> None:
    with agent(path, b"EARLYMEDIA_OUTCOME=busy\nEARLYMEDIA_ST"):
        assert converse(path) == [b'SET VARIABLE EARLYMEDIA_OUTCOME "busy"\n']


@pytest.mark.parametrize(
    "garbage",
    [b"no equals sign\n", b"=nameless\n", b"A B=c\n", b"A\r=c\n", b'X"=1\n', b"\n\n\n", b"\xff\xfe=1\n"],
)
def test_garbage_is_no_variable(path: Path, garbage: bytes) -> None:
    with agent(path, garbage):
        assert converse(path) == []


def test_a_uniqueid_is_found_wherever_it_stands(path: Path) -> None:
    with agent(path, b"") as questions:
        ask(path, environment=b"agi_uniqueid: first.1\nagi_x: agi_uniqueid: no\n\n")
    assert questions == [b"SYNC\0first.1\n"]


@given(value=st.text(st.characters(exclude_characters="\n\0\r", exclude_categories=["Cs"]), max_size=60))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_value_asterisk_reads_the_same(path: Path, value: str) -> None:
    with agent(path, f"EARLYMEDIA_OUTCOME={value}\n".encode()):
        [command] = converse(path)
    assert as_asterisk_reads_it(command) == (b"EARLYMEDIA_OUTCOME", value.encode())
