"""Which tones are steady, and that asking together is asking alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.hearing.pcm import Samples
from agent.hearing.rows import frame_rows
from agent.hearing.spectrogram import power_spectrogram
from agent.hearing.steady_tones import Asking, Sounding, Steady, answered, find_steady
from agent.hearing.tone_frames import frame_traits
from agent.hearing.tone_lines import kept_bins
from tests.hearing.tone_sounds import noise, tone


def sounding(samples: Samples) -> Sounding:
    spectra = power_spectrogram(samples)
    one = Sounding(0)
    one.extend(len(spectra), frame_traits(frame_rows(spectra)), kept_bins(spectra))
    return one


def steady(samples: Samples) -> Steady | None:
    (one,) = find_steady([sounding(samples)])
    return one


def test_a_tone_has_its_lines_and_its_level() -> None:
    one = steady(tone(0.5, 480, 620))
    assert one
    assert one.lines.hz == pytest.approx((480, 620), abs=2)
    assert one.level_db == pytest.approx(-20, abs=0.5)
    assert one.even


def test_noise_and_a_note_that_fades_are_not_steady() -> None:
    assert steady(noise(0.5, 0.1)) is None
    fading = tone(0.6, 440) * np.exp(-np.arange(4800) / 1200).astype(np.float32)
    assert steady(fading) is None


def test_a_tone_that_is_not_clean_is_even_once_it_has_held_still_for_long() -> None:
    """An overdriven pair has a fifth of its power elsewhere; so has an instrument, but its level moves."""
    overdriven = tone(3, 350, 450) + tone(3, 800, 1150, 1250, 1700, 2050, amplitude=0.024)
    swell = (1 + 0.4 * np.sin(2 * np.pi * 3 * np.arange(24000) / 8000)).astype(np.float32)
    short, long, played = steady(overdriven[:8000]), steady(overdriven), steady(overdriven * swell)
    assert short
    assert long
    assert played
    assert not short.even
    assert long.even
    assert not played.even


PIECES = [tone(0.3, 425), noise(0.3, 0.1), tone(0.1, 480, 620), tone(3.0, 350, 440), noise(0.05, 0.1)]


@settings(max_examples=20)
@given(st.lists(st.integers(0, len(PIECES) - 1), max_size=8))
def test_many_tones_together_are_what_each_is_alone(chosen: list[int]) -> None:
    together = find_steady([sounding(PIECES[index]) for index in chosen])
    assert [one and str(one.lines) for one in together] == [
        one and str(one.lines) for one in (steady(PIECES[index]) for index in chosen)
    ]


def test_each_asks_as_often_as_it_likes() -> None:
    def asking(times: int) -> Asking[list[bool]]:
        told = []
        for _ in range(times):
            one = yield sounding(tone(0.2, 425))
            told.append(one is not None)
        return told

    assert answered([asking(2), asking(0), asking(3)]) == [[True] * 2, [], [True] * 3]
    assert answered([]) == []
