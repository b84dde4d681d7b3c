"""How the bands of a second move, together or apart: what tells speech from music.

Syllables swell and fade in all bands together, three to eight times a second, and their pitch
glides; notes begin sharply, decay slowly, stand at one pitch, and each band follows its own line.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from agent.hearing.mel import MEL_BANDS

Measures = NDArray[np.float32]
"""Numbers about seconds, (n, k)."""

_THIRDS = ((0, 22), (22, 43), (43, MEL_BANDS))
_MEAN_OF_THIRDS = np.stack(
    [np.isin(np.arange(MEL_BANDS), np.arange(*third)) / (third[1] - third[0]) for third in _THIRDS], axis=1
).astype(np.float32)
"""From bands to the means of their low, middle and high third, (MEL_BANDS, 3)."""
MEAN_OF_BANDS = np.full(MEL_BANDS, 1 / MEL_BANDS, np.float32)
"""From bands to their mean, (MEL_BANDS,)."""
_MEAN_OF_HALVES = np.kron(np.eye(2), np.full((MEL_BANDS // 2, 1), 2 / MEL_BANDS)).astype(np.float32)
"""From bands to the means of their low and high half, (MEL_BANDS, 2)."""
RATES = np.stack(
    [np.isin(np.arange(33), np.arange(*hz)) for hz in ((1, 3), (3, 5), (5, 9), (9, 17), (17, 33))]
).astype(np.float32)
"""From the spectrum of a second's movement, 0 to 32 Hz, to the sums of five ranges, (5, 33)."""
_FINE_BANDS = 48
"""Bands below 2.1 kHz: those above are too wide to tell one harmonic from the next."""
_SMOOTH = 7
_FINE_LAGS = (4, 8, 16, 32)
"""Frames between the spectra compared: from the first that do not overlap (62 ms) to half a second."""


def _without_envelope() -> NDArray[np.float32]:
    """Return what takes each fine band's neighbours off it, (_FINE_BANDS + _SMOOTH, _FINE_BANDS)."""
    bands = np.arange(_FINE_BANDS)
    taken = np.eye(_FINE_BANDS + _SMOOTH, _FINE_BANDS, dtype=np.float32)
    for away in range(-(_SMOOTH // 2), _SMOOTH // 2 + 1):
        np.subtract.at(taken, (np.maximum(bands + away, 0), bands), np.float32(1 / _SMOOTH))
    return taken


_FINE = _without_envelope()


@dataclass(frozen=True, slots=True)
class Bands:
    """The log-mel bands of seconds, and what several measures need of them."""

    mel: NDArray[np.float32]
    """In dB, (n, 64, MEL_BANDS)."""
    mean: NDArray[np.float32]
    """Of each band over time, (n, MEL_BANDS)."""
    moving: NDArray[np.float32]
    """The bands without their mean, (n, 64, MEL_BANDS)."""
    variance: NDArray[np.float32]
    """Of each band over time, (n, MEL_BANDS)."""
    change: NDArray[np.float32]
    """From each frame to the next, (n, 63, MEL_BANDS)."""

    @classmethod
    def of(cls, mel: NDArray[np.float32]) -> Self:
        """Return what is needed of bands that are one block of memory."""
        mean = mel.mean(axis=1)
        moving = mel - mean[:, np.newaxis]
        variance = np.einsum("ntb,ntb->nb", moving, moving) / np.float32(mel.shape[1])
        return cls(mel, mean, moving, variance, np.diff(mel, axis=1))


def texture(bands: Bands, weights: NDArray[np.float32]) -> Measures:
    """Measure how bands move; `weights` (n, 64) is 1 for loud frames."""
    return np.concatenate(
        (
            _rates(bands.moving),
            _togetherness(bands),
            _attacks(bands.change),
            _fine_structure(bands.mel, weights),
        ),
        axis=1,
    )


def alike(values: NDArray[np.float32], lag: int) -> NDArray[np.float32]:
    """Return the product of frames (n, t, k) and those `lag` frames later, summed up, (n,)."""
    flat, shift = values.reshape(len(values), -1), lag * values.shape[2]
    product: NDArray[np.float32] = np.einsum("ni,ni->n", flat[:, shift:], flat[:, :-shift])
    return product


def _rates(moving: NDArray[np.float32]) -> Measures:
    """Share of the movement at each rate, in the low, middle and high third of the bands."""
    spectrum = fft.rfft(moving, axis=1)
    energy = (np.square(spectrum.real) + np.square(spectrum.imag)) @ _MEAN_OF_THIRDS
    shares: Measures = RATES @ energy / (energy.sum(axis=1) + np.float32(1e-3))[:, np.newaxis]
    return shares.transpose(0, 2, 1).reshape(len(moving), -1)


def _togetherness(bands: Bands) -> Measures:
    """How much of the movement is common: to all bands, the low half, the high half, and both halves."""
    energy = bands.variance.reshape(-1, 2, MEL_BANDS // 2).mean(axis=2).T
    low, high = np.ascontiguousarray((bands.moving @ _MEAN_OF_HALVES).transpose(2, 0, 1))
    little = np.float32(0.1)
    common = [np.square(part).mean(axis=1) for part in ((low + high) / 2, low, high)]
    of = [energy.mean(axis=0), energy[0], energy[1]]
    columns = [part / (whole + little) for part, whole in zip(common, of, strict=True)]
    columns.append((low * high).mean(axis=1) / np.sqrt(common[1] * common[2] + little))
    return np.stack(columns, axis=1)


def _attacks(change: NDArray[np.float32]) -> Measures:
    """Tell sharp beginnings from slow ones: share of rises, skewness and kurtosis of change, onsets."""
    rise = np.maximum(change, 0)
    square = np.square(change)
    sums = [
        np.einsum("ntb,ntb->nb", *pair)
        for pair in ((change, change), (rise, rise), (square, change), (square, square))
    ]
    # Call by call, for a batch must not change a sum.
    means = np.stack(sums, axis=1) @ _MEAN_OF_THIRDS / np.float32(change.shape[1])
    spread = means[:, 0] + np.float32(0.01)
    measures = np.stack((means[:, 1] / spread, means[:, 2] / spread**1.5, means[:, 3] / spread**2), axis=2)
    onsets = np.sort(rise @ MEAN_OF_BANDS, axis=1)
    return np.concatenate((measures.reshape(len(change), -1), onsets[:, [-1, -3, -8, -32]]), axis=1)


def _fine_structure(mel: NDArray[np.float32], weights: NDArray[np.float32]) -> Measures:
    """Measure how marked the harmonics are, and how long they stay where they are."""
    fine = mel[..., : len(_FINE)] @ _FINE
    depth = np.sqrt(np.einsum("ntb,ntb->nt", fine, fine) / np.float32(_FINE_BANDS)) + np.float32(0.3)
    count = weights.sum(axis=1)
    mean = (depth * weights).sum(axis=1) / count
    columns = [mean, np.sqrt((weights * np.square(depth - mean[:, np.newaxis])).sum(axis=1) / count)]
    lasting = (weights[:, np.newaxis] @ fine)[:, 0] / count[:, np.newaxis]
    fine *= (weights / depth)[..., np.newaxis]
    for lag in _FINE_LAGS:
        both = np.einsum("nt,nt->n", weights[:, lag:], weights[:, :-lag])
        columns.append(alike(fine, lag) / np.float32(_FINE_BANDS) / (both + np.float32(1e-6)))
    columns.append(np.sqrt(np.square(lasting).mean(axis=1)))
    return np.stack(columns, axis=1)
