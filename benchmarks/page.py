"""A file of results as one HTML page that needs nothing but itself."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agent.train.evaluation.report_page import (
    contents,
    figure,
    folded,
    page,
    paragraph,
    pictures,
    section,
    table,
    tiles,
    title,
)
from benchmarks.parts import read, rows
from benchmarks.plots import pictures_of


def write_page(into: Path) -> Path:
    """Write the page of a file of results beside it, and return where."""
    name = f"Benchmarks, {into.stem}"
    parts: Mapping[str, Mapping[str, Any]] = read(into)["parts"]
    goals = [goal for part in parts.values() for goal in part["goals"]]
    reached = sum(goal["reached"] for goal in goals)
    written = into.with_suffix(".html")
    written.write_text(
        page(
            name,
            title(name),
            paragraph("What was measured, beside what was to be reached.", "sub"),
            tiles([(f"{reached} of {len(goals)}", "goals reached"), (str(len(parts)), "benchmarks")]),
            contents((anchor, part["title"]) for anchor, part in parts.items()),
            *(section(anchor, part["title"], *_part(anchor, part)) for anchor, part in parts.items()),
        ),
        encoding="utf-8",
    )
    return written


def _part(name: str, part: Mapping[str, Any]) -> Iterator[str]:
    machine = part["machine"]
    yield paragraph(
        f"{part['at']}, revision {machine['revision']}, {machine['cores']} cores of {machine['processor']}, "
        f"{machine['memory_gb']} GB, Python {machine['python']}.",
        "note",
    )
    if part["goals"]:
        yield table(
            ("goal", "measured", "wanted", "reached"),
            (
                (
                    goal["what"],
                    _measured(goal),
                    f"{'at least' if goal['at_least'] else 'at most'} {goal['limit']:g}",
                    "yes" if goal["reached"] else "no",
                )
                for goal in part["goals"]
            ),
        )
    drawn = pictures_of(name, part["results"])
    if drawn:
        yield pictures(*(figure(png, caption) for png, caption in drawn))
    told = rows(part["results"])
    if told:
        runs = len(told[0]) - 1
        yield folded("All figures", table(("", *(f"run {n + 1}" for n in range(runs))), told))


def _measured(goal: Mapping[str, Any]) -> str:
    return "nothing" if goal["measured"] is None else f"{goal['measured']:,.6g} {goal['unit']}"
