"""How well heard lines fit the chords of networks."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.chords import Chords
from agent.hearing.tone_lines import Lines
from agent.hearing.tone_table import Chord

NAMES = ("400", "425", "450", "400+450", "440+480", "480+620", "350+440", "400+425", "400*25")
CHORDS = Chords(
    [
        Chord(tuple(map(float, name.partition("*")[0].split("+"))), float(name.partition("*")[2] or 0))
        for name in NAMES
    ]
)


def fitting(*hz: float, width_hz: float = 0.0) -> set[str]:
    cost = CHORDS.cost(Lines(hz, width_hz, 0.99))
    return {name for name, one in zip(NAMES, cost, strict=True) if math.isfinite(one)}


def test_a_line_fits_its_own_chord_best() -> None:
    for name in ("400", "425", "450", "480+620", "350+440", "400+450"):
        cost = CHORDS.cost(Lines(tuple(map(float, name.split("+"))), 0.0, 0.99))
        assert cost[NAMES.index(name)] == pytest.approx(0, abs=1e-12)
        assert cost.argmin() == NAMES.index(name)


def test_two_percent_off_still_fits_and_six_do_not() -> None:
    assert "425" in fitting(425 * 1.02, width_hz=3.0)
    assert "425" not in fitting(450.0, width_hz=3.0)
    assert fitting(480 * 0.98, 620 * 0.98) == {"480+620"}


def test_a_missing_or_an_added_line_does_not_fit() -> None:
    assert "480+620" not in fitting(480.0)
    assert fitting(480.0, 620.0, 950.0) == set()


def test_a_wide_line_is_a_close_pair_or_a_modulated_one_and_a_narrow_one_is_neither_pair() -> None:
    assert fitting(412.0, width_hz=12.5) >= {"400+425"}
    assert "425" not in fitting(420.0, width_hz=26.0)
    assert "400+450" not in fitting(425.0, width_hz=2.0)
    assert "400*25" in fitting(399.0, width_hz=13.4)


def test_a_line_that_a_codec_has_smeared_is_no_surer_a_pair_than_a_lone_one() -> None:
    cost = CHORDS.cost(Lines((400.0,), 13.0, 0.97))
    assert cost[NAMES.index("400")] < cost[NAMES.index("400+450")]
    assert cost[NAMES.index("400+450")] < 3


@given(st.lists(st.floats(250, 2300), min_size=1, max_size=3, unique=True), st.floats(0, 40))
def test_any_lines_cost_something_or_cannot_be(hz: list[float], width_hz: float) -> None:
    cost = CHORDS.cost(Lines(tuple(sorted(hz)), width_hz, 0.9))
    assert cost.shape == (len(NAMES),)
    assert np.all(cost >= 0)
