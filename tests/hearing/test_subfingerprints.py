"""Sub-fingerprints: agreement with oneself, none with others."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agent.hearing.mel import MEL_BANDS, LogMel
from agent.hearing.subfingerprints import Movement, agreement, halved, movement, sub_fingerprints, whole
from tests.hearing.speech import noisy, spectra, speech


def likeness(heard: LogMel, known: LogMel) -> float:
    frames = min(len(heard), len(known)) // 4 * 4
    moved = movement(heard)[:frames]
    agreed = agreement(moved, sub_fingerprints(known)[np.newaxis, :frames], frames)
    return float(agreed[0, 0] / np.abs(moved).sum())


def test_a_sound_is_wholly_like_itself() -> None:
    assert likeness(spectra(speech(1)), spectra(speech(1))) == 1.0


def test_noise_and_a_shifted_cut_leave_it_alike_and_another_sound_is_not() -> None:
    sound = speech(1)
    cut = noisy(sound, 10.0)[62:]
    assert likeness(spectra(cut), spectra(sound)) > 0.4
    assert abs(likeness(spectra(speech(2)), spectra(sound))) < 0.15


def test_several_are_compared_at_once_and_piece_by_piece() -> None:
    mel, other = spectra(speech(1))[:128], spectra(speech(2))[:128]
    moved = movement(mel)
    agreed = agreement(moved, np.stack([sub_fingerprints(mel), sub_fingerprints(other)]), 64)
    np.testing.assert_allclose(agreed[0], np.abs(moved).reshape(2, -1).sum(axis=1), rtol=1e-5)
    assert np.all(np.abs(agreed[1]) < 0.3 * agreed[0])


def test_a_batch_gives_what_each_gives_alone() -> None:
    mels = [spectra(speech(seed))[:100] for seed in range(3)]
    np.testing.assert_array_equal(movement(np.stack(mels)), np.stack([movement(mel) for mel in mels]))
    prints = np.stack([sub_fingerprints(mel) for mel in mels])
    np.testing.assert_array_equal(sub_fingerprints(np.stack(mels)), prints)


@given(frames=st.integers(0, 60), since=st.integers(0, 60))
def test_what_came_before_is_compared_with_and_not_returned(frames: int, since: int) -> None:
    mel = spectra(speech(1))[:frames]
    since = min(since, frames)
    np.testing.assert_array_equal(movement(mel, since), movement(mel)[since:])
    np.testing.assert_array_equal(sub_fingerprints(mel, since), sub_fingerprints(mel)[since:])


@given(arrays(np.float32, st.integers(0, 20), elements=st.floats(-12, 12, width=32)))
def test_movement_is_kept_in_half_the_memory(moved: Movement) -> None:
    kept = halved(moved)
    assert kept.nbytes == moved.nbytes // 2
    np.testing.assert_array_equal(whole(kept), kept.astype(np.float32))


def test_silence_and_the_shortest_sounds_do_not_move() -> None:
    for mel in (np.full((50, MEL_BANDS), -90, np.float32), np.zeros((3, MEL_BANDS), np.float32)):
        assert not movement(mel).any()
        assert not sub_fingerprints(mel).any()


@settings(max_examples=40)
@given(
    arrays(
        np.float32, st.tuples(st.integers(0, 60), st.just(MEL_BANDS)), elements=st.floats(-90, 0, width=32)
    )
)
def test_nothing_agrees_more_than_it_moves(mel: LogMel) -> None:
    prints = sub_fingerprints(mel)
    assert prints.shape == (len(mel), 8)
    if len(mel):
        moved = movement(mel)
        agreed = agreement(moved, prints[np.newaxis, ::-1], len(mel))
        assert abs(agreed[0, 0]) <= np.abs(moved).sum() * (1 + 1e-5) + 1e-3
