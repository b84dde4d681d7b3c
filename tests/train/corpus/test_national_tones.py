"""The national table is read as it is written, and what is left out is said."""

import math
from pathlib import Path

import pytest

from agent.train.corpus.national_tones import Exclusion, Reason, read_national
from agent.train.corpus.tones import Chord, Pattern, Step
from agent.train.errors import MaterialError
from tests.train.conftest import World

PAUSE = Chord()
RINGING = Pattern((), (Step(Chord((425.0,)), 1.0), Step(PAUSE, 4.0)))


def test_every_audible_tone_is_read(world: World) -> None:
    assert set(read_national(world.tones).patterns) == {
        RINGING,
        Pattern((), (Step(Chord((430.0,)), 1.0), Step(PAUSE, 4.0))),
        Pattern((), (Step(Chord((480.0, 620.0)), 0.5), Step(PAUSE, 0.5))),
        Pattern((), (Step(Chord((400.0,), modulated_by=25.0), 0.5), Step(PAUSE, 0.5))),
        Pattern((), (Step(Chord((350.0, 440.0)), math.inf),)),
        Pattern(
            (),
            (
                Step(Chord((950.0,)), 0.33),
                Step(Chord((1400.0,)), 0.33),
                Step(Chord((1800.0,)), 0.33),
                Step(PAUSE, 1.0),
            ),
        ),
        Pattern((), (Step(Chord((440.0,)), 0.25), Step(PAUSE, 0.25))),
    }


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sets": [{"tones": [{}]}]}', '{"sets": 5}'])
def test_what_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tones.json"
    path.write_text(text)
    with pytest.raises(MaterialError, match=r"tones\.json is no table of national tones"):
        read_national(path)


def test_what_is_left_out_has_a_reason(world: World) -> None:
    national = read_national(world.tones)
    assert national.sets == 2
    assert national.excluded == (
        Exclusion("Testland", "bell", Reason.INAUDIBLE),
        Exclusion("Testland", "key", Reason.KEY),
    )
