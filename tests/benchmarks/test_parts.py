"""What benchmarks found is kept beside what others found, and shown on a page."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.measuring import Delays
from benchmarks.page import write_page
from benchmarks.parts import Goal, Part, keep, read, rows


@dataclass(frozen=True, slots=True)
class Found:
    tap: str
    cpu_percent: float
    delay: Delays
    samples: tuple[int, ...] = ()


def part(name: str = "live", cpu_percent: float = 21.0) -> Part:
    found = Found("spy", cpu_percent, Delays.of([0.1, 0.2, 0.3]), samples=(1, 2, 3))
    return Part(name, "Live", (found,), (Goal("agent's processor", cpu_percent, 25.0, "%"),))


@pytest.mark.parametrize(
    ("measured", "at_least", "reached"),
    [(25.0, False, True), (25.1, False, False), (25.0, True, True), (24.9, True, False)],
)
def test_a_goal_is_reached_at_its_limit(measured: float, at_least: bool, reached: bool) -> None:
    assert Goal("agent's processor", measured, 25.0, at_least=at_least).reached is reached


def test_what_could_not_be_measured_reaches_nothing_and_is_null_in_the_file(tmp_path: Path) -> None:
    into = tmp_path / "results" / "2026-01-31.json"
    keep(part(cpu_percent=math.nan), into)
    (goal,) = json.loads(into.read_text())["parts"]["live"]["goals"]
    assert goal["measured"] is None
    assert goal["reached"] is False


def test_a_part_stands_beside_others_and_replaces_what_it_found_before(tmp_path: Path) -> None:
    into = tmp_path / "2026-01-31.json"
    keep(part("live", 30.0), into)
    keep(part("soak"), into)
    keep(part("live", 20.0), into)
    parts = read(into)["parts"]
    assert [*parts] == ["live", "soak"]
    assert parts["live"]["results"][0]["cpu_percent"] == 20.0
    assert parts["live"]["machine"]["cores"] > 0


def test_a_row_tells_one_figure_of_every_run_and_leaves_out_series() -> None:
    runs: list[dict[str, Any]] = [
        {"tap": "spy", "delay": {"p99": 1234.5}, "samples": [1, 2]},
        {"tap": "eagi", "delay": {"p99": 0.25}},
    ]
    assert rows(runs) == [("tap", "spy", "eagi"), ("delay: p99", "1,234", "0.25")]


def test_the_page_holds_all_that_the_file_does(tmp_path: Path) -> None:
    into = tmp_path / "2026-01-31.json"
    keep(part("unheard-of", 30.0), into)
    page = write_page(into).read_text()
    assert "0 of 1" in page
    assert "agent&#x27;s processor" in page
    assert "delay: p99" in page
