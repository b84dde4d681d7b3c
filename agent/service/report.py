"""What was heard against what the carriers said, for each trunk, read from the journal."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from agent.verdict.agreement import Agreement


@dataclass(frozen=True, slots=True)
class HeardAgainstSaid:
    """One kind of call: an outcome and the carrier's final SIP code, None where it gave none."""

    outcome: str
    carrier_sip_code: int | None
    agreement: str


@dataclass(slots=True)
class TrunkReport:
    """The calls of one trunk."""

    kinds: Counter[HeardAgainstSaid] = field(default_factory=Counter)

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
                }
                for name, trunk in sorted(self.trunks.items())
            ],
        }

    def table(self) -> Table:
        """The report as `earlymedia report` shows it."""
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


def report(lines: Iterable[str]) -> Report:
    """Count journal lines; a line that is no record is counted as unreadable."""
    result = Report()
    for line in lines:
        if not line.strip():
            continue
        try:
            call = json.loads(line)
            trunk, code = str(call["trunk"]), call["carrier_sip_code"]
            kind = HeardAgainstSaid(
                str(call["outcome"]), None if code is None else int(code), str(call["agreement"])
            )
        except (ValueError, KeyError, TypeError, RecursionError):
            result.unreadable += 1
            continue
        result.trunks.setdefault(trunk, TrunkReport()).kinds[kind] += 1
    return result


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
