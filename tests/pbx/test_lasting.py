"""How connections are kept that live and die together, whatever is spoken through them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import structlog
from structlog.testing import capture_logs

from agent.pbx.lasting import ConnectionState, LastingConnection, Peer, RefusedError
from tests.pbx.waiting import until


class SilenceError(Exception):
    """What this PBX's commands raise that are not answered."""


@dataclass(frozen=True)
class Patience:
    connect_timeout_s: float = 0.05
    ping_interval_s: float = 0.02
    backoff_min_s: float = 0.01
    backoff_max_s: float = 0.04
    refused_max_s: float = 0.08


class Thread:
    """One connection of a pair."""

    def __init__(self) -> None:
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.events = 0
        self.closed = False

    async def close(self) -> None:
        self.closed = True


class Pbx:
    """Lets in, begins and answers unless a test gave it a fault to raise."""

    def __init__(self) -> None:
        self.login_fault: Exception | None = None
        self.begin_fault: Exception | None = None
        self.ping_fault: Exception | None = None
        self.silent = False
        self.threads: list[Thread] = []
        self.losses = 0
        self.link = LastingConnection(
            Patience(),
            Peer(
                name="Pbx",
                where="the PBX at home",
                log=structlog.get_logger(),
                absent="no PBX",
                failed="PBX failed",
                errors=SilenceError,
                connections=lambda: (self._thread(), self._thread()),
                log_in=self._log_in,
                begin=self._begin,
                ping=self._ping,
                on_lost=self._lose,
            ),
        )

    def _thread(self) -> Thread:
        self.threads.append(Thread())
        return self.threads[-1]

    async def _log_in(self, thread: Thread) -> None:
        if self.silent:
            await asyncio.Event().wait()
        if self.login_fault:
            raise self.login_fault

    async def _begin(self, threads: tuple[Thread, ...]) -> None:
        if self.begin_fault:
            raise self.begin_fault

    async def _ping(self, threads: tuple[Thread, ...]) -> None:
        if self.ping_fault:
            raise self.ping_fault

    def _lose(self) -> None:
        self.losses += 1
        raise RuntimeError("a fault of the listener's own")


@pytest.fixture
async def pbx() -> AsyncIterator[Pbx]:
    pbx = Pbx()
    yield pbx
    await pbx.link.stop()
    assert pbx.link.state is ConnectionState.STOPPED
    assert all(thread.closed for thread in pbx.threads)


@pytest.mark.parametrize(
    ("fault", "state", "problem"),
    [
        (RefusedError("Not you."), ConnectionState.REFUSED, "Not you."),
        (SilenceError("it hums."), ConnectionState.UNREACHABLE, "No connection to the PBX at home: it hums."),
        (OSError("no route."), ConnectionState.UNREACHABLE, "No connection to the PBX at home: no route."),
        (
            RuntimeError("our own"),
            ConnectionState.UNREACHABLE,
            "No connection to the PBX at home: RuntimeError('our own')",
        ),
    ],
)
async def test_why_there_is_no_connection_is_said_and_it_is_tried_again(
    pbx: Pbx, fault: Exception, state: ConnectionState, problem: str
) -> None:
    pbx.login_fault = fault
    with capture_logs() as logs:
        pbx.link.start()
        await until(lambda: len([entry for entry in logs if entry["event"] == "no PBX"]) >= 4)
    told = [entry for entry in logs if entry["event"] == "no PBX"]
    assert {(entry["state"], entry["problem"]) for entry in told} == {(state.value, problem)}
    last = 0.08 if state is ConnectionState.REFUSED else 0.04
    assert [entry["retry_s"] for entry in told][:4] == [0.01, 0.02, 0.04, last]
    assert any(entry["event"] == "PBX failed" for entry in logs) == isinstance(fault, RuntimeError)
    assert not pbx.losses
    pbx.login_fault = None
    await until(lambda: pbx.link.connected)
    assert (pbx.link.state, pbx.link.problem) == (ConnectionState.CONNECTED, "")


async def test_a_login_that_is_not_answered_is_given_up(pbx: Pbx) -> None:
    pbx.silent = True
    pbx.link.start()
    await until(lambda: pbx.link.state is ConnectionState.UNREACHABLE)
    assert pbx.link.problem == "No connection to the PBX at home: nobody answered the login within 0.05 s."


@pytest.mark.parametrize("which", [0, 1])
async def test_the_loss_of_one_is_the_loss_of_all(pbx: Pbx, which: int) -> None:
    pbx.link.start()
    await until(lambda: pbx.link.connected)
    pair = pbx.link.current
    with capture_logs() as logs:
        pair[which].lost.set_result("the cable broke")
        assert not pbx.link.connected
        await until(lambda: pbx.link.connected)
    assert pbx.losses == 1
    assert all(thread.closed for thread in pair)
    assert [entry["event"] for entry in logs] == ["Pbx callback failed", "no PBX"]
    assert logs[1]["problem"] == "No connection to the PBX at home: the cable broke."


async def test_a_ping_that_is_not_answered_ends_them(pbx: Pbx) -> None:
    pbx.link.start()
    await until(lambda: pbx.link.connected)
    pbx.ping_fault = SilenceError("it froze.")
    await until(lambda: pbx.link.state is ConnectionState.UNREACHABLE)
    assert pbx.link.problem == "No connection to the PBX at home: it froze."
    assert pbx.link.current == ()


async def test_one_that_lets_us_in_but_not_listen_refuses(pbx: Pbx) -> None:
    pbx.begin_fault = RefusedError("You may not listen.")
    pbx.link.start()
    await until(lambda: pbx.link.state is ConnectionState.REFUSED)
    assert (pbx.link.problem, pbx.losses) == ("You may not listen.", 1)
