"""One call's tones and pauses in time: frames in, runs out, wherever the frames are cut."""

from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agent.hearing.spectrogram import FRAMES_PER_SECOND, Power
from agent.hearing.tone_frames import BAND, HZ, TONE, Traits
from agent.hearing.tone_lines import END_BIN, FIRST_BIN, Lines, find_lines

BRIDGE = 3
"""Frames (47 ms) that a tone may miss and still be one: a lost packet, the trough of a modulation."""
HISTORY = 9
"""Runs that are kept: the longest cadence of the world, twice over, in tones and pauses."""

_CLEAN = 0.92
"""Share of a tone's power in its lines: 0.98 at an SNR of 15 dB, 0.95 through GSM; vowels stay below 0.9."""
_SHORTEST = 3
"""Frames of the shortest tone that is heard as one: 47 ms."""
_SEAM = 7
"""Frames between two tones of different pitch that follow one another at once."""
_OTHER_HZ = 60.0
_LOUD = 0.125
"""A pause may hold noise 9 dB below the tone."""
_LOUD_FRAMES = 10
"""Frames (156 ms) of other sound that end a cadence."""
_TAIL = 4
"""Frames after a tone that still hold some of it."""
_KEPT_FRAMES = 512
"""Frames of a lasting tone, from its start, that its steadiness is measured by."""
_TONE_CHECKS = (6, 64, 160, 200, 288, 448)
_PAUSE_CHECKS = (8, 24, 40, 64, 96, 144, 208, 288)
"""Frames after which an unfinished tone or pause is looked at again."""
_FORGET = 13 * FRAMES_PER_SECOND
"""Frames of pause after which a new tone begins anew: more than the longest pause of any cadence."""


@dataclass(frozen=True, slots=True)
class Run:
    """A tone or a pause."""

    lines: Lines | None
    """None for a pause."""
    start: int
    """Frame at which it began, 64 a second."""
    frames: int
    level_db: float = -90.0
    """Level of a tone, relative to a full-scale square wave."""
    cut: bool = False
    """It had begun before the audio did."""
    steady: bool = True
    """It is clean and its level hardly moves: an exchange's on a fair line, no voice's or instrument's."""

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.frames / FRAMES_PER_SECOND


@dataclass(frozen=True, slots=True)
class Moment:
    """When something about a call's tones can be told."""

    frame: int
    """Frames heard by then."""
    runs: tuple[Run, ...]
    """Whole tones and pauses up to now, the oldest first, at most HISTORY; another sound empties it."""
    unfinished: Run
    """What goes on."""


