"""The national table: ITU-T E.180 Supplement 2 (Operational Bulletin 781) as JSON.

It holds sets of countries, each a list of tones, each a pattern of steps with `freq_hz`, `seconds`, nested
`steps` and `cycles`. In `freq_hz`, `a+b` sounds together, `a||b` are alternatives, `a*b` is a modulated by b,
and `a>b` is a, then b.
"""

import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from agent.train.corpus.tones import Chord, Pattern, Step
from agent.train.errors import MaterialError

AUDIBLE_HZ = (100.0, 3700.0)
"""Below lie bell currents, above lie charging pulses; neither reaches an ear on the telephone."""
_DTMF_ROWS, _DTMF_COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)


class Reason(StrEnum):
    """Why a tone of the table is not sounded."""

    INAUDIBLE = "inaudible"
    """No frequency is given, or only that of a bell current or charging pulse, outside of AUDIBLE_HZ."""
    KEY = "key"
    """A key of a telephone (ITU-T Q.23), which is no supervisory tone."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A tone that is left out."""

    country: str
    tone: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class NationalTones:
    """What the table holds."""

    sets: int
    """Countries, or networks of one."""
    patterns: tuple[Pattern, ...]
    """Every distinct pattern that is sounded, in a fixed order."""
    excluded: tuple[Exclusion, ...]


def read_national(path: Path) -> NationalTones:
    """Read the whole table.

    Raises:
        MaterialError: the file cannot be read or is no such table.
    """
    patterns: dict[Pattern, None] = {}
    excluded: dict[Exclusion, None] = {}
    with sets_of(path) as sets:
        for one in sets:
            for tone in one["tones"]:
                for pattern in parse_tone(tone["pattern"]):
                    if reason := _reason(pattern):
                        excluded[Exclusion(str(one["country"]), str(tone["tone"]), reason)] = None
                    else:
                        patterns[pattern] = None
    return NationalTones(len(sets), tuple(sorted(patterns, key=repr)), tuple(excluded))


@contextmanager
def sets_of(path: Path) -> Iterator[list[dict[str, Any]]]:
    """Read the sets of the table as they stand; what is wrong with one of them is wrong with the file.

    Raises:
        MaterialError: the file cannot be read or is no such table.
    """
    try:
        yield json.loads(path.read_text(encoding="utf-8"))["sets"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MaterialError(
            f"{path} is no table of national tones ({error!r}): give the JSON table"
        ) from error


def _reason(pattern: Pattern) -> Reason | None:
    if not any(step.chord.hz for step in pattern.steps):
        return Reason.INAUDIBLE
    return Reason.KEY if has_keys(pattern) else None


def parse_tone(elements: list[dict[str, object]]) -> Iterator[Pattern]:
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
        yield Pattern(tuple(once), again) if again else Pattern((), tuple(once))


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


def has_keys(pattern: Pattern) -> bool:
    """Tell whether two frequencies at once are a key of a telephone (ITU-T Q.23)."""
    return any(
        len(step.chord.hz) == 2
        and any(abs(step.chord.hz[0] / row - 1) < 0.02 for row in _DTMF_ROWS)
        and any(abs(step.chord.hz[1] / column - 1) < 0.02 for column in _DTMF_COLUMNS)
        for step in pattern.steps
    )
