"""What the simulated carrier plays, as G.711 mu-law: tones, silence, and Asterisk's own prompts and music."""

import math
import wave
from dataclasses import dataclass
from itertools import chain, cycle
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from agent.demo.g711 import ULAW_SILENCE, encode_ulaw
from agent.demo.lab import LabError
from agent.hearing.tone_table import Cadence, Chord, parse_cadence

RATE = 8000
RAMP_SECONDS = 0.004
"""Tones fade in and out so long: an exchange does not click."""


@dataclass(frozen=True, slots=True)
class Tone:
    """A tone of the network, its frequencies unmodulated."""

    cadence: Cadence
    level_dbfs: float = -16.0
    """Of each frequency's sine, relative to full scale."""

    @classmethod
    def of(cls, text: str) -> Self:
        """Read a tone as `agent/hearing/tones.yaml` writes it: `Tone.of("425/1 -/4")`."""
        return cls(parse_cadence(text))

    def once(self) -> bytes:
        """Return one cycle of the tone, which has an end."""
        return self.ulaw(sum(step.seconds for step in self.cadence.again))

    def ulaw(self, seconds: float) -> bytes:
        """Return so many seconds of the tone."""
        t = np.arange(round(seconds * RATE)) / RATE
        sines, gate = np.zeros(len(t)), np.zeros(len(t))
        at, chord = 0.0, Chord(())
        for step in chain(self.cadence.once, cycle(self.cadence.again)):
            part = slice(round(at * RATE), round(min(seconds, at + step.seconds) * RATE))
            chord = step.chord or chord  # it fades out within the pause
            sines[part] = sum(np.sin(2 * np.pi * hz * t[part]) for hz in chord.hz)
            gate[part] = step.chord is not None
            at += step.seconds
            if at >= seconds:
                break
        ramp = round(RAMP_SECONDS * RATE)
        envelope = np.convolve(gate, np.ones(ramp) / ramp)[: len(t)]
        return _encode(10 ** (self.level_dbfs / 20) * sines * envelope)


RINGING_EUROPE = Tone.of("425/1 -/4")
RINGING_NORTH_AMERICA = Tone.of("440+480/2 -/4")
RINGING_UNITED_KINGDOM = Tone.of("400+450/0.4 -/0.2 400+450/0.4 -/2")
BUSY_GERMANY = Tone.of("425/0.48 -/0.48")
BUSY_NORTH_AMERICA = Tone.of("480+620/0.5 -/0.5")
REORDER_NORTH_AMERICA = Tone.of("480+620/0.25 -/0.25")


def vacant_code() -> bytes:
    """Return the special information tone of a number that does not exist, in North America's coding."""
    return Tone.of("985.2/0.38 1370.6/0.274 1776.7/0.38").once()


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
