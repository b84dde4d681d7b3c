"""What the forest looks at: one second of frames as one row of numbers.

A frame is kept as a `row`: its 64 log-mel bands and a few measures that need the full spectrum
(level, and the two strongest peaks), so that a call that waits for its second to fill costs
18 kB and not the 66 kB of whole spectra. `features` turns 64 rows into one vector.
"""

import numpy as np
from numpy.typing import NDArray

from agent.hearing.mel import MEL_BANDS, decibels, log_mel
from agent.hearing.spectrogram import BIN_HZ, FRAMES_PER_SECOND, Power

FEATURE_VERSION = 1
"""Raised with every change of what a vector means; a forest fits one version."""

Rows = NDArray[np.float32]
"""Frames as rows, (..., ROW_WIDTH)."""
Vectors = NDArray[np.float32]
"""Feature vectors, (n, FEATURES)."""

_LEVEL, _PEAK, _PEAK_HZ, _SECOND, _SECOND_HZ = range(MEL_BANDS, MEL_BANDS + 5)
ROW_WIDTH = MEL_BANDS + 5

_LOWEST_BIN, _HIGHEST_BIN = round(200 / BIN_HZ), round(3600 / BIN_HZ)
_LOBE = 3
"""Bins on either side that a Hann-windowed sine, or a beating pair such as 440+480 Hz, spreads into."""


def frame_rows(power: Power) -> Rows:
    """Reduce power spectra (n, BINS) to rows (n, ROW_WIDTH).

    A row holds the log-mel bands in dB, the level in dB relative to full scale, and for the
    strongest peak between 200 and 3600 Hz and then for the strongest one beside it: the share of
    the band's power within 47 Hz (0 to 1) and the frequency in Hz.
    """
    rows = np.empty((power.shape[0], ROW_WIDTH), np.float32)
    rows[:, :MEL_BANDS] = log_mel(power)
    rows[:, _LEVEL] = decibels(power.sum(axis=1))
    band = power[:, _LOWEST_BIN - _LOBE : _HIGHEST_BIN + _LOBE + 1].copy()
    total = band.sum(axis=1) + np.float32(1e-12)
    for share, hz in ((_PEAK, _PEAK_HZ), (_SECOND, _SECOND_HZ)):
        rows[:, share], rows[:, hz] = _take_peak(band)
        rows[:, share] /= total
    return rows


def _take_peak(band: Power) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return power and frequency of each spectrum's strongest peak, and erase it from `band`."""
    if not band.shape[0]:
        return np.zeros(0, np.float32), np.zeros(0, np.float32)
    centre = band[:, _LOBE:-_LOBE].argmax(axis=1) + _LOBE
    around = centre[:, np.newaxis] + np.arange(-_LOBE, _LOBE + 1)
    lobe = np.take_along_axis(band, around, axis=1)
    np.put_along_axis(band, around, np.float32(0.0), axis=1)
    power = lobe.sum(axis=1)
    offset = (lobe * np.arange(-_LOBE, _LOBE + 1, dtype=np.float32)).sum(axis=1) / (power + np.float32(1e-12))
    hz = (centre + offset + (_LOWEST_BIN - _LOBE)) * np.float32(BIN_HZ)
    return power, hz.astype(np.float32)


def features(rows: Rows) -> Vectors:
    """Return the feature vectors of whole seconds, (n, 64, ROW_WIDTH) -> (n, FEATURES).

    Spectra are relative to the second's own loudest band, so that level tells silence from
    sound and nothing else.
    """
    mel, level = rows[..., :MEL_BANDS], rows[..., _LEVEL]
    linear = np.float32(10.0) ** (mel / np.float32(10.0))
    spectrum = decibels(linear.mean(axis=1))
    typical = mel.mean(axis=1)
    parts = [
        spectrum - spectrum.max(axis=1, keepdims=True),
        typical - typical.max(axis=1, keepdims=True),
        mel.std(axis=1),
        np.abs(np.diff(mel, axis=1)).mean(axis=1),
        _level_features(level),
        _shape_features(linear, mel, level),
        _peak_features(rows, level),
    ]
    return np.ascontiguousarray(np.concatenate(parts, axis=1), dtype=np.float32)


