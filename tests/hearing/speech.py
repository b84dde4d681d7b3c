"""Sounds that are like speech to a fingerprint: syllables of moving formants, different for every seed."""

import numpy as np

from agent.hearing.mel import LogMel, log_mel
from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.hearing.spectrogram import FRAMES_PER_SECOND, power_spectrogram


def speech(seed: int, seconds: float = 5.0) -> Samples:
    """Babble: a buzz whose pitch and three resonances jump with every syllable."""
    rng = np.random.default_rng(seed)
    pieces: list[Samples] = []
    while sum(map(len, pieces)) < seconds * SAMPLE_RATE:
        time = np.arange(int(rng.uniform(0.09, 0.25) * SAMPLE_RATE)) / SAMPLE_RATE
        pitch = rng.uniform(90, 220) * (1 + rng.uniform(-0.2, 0.2) * time / time[-1])
        harmonics = np.arange(1, 18)[:, np.newaxis]
        formants = np.array([rng.uniform(300, 900), rng.uniform(900, 2200), rng.uniform(2200, 3300)])
        away = (harmonics * pitch.mean() - formants) / 150
        loudness = (1 / (1 + away**2)).sum(axis=1, keepdims=True)
        phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
        voice = (loudness * np.sin(harmonics * phase)).sum(axis=0) * np.sin(np.pi * time / time[-1])
        pieces.append(voice.astype(np.float32))
    sound = np.concatenate(pieces)[: int(seconds * SAMPLE_RATE)]
    return sound * np.float32(0.3 / np.abs(sound).max())


def noisy(sound: Samples, snr_db: float, seed: int = 0) -> Samples:
    """The same sound with white noise."""
    level = np.sqrt(np.mean(sound**2)) * 10 ** (-snr_db / 20)
    return sound + np.random.default_rng(seed).normal(0, level, len(sound)).astype(np.float32)


def spectra(sound: Samples) -> LogMel:
    """Its log-mel spectra."""
    return log_mel(power_spectrogram(sound))


def seconds_of(mel: LogMel) -> list[LogMel]:
    """Whole seconds of spectra."""
    return [
        mel[start : start + FRAMES_PER_SECOND]
        for start in range(0, len(mel) - FRAMES_PER_SECOND + 1, FRAMES_PER_SECOND)
    ]
