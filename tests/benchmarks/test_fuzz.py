"""What fuzzing found is kept for each target by itself."""

from pathlib import Path

from benchmarks.fuzz import Fuzzed, part_of
from benchmarks.parts import keep, read


def test_targets_that_are_tried_in_different_runs_stand_beside_each_other(tmp_path: Path) -> None:
    into = tmp_path / "2026-01-31.json"
    for fuzzed in (
        Fuzzed("ami", 1_000, 3.0, 240, "fuzz-ami-crash-1: ValueError: no"),
        Fuzzed("config", 2_000, 30.0, 130, ""),
        Fuzzed("ami", 5_000_000, 12.0, 248, ""),
    ):
        keep(part_of(fuzzed), into)
    parts = read(into)["parts"]
    assert {name: part["results"][0]["executions"] for name, part in parts.items()} == {
        "fuzz_ami": 5_000_000,
        "fuzz_config": 2_000,
    }


def test_either_the_inputs_or_the_minutes_are_enough_and_one_broken_parser_is_too_many() -> None:
    def reached(fuzzed: Fuzzed) -> list[bool]:
        return [goal.reached for goal in part_of(fuzzed).goals]

    assert reached(Fuzzed("agi", 5_000_000, 2.0, 90, "")) == [True, True]
    assert reached(Fuzzed("agi", 1_000, 29.9, 90, "")) == [True, True]
    assert reached(Fuzzed("agi", 1_000, 3.0, 90, "fuzz-agi-crash-1: ValueError: no")) == [False, False]
