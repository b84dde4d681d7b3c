"""Heard against said, from journals as they are found on disks."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from agent.service.report import journal_lines, report
from agent.verdict.agreement import Agreement


def line(trunk: str, outcome: str, code: int | None, agreement: str) -> str:
    return json.dumps(
        {"trunk": trunk, "outcome": outcome, "carrier_sip_code": code, "agreement": agreement, "leg": "1"}
    )


LINES = [
    line("north", "ringing", 486, "contradicts"),
    line("north", "ringing", 486, "contradicts"),
    line("north", "announcement", 480, "adds_detail"),
    line("north", "ringing", 480, "agrees"),
    line("south", "no_audio", None, "none"),
]


def test_it_counts_each_trunk_by_what_was_heard_and_said() -> None:
    assert report(LINES).as_json() == {
        "unreadable": 0,
        "trunks": [
            {
                "trunk": "north",
                "calls": 4,
                "agrees": 0.25,
                "contradicts": 0.5,
                "adds_detail": 0.25,
                "none": 0.0,
                "heard": [
                    {"outcome": "ringing", "carrier_sip_code": 486, "agreement": "contradicts", "calls": 2},
                    {
                        "outcome": "announcement",
                        "carrier_sip_code": 480,
                        "agreement": "adds_detail",
                        "calls": 1,
                    },
                    {"outcome": "ringing", "carrier_sip_code": 480, "agreement": "agrees", "calls": 1},
                ],
                "candidates": [],
            },
            {
                "trunk": "south",
                "calls": 1,
                "agrees": 0.0,
                "contradicts": 0.0,
                "adds_detail": 0.0,
                "none": 1.0,
                "heard": [{"outcome": "no_audio", "carrier_sip_code": None, "agreement": "none", "calls": 1}],
                "candidates": [],
            },
        ],
    }


def test_the_table_shows_the_commonest_first() -> None:
    shown = _shown(LINES).splitlines()
    (ringing,) = [row for row in shown if "486" in row]
    assert "north" in ringing
    assert "contradicts" in ringing
    assert "50.0%" in ringing


def test_a_trunk_named_like_markup_is_shown_as_it_is() -> None:
    assert "[red]x[/]" in _shown([line("[red]x[/]", "ringing", 480, "agrees")])


def test_nothing_journalled_is_nothing_reported() -> None:
    assert report([]).as_json() == {"unreadable": 0, "trunks": []}
    assert report(["", "\n"]).unreadable == 0


@pytest.mark.parametrize(
    "torn",
    [
        LINES[0][:20],
        LINES[0][5:],
        LINES[0] + LINES[1],
        "[]",
        "7",
        "null",
        '{"trunk": "a"}',
        "\x00\x00\x00",
        3000 * "[",
    ],
)
def test_a_torn_line_is_counted_and_passed_over(torn: str) -> None:
    result = report([torn, *LINES])
    assert result.unreadable == 1
    assert result.trunks["north"].calls == 4


@given(st.lists(st.text()))
def test_any_lines_make_a_report(lines: list[str]) -> None:
    assert report(lines).unreadable <= len(lines)


@given(st.lists(st.sampled_from(LINES)))
def test_no_call_is_lost_and_shares_sum_to_one(lines: list[str]) -> None:
    result = report(lines)
    assert sum(trunk.calls for trunk in result.trunks.values()) == len(lines)
    for trunk in result.trunks.values():
        assert sum(trunk.share(agreement) for agreement in Agreement) == pytest.approx(1.0)


def test_rotated_files_are_read_oldest_first(tmp_path: Path) -> None:
    for suffix, text in {
        "": "new\n",
        ".1": "old\n",
        ".2": "older\n",
        ".10": "oldest\n",
        ".old": "not ours\n",
    }.items():
        (tmp_path / f"calls.jsonl{suffix}").write_text(text)
    assert list(journal_lines(tmp_path / "calls.jsonl")) == ["oldest\n", "older\n", "old\n", "new\n"]


def test_bytes_that_are_no_text_tear_one_line_only(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_bytes(b"\xff\xfe\n" + LINES[0].encode() + b"\n")
    result = report(journal_lines(path))
    assert (result.unreadable, result.trunks["north"].calls) == (1, 1)


def test_a_journal_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(journal_lines(tmp_path / "calls.jsonl"))


def _shown(lines: list[str]) -> str:
    console = Console(width=120, color_system=None)
    with console.capture() as captured:
        console.print(report(lines).table())
    return captured.get()


class TestCandidates:
    """What a candidate in shadow made of the same calls."""

    def line(self, ours: tuple[str, str], theirs: tuple[str, str], model: str = "0123abcd") -> str:
        call = json.loads(line("north", ours[0], 486, "contradicts")) | {"seconds": ours[1]}
        call["candidate"] = {"outcome": theirs[0], "seconds": theirs[1], "model": model}
        return json.dumps(call)

    def lines(self) -> list[str]:
        same, other = ("ringing", "rr.!r"), ("music", "rm.m!")
        return [
            self.line(same, same),
            self.line(same, other),
            self.line(same, same, model="ffff0000"),
            *LINES,
        ]

    def test_where_it_differs_is_counted_by_outcome_and_by_second(self) -> None:
        north, south = report(self.lines()).as_json()["trunks"]
        first, second = north["candidates"]
        assert first == {
            "model": "0123abcd",
            "calls": 2,
            "calls_differ": 1,
            "seconds": 8,
            "seconds_differ": 2,
            "outcomes": [{"outcome": "ringing", "candidate": "music", "calls": 1}],
            "sounds": [{"sound": "ringing", "candidate": "music", "seconds": 2}],
        }
        assert (second["model"], second["calls"], second["calls_differ"]) == ("ffff0000", 1, 0)
        assert south["candidates"] == []

    def test_the_table_shows_it_only_where_one_listened(self) -> None:
        shown = _shown(self.lines())
        assert "Candidates in shadow" in shown
        assert "25.0% of 8" in shown
        assert "Candidates in shadow" not in _shown(LINES)

    @pytest.mark.parametrize("theirs", ["rr", "rr.rr", "rr.x", None])
    def test_other_seconds_than_the_agents_are_no_record(self, theirs: str) -> None:
        torn = self.line(("ringing", "rr.r"), ("ringing", theirs))
        assert report([torn, *LINES]).unreadable == 1
