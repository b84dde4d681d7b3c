"""The tick over real pipes, with the shipped forest."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pytest
from structlog.testing import capture_logs

from agent.config import ModelConfig
from agent.hearing.ear import Ear, Stream
from agent.hearing.forest import Forest
from agent.hearing.sound import HeardSecond, Sound
from agent.pbx.asterisk.taps import EagiTap
from agent.pbx.port import Leg, TapKind
from agent.service.call import Call
from agent.service.engine import Engine, Pace
from agent.verdict.settling import Settling

SILENT_SECOND = bytes(16_000)


@pytest.fixture(scope="module")
def ear() -> Ear:
    return Ear(Forest.load(ModelConfig().path))


class Room:
    """Calls whose audio a test writes into pipes."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.pipes: dict[str, int] = {}
        self.came_of: dict[str, bytes] = {}
        self.ticks = 0
        self.fail = False

    def call(self, name: str) -> Call:
        reading, self.pipes[name] = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(self.pipes[name], False)
        call = Call(Leg(name, name, "trunk", ""), Settling(), 0.0)
        call.attach(EagiTap(reading, TapKind.EAGI))
        self.calls.append(call)
        return call

    def listening(self) -> Iterable[Call]:
        if self.fail:
            raise RuntimeError("made by the test")
        return (call for call in self.calls if call.listening)

    def came(self, call: Call, data: bytes) -> None:
        self.came_of[call.leg.id] = self.came_of.get(call.leg.id, b"") + data

    def heard(self, call: Call, seconds: Sequence[HeardSecond]) -> None:
        call.hear(seconds)

    def tick(self) -> None:
        self.ticks += 1

    def close(self) -> None:
        for pipe in self.pipes.values():
            os.close(pipe)
        for call in self.calls:
            if call.tap is not None:
                call.tap.close()


@pytest.fixture
def room() -> Iterator[Room]:
    room = Room()
    with contextlib.closing(room):
        yield room


def engine(ear: Ear, room: Room, pace: Pace | None = None) -> Engine:
    return Engine(ear, room, pace or Pace(), lambda seconds: None)


def tone(seconds: float) -> bytes:
    t = np.arange(round(seconds * 8000)) / 8000
    return (np.sin(2 * np.pi * 425 * t) * 8000).astype("<i2").tobytes()


async def test_the_thread_that_hears_is_warm_before_the_first_call(
    ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, hear, heard = Room(), Ear.hear, {}

    def watched(self: Ear, chunks: Sequence[tuple[Stream, bytes]]) -> list[list[HeardSecond]]:
        seconds = hear(self, chunks)
        heard[threading.current_thread().name] = sum(map(len, seconds))
        return seconds

    monkeypatch.setattr(Ear, "hear", watched)
    await Engine(ear, room, Pace(), lambda _: None).warm_up()
    assert heard == {"hearing_0": 42}  # seconds: a tick of 210 calls
    assert room.ticks == 0


async def test_what_stands_in_the_pipes_is_heard_in_one_tick(ear: Ear, room: Room) -> None:
    rings, silent, quiet = room.call("rings"), room.call("silent"), room.call("quiet")
    os.write(room.pipes["rings"], tone(2.1))
    os.write(room.pipes["silent"], SILENT_SECOND * 2)
    await engine(ear, room).tick()
    assert rings.evidence.timeline == "rr"
    assert silent.evidence.seconds_of[Sound.SILENCE] == 1  # the second one lacks its lookahead
    assert quiet.evidence.seconds_heard == 0


async def test_a_call_that_falls_behind_loses_its_oldest_audio_and_it_is_marked(ear: Ear, room: Room) -> None:
    late = room.call("late")
    os.write(room.pipes["late"], tone(3.5))
    await engine(ear, room, Pace(backlog_seconds=2.0)).tick()
    assert late.dropped_seconds == pytest.approx(1.5)
    assert late.audio_seconds == pytest.approx(2.0)
    assert late.evidence.gaps == 1
    assert room.came_of["late"] == tone(3.5)[-2 * 16_000 :]


async def test_the_end_of_a_pipe_ends_the_listening(ear: Ear, room: Room) -> None:
    call = room.call("call")
    os.close(room.pipes.pop("call"))
    await engine(ear, room).tick()
    assert not call.listening


async def test_audio_of_a_tap_that_was_replaced_meanwhile_is_not_counted(ear: Ear, room: Room) -> None:
    call = room.call("call")
    os.write(room.pipes["call"], tone(1.5))
    ticking = asyncio.create_task(engine(ear, room).tick())
    await asyncio.sleep(0)  # the tick has read and waits for the worker
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    room.pipes["better"] = writing
    assert call.tap is not None
    call.tap.close()
    call.attach(EagiTap(reading, TapKind.EAGI))
    await ticking
    assert call.evidence.seconds_heard == 0


async def test_whoever_breaks_a_batch_breaks_it_for_itself_only(room: Room, ear: Ear) -> None:
    """The streams of a batch that failed are of no use any more: each call hears on with a fresh one."""
    culprit = room.call("culprit")
    others = [room.call("one"), room.call("two")]

    class Choking(Ear):
        def hear(self, chunks: Sequence[tuple[Stream, bytes]]) -> list[list[HeardSecond]]:
            heard = super().hear(chunks)
            if any(data == SILENT_SECOND for _, data in chunks):
                raise MemoryError
            return heard

    choking = engine(Choking(Forest.load(ModelConfig().path)), room)
    os.write(room.pipes["culprit"], SILENT_SECOND)
    for call in others:
        os.write(room.pipes[call.leg.id], tone(1.1))
    with capture_logs() as logs:
        await choking.tick()
    assert [call.evidence.timeline for call in others] == ["!r", "!r"]
    assert culprit.evidence.seconds_heard == 0
    assert [line["event"] for line in logs] == ["audio could not be heard"]
    os.write(room.pipes["culprit"], tone(1.1))
    os.write(room.pipes["one"], tone(1.1))
    await choking.tick()
    assert culprit.evidence.timeline == "!r"
    assert others[0].evidence.timeline == "!rr"


async def test_a_fault_in_one_tick_does_not_deafen_the_next(ear: Ear, room: Room) -> None:
    call = room.call("call")
    room.fail = True
    running = asyncio.create_task(engine(ear, room, Pace(tick_seconds=0.01)).run())
    await asyncio.sleep(0.05)
    room.fail = False
    os.write(room.pipes["call"], tone(1.5))
    async with asyncio.timeout(10):
        while not call.evidence.seconds_heard:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert room.ticks
