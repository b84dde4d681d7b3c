"""The national table becomes `tones.yaml`: everything is listed, or left out for a reason."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent.hearing.tone_table import ToneKind, parse_cadence, parse_table
from agent.train.corpus.tone_table import list_tones
from agent.train.errors import MaterialError

Elements = list[dict[str, object]]
RING: Elements = [{"cycles": "endless", "steps": [{"freq_hz": "425", "seconds": 1.0}, {"seconds": 4.0}]}]


def table(folder: Path, *tones: tuple[str, Elements], country: str = "Utopia") -> Path:
    path = folder / "table.json"
    listed = [{"tone": tone, "pattern": pattern} for tone, pattern in tones]
    path.write_text(json.dumps({"sets": [{"country": country, "iso": "ut", "tones": listed}]}), "utf-8")
    return path


def test_tones_are_listed_by_what_they_mean(tmp_path: Path) -> None:
    listed = list_tones(table(tmp_path, ("ringing-tone", RING), ("waiting-tone", RING)))
    assert listed.tones[parse_cadence("425/1 -/4")] == {ToneKind.RINGING: ["UT"], ToneKind.OTHER: ["UT"]}
    assert listed.excluded == []


def test_alternatives_are_tones_of_their_own_and_repetitions_are_not(tmp_path: Path) -> None:
    steps: Elements = [{"freq_hz": "400||450", "seconds": 0.375}, {"seconds": 0.375}] * 2
    listed = list_tones(table(tmp_path, ("congestion-tone", [{"cycles": "endless", "steps": steps}])))
    assert set(listed.tones) == {parse_cadence("400/0.375 -/0.375"), parse_cadence("450/0.375 -/0.375")}


@pytest.mark.parametrize(
    ("tone", "pattern", "reason"),
    [
        ("ringing-tone", [{"freq_hz": "25", "seconds": 1.0}, {"seconds": 4.0}], "no frequency"),
        ("ringing-tone", [{"cycles": "endless", "steps": [{}]}], "no frequency"),
        ("payphone-recognition-tone", [{"freq_hz": "1477+941", "seconds": 0.2}], "a key of a telephone"),
        ("dial-tone", [{"freq_hz": "154"}], "outside of 280 to 2000 Hz"),
        ("busy-tone", [{"freq_hz": "950"}], "no cadence"),
        ("ringing-tone", [{"freq_hz": "425", "seconds": 15.0}, {"seconds": 0.5}], "no cadence"),
        ("number-unobtainable-tone", [{"freq_hz": "450", "seconds": 0.3}, {"seconds": 0.03}], "no cadence"),
        (
            "special-information-tone",
            [{"freq_hz": hz, "seconds": 0.33} for hz in ("950", "1400", "1800")],
            "three rising segments",
        ),
    ],
)
def test_what_is_left_out_has_its_reason(tmp_path: Path, tone: str, pattern: Elements, reason: str) -> None:
    listed = list_tones(table(tmp_path, (tone, pattern)))
    assert not listed.tones
    assert [(left.country, left.tone) for left in listed.excluded] == [("UT", tone)]
    assert listed.excluded[0].reason.startswith(reason)


def test_codes_that_the_source_lacks_are_mended(tmp_path: Path) -> None:
    listed = list_tones(table(tmp_path, ("ringing-tone", RING), country="Channel Islands: Jersey"))
    assert listed.countries == {"JE": "Channel Islands: Jersey"}


def test_the_file_is_read_back_as_it_was_listed(tmp_path: Path) -> None:
    steady: Elements = [{"freq_hz": "950"}]
    source = table(tmp_path, ("ringing-tone", RING), ("busy-tone", steady))
    target = tmp_path / "tones.yaml"
    made = subprocess.run(
        [sys.executable, "-m", "agent.train.corpus.tone_table", source, target],
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout == "1 countries, 1 tones, 1 left out\n"
    (tone,) = parse_table(target.read_text("utf-8"), "tones.yaml").tones
    assert str(tone.cadence) == "425/1 -/4"
    assert tone.countries == {ToneKind.RINGING: ("UT",)}
    assert "UT busy-tone: no cadence" in target.read_text("utf-8")


def test_what_is_no_table_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_text("[]", "utf-8")
    with pytest.raises(MaterialError, match="is no table of national tones"):
        list_tones(path)
