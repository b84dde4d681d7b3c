"""The tones of standards have their frequencies, lengths and order."""

import numpy as np
import pytest

from agent.hearing.pcm import SAMPLE_RATE
from agent.train.corpus.standard_tones import FAX_AND_MODEM, SPECIAL_INFORMATION
from agent.train.corpus.tones import Tolerance, group_patterns, sound_pattern


@pytest.mark.parametrize("pattern", SPECIAL_INFORMATION)
def test_special_information_is_three_rising_segments(pattern: object) -> None:
    [found] = [each for each in SPECIAL_INFORMATION if each == pattern]
    sounding = [step for step in found.again if step.chord.hz]
    assert [round(step.chord.hz[0], -2) for step in sounding] in ([900, 1400, 1800], [1000, 1400, 1800])
    assert all(0.26 <= step.seconds <= 0.4 for step in sounding)


def test_north_american_codings_are_one_group_with_the_international_one() -> None:
    off = Tolerance()
    assert len(group_patterns(SPECIAL_INFORMATION, off)) == 2
    assert len(group_patterns(FAX_AND_MODEM, off)) == 6


@pytest.mark.parametrize(("number", "hz"), [(0, 1100), (1, 1300), (3, 2100), (6, 2225)])
def test_a_fax_or_modem_is_heard_at_its_frequency(number: int, hz: int) -> None:
    exact = Tolerance(0.0, 0.0)
    sound, on = sound_pattern(FAX_AND_MODEM[number], 2 * SAMPLE_RATE, np.random.default_rng(0), exact)
    assert abs(int(np.abs(np.fft.rfft(sound)).argmax()) / 2 - hz) < 5
    assert on.any()


def test_the_flags_of_a_fax_lie_in_channel_two_of_v21() -> None:
    sound, on = sound_pattern(FAX_AND_MODEM[-1], SAMPLE_RATE, np.random.default_rng(0), Tolerance(0.0, 0.0))
    spectrum = np.abs(np.fft.rfft(sound)) ** 2
    assert on.all()
    assert spectrum[1500:2000].sum() > 0.95 * spectrum.sum()
