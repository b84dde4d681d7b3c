"""What a benchmark found: printed, and kept in `benchmarks/results/<date>.json` with what it ran on."""

import argparse
import json
import math
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

console = Console(soft_wrap=False)

_COLUMNS = 4
"""Runs side by side in a terminal."""
_VERSIONS = ("numpy", "scipy", "scikit-learn", "panoramisk")


@dataclass(frozen=True, slots=True)
class Goal:
    """What was to be reached, beside what was measured."""

    what: str
    measured: float
    limit: float
    unit: str = ""
    at_least: bool = False
    """`limit` is to be reached; else it is not to be exceeded."""

    @property
    def reached(self) -> bool:
        """Whether it was; nothing measured (NaN) is nothing reached."""
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit


@dataclass(frozen=True, slots=True)
class Part:
    """All that one benchmark found."""

    name: str
    """As `./scripts/bench` calls it."""
    title: str
    results: tuple[Any, ...]
    """One frozen dataclass for each run, all of one kind; each of its fields is told."""
    goals: tuple[Goal, ...] = ()


@dataclass(frozen=True, slots=True)
class Machine:
    """What was measured on."""

    processor: str
    cores: int
    memory_gb: float
    system: str
    python: str
    versions: Mapping[str, str]
    revision: str
    """Of the repository; `+` where files had been changed since."""

    @classmethod
    def this(cls) -> "Machine":
        """Describe this one."""
        cpu = Path("/proc/cpuinfo").read_text().splitlines()
        names = [line.partition(": ")[2] for line in cpu if line.startswith("model name")]
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return cls(
            processor=names[0] if names else platform.machine(),
            cores=len(os.sched_getaffinity(0)),
            memory_gb=round(pages / 2**30, 1),
            system=platform.platform(),
            python=platform.python_version(),
            versions={name: version(name) for name in _VERSIONS},
            revision=_revision(),
        )


def add_into(parser: argparse.ArgumentParser) -> None:
    """Let a benchmark's command say where to keep what it finds."""
    parser.add_argument("--into", type=Path, metavar="FILE", help="keep what is found in this JSON file, too")


def tell(part: Part, into: Path | None = None) -> None:
    """Print what a benchmark found, and keep it in a file beside what others found."""
    console.print(f"[bold]{part.title}[/bold]", highlight=False)
    for first in range(0, len(part.results), _COLUMNS):
        console.print(_table(part.results[first : first + _COLUMNS]))
    for goal in part.goals:
        colour, word = ("green", "reached") if goal.reached else ("red", "missed")
        bound = "at least" if goal.at_least else "at most"
        console.print(
            f"[{colour}]{word}[/{colour}]  {goal.what}: {goal.measured:g} {goal.unit} "
            f"({bound} {goal.limit:g})",
            highlight=False,
        )
    keep(part, into)


def keep(part: Part, into: Path | None) -> None:
    """Write a part into a file of results, if there is one; an earlier part of the same name is replaced."""
    if into is None:
        return
    told = read(into) if into.exists() else {"parts": {}}
    told["parts"][part.name] = {
        "title": part.title,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": asdict(Machine.this()),
        "goals": [asdict(goal) | {"reached": goal.reached} for goal in part.goals],
        "results": [asdict(result) for result in part.results],
    }
    into.parent.mkdir(parents=True, exist_ok=True)
    into.write_text(json.dumps(_plain(told), indent=1, default=str) + "\n", encoding="utf-8")


def read(path: Path) -> dict[str, Any]:
    """Read a file of results."""
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told


def rows(results: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Return a row for each thing measured, a column for each run; long series are left out."""
    flat = [_flat(result) for result in results]
    names = list(dict.fromkeys(name for one in flat for name in one))
    return [(name, *(_text(one.get(name)) for one in flat)) for name in names]


def _table(results: Sequence[Any]) -> Table:
    table = Table(show_header=False)
    for row in rows([asdict(result) for result in results]):
        table.add_row(*row)
    return table


def _flat(result: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in result.items():
        said = f"{before}{name}".replace("_", " ")
        if isinstance(value, Mapping):
            found |= _flat(value, f"{said}: ")
        elif not isinstance(value, list | tuple):
            found[said] = value
    return found


def _plain(value: Any) -> Any:
    """Return the same with null for what could not be measured: JSON has no NaN."""
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value)


def _revision() -> str:
    def git(*words: str) -> str:
        done = subprocess.run(("git", *words), capture_output=True, text=True, check=False)  # noqa: S603, S607
        return done.stdout.strip()

    changed = "+" if git("status", "--porcelain", "--untracked-files=no") else ""
    return git("describe", "--always", "--abbrev=10") + changed
