"""The tick: several times a second, read what each call has, hear it all in one batch, hand the seconds on.

A 20 ms frame is no event here. Between ticks the audio waits in the kernel (a pipe holds 4 s, a socket
more), so nothing grows in this process, and one slow tick only makes the next batch larger. Hearing runs
in a worker thread, in code that releases the GIL; a new tick never starts while a batch is being heard.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

import structlog

from agent.hearing.ear import Ear, Stream
from agent.hearing.sound import HeardSecond
from agent.service.call import Call

log = structlog.get_logger(__name__)


class Audience(Protocol):
    """The calls, as the engine sees them."""

    def listening(self) -> Iterable[Call]:
        """Yield every call that has audio to be read."""

    def came(self, call: Call, data: bytes) -> None:
        """Take note of audio that is about to be heard."""

    def heard(self, call: Call, seconds: Sequence[HeardSecond]) -> None:
        """Take note of seconds that were completed and judged."""

    def tick(self) -> None:
        """Take note of the time that passes."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the engine reads, and how much it takes at once."""

    tick_seconds: float = 0.2
    backlog_seconds: float = 4.0
    """A call that has more audio waiting than this loses the oldest."""


class Engine:
    """Reads, hears and hands on, until it is stopped."""

    def __init__(
        self,
        ear: Ear,
        audience: Audience,
        pace: Pace,
        on_tick: Callable[[float], None],
    ) -> None:
        """Hear with `ear` for `audience`; call `on_tick` after every tick with the seconds that it took."""
        self.ear = ear
        self.pace = pace
        self._audience = audience
        self._on_tick = on_tick
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="hearing")
        self._worker.submit(int)  # begins the thread now: when memory is short none could be had
        self._failing = False
        self._failed = 0
        """Ticks that something went wrong in, since all was well."""

    async def warm_up(self) -> None:
        """Hear a batch of noise: no call shall wait for, or pay for, what the first batch of all brings."""
        await asyncio.get_running_loop().run_in_executor(self._worker, self.ear.warm_up)

    async def run(self) -> None:
        """Tick until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        try:
            while True:
                due = max(due + self.pace.tick_seconds, loop.time())
                await asyncio.sleep(due - loop.time())
                began, self._failing = loop.time(), False
                try:
                    await self.tick()
                    self._audience.tick()
                except Exception:  # a fault in one tick must not deafen all later calls
                    self._fail("tick failed")
                if self._failed and not self._failing:
                    log.info("ticks go well again", failed=self._failed)
                    self._failed = 0
                self._on_tick(loop.time() - began)
        finally:
            self._worker.shutdown(wait=False, cancel_futures=True)

    async def tick(self) -> None:
        """Read every call once and hear all of it in one batch."""
        calls: list[Call] = []
        chunks: list[tuple[Stream, bytes]] = []
        now = monotonic()
        for call in self._audience.listening():
            if call.tap is not None and call.stream is not None and (data := call.tap.read()):
                newest = self._newest(call, call.stream, data, now)
                self._audience.came(call, newest)
                calls.append(call)
                chunks.append((call.stream, newest))
        if not chunks:
            return
        heard = await self._hear(chunks)
        if heard is None:
            await self._hear_one_by_one(calls, chunks)
            return
        for call, (stream, _), seconds in zip(calls, chunks, heard, strict=True):
            self._hand_on(call, stream, seconds)

    async def _hear(self, chunks: Sequence[tuple[Stream, bytes]]) -> list[list[HeardSecond]] | None:
        """Hear in the worker thread; None where that fails: then these streams are of no use any more."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, self.ear.hear, chunks)
        except Exception:
            self._fail("audio could not be heard")
            return None

    async def _hear_one_by_one(self, calls: Sequence[Call], chunks: Sequence[tuple[Stream, bytes]]) -> None:
        """Hear what could not be heard together: whoever is to blame, the others lose a second at most."""
        for call, (stream, data) in zip(calls, chunks, strict=True):
            if call.stream is not stream:
                continue
            fresh = call.hear_anew()
            heard = await self._hear([(fresh, data)])
            if heard is not None:
                self._hand_on(call, fresh, heard[0])
            elif call.stream is fresh:
                call.hear_anew()

    def _hand_on(self, call: Call, stream: Stream, seconds: Sequence[HeardSecond]) -> None:
        if (seconds or stream.told) and call.stream is stream:  # else a better tap began anew meanwhile
            self._audience.heard(call, seconds)

    def _fail(self, what: str) -> None:
        """Say what the handled exception did, but once until all is well: ticks come all the time."""
        if not self._failed:
            log.exception(what)
        if not self._failing:
            self._failing = True
            self._failed += 1

    def _newest(self, call: Call, stream: Stream, data: bytes, now: float) -> bytes:
        """Drop what a call that fell behind cannot catch up with, in whole samples."""
        limit = int(self.pace.backlog_seconds * stream.encoding.bytes_per_second)
        dropped = max(0, len(data) - limit) & ~1
        if dropped:
            stream.mark_gap()
        call.audio_came(dropped, now)
        return data[dropped:]
