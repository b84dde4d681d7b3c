"""From the mean spectrum of a tone to its frequencies.

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


def find_lines(spectrum: NDArray[np.float64]) -> Lines:
    """Find the lines of a mean power spectrum, (END_BIN - FIRST_BIN,), whose greatest value is above 0."""
    inner = spectrum[1:-1]
    floor = _FAINTER * inner.max()
    peaks = np.flatnonzero((inner > spectrum[:-2]) & (inner >= spectrum[2:]) & (inner >= floor)) + 1
    if not peaks.size:
        peaks = np.array([int(spectrum.argmax())])
    found: list[tuple[int, float]] = []
    for peak in peaks[np.argsort(spectrum[peaks])[::-1]].tolist():
        hz = (FIRST_BIN + _exact(spectrum, peak)) * BIN_HZ
        faint = spectrum[peak] < _DISTORTION * spectrum[found[0][0]] if found else False
        if len(found) < _MOST_LINES and not (faint and _is_product(hz, [one for _, one in found])):
            found.append((peak, hz))
    peaks = np.array(sorted(peak for peak, _ in found))
    within = np.zeros(spectrum.size, np.bool_)
    for peak in peaks.tolist():
        within[max(0, peak - _REACH) : peak + _REACH + 1] = True
    width = _width(spectrum, int(peaks[0])) if peaks.size == 1 else 0.0
    return Lines(tuple(sorted(hz for _, hz in found)), width, float(spectrum[within].sum() / spectrum.sum()))


def _is_product(hz: float, lines: list[float]) -> bool:
    """Tell whether a limiter makes this of the lines: a third or second harmonic, or 2a - b and 2a + b."""
    products = [m * a for a in lines for m in (2, 3)]
    products += [abs(2 * a + sign * b) for a in lines for b in lines if a != b for sign in (1, -1)]
    products += [abs(a + sign * b) for a in lines for b in lines if a < b for sign in (1, -1)]
    return any(abs(hz - product) < 0.5 * BIN_HZ + _MELTED * hz for product in products)


def _exact(spectrum: NDArray[np.float64], peak: int) -> float:
    """Interpolate: next to a sine's peak the amplitude of a Hann window says how far off it lies.

    (2a - 1) / (a + 1) with a the ratio of the neighbour's amplitude (Grandke 1983).
    """
    if not 0 < peak < spectrum.size - 1:
        return float(peak)
    below, here, above = np.sqrt(spectrum[peak - 1 : peak + 2])
    side, ratio = (1, above / here) if above >= below else (-1, below / here)
    return peak + side * max(0.0, float((2 * ratio - 1) / (ratio + 1)))


def _width(spectrum: NDArray[np.float64], peak: int) -> float:
    low, high = max(0, peak - _REACH), min(spectrum.size, peak + _REACH + 1)
    part, at = spectrum[low:high], np.arange(low, high)
    total = part.sum()
    middle = float((part * at).sum() / total)
    spread = float((part * (at - middle) ** 2).sum() / total)
    return float(np.sqrt(max(0.0, spread - _OWN_VARIANCE))) * BIN_HZ


def kept_bins(power: Power) -> Power:
    """Return the part of spectra (n, BINS) that `find_lines` reads, (n, END_BIN - FIRST_BIN)."""
    return power[:, FIRST_BIN:END_BIN]
