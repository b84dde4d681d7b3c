"""How well the lines of a tone that was heard fit every chord that some network sounds."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agent.hearing.tone_lines import Lines
from agent.hearing.tone_table import Chord

_MOST_LINES = 3
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

    __slots__ = ("_group", "_highest", "_hz", "_lowest", "_modulator", "_reach", "chords")

    def __init__(self, chords: Sequence[Chord]) -> None:
        self.chords = tuple(chords)
        shape = (len(self.chords), _MOST_LINES)
        self._hz = np.full(shape, np.nan)
        self._lowest, self._highest = np.full(shape, np.nan), np.full(shape, np.nan)
        self._modulator = np.array([chord.modulated_by_hz for chord in self.chords])
        for index, chord in enumerate(self.chords):
            for at, hz in enumerate(chord.hz[:_MOST_LINES]):
                near = _cluster(chord, hz)
                self._hz[index, at] = hz
                self._lowest[index, at], self._highest[index, at] = near[0], near[-1]
        self._reach = self._highest - self._lowest

    def cost(self, lines: Lines) -> NDArray[np.float64]:
        """Return for each chord what it takes to hear it as `lines`, (chords,): 0 for a perfect fit.

        It is the mean of the squared errors in units of _OFF, halved; infinite where it cannot be.
        """
        heard = np.array(lines.hz)[:, np.newaxis, np.newaxis]
        alone = self._reach == 0
        modulated = (self._modulator > 0)[:, np.newaxis]
        off = np.abs(heard / self._hz - 1)
        # Melted lines lie anywhere between the outermost ones of their cluster.
        inside = np.maximum(np.maximum(self._lowest / heard - 1, heard / self._highest - 1), 0)
        off = np.where(alone | (off < inside), off, inside)
        sideband = np.minimum(
            *(np.abs(heard / (self._hz + side * self._modulator[:, np.newaxis]) - 1) for side in (1, -1))
        )
        off = np.where(modulated, np.minimum(off, sideband), off)
        off = np.where(np.isnan(off), np.inf, off)
        explained = off.min(axis=2)
        sounded = off.min(axis=0)
        missing = (sounded > _FURTHEST) & ~np.isnan(self._hz)
        possible = (explained <= _FURTHEST).all(axis=0) & ~missing.any(axis=1)
        width_cost = np.zeros(len(self.chords))
        if len(lines.hz) == 1:
            reach = np.nanmax(self._reach, axis=1)
            lone = np.isnan(self._hz[:, 1]) & (self._modulator == 0)
            melted = ~lone & (reach > 0)
            too_wide = max(0.0, lines.width_hz - _LONE_WIDTH_HZ) / _LONE_OFF_HZ
            too_narrow = np.maximum(0.0, _PAIR_WIDTH - lines.width_hz / np.maximum(reach, 1e-9)) / _PAIR_OFF
            width_cost = 0.5 * np.where(lone, too_wide**2, np.where(melted, too_narrow**2, 0.0))
            possible &= ~lone | (lines.width_hz <= _LONE_MOST_HZ)
            possible &= ~melted | (lines.width_hz >= _PAIR_LEAST * reach)
        pitch_cost = 0.5 * np.mean((explained / _OFF) ** 2, axis=0)
        cost: NDArray[np.float64] = np.where(possible, pitch_cost + width_cost, np.inf)
        return cost


def _cluster(chord: Chord, hz: float) -> tuple[float, ...]:
    """Return the lines that melt into one with this one, itself included."""
    near = [hz]
    for other in sorted(chord.hz, key=lambda other: math.fabs(other - hz)):
        if other not in near and min(math.fabs(other - one) for one in near) < _CLOSE_HZ:
            near.append(other)
    return tuple(sorted(near))
