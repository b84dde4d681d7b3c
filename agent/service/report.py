"""What was heard against what the carriers said, for each trunk, read from the journal."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from agent.verdict.agreement import Agreement
from agent.verdict.evidence import GAP, LETTER


@dataclass(frozen=True, slots=True)
class HeardAgainstSaid:
    """One kind of call: an outcome and the carrier's final SIP code, None where it gave none."""

    outcome: str
    carrier_sip_code: int | None
    agreement: str


@dataclass(slots=True)
class InShadow:
    """What one candidate made of a trunk's calls, beside what the agent told."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Calls by the agent's outcome and the candidate's."""
    sounds: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Seconds by the agent's letter and the candidate's, see `Evidence.timeline`."""

    def take(self, other: "InShadow") -> None:
        """Add what another has counted."""
        self.outcomes += other.outcomes
        self.sounds += other.sounds

    def as_json(self) -> Mapping[str, Any]:
        """How often and where the two differ."""
        return {
            "calls": self.outcomes.total(),
            "calls_differ": _differing(self.outcomes).total(),
            "seconds": self.sounds.total(),
            "seconds_differ": _differing(self.sounds).total(),
            "outcomes": [
                {"outcome": ours, "candidate": theirs, "calls": count}
                for (ours, theirs), count in _differing(self.outcomes).most_common()
            ],
            "sounds": [
                {"sound": _SOUND_OF[ours], "candidate": _SOUND_OF[theirs], "seconds": count}
                for (ours, theirs), count in _differing(self.sounds).most_common()
            ],
        }


@dataclass(slots=True)
class TrunkReport:
    """The calls of one trunk."""

    kinds: Counter[HeardAgainstSaid] = field(default_factory=Counter)
    candidates: dict[str, InShadow] = field(default_factory=dict)
    """Candidates that listened in shadow, by name."""

    @property
    def calls(self) -> int:
        """Number of calls."""
        return self.kinds.total()

    def share(self, agreement: Agreement) -> float:
        """Share of calls whose verdict stands like this to the carrier's code, 0 to 1."""
        count = sum(count for kind, count in self.kinds.items() if kind.agreement == agreement)
        return count / self.calls if self.calls else 0.0


@dataclass(slots=True)
class Report:
    """The calls of every trunk."""

    trunks: dict[str, TrunkReport] = field(default_factory=dict)
    unreadable: int = 0
    """Journal lines that are no record: torn by a crash or a full disk."""

    def as_json(self) -> Mapping[str, Any]:
        """The report as `earlymedia report --json` prints it."""
        return {
            "unreadable": self.unreadable,
            "trunks": [
                {
                    "trunk": name,
                    "calls": trunk.calls,
                    **{str(agreement): round(trunk.share(agreement), 4) for agreement in Agreement},
                    "heard": [
                        {
                            "outcome": kind.outcome,
                            "carrier_sip_code": kind.carrier_sip_code,
                            "agreement": kind.agreement,
                            "calls": count,
                        }
                        for kind, count in trunk.kinds.most_common()
                    ],
                    "candidates": [
                        {"model": model, **shadow.as_json()} for model, shadow in trunk.candidates.items()
                    ],
                }
                for name, trunk in sorted(self.trunks.items())
            ],
        }

    def table(self) -> Group:
        """The report as `earlymedia report` shows it."""
        shadows = any(trunk.candidates for trunk in self.trunks.values())
        return Group(self._heard_against_said(), *([self._in_shadow()] if shadows else []))

    def _in_shadow(self) -> Table:
        table = Table(title="Candidates in shadow")
        for heading in ("trunk", "candidate", "the agent", "the candidate"):
            table.add_column(heading)
        for heading in ("calls", "share", "seconds that differ"):
            table.add_column(heading, justify="right")
        for name, trunk in sorted(self.trunks.items()):
            for model, shadow in trunk.candidates.items():
                calls, seconds = shadow.outcomes.total(), shadow.sounds.total()
                differing, other = _differing(shadow.outcomes), _differing(shadow.sounds).total()
                share = f"{other / seconds:.1%} of {seconds}"
                table.add_row(Text(name), Text(model), "all calls", "", str(calls), "", share)
                for (ours, theirs), count in differing.most_common():
                    table.add_row("", "", Text(ours), Text(theirs), str(count), f"{count / calls:.1%}", "")
            table.add_section()
        return table

    def _heard_against_said(self) -> Table:
        table = Table(title="Heard against said")
        for heading in ("trunk", "heard", "the verdict"):
            table.add_column(heading)
        for heading in ("carrier said", "calls", "share"):
            table.add_column(heading, justify="right")
        for name, trunk in sorted(self.trunks.items()):
            for row, (kind, count) in enumerate(trunk.kinds.most_common()):
                said = "-" if kind.carrier_sip_code is None else str(kind.carrier_sip_code)
                table.add_row(
                    Text(name if row == 0 else ""),
                    Text(kind.outcome),
                    Text(kind.agreement.replace("_", " "), _STYLES.get(kind.agreement, "")),
                    said,
                    str(count),
                    f"{count / trunk.calls:.1%}",
                )
            table.add_section()
        return table


_STYLES = {"agrees": "green", "contradicts": "red", "adds_detail": "yellow"}
_SOUND_OF = {letter: sound.value for sound, letter in LETTER.items()}


def _letters(timeline: str) -> str:
    letters = timeline.replace(GAP, "")
    if not set(letters) <= _SOUND_OF.keys():
        raise ValueError(f"a second that is none: {timeline}")
    return letters


def _differing(pairs: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
    return Counter({pair: count for pair, count in pairs.items() if pair[0] != pair[1]})


def report(lines: Iterable[str]) -> Report:
    """Count journal lines; a line that is no record is counted as unreadable."""
    result = Report()
    for line in lines:
        if not line.strip():
            continue
        try:
            trunk, kind, shadows = _parse(line)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            result.unreadable += 1
            continue
        counted = result.trunks.setdefault(trunk, TrunkReport())
        counted.kinds[kind] += 1
        for model, shadow in shadows.items():
            counted.candidates.setdefault(model, InShadow()).take(shadow)
    return result


def _parse(line: str) -> tuple[str, HeardAgainstSaid, Mapping[str, InShadow]]:
    """Read one call: its trunk, its kind, and what a candidate made of it."""
    call = json.loads(line)
    code, candidate = call["carrier_sip_code"], call.get("candidate")
    kind = HeardAgainstSaid(str(call["outcome"]), None if code is None else int(code), str(call["agreement"]))
    if candidate is None:
        return str(call["trunk"]), kind, {}
    seconds = zip(_letters(call["seconds"]), _letters(candidate["seconds"]), strict=True)
    shadow = InShadow(Counter([(kind.outcome, str(candidate["outcome"]))]), Counter(seconds))
    return str(call["trunk"]), kind, {str(candidate["model"]): shadow}


def journal_lines(path: Path) -> Iterator[str]:
    """Lines of a journal and of what was rotated away from it, oldest first.

    Raises:
        OSError: a file cannot be read.
    """
    rotated = [
        (int(file.suffix[1:]), file)
        for file in path.parent.glob(f"{path.name}.*")
        if file.suffix[1:].isdecimal()
    ]
    for _, file in sorted(rotated, reverse=True):
        yield from _lines(file)
    if path.exists() or not rotated:
        yield from _lines(path)


def _lines(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8", errors="replace") as lines:
        yield from lines
