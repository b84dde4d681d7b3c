"""How well the lines of a tone that was heard fit every chord that some network sounds."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agent.hearing.tone_lines import Lines
from agent.hearing.tone_table import Chord

_MOST_LINES = 3
_NO_LINE = 1e6
"""Stands where a chord has fewer lines: so far away in Hz that nothing fits it."""
_OFF = 0.012
"""Relative error of frequency that costs half a unit: exchanges may be off by 2 %."""
_FURTHEST = 0.031
"""Relative error beyond which a line is another one."""
_CLOSE_HZ = 52.0
"""Lines nearer than this may melt into one: what a window of 64 ms parts safely."""
_LONE_WIDTH_HZ, _LONE_OFF_HZ, _LONE_MOST_HZ = 9.0, 4.0, 25.0
"""A lone sine is hardly wider than this, save a faint one through GSM: the deviation, the most."""
_PAIR_WIDTH, _PAIR_OFF, _PAIR_LEAST = 0.34, 0.07, 0.15
"""Width of two lines melted into one, 8 dB apart, as a share of their distance; the deviation, the least."""


class Chords:
    """A fixed list of chords as arrays."""

    __slots__ = ("_highest", "_lone", "_lowest", "_needed", "_pitches", "_reach", "chords")

    def __init__(self, chords: Sequence[Chord]) -> None:
        self.chords = tuple(chords)
        shape = (_MOST_LINES, len(self.chords))
        self._needed = np.zeros(shape, np.bool_)
        # Each line as it is, with the two sidebands of its modulation; the ends of those that melt into one.
        self._pitches = np.full((3, *shape), _NO_LINE)
        self._lowest, self._highest = np.full((2, *shape), _NO_LINE)
        for index, chord in enumerate(self.chords):
            for at, hz in enumerate(chord.hz[:_MOST_LINES]):
                self._needed[at, index] = True
                self._pitches[0, at, index] = hz
                if chord.modulated_by_hz:
                    self._pitches[1:, at, index] = hz + chord.modulated_by_hz, hz - chord.modulated_by_hz
                near = _cluster(chord, hz)
                if len(near) > 1:
                    self._lowest[at, index], self._highest[at, index] = near[0], near[-1]
        self._reach = (self._highest - self._lowest).max(axis=0)
        self._lone = np.array([len(chord.hz) == 1 and not chord.modulated_by_hz for chord in self.chords])

    def cost(self, lines: Lines) -> NDArray[np.float64]:
        """Return for each chord what it takes to hear it as `lines`, (chords,): 0 for a perfect fit.

        It is the mean of the squared errors in units of _OFF, halved; infinite where it cannot be.
        """
        heard = np.array(lines.hz)[:, np.newaxis, np.newaxis]
        off = np.abs(heard[:, np.newaxis] / self._pitches - 1).min(axis=1)
        # Melted lines lie anywhere between the outermost ones of their cluster.
        inside = np.maximum(self._lowest / heard, heard / self._highest) - 1
        off = np.minimum(off, np.maximum(inside, 0))
        explained = off.min(axis=1)
        missing = self._needed & (off.min(axis=0) > _FURTHEST)
        possible = (explained <= _FURTHEST).all(axis=0) & ~missing.any(axis=0)
        cost: NDArray[np.float64] = 0.5 * np.square(explained / _OFF).mean(axis=0)
        if len(lines.hz) == 1:
            melted = self._reach > 0
            too_wide = max(0.0, lines.width_hz - _LONE_WIDTH_HZ) / _LONE_OFF_HZ
            too_narrow = np.maximum(0.0, _PAIR_WIDTH - lines.width_hz / np.where(melted, self._reach, 1.0))
            cost += 0.5 * np.where(
                self._lone, too_wide**2, np.where(melted, (too_narrow / _PAIR_OFF) ** 2, 0.0)
            )
            possible &= ~melted | (lines.width_hz >= _PAIR_LEAST * self._reach)
            if lines.width_hz > _LONE_MOST_HZ:
                possible &= ~self._lone
        cost[~possible] = np.inf
        return cost


def _cluster(chord: Chord, hz: float) -> tuple[float, ...]:
    """Return the lines that melt into one with this one, itself included."""
    near = [hz]
    for other in sorted(chord.hz, key=lambda other: math.fabs(other - hz)):
        if other not in near and min(math.fabs(other - one) for one in near) < _CLOSE_HZ:
            near.append(other)
    return tuple(sorted(near))
