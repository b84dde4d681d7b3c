"""What a call's runs say, how sure that is, and when it is too early to say it."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.cadence import Reading
from agent.hearing.tone_judgement import fewest_runs, judge
from agent.hearing.tone_lines import Lines
from agent.hearing.tone_runs import Run
from agent.hearing.tone_table import NATIONAL_KINDS, ToneKind

BUSY, CONGESTION, RINGING = ToneKind.BUSY, ToneKind.CONGESTION, ToneKind.RINGING
UNOBTAINABLE = ToneKind.NUMBER_UNOBTAINABLE


def runs(*frames: int, steady: bool = True) -> list[Run]:
    """Make tones, and pauses of frames below 0."""
    made: list[Run] = []
    for length in frames:
        start = made[-1].start + made[-1].frames if made else 100
        lines = Lines((425.0,), 3.0, 0.99) if length > 0 else None
        made.append(Run(lines, start, abs(length), steady=steady))
    return made


def reading(
    votes: Mapping[ToneKind, float],
    explained: int,
    also: frozenset[ToneKind] = frozenset(),
    fit: float = 0.5,
    countries: tuple[str, ...] = ("AA", "BB"),
) -> Reading:
    return Reading(votes, countries, also, explained, (explained + 1) // 2, False, fit)


CYCLES = runs(32, -32, 32, -32, 10)


def said(votes: Mapping[ToneKind, float], own: bool = False, **more: object) -> tuple[ToneKind, float] | None:
    return judge(reading(votes, 4, **more), CYCLES[:-1], CYCLES[-1], beep=False, own=own)  # type: ignore[arg-type]


def test_two_cycles_say_what_most_mean_by_them() -> None:
    assert said({BUSY: 0.8, CONGESTION: 0.2}) == (BUSY, 0.8 * 0.9)
    assert said({BUSY: 0.3, CONGESTION: 0.35, ToneKind.OTHER: 0.35}) is None


def test_what_a_caller_would_act_on_otherwise_is_never_sure() -> None:
    assert said({CONGESTION: 0.8, UNOBTAINABLE: 0.2}) == (CONGESTION, 0.65)


def test_nothing_that_ends_a_call_is_said_while_it_may_ring() -> None:
    assert said({BUSY: 0.7, RINGING: 0.3}) is None
    assert said({BUSY: 0.9, RINGING: 0.1}) == (BUSY, 0.65)


def test_one_country_s_tones_that_sound_alike_say_nothing_but_one_of_two_meanings_does() -> None:
    alike = {CONGESTION: 0.8, UNOBTAINABLE: 0.2}
    assert said(alike, own=True) is None
    assert said(alike, countries=("SB",)) is None
    both = frozenset({CONGESTION, UNOBTAINABLE})
    assert said({CONGESTION: 0.5, UNOBTAINABLE: 0.5}, own=True, also=both) == (CONGESTION, 0.45)


def test_what_fits_poorly_is_never_sure() -> None:
    assert said({BUSY: 1.0}, fit=0.05) == (BUSY, 0.65)
    assert said({BUSY: 1.0}, fit=0.01) is None


@given(
    frames=st.lists(st.integers(3, 80), min_size=1, max_size=10),
    starts_with_tone=st.booleans(),
    steady=st.booleans(),
    explained=st.integers(0, 9),
    kind=st.sampled_from(NATIONAL_KINDS),
)
def test_nothing_is_said_of_fewer_runs_than_the_fewest(
    frames: list[int], starts_with_tone: bool, steady: bool, explained: int, kind: ToneKind
) -> None:
    *before, last = runs(
        *(n if (at % 2 == 0) is starts_with_tone else -n for at, n in enumerate(frames)), steady=steady
    )
    explained = min(explained, len(before))
    fewest = fewest_runs(before, last)
    if judge(reading({kind: 1.0}, explained), before, last, beep=False):
        assert fewest is not None
        assert explained >= fewest


@pytest.mark.parametrize(("hz", "told"), [(425.0, True), (1050.0, False)])
def test_a_high_tone_without_end_is_a_held_note_unless_the_country_is_known_for_it(
    hz: float, told: bool
) -> None:
    (tone,) = runs(200)
    tone = replace(tone, lines=Lines((hz,), 3.0, 0.99))
    steady = replace(reading({ToneKind.DIAL_TONE: 1.0}, 0), steady=True)
    assert judge(steady, (), tone, beep=False, own=True) == (ToneKind.DIAL_TONE, 0.95)
    assert (judge(steady, (), tone, beep=False) is not None) is told
