"""Tones as composed calls play them, and when a listener can know them."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.hearing.pcm import SAMPLE_RATE
from agent.hearing.tone_table import ToneKind, parse_cadence
from agent.train.corpus.call_tones import Spoken, known_after, once, pattern_of, spoken_tones
from agent.train.corpus.standard_tones import SPECIAL_INFORMATION
from agent.train.corpus.tones import Chord, Pattern, Tolerance, alike, sound_pattern

EXACT = Tolerance(0.0, 0.0)


def heard(*parts: tuple[bool, float]) -> NDArray[np.bool_]:
    """Where a tone sounds: (whether, seconds) in turn."""
    return np.concatenate([np.full(round(seconds * SAMPLE_RATE), on) for on, seconds in parts])


def spoken(text: str, kind: ToneKind) -> Spoken:
    return Spoken(pattern_of(parse_cadence(text)), kind)


@pytest.mark.parametrize(
    ("text", "kind", "parts", "seconds"),
    [
        ("425/1 -/4", ToneKind.RINGING, [(True, 1), (False, 4), (True, 1), (False, 4)], 1.0),
        ("425/1 -/4", ToneKind.RINGING, [(False, 2), (True, 1), (False, 4)], 3.0),
        (
            "400/.4 -/.2 400/.4 -/2",
            ToneKind.RINGING,
            [(True, 0.4), (False, 0.2), (True, 0.4), (False, 2)],
            1.0,
        ),
        ("425/.5 -/.5", ToneKind.BUSY, 4 * [(True, 0.5), (False, 0.5)], 2.0),
        ("425", ToneKind.DIAL_TONE, [(False, 1), (True, 5)], 3.0),
        ("425", ToneKind.DIAL_TONE, [(True, 1)], 1.0),
    ],
)
def test_a_listener_knows_a_tone_once_it_has_said_all(
    text: str, kind: ToneKind, parts: list[tuple[bool, float]], seconds: float
) -> None:
    assert known_after(spoken(text, kind), heard(*parts)) == round(seconds * SAMPLE_RATE)


@pytest.mark.parametrize("pattern", SPECIAL_INFORMATION)
def test_a_sit_is_known_at_its_end(pattern: Pattern) -> None:
    chosen = next(each for each in spoken_tones() if each.pattern == pattern)
    _, on = sound_pattern(once(chosen.pattern), 2 * SAMPLE_RATE, np.random.default_rng(1), EXACT)
    assert known_after(chosen, on) == int(np.flatnonzero(on)[-1]) + 1


def test_of_a_sit_that_is_heard_from_its_middle_the_next_one_is_known() -> None:
    sit = next(each for each in spoken_tones() if each.kind is ToneKind.SIT_VACANT)
    parts = [(True, 0.4), (False, 2.0), (True, 1.034), (False, 2.0)]
    assert known_after(sit, heard(*parts)) == round(3.434 * SAMPLE_RATE)


def test_an_answer_tone_is_known_after_a_second_and_a_calling_tone_at_its_second_beep() -> None:
    steady = next(
        each
        for each in spoken_tones()
        if each.kind is ToneKind.FAX_OR_MODEM and math.isinf(each.pattern.again[0].seconds)
    )
    calling = next(
        each
        for each in spoken_tones()
        if each.kind is ToneKind.FAX_OR_MODEM and each.pattern.again[0].chord == Chord((1100.0,))
    )
    assert known_after(steady, heard((True, 5))) == SAMPLE_RATE
    beeps = heard((True, 0.5), (False, 3), (True, 0.5), (False, 3))
    assert known_after(calling, beeps) == 4 * SAMPLE_RATE


def test_what_never_sounds_is_never_known() -> None:
    assert known_after(spoken("425/1 -/4", ToneKind.RINGING), heard((False, 3))) == 3 * SAMPLE_RATE


def test_what_a_country_means_by_one_tone_twice_is_told_with_each() -> None:
    disputed = [each for each in spoken_tones() if ToneKind.CONGESTION in each.too]
    assert disputed
    for each in disputed:
        twins = [
            other
            for other in spoken_tones()
            if other.country == each.country
            and other.kind is ToneKind.CONGESTION
            and alike(each.pattern, other.pattern, Tolerance())
        ]
        assert twins


def test_most_countries_mean_ringing_by_a_second_in_five() -> None:
    ringing = [each for each in spoken_tones() if each.text == "425/1 -/4"]
    assert len(ringing) > 20
    assert {each.mostly for each in ringing} == {ToneKind.RINGING}
