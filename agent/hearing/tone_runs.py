"""One call's tones and pauses in time: frames in, runs out, wherever the frames are cut."""

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from agent.hearing.spectrogram import FRAMES_PER_SECOND, Power
from agent.hearing.steady_tones import Asking, Sounding, Steady
from agent.hearing.tone_frames import BAND, HZ, Traits
from agent.hearing.tone_lines import Lines

BRIDGE = 3
"""Frames (47 ms) that a tone may miss and still be one: a lost packet, the trough of a modulation."""
HISTORY = 9
"""Runs that are kept: the longest cadence of the world, twice over, in tones and pauses."""

_SEAM = 7
"""Frames between two tones of different pitch that follow one another at once."""
_OTHER_HZ = 60.0
_FAINTER_DB = 12.0
"""A tone this far below the one before or after it is no part of its cadence: hum or noise in a pause."""
_LOUD = 0.125
"""A pause may hold noise 9 dB below the tone."""
_LOUD_FRAMES = 10
"""Frames (156 ms) of other sound that end a cadence."""
_TAIL = 4
"""Frames after a tone that still hold some of it."""
_TONE_CHECKS = (6, 64, 96, 160, 200, 288, 448)
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


class Runs:
    """What is kept of one call: its last tones and pauses."""

    __slots__ = ("_frame", "_loud", "_runs", "_tone")

    def __init__(self, frame: int = 0) -> None:
        """Number the first frame that comes `frame`."""
        self._frame = frame
        self._tone: Sounding | None = None
        self._runs: list[Run] = []
        self._loud = 0

    @property
    def frame(self) -> int:
        """Number of the next frame that comes."""
        return self._frame

    def goes_on(self, frames: int) -> bool:
        """Tell whether so many frames without a tone end none: they can be taken by `rest`."""
        return self._tone is None or self._frame + frames - self._tone.end <= BRIDGE

    def forget(self) -> None:
        """Take note that audio was lost: no run goes on over it."""
        self._tone = None
        self._runs.clear()

    def push(self, spans: Sequence[tuple[int, int]], traits: Traits, spectra: Power) -> Asking[list[Moment]]:
        """Take frames: their traits (n, 4), their kept bins, and from where to where they hold a tone.

        Returns every moment at which something can be told.
        """
        moments: list[Moment] = []
        at = 0
        for start, end in spans:
            yield from self._pause(traits[at:start], moments)
            yield from self._sound(traits[start:end], spectra[start:end], moments)
            at = end
        yield from self._pause(traits[at:], moments)
        return moments

    def rest(self, traits: Traits) -> list[Moment]:
        """Take frames that hold no tone and end none, as `push` does; nothing is asked."""
        moments: list[Moment] = []
        if self._tone is None and self._runs and len(traits):
            self._wait(traits, moments)
        self._frame += len(traits)
        return moments

    def _sound(self, traits: Traits, spectra: Power, moments: list[Moment]) -> Asking[None]:
        """Take frames that hold a tone."""
        if self._tone and self._tone.end < self._frame:
            before = float(self._tone.traits[-1][-1, HZ])
            if abs(float(traits[0, HZ]) - before) > _OTHER_HZ:
                yield from self._close(self._frame, moments)
        if self._tone is None:
            self._tone = Sounding(self._frame)
        at = 0
        while at < len(traits):
            age = self._frame - self._tone.start
            check = next((c for c in _TONE_CHECKS if c > age), len(traits) + self._frame)
            to = min(len(traits), at + check - age)
            self._frame += to - at
            self._tone.extend(self._frame, traits[at:to], spectra[at:to])
            at = to
            if self._frame - self._tone.start == check and (self._runs or check > _TONE_CHECKS[0]):
                steady = yield self._tone
                if steady and not self._is_faint(steady):
                    run = _run(self._tone, steady)
                    moments.append(Moment(self._frame, self._before(run), run))

    def _pause(self, traits: Traits, moments: list[Moment]) -> Asking[None]:
        """Take frames that hold no tone."""
        if self._tone and not self.goes_on(len(traits)):
            closed = self._tone.end + BRIDGE + 1
            traits = traits[closed - self._frame :]
            self._frame = closed
            yield from self._close(closed, moments)
        moments += self.rest(traits)

    def _wait(self, traits: Traits, moments: list[Moment]) -> None:
        """Take frames of a pause; too much of another sound ends the cadence."""
        last = self._runs[-1]
        begin, end, since = self._frame, self._frame + len(traits), last.start + last.frames
        limit = _LOUD * 10 ** (last.level_db / 10)
        stop = since + _FORGET
        band = traits[max(0, since + _TAIL - begin) :, BAND]
        if len(band) and band.max() > limit:
            total = self._loud + np.cumsum(band > limit)
            stop = min(stop, end - len(band) + 1 + int(np.searchsorted(total, _LOUD_FRAMES)))
            self._loud = int(total[-1])
        if checks := _PAUSE_CHECKS[bisect(_PAUSE_CHECKS, begin - since) : bisect(_PAUSE_CHECKS, end - since)]:
            runs = tuple(self._runs)
            moments += [
                Moment(since + check, runs, Run(None, since, check))
                for check in checks
                if since + check < stop
            ]
        if stop <= end:
            self._runs.clear()

    def _close(self, now: int, moments: list[Moment]) -> Asking[None]:
        """The tone that went on is over."""
        assert self._tone is not None
        tone, self._tone = self._tone, None
        steady = yield tone
        if steady is None:
            self._loud += tone.held
            if self._loud >= _LOUD_FRAMES:
                self._runs.clear()
            return
        run = _run(tone, steady)
        if self._is_faint(steady):
            return
        self._runs = [*self._before(run)]
        if self._runs and self._runs[-1].lines:  # they follow one another without a pause
            last = self._runs[-1]
            seam = (last.start + last.frames + run.start) // 2
            self._runs[-1] = replace(last, frames=seam - last.start)
            run = replace(run, start=seam, frames=run.start + run.frames - seam)
        self._runs = [*self._runs, run][-HISTORY:]
        self._loud = 0
        end = run.start + run.frames
        moments.append(Moment(now, tuple(self._runs), Run(None, end, now - end)))

    def _is_faint(self, steady: Steady) -> bool:
        return bool(self._runs) and steady.level_db < self._runs[-1].level_db - _FAINTER_DB

    def _before(self, tone: Run) -> tuple[Run, ...]:
        """Return the runs before a tone, with the pause between."""
        if not self._runs or self._runs[-1].level_db < tone.level_db - _FAINTER_DB:
            return ()
        last = self._runs[-1]
        end = last.start + last.frames
        assert last.lines
        assert tone.lines
        if tone.start - end <= _SEAM and abs(last.lines.hz[0] - tone.lines.hz[0]) > _OTHER_HZ:
            return tuple(self._runs)
        return (*self._runs, Run(None, end, tone.start - end))


def _run(tone: Sounding, steady: Steady) -> Run:
    frames = tone.end - tone.start
    return Run(steady.lines, tone.start, frames, steady.level_db, tone.start <= 1, steady.even)
