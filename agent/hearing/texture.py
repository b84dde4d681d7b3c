"""How the bands of a second move, together or apart: what tells speech from music.

Syllables swell and fade in all bands together, three to eight times a second, and their pitch
glides; notes begin sharply, decay slowly, stand at one pitch, and each band follows its own line.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from agent.hearing.mel import MEL_BANDS

Measures = NDArray[np.float32]
"""Numbers about seconds, (n, k)."""

_THIRDS = ((0, 22), (22, 43), (43, MEL_BANDS))
_RATES_HZ = ((1, 3), (3, 5), (5, 9), (9, 17), (17, 33))
_FINE_BANDS = 48
"""Bands below 2.1 kHz: those above are too wide to tell one harmonic from the next."""
_SMOOTH = 7
_FINE_LAGS = (4, 8, 16, 32)
"""Frames between the spectra compared: from the first that do not overlap (62 ms) to half a second."""


def texture(mel: NDArray[np.float32], weights: NDArray[np.float32]) -> Measures:
    """Measure the movement of log-mel bands (n, 64, MEL_BANDS); `weights` (n, 64) is 1 for loud frames."""
    moving = mel - mel.mean(axis=1, keepdims=True)
    return np.concatenate(
        (_rates(moving), _togetherness(moving), _attacks(mel), _fine_structure(mel, weights)), axis=1
    )


def _rates(moving: NDArray[np.float32]) -> Measures:
    """Share of the movement at each rate, in the low, middle and high third of the bands."""
    spectrum = fft.rfft(moving, axis=1)
    swing = spectrum.real**2 + spectrum.imag**2
    columns = []
    for low, high in _THIRDS:
        energy = swing[:, :, low:high].mean(axis=2)
        total = energy.sum(axis=1) + np.float32(1e-3)
        columns += [energy[:, slow:fast].sum(axis=1) / total for slow, fast in _RATES_HZ]
    return np.stack(columns, axis=1)


def _togetherness(moving: NDArray[np.float32]) -> Measures:
    """How much of the movement is common: to all bands, the low half, the high half, and both halves."""
    half = MEL_BANDS // 2
    energy = np.stack(
        [np.square(part).mean(axis=(1, 2)) for part in (moving[..., :half], moving[..., half:])]
    )
    low, high = moving[..., :half].mean(axis=2), moving[..., half:].mean(axis=2)
    alike = np.float32(0.1)
    common = [np.square(part).mean(axis=1) for part in ((low + high) / 2, low, high)]
    of = [energy.mean(axis=0), energy[0], energy[1]]
    columns = [part / (whole + alike) for part, whole in zip(common, of, strict=True)]
    columns.append((low * high).mean(axis=1) / np.sqrt(common[1] * common[2] + alike))
    return np.stack(columns, axis=1)


def _attacks(mel: NDArray[np.float32]) -> Measures:
    """Tell sharp beginnings from slow ones: share of rises, skewness and kurtosis of change, onsets."""
    change = np.diff(mel, axis=1)
    rise = np.maximum(change, 0)
    square = np.square(change)
    columns = []
    for low, high in _THIRDS:
        spread = square[..., low:high].mean(axis=(1, 2)) + np.float32(0.01)
        columns += [
            np.square(rise[..., low:high]).mean(axis=(1, 2)) / spread,
            (square[..., low:high] * change[..., low:high]).mean(axis=(1, 2)) / spread**1.5,
            np.square(square[..., low:high]).mean(axis=(1, 2)) / spread**2,
        ]
    onsets = np.sort(rise.mean(axis=2), axis=1)
    columns += [onsets[:, -rank] for rank in (1, 3, 8, 32)]
    return np.stack(columns, axis=1)


def _fine_structure(mel: NDArray[np.float32], weights: NDArray[np.float32]) -> Measures:
    """Measure how marked the harmonics are, and how long they stay where they are."""
    padded = np.pad(mel[..., : _FINE_BANDS + _SMOOTH], ((0, 0), (0, 0), (_SMOOTH // 2 + 1, 0)), mode="edge")
    running = np.cumsum(padded, axis=2, dtype=np.float32)
    smooth = (running[..., _SMOOTH:] - running[..., :-_SMOOTH])[..., :_FINE_BANDS] / np.float32(_SMOOTH)
    fine = mel[..., :_FINE_BANDS] - smooth
    depth = np.sqrt(np.square(fine).mean(axis=2)) + np.float32(0.3)
    count = weights.sum(axis=1)
    mean = (depth * weights).sum(axis=1) / count
    columns = [mean, np.sqrt((weights * np.square(depth - mean[:, np.newaxis])).sum(axis=1) / count)]
    unit = fine * (weights / depth)[..., np.newaxis]
    for lag in _FINE_LAGS:
        alike = np.einsum("ntb,ntb->n", unit[:, lag:], unit[:, :-lag]) / np.float32(_FINE_BANDS)
        both = np.einsum("nt,nt->n", weights[:, lag:], weights[:, :-lag])
        columns.append(alike / (both + np.float32(1e-6)))
    lasting = np.einsum("ntb,nt->nb", fine, weights) / count[:, np.newaxis]
    columns.append(np.sqrt(np.square(lasting).mean(axis=1)))
    return np.stack(columns, axis=1)
