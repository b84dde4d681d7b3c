"""What the forest looks at: one second of rows as one vector of numbers."""

from collections.abc import Sequence

import numpy as np
from scipy import fft

from agent.hearing.mel import MEL_BANDS, decibels
from agent.hearing.rows import LEVEL, PEAK, PEAK_HZ, SECOND, SECOND_HZ, SILENT_ROWS, Rows
from agent.hearing.texture import MEAN_OF_BANDS, RATES, Bands, Measures, alike, texture

FEATURE_VERSION = 2
"""Raised with every change of what a vector means; a forest fits one version."""

Vectors = Measures
"""Feature vectors, (n, FEATURES)."""

_ACTIVE_DB = np.float32(20.0)
"""Frames this much softer than the loudest do not count as part of the sound."""
_PRESENT_DB = np.array((3, 6, 12, 20, 30), np.float32)
_NEPERS_PER_DB = np.float32(np.log(10.0) / 10.0)
"""Of power."""
_SUM = np.ones(MEL_BANDS, np.float32)
_BAND_NUMBERS = np.arange(MEL_BANDS, dtype=np.float32)


def features(rows: Rows) -> Vectors:
    """Return the feature vectors of whole seconds, (n, 64, ROW_WIDTH) -> (n, FEATURES).

    Spectra are relative to the second's own loudest band, so that a sound is known by its shape;
    how loud it is stands in four numbers of its own.
    """
    bands, level = Bands.of(np.ascontiguousarray(rows[..., :MEL_BANDS])), rows[..., LEVEL].copy()
    weights: Rows = (level > level.max(axis=1, keepdims=True) - _ACTIVE_DB).astype(np.float32)
    parts = (
        _halve(bands.mean - bands.mean.max(axis=1, keepdims=True)),
        _halve(np.sqrt(bands.variance)),
        _halve(np.abs(bands.change).mean(axis=1)),
        _envelope(level),
        _shape(bands.mel, weights),
        _peaks(rows, weights),
        texture(bands, weights),
    )
    return np.ascontiguousarray(np.concatenate(parts, axis=1), dtype=np.float32)


def _halve(bands: Rows) -> Measures:
    """Average neighbouring bands, (n, MEL_BANDS) -> (n, MEL_BANDS / 2): finer ones gained nothing."""
    mean: Rows = bands.reshape(len(bands), -1, 2).mean(axis=2)
    return mean


def _envelope(level: Rows) -> Measures:
    """Measure how loud the second is and how its level moves, (n, 64) in dB -> (n, k)."""
    ordered = np.sort(level, axis=1)
    loudest = ordered[:, -1:]
    change = np.diff(level, axis=1)
    steps = np.sort(change, axis=1)
    present = (level[:, np.newaxis] > (loudest - _PRESENT_DB)[..., np.newaxis]).mean(axis=2, dtype=np.float32)
    amplitude = np.exp((level - loudest) * (_NEPERS_PER_DB / 2))
    spectrum = fft.rfft(amplitude - amplitude.mean(axis=1, keepdims=True), axis=1)
    swing = np.square(spectrum.real) + np.square(spectrum.imag)
    rates = (RATES @ swing[..., np.newaxis])[..., 0]
    rates /= rates.sum(axis=1, keepdims=True) + np.float32(1e-9)
    return np.concatenate(
        (
            loudest,
            ordered[:, [6, 32]],
            level.mean(axis=1, keepdims=True),
            ordered[:, [1, 6, 16, 32, 48, 57, 62]] - loudest,
            steps[:, [0, 1, -2, -1]],
            present,
            rates,
            amplitude.mean(axis=1, keepdims=True),
            amplitude.std(axis=1, keepdims=True),
            (np.abs(change) < 1.0).mean(axis=1, keepdims=True, dtype=np.float32),
        ),
        axis=1,
    )


def _moments(values: Sequence[Rows], weights: Rows) -> list[Rows]:
    """Return weighted mean and standard deviation over time of (n, t) values, one after the other."""
    total, stacked = weights.sum(axis=1), np.stack(values)
    mean = (stacked * weights).sum(axis=2) / total
    variance = (weights * np.square(stacked - mean[..., np.newaxis])).sum(axis=2) / total
    return [column for pair in zip(mean, np.sqrt(variance), strict=True) for column in pair]


def _shape(mel: Rows, weights: Rows) -> Measures:
    """Measure flatness, centroid and constancy of the spectrum, (n, 64, MEL_BANDS) -> (n, k)."""
    root = np.exp(mel * (_NEPERS_PER_DB / 2))
    linear = np.square(root)
    total = linear @ _SUM + np.float32(1e-12)
    flatness = mel @ MEAN_OF_BANDS - decibels(total / np.float32(MEL_BANDS))
    centroid = linear @ _BAND_NUMBERS / total
    columns = _moments((flatness, centroid), weights)
    columns += [flatness.mean(axis=1), centroid.mean(axis=1)]
    overall = linear.mean(axis=1)
    columns.append(decibels(overall).mean(axis=1) - decibels(overall.mean(axis=1)))
    shape = np.multiply(root, (weights / np.sqrt(total))[..., np.newaxis], out=root)
    for lag in (1, 4, 16):
        both = np.einsum("nt,nt->n", weights[:, lag:], weights[:, :-lag])
        columns.append(alike(shape, lag) / (both + np.float32(1e-6)))
    return np.stack(columns, axis=1)


def _peaks(rows: Rows, weights: Rows) -> Measures:
    """Measure how pure the strongest two peaks are and how they move, (n, 64, ROW_WIDTH) -> (n, k)."""
    first, second, hz = rows[..., PEAK], rows[..., SECOND], rows[..., PEAK_HZ]
    pair = first + second
    columns = _moments((first, pair, second, hz, np.log(hz + np.float32(1.0)), rows[..., SECOND_HZ]), weights)
    ordered = np.sort(np.where(weights > 0, pair, np.float32(np.inf)), axis=1)
    count = weights.sum(axis=1).astype(np.intp)
    at = np.arange(rows.shape[0])
    columns += [ordered[at, count // 10], ordered[at, count // 2], first.mean(axis=1)]
    step = np.abs(np.diff(hz, axis=1))
    both = weights[:, 1:] * weights[:, :-1]
    pairs = both.sum(axis=1) + np.float32(1e-6)
    columns += [(step * both).sum(axis=1) / pairs, both.mean(axis=1)]
    for low, high in ((0, 5), (5, 20), (20, 80), (80, 5000)):
        columns.append((((step >= low) & (step < high)) * both).sum(axis=1) / pairs)
    return np.stack(columns, axis=1)


SILENCE = features(SILENT_ROWS[np.newaxis])
"""The vector of digital silence, (1, FEATURES): it is much of what lies between an exchange's tones."""
FEATURES = SILENCE.shape[1]
"""Numbers in a feature vector."""