class _Tone:
    """A tone that goes on."""

    __slots__ = ("end", "held", "spectrum", "start", "traits")

    def __init__(self, start: int) -> None:
        self.start = self.end = start
        self.held = 0
        self.spectrum = np.zeros(END_BIN - FIRST_BIN, np.float64)
        self.traits: list[Traits] = []

    def extend(self, end: int, traits: Traits, spectra: Power) -> None:
        """Take frames that hold the tone, up to `end`."""
        if self.held < _KEPT_FRAMES:
            self.traits.append(traits[:, : HZ + 1].copy())
            self.spectrum += spectra.sum(axis=0, dtype=np.float64)
        self.held += len(traits)
        self.end = end

    def run(self) -> Run | None:
        """Return the tone up to now, None if it is not steady enough to be one."""
        if self.held < _SHORTEST:
            return None
        if self.held < 0.4 * (self.end - self.start):
            return None
        traits = np.concatenate(self.traits)
        level, hz = traits[:, TONE], traits[:, HZ]
        middle, pitch = _median(level), _median(hz)
        if len(level) > 2 * _SHORTEST:
            level, hz = level[2:-2], hz[2:-2]
        frames, third = len(level), max(1, len(level) // 3)
        nearly = np.count_nonzero((level > middle * 0.2) & (level < middle * 4.0)) / frames
        true = np.count_nonzero(np.abs(hz - pitch) < 0.02 * pitch + 15.0) / frames
        slope = _median(level[-third:]) / _median(level[:third])
        if nearly < 0.8 or true < 0.8 or not 0.3 < slope < 3.3:
            return None
        lines = find_lines(self.spectrum)
        if lines.share < 0.8:
            return None
        even = np.count_nonzero((level > middle * 0.4) & (level < middle * 2.0)) / frames
        steady = bool(even >= 0.8 and 0.6 < slope < 1.67 and lines.share >= _CLEAN)
        level_db = 10 * float(np.log10(middle))
        return Run(lines, self.start, self.end - self.start, level_db, self.start <= 1, steady)


def _median(values: NDArray[np.float32]) -> float:
    """Return the middle one of (n,) values, without what `np.median` does for axes and NaN."""
    return float(np.partition(values, len(values) // 2)[len(values) // 2])


class Runs:
    """What is kept of one call: its last tones and pauses."""

    __slots__ = ("_frame", "_loud", "_runs", "_tone")

    def __init__(self, frame: int = 0) -> None:
        """Number the first frame that comes `frame`."""
        self._frame = frame
        self._tone: _Tone | None = None
        self._runs: list[Run] = []
        self._loud = 0

    @property
    def frame(self) -> int:
        """Number of the next frame that comes."""
        return self._frame

    @property
    def idle(self) -> bool:
        """Frames without a tone change nothing."""
        return self._tone is None and not self._runs

    def skip(self, frames: int) -> None:
        """Take frames of an idle call that hold no tone."""
        self._frame += frames

    def forget(self) -> None:
        """Take note that audio was lost: no run goes on over it."""
        self._tone = None
        self._runs.clear()

    def push(self, spans: Sequence[tuple[int, int]], traits: Traits, spectra: Power) -> Iterator[Moment]:
        """Take frames: their traits (n, 4), their kept bins, and from where to where they hold a tone.

        Yields every moment at which something can be told.
        """
        at = 0
        for start, end in spans:
            yield from self._pause(traits[at:start])
            yield from self._sound(traits[start:end], spectra[start:end])
            at = end
        yield from self._pause(traits[at:])

    def _sound(self, traits: Traits, spectra: Power) -> Iterator[Moment]:
        """Take frames that hold a tone."""
        hz = float(traits[0, HZ])
        if self._tone and self._tone.end < self._frame:
            before = float(self._tone.traits[-1][-1, HZ])
            if abs(hz - before) > _OTHER_HZ:
                yield from self._close(self._frame)
        if self._tone is None:
            self._tone = _Tone(self._frame)
        at = 0
        while at < len(traits):
            age = self._frame - self._tone.start
            check = next((c for c in _TONE_CHECKS if c > age), len(traits) + self._frame)
            to = min(len(traits), at + check - age)
            self._frame += to - at
            self._tone.extend(self._frame, traits[at:to], spectra[at:to])
            due = self._frame - self._tone.start == check and (self._runs or check > _TONE_CHECKS[0])
            if due and (run := self._tone.run()):
                yield Moment(self._frame, self._before(run.start, run), run)
            at = to

    def _pause(self, traits: Traits) -> Iterator[Moment]:
        """Take frames that hold no tone."""
        end = self._frame + len(traits)
        if self._tone and end - self._tone.end > BRIDGE:
            closed = self._tone.end + BRIDGE + 1
            traits = traits[closed - self._frame :]
            self._frame = closed
            yield from self._close(closed)
        if self._tone is None and self._runs and len(traits):
            yield from self._wait(traits)
        self._frame = end

    def _wait(self, traits: Traits) -> Iterator[Moment]:
        """Take frames of a pause; too much of another sound ends the cadence."""
        last = self._runs[-1]
        begin, end, since = self._frame, self._frame + len(traits), last.start + last.frames
        loud = traits[:, BAND] > _LOUD * 10 ** (last.level_db / 10)
        loud[: max(0, since + _TAIL - begin)] = False
        stop = since + _FORGET
        if loud.any():
            total = self._loud + np.cumsum(loud)
            stop = min(stop, begin + 1 + int(np.searchsorted(total, _LOUD_FRAMES)))
            self._loud = int(total[-1])
        for check in _PAUSE_CHECKS[bisect(_PAUSE_CHECKS, begin - since) : bisect(_PAUSE_CHECKS, end - since)]:
            if since + check < stop:
                self._frame = since + check
                yield Moment(self._frame, tuple(self._runs), Run(None, since, check))
        if stop <= end:
            self._runs.clear()

    def _close(self, now: int) -> Iterator[Moment]:
        """The tone that went on is over."""
        assert self._tone is not None
        run, held, self._tone = self._tone.run(), self._tone.held, None
        if run is None:
            self._loud += held
            if self._loud >= _LOUD_FRAMES:
                self._runs.clear()
            return
        self._runs = [*self._before(run.start, run)]
        if self._runs and self._runs[-1].lines:  # they follow one another without a pause
            last = self._runs[-1]
            seam = (last.start + last.frames + run.start) // 2
            self._runs[-1] = replace(last, frames=seam - last.start)
            run = replace(run, start=seam, frames=run.start + run.frames - seam)
        self._runs = [*self._runs, run][-HISTORY:]
        self._loud = 0
        end = run.start + run.frames
        yield Moment(now, tuple(self._runs), Run(None, end, now - end))

    def _before(self, start: int, run: Run) -> tuple[Run, ...]:
        """Return the runs before a tone that begins at `start`, with the pause between."""
        if not self._runs:
            return ()
        last = self._runs[-1]
        end = last.start + last.frames
        assert last.lines
        assert run.lines
        if start - end <= _SEAM and abs(last.lines.hz[0] - run.lines.hz[0]) > _OTHER_HZ:
            return tuple(self._runs)
        return (*self._runs, Run(None, end, start - end))
