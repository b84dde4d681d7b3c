"""Sub-fingerprints: agreement with oneself, none with others."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agent.hearing.mel import MEL_BANDS, LogMel
from agent.hearing.subfingerprints import compare, movement, sub_fingerprints
from tests.hearing.speech import noisy, spectra, speech


def likeness(heard: LogMel, known: LogMel) -> float:
    frames = min(len(heard), len(known))
    within = np.ones(frames, np.bool_)
    agreed, moved = compare(movement(heard)[:frames], sub_fingerprints(known)[:frames], within, frames)
    return float(agreed[0] / moved[0])


def test_a_sound_is_wholly_like_itself() -> None:
    assert likeness(spectra(speech(1)), spectra(speech(1))) == 1.0


def test_noise_and_a_shifted_cut_leave_it_alike_and_another_sound_is_not() -> None:
    sound = speech(1)
    cut = noisy(sound, 10.0)[62:]
    assert likeness(spectra(cut), spectra(sound)) > 0.4
    assert abs(likeness(spectra(speech(2)), spectra(sound))) < 0.15


def test_what_lies_without_counts_against() -> None:
    mel = spectra(speech(1))[:128]
    within = np.arange(128) < 64
    agreed, moved = compare(movement(mel), sub_fingerprints(mel), within, 64)
    assert agreed[0] > 0.9 * moved[0]
    assert agreed[1] == 0.0 < moved[1]


def test_silence_and_the_shortest_sounds_do_not_move() -> None:
    for mel in (np.full((50, MEL_BANDS), -90, np.float32), np.zeros((3, MEL_BANDS), np.float32)):
        assert not movement(mel).any()
        assert not sub_fingerprints(mel).any()


@settings(max_examples=40, deadline=None)
@given(
    arrays(
        np.float32, st.tuples(st.integers(0, 60), st.just(MEL_BANDS)), elements=st.floats(-90, 0, width=32)
    )
)
def test_nothing_agrees_more_than_it_moves(mel: LogMel) -> None:
    prints = sub_fingerprints(mel)
    assert prints.shape == (len(mel), 8)
    if len(mel):
        agreed, moved = compare(movement(mel), prints[::-1], np.ones(len(mel), np.bool_), len(mel))
        assert abs(agreed[0]) <= moved[0] + 1e-3
