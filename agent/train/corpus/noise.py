"""What a line sounds like when nobody sends anything."""

import math
from enum import StrEnum

import numpy as np
from scipy import signal

from agent.hearing.pcm import SAMPLE_RATE, Samples


class Noise(StrEnum):
    """Kinds of sound that are silence to an ear."""

    NOTHING = "nothing"
    """Digital silence: all samples zero."""
    IDLE = "idle"
    """An idle quantiser: the lowest one or two steps."""
    WHITE = "white"
    PINK = "pink"
    BROWN = "brown"
    COLOURED = "coloured"
    """White noise through a random resonant filter: what rooms and codecs make."""
    HUM = "hum"
    """Mains at 50 or 60 Hz with harmonics, over faint hiss."""
    COMFORT = "comfort"
    """Comfort noise (RFC 3389): a coloured noise whose level and colour change every so often."""
    CLICKS = "clicks"
    """Switching clicks over faint hiss."""
    CRACKLE = "crackle"
    """Hiss that comes and goes, as from a bad contact or a noise gate."""


def make_noise(kind: Noise, samples: int, rms_db: float, rng: np.random.Generator) -> Samples:
    """Make (samples,) of noise at `rms_db`, in dB relative to full scale."""
    if kind is Noise.NOTHING:
        return np.zeros(samples, np.float32)
    if kind is Noise.IDLE:
        steps = rng.integers(rng.integers(-1, 1), 2, samples).astype(np.float32)
        return steps * np.float32(rng.choice([1, 8]) / 32768)
    made = _MAKERS[kind](samples, rng)
    rms = math.sqrt(float(np.mean(made**2))) or 1.0
    return (made * (10 ** (rms_db / 20) / rms)).astype(np.float32)


def _white(samples: int, rng: np.random.Generator) -> Samples:
    return rng.standard_normal(samples, dtype=np.float32)


def _sloped(samples: int, rng: np.random.Generator, slope: float) -> Samples:
    """Noise whose amplitude falls with frequency to the power of `slope`."""
    spectrum = np.fft.rfft(_white(samples, rng))
    hz = np.maximum(np.fft.rfftfreq(samples, 1 / SAMPLE_RATE), 20.0)
    return np.fft.irfft(spectrum * hz**-slope, samples).astype(np.float32)


def _coloured(samples: int, rng: np.random.Generator) -> Samples:
    made = _white(samples, rng)
    for _ in range(int(rng.integers(1, 4))):
        hz, radius = rng.uniform(100, 3700), rng.uniform(0.3, 0.93)
        feedback = [1.0, -2 * radius * math.cos(2 * math.pi * hz / SAMPLE_RATE), radius**2]
        made = signal.lfilter([1.0], feedback, made)
    return np.asarray(made, np.float32)


def _hum(samples: int, rng: np.random.Generator) -> Samples:
    time = np.arange(samples) / SAMPLE_RATE
    mains = float(rng.choice([50.0, 60.0])) * rng.uniform(0.998, 1.002)
    made = np.zeros(samples)
    for harmonic in range(1, int(rng.integers(3, 12))):
        amplitude = rng.uniform(0.1, 1.0) / harmonic
        made += amplitude * np.sin(2 * np.pi * mains * harmonic * time + rng.uniform(0, 2 * np.pi))
    return (made + rng.uniform(0.02, 0.7) * _white(samples, rng)).astype(np.float32)


def _comfort(samples: int, rng: np.random.Generator) -> Samples:
    pieces: list[Samples] = []
    while sum(map(len, pieces)) < samples:
        piece = _coloured(int(rng.integers(800, 16000)), rng)
        pieces.append(piece / np.float32(np.std(piece) + 1e-9) * np.float32(10 ** (rng.uniform(-3, 3) / 20)))
    return np.concatenate(pieces)[:samples]


def _clicks(samples: int, rng: np.random.Generator) -> Samples:
    made = _white(samples, rng) * np.float32(rng.uniform(0.005, 0.05))
    for at in rng.integers(0, samples, max(1, int(samples / SAMPLE_RATE * rng.uniform(0.2, 3)))):
        length = min(int(rng.integers(1, 60)), samples - at)
        made[at : at + length] += rng.uniform(-1, 1) * np.exp(-np.arange(length) / rng.uniform(1, 12))
    return made


def _crackle(samples: int, rng: np.random.Generator) -> Samples:
    made = _coloured(samples, rng)
    gate = np.repeat(rng.random(samples // 400 + 1) < rng.uniform(0.2, 0.9), 400)[:samples]
    return made * np.where(gate, 1.0, rng.uniform(0.01, 0.3)).astype(np.float32)


_MAKERS = {
    Noise.WHITE: _white,
    Noise.PINK: lambda samples, rng: _sloped(samples, rng, 0.5),
    Noise.BROWN: lambda samples, rng: _sloped(samples, rng, 1.0),
    Noise.COLOURED: _coloured,
    Noise.HUM: _hum,
    Noise.COMFORT: _comfort,
    Noise.CLICKS: _clicks,
    Noise.CRACKLE: _crackle,
}
