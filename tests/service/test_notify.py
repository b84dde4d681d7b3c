"""What systemd is told, read from a socket of our own."""

import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.service.notify import Notifier


@contextmanager
def service_manager(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(address)
        door.settimeout(2.0)
        yield door


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "path" else f"@{uuid.uuid4().hex}"


def test_the_life_of_a_service(address: str) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address})
    with service_manager(address.replace("@", "\0")) as manager:
        notifier.ready()
        notifier.alive()
        notifier.status("12 calls\nall well")
        notifier.stopping()
        assert [manager.recv(4096) for _ in range(4)] == [
            b"READY=1",
            b"WATCHDOG=1",
            b"STATUS=12 calls all well",
            b"STOPPING=1",
        ]


def test_reloading_carries_the_time(address: str) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address})
    with service_manager(address.replace("@", "\0")) as manager:
        notifier.reloading()
        state, stamp = manager.recv(4096).decode().split("\n")
    assert state == "RELOADING=1"
    assert stamp.removeprefix("MONOTONIC_USEC=").isdecimal()


def test_without_a_service_manager_nothing_happens() -> None:
    notifier = Notifier({})
    notifier.ready()
    assert notifier.watchdog_seconds is None


def test_a_service_manager_that_is_gone_hurts_nobody(tmp_path: Path) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()


def test_a_service_manager_that_does_not_read_holds_nobody(address: str) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address})
    with service_manager(address.replace("@", "\0")):
        for _ in range(2000):
            notifier.alive()


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({"WATCHDOG_USEC": "10000000"}, 10.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": str(os.getpid())}, 10.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_this_process_own(environment: dict[str, str], seconds: float | None) -> None:
    assert Notifier(environment).watchdog_seconds == seconds
