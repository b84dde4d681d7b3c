"""What the simulated carrier plays, as G.711 mu-law: tones, silence, and Asterisk's own prompts and music."""

import math
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from agent.demo.g711 import ULAW_SILENCE, encode_ulaw
from agent.demo.lab import LabError

RATE = 8000
RAMP_SECONDS = 0.004
"""Tones fade in and out so long: an exchange does not click."""


@dataclass(frozen=True, slots=True)
class Tone:
    """A supervisory tone: frequencies that sound together, on and off."""

    hz: tuple[float, ...]
    cadence_seconds: tuple[float, ...] = ()
    """On, off, on, off, ... over and over; empty for a tone that never stops."""
    level_dbfs: float = -16.0
    """Of each frequency's sine, relative to full scale."""

    def ulaw(self, seconds: float) -> bytes:
        """Return so many seconds of the tone."""
        t = np.arange(round(seconds * RATE)) / RATE
        sines = np.sum([np.sin(2 * np.pi * hz * t) for hz in self.hz], axis=0)
        return _encode(10 ** (self.level_dbfs / 20) * sines * self._envelope(len(t)))

    def _envelope(self, samples: int) -> NDArray[np.float64]:
        if not self.cadence_seconds:
            return np.ones(samples)
        steps = [round(seconds * RATE) for seconds in self.cadence_seconds]
        on = np.arange(len(steps)) % 2 == 0
        period = np.repeat(on.astype(float), steps)
        gate = np.resize(period, samples)
        ramp = round(RAMP_SECONDS * RATE)
        return np.convolve(gate, np.ones(ramp) / ramp)[:samples]


RINGING_EUROPE = Tone((425.0,), (1.0, 4.0))
RINGING_NORTH_AMERICA = Tone((440.0, 480.0), (2.0, 4.0))
BUSY_EUROPE = Tone((425.0,), (0.5, 0.5))
BUSY_NORTH_AMERICA = Tone((480.0, 620.0), (0.5, 0.5))


def silence(seconds: float) -> bytes:
    """Return digital silence."""
    return bytes([ULAW_SILENCE]) * round(seconds * RATE)


def prompt(chroot: Path, language: str, *names: str) -> bytes:
    """Return prompts of the lab's Asterisk, one after the other, e.g. `prompt(chroot, "es", "vm-goodbye")`.

    Raises `LabError` for a prompt that is not there.
    """
    spoken = []
    for name in names:
        # /usr/share/asterisk/sounds/en is an absolute link; the folder behind it is named for its voice.
        found = sorted((chroot / "usr/share/asterisk/sounds").glob(f"{language}_*_*/{name}.wav"))
        if not found:
            raise LabError(
                f"the Asterisk in {chroot} has no prompt {name!r} in {language!r}: run ./scripts/setup"
            )
        spoken.append(load_wav(found[0]))
    return b"".join(spoken)


def music(chroot: Path, name: str = "macroform-cold_day") -> bytes:
    """Return a piece of the lab's music on hold, whole. Raises `LabError` if it is not there."""
    path = chroot / "usr/share/asterisk/moh" / f"{name}.wav"
    if not path.exists():
        raise LabError(f"the Asterisk in {chroot} has no music {name!r}: run ./scripts/setup")
    return load_wav(path)


def load_wav(path: Path) -> bytes:
    """Return a 16-bit wav file of any rate and number of channels as mono mu-law at 8 kHz."""
    with wave.open(str(path)) as file:
        if file.getsampwidth() != 2:
            raise LabError(f"{path} is no 16-bit wav file: convert it first")
        rate, channels = file.getframerate(), file.getnchannels()
        frames = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    mono = frames.reshape(-1, channels).mean(axis=1) / 32768
    shared = math.gcd(rate, RATE)
    return _encode(mono if rate == RATE else resample_poly(mono, RATE // shared, rate // shared))


def _encode(samples: NDArray[np.float64]) -> bytes:
    return encode_ulaw(np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16))
