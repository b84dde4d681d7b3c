"""Which sounding tones are steady enough to be a network's, and what they sound like, for all calls at once.

A call asks when one of its tones ends, or has gone on for a while, and goes on once it knows. What many calls
ask is answered together, because what numpy costs is mostly the asking.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from agent.hearing.spectrogram import Power
from agent.hearing.tone_frames import HZ, TONE, Traits
from agent.hearing.tone_lines import END_BIN, FIRST_BIN, Lines, find_lines

_CLEAN = 0.92
"""Share of a tone's power in its lines: 0.98 at an SNR of 15 dB, 0.95 through GSM; vowels stay below 0.9."""
_LEAST_CLEAN = 0.8
_CONSTANT_FRAMES, _CONSTANT = 150, 10**0.2
"""Frames (2.3 s) of a tone that need not be clean if 9 in 10 lie within 2 dB: no music is so still."""
_SHORTEST = 3
"""Frames of the shortest tone that is heard as one: 47 ms."""
_KEPT_FRAMES = 512
"""Frames of a lasting tone, from its start, that its steadiness is measured by."""

_Told = TypeVar("_Told")
_Ints = NDArray[np.intp]


class Sounding:
    """A tone that goes on."""

    __slots__ = ("end", "held", "spectrum", "start", "traits")

    def __init__(self, start: int) -> None:
        self.start = self.end = start
        """Its first frame, and the one after its last."""
        self.held = 0
        """Frames that hold it; it may miss some between."""
        self.spectrum = np.zeros(END_BIN - FIRST_BIN, np.float64)
        self.traits: list[Traits] = []

    def extend(self, end: int, traits: Traits, spectra: Power) -> None:
        """Take frames that hold the tone, up to `end`."""
        if self.held < _KEPT_FRAMES:
            self.traits.append(traits[:, : HZ + 1].copy())
            self.spectrum += spectra.sum(axis=0, dtype=np.float64)
        self.held += len(traits)
        self.end = end


@dataclass(frozen=True, slots=True)
class Steady:
    """What a steady tone sounds like."""

    lines: Lines
    level_db: float
    """Relative to a full-scale square wave."""
    even: bool
    """It is clean and its level hardly moves: an exchange's on a fair line, no voice's or instrument's."""


Asking = Generator[Sounding, Steady | None, _Told]
"""What goes through frames, asks about tones on its way, and returns something at its end."""


def answered(askers: Sequence[Asking[_Told]]) -> list[_Told]:
    """Let all of them go to their end, and return what each tells."""
    told: list[_Told | None] = [None] * len(askers)
    answers: list[tuple[int, Steady | None]] = [(number, None) for number in range(len(askers))]
    while answers:
        asked: list[tuple[int, Sounding]] = []
        for number, answer in answers:
            try:
                asked.append((number, askers[number].send(answer)))
            except StopIteration as end:
                told[number] = end.value
        steady = find_steady([tone for _, tone in asked])
        answers = [(number, answer) for (number, _), answer in zip(asked, steady, strict=True)]
    return told  # type: ignore[return-value]  # every one has come to its end


def find_steady(tones: Sequence[Sounding]) -> list[Steady | None]:
    """Say what each tone sounds like up to now, None where it is not steady enough to be one."""
    steady: list[Steady | None] = [None] * len(tones)
    asked = [
        number
        for number, tone in enumerate(tones)
        if tone.held >= _SHORTEST and tone.held >= 0.4 * (tone.end - tone.start)
    ]
    if not asked:
        return steady
    middle, kept, even, constant = _steadiness([tones[number].traits for number in asked])
    asked = [asked[at] for at in kept.tolist()]
    if not asked:
        return steady
    lines = find_lines(np.stack([tones[number].spectrum for number in asked]))
    level_db = 10 * np.log10(middle[kept])
    for at, number in enumerate(asked):
        if lines[at].share >= _LEAST_CLEAN:
            even_so = constant if lines[at].share < _CLEAN else even
            steady[number] = Steady(lines[at], float(level_db[at]), bool(even_so[kept[at]]))
    return steady


def _steadiness(
    traits: Sequence[Sequence[Traits]],
) -> tuple[NDArray[np.float32], _Ints, NDArray[np.bool_], NDArray[np.bool_]]:
    """Measure tones of several frames each: levels, which are steady, which are even, which constant."""
    flat = np.concatenate([part for parts in traits for part in parts])
    frames = np.array([sum(map(len, parts)) for parts in traits])
    at = np.arange(frames.max())
    level, hz = np.zeros((2, len(frames), len(at)), np.float32)
    present = at < frames[:, np.newaxis]
    level[present], hz[present] = flat[:, TONE], flat[:, HZ]
    none = np.zeros_like(frames)
    middle, pitch = _ranked(level, none, frames), _ranked(hz, none, frames)
    edge = np.where(frames > 2 * _SHORTEST, 2, 0)
    begin, end = edge, frames - edge
    inner = (at >= begin[:, np.newaxis]) & (at < end[:, np.newaxis])
    inside = end - begin
    third = np.maximum(1, inside // 3)
    slope = _ranked(level, end - third, end) / _ranked(level, begin, begin + third)
    across = middle[:, np.newaxis]
    near = np.abs(hz - pitch[:, np.newaxis]) < (0.02 * pitch + 15.0)[:, np.newaxis]
    nearly = _share((level > across * 0.2) & (level < across * 4.0) & inner, inside)
    even = _share((level > across * 0.4) & (level < across * 2.0) & inner, inside)
    kept = (nearly >= 0.8) & (_share(near & inner, inside) >= 0.8) & (slope > 0.3) & (slope < 3.3)
    faint, loud = _ranked(level, none, frames, 0.05), _ranked(level, none, frames, 0.95)
    constant = (frames >= _CONSTANT_FRAMES) & (loud < _CONSTANT * faint)
    return middle, np.flatnonzero(kept), (even >= 0.8) & (slope > 0.6) & (slope < 1.67), constant


def _share(marked: NDArray[np.bool_], of: _Ints) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = np.count_nonzero(marked, axis=1) / of
    return shares


def _ranked(values: NDArray[np.float32], begin: _Ints, end: _Ints, rank: float = 0.5) -> NDArray[np.float32]:
    """Return the value of a rank (0.5: the median) of each row's (n, frames) from `begin` up to `end`."""
    at = np.arange(values.shape[1])
    inside = (at >= begin[:, np.newaxis]) & (at < end[:, np.newaxis])
    ordered = np.sort(np.where(inside, values, np.float32(np.inf)), axis=1)
    ranked: NDArray[np.float32] = ordered[np.arange(len(values)), ((end - begin) * rank).astype(np.intp)]
    return ranked