def _level_features(level: Rows) -> Vectors:
    """Measure how loud the second is and how its envelope moves (n, 64) -> (n, k)."""
    ordered = np.sort(level, axis=1)
    loudest = ordered[:, -1:]
    quantiles = ordered[:, [1, 6, 16, 32, 48, 57, 62]] - loudest
    change = np.diff(level, axis=1)
    rise, fall = np.sort(change, axis=1)[:, [-1, -2]], np.sort(change, axis=1)[:, [0, 1]]
    present = np.stack([(level > loudest - d).mean(axis=1) for d in (3, 6, 12, 20, 30)], axis=1)
    envelope = np.float32(10.0) ** ((level - loudest) / np.float32(20.0))
    swing = (
        np.abs(np.fft.rfft(envelope - envelope.mean(axis=1, keepdims=True), axis=1)).astype(np.float32) ** 2
    )
    bands = np.stack(
        [swing[:, a:b].sum(axis=1) for a, b in ((1, 3), (3, 5), (5, 9), (9, 17), (17, 33))], axis=1
    )
    bands /= bands.sum(axis=1, keepdims=True) + np.float32(1e-9)
    steady = (np.abs(change) < 1.0).mean(axis=1, keepdims=True)
    return np.concatenate(
        (
            loudest,
            ordered[:, [6, 32]],
            level.mean(axis=1, keepdims=True),
            quantiles,
            rise,
            fall,
            present,
            bands,
            envelope.mean(axis=1, keepdims=True),
            envelope.std(axis=1, keepdims=True),
            steady,
        ),
        axis=1,
    )


def _weights(level: Rows) -> Rows:
    """Return 1 for the frames within 20 dB of the loudest, and 0 for the others."""
    near: Rows = (level > level.max(axis=1, keepdims=True) - 20.0).astype(np.float32)
    return near


def _moments(values: Rows, weights: Rows) -> tuple[Rows, Rows]:
    """Return weighted mean and standard deviation over time of (n, t) values."""
    total = weights.sum(axis=1)
    mean = (values * weights).sum(axis=1) / total
    variance = (weights * (values - mean[:, np.newaxis]) ** 2).sum(axis=1) / total
    return mean, np.sqrt(variance)


def _shape_features(linear: Rows, mel: Rows, level: Rows) -> Vectors:
    """Measure flatness, centroid and constancy of the spectrum, (n, 64, MEL_BANDS) -> (n, k)."""
    weights = _weights(level)
    total = linear.sum(axis=2) + np.float32(1e-12)
    flatness = mel.mean(axis=2) - decibels(total / np.float32(MEL_BANDS))
    centroid = (linear * np.arange(MEL_BANDS, dtype=np.float32)).sum(axis=2) / total
    columns = [
        *_moments(flatness, weights),
        *_moments(centroid, weights),
        flatness.mean(axis=1),
        centroid.mean(axis=1),
    ]
    overall = linear.mean(axis=1)
    columns.append(decibels(overall).mean(axis=1) - decibels(overall.mean(axis=1)))
    shape = np.sqrt(linear / total[..., np.newaxis])
    for lag in (1, 4, 16):
        both = weights[:, lag:] * weights[:, :-lag]
        alike = (shape[:, lag:] * shape[:, :-lag]).sum(axis=2)
        columns.append((alike * both).sum(axis=1) / (both.sum(axis=1) + np.float32(1e-6)))
    return np.stack(columns, axis=1)


def _peak_features(rows: Rows, level: Rows) -> Vectors:
    """Measure how pure and how constant the strongest two peaks are, (n, 64, ROW_WIDTH) -> (n, k)."""
    weights = _weights(level)
    first, second = rows[..., _PEAK], rows[..., _SECOND]
    columns: list[Rows] = []
    for values in (
        first,
        first + second,
        second,
        rows[..., _PEAK_HZ],
        np.log(rows[..., _PEAK_HZ] + 1),
        rows[..., _SECOND_HZ],
    ):
        columns.extend(_moments(values, weights))
    ordered = np.sort(np.where(weights > 0, first + second, np.nan), axis=1)
    count = weights.sum(axis=1).astype(int)
    at = np.arange(rows.shape[0])
    columns.extend((ordered[at, count // 10], ordered[at, count // 2], first.mean(axis=1)))
    step = np.abs(np.diff(rows[..., _PEAK_HZ], axis=1))
    both = weights[:, 1:] * weights[:, :-1]
    pairs = both.sum(axis=1) + np.float32(1e-6)
    columns.extend(
        ((step * both).sum(axis=1) / pairs, ((step < 5.0) * both).sum(axis=1) / pairs, both.mean(axis=1))
    )
    return np.stack(columns, axis=1)


FEATURES = features(np.zeros((1, FRAMES_PER_SECOND, ROW_WIDTH), np.float32)).shape[1]
"""Numbers in a feature vector."""
