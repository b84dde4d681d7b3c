"""Tones of the network: what one is, which sound alike, and how an exchange sounds one."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.hearing.pcm import SAMPLE_RATE, Samples


@dataclass(frozen=True, slots=True)
class Chord:
    """Frequencies that sound together; none means a pause."""

    hz: tuple[float, ...] = ()
    modulated_by: float = 0.0
    """Frequency in Hz that modulates the amplitude; 0 for none."""
    depth: float = 0.9
    """How deep it is modulated, 1 down to nothing."""
    turns_s: float = 0.0
    """Seconds after which the phase turns by 180 degrees, again and again; 0 for never."""


@dataclass(frozen=True, slots=True)
class Step:
    """One chord for so long; infinite where it lasts until the call ends."""

    chord: Chord
    seconds: float


@dataclass(frozen=True, slots=True)
class Pattern:
    """A tone as it is heard: what comes once, then what is repeated without end."""

    once: tuple[Step, ...]
    again: tuple[Step, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps, in order."""
        return self.once + self.again


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far an exchange may be off (ITU-T E.180, clause 4: about 1.5 % in pitch and 10 % in time)."""

    pitch: float = 0.02
    time: float = 0.10


def alike(a: Pattern, b: Pattern, off: Tolerance) -> bool:
    """Tell whether two patterns can sound the same once both are off."""
    return (len(a.once), len(a.again)) == (len(b.once), len(b.again)) and all(
        len(x.chord.hz) == len(y.chord.hz)
        and all(
            math.isclose(f, g, rel_tol=2 * off.pitch) for f, g in zip(x.chord.hz, y.chord.hz, strict=True)
        )
        and math.isclose(x.seconds, y.seconds, rel_tol=2 * off.time)
        for x, y in zip(a.steps, b.steps, strict=True)
    )


def group_patterns(patterns: Sequence[Pattern], off: Tolerance) -> list[list[Pattern]]:
    """Put patterns that are alike, and those alike to these, into one group (single linkage)."""
    groups: list[list[Pattern]] = []
    for pattern in patterns:
        near = [group for group in groups if any(alike(pattern, other, off) for other in group)]
        groups = [group for group in groups if group not in near]
        groups.append([*(other for group in near for other in group), pattern])
    return groups


def invent_pattern(rng: np.random.Generator) -> Pattern:
    """Return a tone of no country: one to three frequencies in a cadence of one to three beats.

    None below 250 Hz: those taught the forest to take a song's bass for ringing (macro F1 .977 to .973).
    """
    count = int(rng.choice([1, 1, 2, 2, 3]))
    first = math.exp(rng.uniform(math.log(260), math.log(2200)))
    hz = [first]
    while len(hz) < count:
        hz.append(min(3300.0, first + rng.choice([-1, 1]) * rng.uniform(15, 350)))
    chord = Chord(tuple(sorted(max(250.0, f) for f in hz)), float(rng.choice([0, 0, 0, 0, 17, 25, 33, 50])))
    if rng.random() < 0.15:
        return Pattern((), (Step(chord, math.inf),))
    if rng.random() < 0.15:
        lone = [
            Step(Chord((first * r,)), rng.uniform(0.08, 0.5))
            for r in rng.uniform(0.5, 1.8, int(rng.integers(2, 5)))
        ]
        return Pattern((), (*lone, Step(Chord(), rng.uniform(0.02, 3.0))))
    steps: list[Step] = []
    for _ in range(int(rng.choice([1, 1, 2, 3]))):
        steps.append(Step(chord, math.exp(rng.uniform(math.log(0.05), math.log(3)))))
        steps.append(Step(Chord(), math.exp(rng.uniform(math.log(0.04), math.log(5)))))
    return Pattern((), tuple(steps))


def sound_pattern(
    pattern: Pattern, samples: int, rng: np.random.Generator, off: Tolerance
) -> tuple[Samples, NDArray[np.bool_]]:
    """Sound a pattern as one exchange would: off in pitch and time, with a timbre of its own.

    Returns the tone, (samples,) with a mean square near 0.03 while it sounds, and where it
    sounds. It starts anywhere in its cadence.
    """
    pitch, tempo = rng.uniform(1 - off.pitch, 1 + off.pitch), rng.uniform(1 - off.time, 1 + off.time)
    twist_db = rng.uniform(-4, 4, 4)
    ramp = int(rng.choice([1, 8, 40, 120]))
    kernel = np.ones(ramp) / ramp
    start = 0 if rng.random() < 0.3 else int(rng.integers(0, max(1, _length(pattern, tempo))))
    end = start + samples
    signal, gate = np.zeros(end), np.zeros(end)
    # Phases run on from step to step, as an exchange's oscillators do: frequency shift keying stays clean.
    phases = rng.uniform(0, 2 * np.pi, 8)
    at = 0
    for step in _endless(pattern):
        length = end - at if math.isinf(step.seconds) else max(1, round(step.seconds * tempo * SAMPLE_RATE))
        stop = min(end, at + length)
        if step.chord.hz:
            signal[at:stop] = _sound_chord(step.chord, stop - at, pitch, twist_db, phases)
            gate[at:stop] = 1
        at = stop
        if at >= end:
            break
    on = gate[start:] > 0
    signal = (signal * np.convolve(gate, kernel)[:end])[start:]
    if rng.random() < 0.15:
        signal = np.tanh(signal * rng.uniform(1, 4))
    loud = float(np.mean(signal[on] ** 2)) if on.any() else 1.0
    return (signal * math.sqrt(0.03 / max(loud, 1e-9))).astype(np.float32), on


def _sound_chord(
    chord: Chord,
    samples: int,
    pitch: float,
    twist_db: NDArray[np.float64],
    phases: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Sound a chord for so long, from `phases` on, which are moved to where it ends."""
    steps = np.arange(samples) * (2 * np.pi / SAMPLE_RATE)
    sound = np.zeros(samples)
    for index, hz in enumerate(chord.hz):
        amplitude = 10 ** (twist_db[index % len(twist_db)] / 20)
        sound += amplitude * np.sin(phases[index] + hz * pitch * steps)
        phases[index] = (phases[index] + hz * pitch * samples * 2 * np.pi / SAMPLE_RATE) % (2 * np.pi)
    if chord.modulated_by:
        sound *= 1 + chord.depth * np.cos(chord.modulated_by * steps)
    if chord.turns_s:
        sound *= 1.0 - 2.0 * (np.arange(samples) // round(chord.turns_s * SAMPLE_RATE) % 2)
    return sound


def _length(pattern: Pattern, tempo: float) -> int:
    finite = sum(step.seconds for step in pattern.again if math.isfinite(step.seconds))
    return int(finite * tempo * SAMPLE_RATE)


def _endless(pattern: Pattern) -> Iterator[Step]:
    yield from pattern.once
    while True:
        yield from pattern.again
