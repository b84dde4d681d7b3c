"""Supervisory tones of the world: the national table read, varied and sounded.

The table is ITU-T E.180 Supplement 2 (Operational Bulletin 781) as JSON: sets of countries, each
a list of tones, each a pattern of steps with `freq_hz`, `seconds`, nested `steps` and `cycles`.
In `freq_hz`, `a+b` sounds together, `a||b` are alternatives, `a*b` is a modulated by b, and
`a>b` is a, then b.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.train.errors import MaterialError

AUDIBLE_HZ = (100.0, 3700.0)
"""Below lie bell currents, above lie charging pulses; neither reaches an ear on the telephone."""
_DTMF_ROWS, _DTMF_COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)


@dataclass(frozen=True, slots=True)
class Chord:
    """Frequencies that sound together; none means a pause."""

    hz: tuple[float, ...] = ()
    modulated_by: float = 0.0
    """Frequency in Hz that modulates the amplitude; 0 for none."""


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


def read_patterns(path: Path) -> list[Pattern]:
    """Return every distinct audible pattern of a national table, in a fixed order.

    Raises:
        MaterialError: the file cannot be read or is no such table.
    """
    try:
        sets = json.loads(path.read_text(encoding="utf-8"))["sets"]
        patterns = {p: None for one in sets for tone in one["tones"] for p in _parse_tone(tone["pattern"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MaterialError(
            f"{path} is no table of national tones ({error!r}): give the JSON table"
        ) from error
    return sorted(patterns, key=repr)


def _parse_tone(elements: list[dict[str, object]]) -> Iterator[Pattern]:
    """Yield the variants of one tone: the alternatives `a||b` each make a pattern of their own."""
    for variant in range(_alternatives(elements)):
        once: list[Step] = []
        again: tuple[Step, ...] = ()
        for element in elements:
            steps = tuple(_flatten(element, variant))
            if element.get("cycles") == "endless" or (steps and math.isinf(steps[-1].seconds)):
                again = steps
                break
            once.extend(steps)
        pattern = Pattern(tuple(once), again) if again else Pattern((), tuple(once))
        if any(step.chord.hz for step in pattern.steps) and not _has_dtmf(pattern):
            yield pattern


def _alternatives(elements: object) -> int:
    return max(
        (text.count("||") + 1 for text in re.findall(r"'freq_hz': '([^']*)'", repr(elements))), default=1
    )


def _flatten(element: dict[str, object], variant: int) -> Iterator[Step]:
    """Yield the plain steps of an element, nested cycles written out."""
    nested = element.get("steps")
    if isinstance(nested, list):
        cycles = str(element.get("cycles", 1))
        for _ in range(int(cycles) if cycles.isdigit() else 1):
            for inner in nested:
                yield from _flatten(inner, variant)
        return
    note = str(element.get("note", ""))
    parts = _chords(str(element.get("freq_hz", "")), variant)
    if rate := re.search(r"(\d+) ipm", note):
        half = 30.0 / float(rate[1])
        yield from (Step(parts[0], half), Step(Chord(), half))
        return
    measured = re.match(r"[\d.]+", note)
    seconds = float(str(element.get("seconds", measured[0] if measured else "inf")))
    for chord in parts:
        yield Step(chord, seconds / len(parts))


def _chords(text: str, variant: int) -> list[Chord]:
    """Read a frequency expression: its alternative number `variant`, as chords in sequence."""
    text = re.sub(r"\[[^]]*\]", "", text)
    choices = text.split("||")
    return [_chord(part) for part in choices[variant % len(choices)].split(">")]


def _chord(text: str) -> Chord:
    carrier, _, modulator = text.partition("*")
    numbers = [float(part) for part in carrier.split("+") if part]
    low, high = AUDIBLE_HZ
    audible = tuple(sorted(hz for hz in numbers if low <= hz <= high))
    # `400+25` is how the table writes a ringing tone that carries the bell current's ripple.
    ripple = [hz for hz in numbers if hz < low]
    if not audible:
        return Chord()
    return Chord(audible, float(modulator) if modulator else ripple[0] if ripple else 0.0)


def _has_dtmf(pattern: Pattern) -> bool:
    """Tell whether a chord is a key of a telephone (ITU-T Q.23), which is no supervisory tone."""
    return any(
        len(step.chord.hz) == 2
        and any(abs(step.chord.hz[0] / row - 1) < 0.02 for row in _DTMF_ROWS)
        and any(abs(step.chord.hz[1] / column - 1) < 0.02 for column in _DTMF_COLUMNS)
        for step in pattern.steps
    )


def alike(a: Pattern, b: Pattern) -> bool:
    """Tell whether two patterns can sound the same once both are varied: 4 % in frequency, 20 % in time."""
    return (len(a.once), len(a.again)) == (len(b.once), len(b.again)) and all(
        len(x.chord.hz) == len(y.chord.hz)
        and all(math.isclose(f, g, rel_tol=0.04) for f, g in zip(x.chord.hz, y.chord.hz, strict=True))
        and math.isclose(x.seconds, y.seconds, rel_tol=0.2)
        for x, y in zip(a.steps, b.steps, strict=True)
    )


def group_patterns(patterns: list[Pattern]) -> list[list[Pattern]]:
    """Put patterns that are alike, and those alike to these, into one group (single linkage)."""
    groups: list[list[Pattern]] = []
    for pattern in patterns:
        near = [group for group in groups if any(alike(pattern, other) for other in group)]
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
    pattern: Pattern, samples: int, rng: np.random.Generator
) -> tuple[Samples, NDArray[np.bool_]]:
    """Sound a pattern as one exchange would: off by up to 2 % in pitch and 10 % in time.

    Returns the tone, (samples,) with a mean square near 0.03 while it sounds, and where it
    sounds. It starts anywhere in its cadence.
    """
    pitch, tempo = rng.uniform(0.98, 1.02), rng.uniform(0.9, 1.1)
    twist_db = rng.uniform(-4, 4, 4)
    ramp = int(rng.choice([1, 8, 40, 120]))
    kernel = np.ones(ramp) / ramp
    start = 0 if rng.random() < 0.3 else int(rng.integers(0, max(1, _length(pattern, tempo))))
    end = start + samples
    signal, gate = np.zeros(end), np.zeros(end)
    time = np.arange(end) / SAMPLE_RATE
    at = 0
    for step in _endless(pattern):
        length = end - at if math.isinf(step.seconds) else max(1, round(step.seconds * tempo * SAMPLE_RATE))
        stop = min(end, at + length)
        if step.chord.hz:
            part = time[at:stop]
            for index, hz in enumerate(step.chord.hz):
                amplitude = 10 ** (twist_db[index % 4] / 20)
                signal[at:stop] += amplitude * np.sin(
                    2 * np.pi * hz * pitch * part + rng.uniform(0, 2 * np.pi)
                )
            if step.chord.modulated_by:
                signal[at:stop] *= 1 + 0.9 * np.cos(2 * np.pi * step.chord.modulated_by * part)
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


def _length(pattern: Pattern, tempo: float) -> int:
    finite = sum(step.seconds for step in pattern.again if math.isfinite(step.seconds))
    return int(finite * tempo * SAMPLE_RATE)


def _endless(pattern: Pattern) -> Iterator[Step]:
    yield from pattern.once
    while True:
        yield from pattern.again
