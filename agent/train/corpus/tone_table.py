"""From the national table to `agent/hearing/tones.yaml`, every tone that is left out with its reason.

python -m agent.train.corpus.tone_table national-tones.json agent/hearing/tones.yaml
"""

import math
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import yaml

from agent.hearing.cadence import SHORTEST_PAUSE_S
from agent.hearing.tone_table import HIGHEST_HZ, LOWEST_HZ, NATIONAL_KINDS, Cadence, Chord, Step, ToneKind
from agent.train.corpus.national_tones import has_keys, parse_tone, sets_of
from agent.train.corpus.tones import Pattern
from agent.train.corpus.tones import Step as Sounded
from agent.train.errors import MaterialError

_KINDS = {
    "ringing-tone": ToneKind.RINGING,
    "busy-tone": ToneKind.BUSY,
    "congestion-tone": ToneKind.CONGESTION,
    "reorder-tone": ToneKind.CONGESTION,
    "number-unobtainable-tone": ToneKind.NUMBER_UNOBTAINABLE,
    "dial-tone": ToneKind.DIAL_TONE,
}
"""What the table calls otherwise is `other`."""

_CODES = {
    "Ascension Islands": "AC",
    "Channel Islands: Jersey": "JE",
    "Diego Garcia": "DG",
    "Kiribati Republic": "KI",
    "United Kingdom": "GB",
}
"""ISO 3166-1 codes, reserved ones included, that the table lacks or has wrong."""

_INAUDIBLE, _KEY = "no frequency that can be heard", "a key of a telephone (ITU-T Q.23)"
_LONGEST_RING_S = 12.0
"""Neither a ring nor the pause after it is longer."""
_SIT_HZ = ((850.0, 1050.0), (1330.0, 1480.0), (1550.0, 1900.0))
_SOURCE = "ITU-T E.180 Supplement 2 (Operational Bulletin 781); made by agent.train.corpus.tone_table"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A tone that is left out."""

    country: str
    tone: str
    reason: str


@dataclass(frozen=True, slots=True)
class Listed:
    """What `tones.yaml` says."""

    countries: dict[str, str]
    """English names by code."""
    tones: dict[Cadence, dict[ToneKind, list[str]]]
    """Codes of the countries that use a tone for a kind."""
    excluded: list[Exclusion]

    def as_yaml(self) -> str:
        """Return the file's text."""
        tones = [
            {
                "tone": str(cadence),
                **{kind.value: " ".join(kinds[kind]) for kind in NATIONAL_KINDS if kind in kinds},
            }
            for cadence, kinds in sorted(self.tones.items(), key=lambda item: (_reach(item[1]), str(item[0])))
        ]
        parts = (
            {"source": _SOURCE},
            {"countries": self.countries},
            {"tones": tones},
            {"excluded": [f"{left.country} {left.tone}: {left.reason}" for left in self.excluded]},
        )
        return "\n".join(
            yaml.safe_dump(part, sort_keys=False, allow_unicode=True, width=200) for part in parts
        )


def _reach(kinds: dict[ToneKind, list[str]]) -> int:
    """Order tones by how many countries use them, the most first."""
    return -sum(map(len, kinds.values()))


def list_tones(path: Path) -> Listed:
    """Read the national table.

    Raises:
        MaterialError: the file cannot be read or is no such table.
    """
    countries: dict[str, str] = {}
    tones: dict[Cadence, dict[ToneKind, list[str]]] = defaultdict(lambda: defaultdict(list))
    excluded: dict[Exclusion, None] = {}
    with sets_of(path) as sets:
        for one in sets:
            name = str(one["country"])
            code = _CODES.get(name, str(one["iso"]).upper())
            countries[code] = name
            for tone in one["tones"]:
                kind = _KINDS.get(tone["tone"], ToneKind.OTHER)
                for pattern in parse_tone(tone["pattern"]):
                    if reason := _reason(kind, pattern):
                        excluded[Exclusion(code, tone["tone"], f"{reason}: {_cadence(pattern)}")] = None
                    elif code not in (users := tones[_cadence(pattern)][kind]):
                        users.append(code)
    return Listed(dict(sorted(countries.items())), tones, list(excluded))


def _cadence(pattern: Pattern) -> Cadence:
    once, again = (tuple(map(_step, part)) for part in (pattern.once, pattern.again))
    for length in range(1, len(again)):
        if len(again) % length == 0 and again == again[:length] * (len(again) // length):
            return Cadence(once, again[:length])
    return Cadence(once, again)


def _step(step: Sounded) -> Step:
    chord = Chord(step.chord.hz, step.chord.modulated_by) if step.chord.hz else None
    return Step(chord, round(step.seconds, 4))


def _reason(kind: ToneKind, pattern: Pattern) -> str | None:
    """Say why a tone is left out."""
    heard = [hz for step in pattern.steps for hz in step.chord.hz]
    if not heard:
        return _INAUDIBLE
    if has_keys(pattern):
        return _KEY
    if min(heard) < LOWEST_HZ or max(heard) > HIGHEST_HZ:
        return f"outside of {LOWEST_HZ:g} to {HIGHEST_HZ:g} Hz"
    if any(math.isinf(step.seconds) for step in (*pattern.once, *pattern.again[:-1])):
        return "a step without end before the last"
    if all(not step.chord.hz for step in pattern.again):
        return "ends in nothing but pauses"
    if any(step.seconds <= 0 for step in pattern.steps):
        return "a step of no length"
    if _is_sit(pattern):
        return "three rising segments, a special information tone anywhere"
    if _is_steady(kind, pattern):
        return "no cadence that can be heard, so that it would be any steady tone"
    return None


def _is_steady(kind: ToneKind, pattern: Pattern) -> bool:
    """Tell whether a tone that must have a cadence has none, or pauses that a tone bridges."""
    if kind is ToneKind.RINGING and max(step.seconds for step in pattern.again) > _LONGEST_RING_S:
        return True
    if kind not in (ToneKind.RINGING, ToneKind.BUSY, ToneKind.CONGESTION, ToneKind.NUMBER_UNOBTAINABLE):
        return False
    pauses = [step.seconds for step in pattern.again if not step.chord.hz]
    if not pauses:
        return kind is not ToneKind.NUMBER_UNOBTAINABLE
    return max(pauses) < SHORTEST_PAUSE_S


def _is_sit(pattern: Pattern) -> bool:
    sounding = [step.chord.hz[0] for step in pattern.steps if step.chord.hz]
    return len(sounding) == 3 and all(
        low <= hz <= high for hz, (low, high) in zip(sounding, _SIT_HZ, strict=True)
    )


def main() -> None:
    """Write the table that the command line names."""
    if len(sys.argv) != 3:
        raise SystemExit("usage: python -m agent.train.corpus.tone_table TABLE.json TONES.yaml")
    try:
        listed = list_tones(Path(sys.argv[1]))
        Path(sys.argv[2]).write_text(listed.as_yaml(), encoding="utf-8")
    except (MaterialError, OSError) as error:
        raise SystemExit(f"tones.yaml cannot be made: {error}") from error
    sys.stdout.write(
        f"{len(listed.countries)} countries, {len(listed.tones)} tones, {len(listed.excluded)} left out\n"
    )


if __name__ == "__main__":
    main()
