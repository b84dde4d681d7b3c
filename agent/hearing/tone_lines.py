"""From the mean spectra of tones to their frequencies.

A frame of 64 ms cannot part 400 and 425 Hz, and the two beat within it. Over many frames the beats average
out: what is left is the sum of two window shapes, which either has two peaks or is wider than one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.hearing.spectrogram import BIN_HZ, FRAME_SIZE, Power

FIRST_BIN, END_BIN = 14, 156
"""Bins kept of a tone's spectrum: 219 to 2422 Hz."""

_REACH = 4
"""Bins on either side of a peak that hold all of a Hann-windowed sine."""
_FAINTER = 10**-1.2
"""A second frequency may be 12 dB fainter than the first, ITU-T E.180's twist of 6 dB twice over."""

_MOST_LINES = 3
_MELTED = 0.025
"""Relative error of a product's frequency where two lines have melted into one."""
_DISTORTION = 10**-0.5
"""What an overdriven line adds is at least 5 dB fainter than the tone."""


_Ints = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Lines:
    """What stands out of a spectrum."""

    hz: tuple[float, ...]
    """One to three frequencies, rising."""
    width_hz: float
    """How much wider a lone line is than a steady sine, as a standard deviation; 0 where there are more."""
    share: float
    """Share of the spectrum's power in the lines, 0 to 1."""

    def __str__(self) -> str:
        return "+".join(f"{hz:.0f}" for hz in self.hz) + " Hz"


def _hann_variance() -> float:
    """Variance in bins of the power of a windowed sine, cut off at _REACH bins."""
    shape = np.hanning(FRAME_SIZE + 1)[:-1]
    fine = np.abs(np.fft.rfft(shape, 16 * FRAME_SIZE)[: _REACH * 16]) ** 2
    at = np.arange(fine.size) / 16
    return float((fine * at**2).sum() / fine.sum())


_OWN_VARIANCE = _hann_variance()


def find_lines(spectra: NDArray[np.float64]) -> list[Lines]:
    """Find the lines of mean power spectra, (n, END_BIN - FIRST_BIN), whose greatest values are above 0."""
    inner = spectra[:, 1:-1]
    is_peak = np.zeros(spectra.shape, np.bool_)
    is_peak[:, 1:-1] = (inner > spectra[:, :-2]) & (inner >= spectra[:, 2:])
    is_peak[:, 1:-1] &= inner >= _FAINTER * inner.max(axis=1, keepdims=True)
    without = np.flatnonzero(~is_peak.any(axis=1))
    is_peak[without, spectra[without].argmax(axis=1)] = True
    owners, peaks = np.nonzero(is_peak)
    powers = spectra[owners, peaks]
    order = np.lexsort((-powers, owners))
    owners, peaks, powers = owners[order], peaks[order], powers[order]
    hz = (FIRST_BIN + _exact(spectra, owners, peaks)) * BIN_HZ
    found: list[list[float]] = [[] for _ in spectra]
    strongest = [0.0] * len(spectra)
    kept = np.zeros(spectra.shape, np.bool_)
    for owner, peak, power, exact in zip(*(x.tolist() for x in (owners, peaks, powers, hz)), strict=True):
        lines = found[owner]
        if not lines:
            strongest[owner] = power
        elif power < _DISTORTION * strongest[owner] and _is_product(exact, lines):
            continue
        if len(lines) < _MOST_LINES:
            lines.append(exact)
            kept[owner, peak] = True
    owners, peaks = np.nonzero(kept)
    near = peaks[:, np.newaxis] + np.arange(-_REACH, _REACH + 1)
    within = np.zeros(spectra.shape, np.bool_)
    within[owners[:, np.newaxis], near.clip(0, spectra.shape[1] - 1)] = True
    shares = (np.where(within, spectra, 0).sum(axis=1) / spectra.sum(axis=1)).tolist()
    first = np.searchsorted(owners, np.arange(len(spectra)))
    widths = _widths(spectra, peaks[first]).tolist()
    return [
        Lines(tuple(sorted(lines)), width if len(lines) == 1 else 0.0, share)
        for lines, width, share in zip(found, widths, shares, strict=True)
    ]


def _is_product(hz: float, lines: list[float]) -> bool:
    """Tell whether a limiter makes this of the lines: a third or second harmonic, or 2a - b and 2a + b."""
    products = [m * a for a in lines for m in (2, 3)]
    products += [abs(2 * a + sign * b) for a in lines for b in lines if a != b for sign in (1, -1)]
    products += [abs(a + sign * b) for a in lines for b in lines if a < b for sign in (1, -1)]
    return any(abs(hz - product) < 0.5 * BIN_HZ + _MELTED * hz for product in products)


def _exact(spectra: NDArray[np.float64], owners: _Ints, peaks: _Ints) -> NDArray[np.float64]:
    """Interpolate: next to a sine's peak the amplitude of a Hann window says how far off it lies.

    (2a - 1) / (a + 1) with a the ratio of the neighbour's amplitude (Grandke 1983).
    """
    inside = (peaks > 0) & (peaks < spectra.shape[1] - 1)
    near = np.where(inside, peaks, 1)[:, np.newaxis] + np.arange(-1, 2)
    below, here, above = np.sqrt(spectra[owners[:, np.newaxis], near]).T
    ratio = np.maximum(below, above) / np.where(inside, here, 1.0)
    off = np.where(inside, np.maximum(0.0, (2 * ratio - 1) / (ratio + 1)), 0.0)
    exact: NDArray[np.float64] = np.where(above >= below, peaks + off, peaks - off)
    return exact


def _widths(spectra: NDArray[np.float64], peaks: _Ints) -> NDArray[np.float64]:
    """Return how much wider than a sine the peak of each spectrum is, (n,) in Hz."""
    at = peaks[:, np.newaxis] + np.arange(-_REACH, _REACH + 1)
    inside = (at >= 0) & (at < spectra.shape[1])
    part = np.where(inside, np.take_along_axis(spectra, at.clip(0, spectra.shape[1] - 1), axis=1), 0.0)
    total = part.sum(axis=1)
    middle = (part * at).sum(axis=1) / total
    spread = (part * (at - middle[:, np.newaxis]) ** 2).sum(axis=1) / total
    width: NDArray[np.float64] = np.sqrt(np.maximum(0.0, spread - _OWN_VARIANCE)) * BIN_HZ
    return width


def kept_bins(power: Power) -> Power:
    """Return the part of spectra (n, BINS) that `find_lines` reads, (n, END_BIN - FIRST_BIN)."""
    return power[:, FIRST_BIN:END_BIN]
