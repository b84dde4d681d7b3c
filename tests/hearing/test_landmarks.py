"""Landmarks: pairs of peaks, the same wherever a second is cut and however loud it is."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agent.hearing.landmarks import CONTEXT, HASHES, PEAK_FRAMES, landmarks
from agent.hearing.mel import FLOOR_DB, MEL_BANDS, LogMel
from tests.hearing.speech import spectra, speech


def peaks(*places: tuple[int, int], frames: int = 100) -> LogMel:
    mel = np.full((1, frames, MEL_BANDS), FLOOR_DB, np.float32)
    for frame, band in places:
        mel[0, frame, band] = -20.0
    return mel


def test_two_peaks_are_one_landmark_that_tells_both_bands_and_their_distance() -> None:
    near, far = landmarks(peaks((20, 10), (30, 12))), landmarks(peaks((50, 10), (60, 12)))
    assert near.frame.tolist() == [20]
    assert far.frame.tolist() == [50]
    assert near.hash.tolist() == far.hash.tolist()
    for other in (peaks((20, 11), (30, 12)), peaks((20, 10), (30, 13)), peaks((20, 10), (31, 12))):
        assert landmarks(other).hash.tolist() != near.hash.tolist()


def test_peaks_too_near_too_far_or_in_far_bands_make_none() -> None:
    for places in ((20, 10), (22, 30)), ((20, 10), (60, 10)), ((20, 10), (30, 40)):
        assert landmarks(peaks(*places)).hash.size == 0


def test_of_two_neighbouring_points_only_the_higher_is_a_peak() -> None:
    mel = peaks((20, 10), (21, 11), (40, 10))
    mel[0, 21, 11] = -25.0
    assert landmarks(mel).frame.tolist() == [20]


def test_digital_silence_and_nothing_have_no_landmarks() -> None:
    assert landmarks(peaks()).hash.size == 0
    assert landmarks(np.zeros((0, 64, MEL_BANDS), np.float32)).hash.size == 0
    assert landmarks(np.zeros((1, 0, MEL_BANDS), np.float32)).hash.size == 0


def test_a_level_changes_nothing() -> None:
    mel = spectra(speech(1))[np.newaxis]
    np.testing.assert_array_equal(landmarks(mel).hash, landmarks(np.maximum(mel - 3.0, FLOOR_DB - 3)).hash)


def test_a_batch_gives_what_each_gives_alone() -> None:
    parts = [spectra(speech(seed))[:200] for seed in range(4)]
    together = landmarks(np.stack(parts))
    for index, part in enumerate(parts):
        alone = landmarks(part[np.newaxis])
        np.testing.assert_array_equal(together.hash[together.part == index], alone.hash)


def test_seconds_with_their_context_add_up_to_the_whole() -> None:
    mel = spectra(speech(2, 8.0))[: 7 * 64]
    whole = landmarks(mel[np.newaxis])
    pieces: set[tuple[int, int]] = set()
    for second in range(7):
        block = np.full((CONTEXT + 64, MEL_BANDS), FLOOR_DB, np.float32)
        before = mel[max(0, second * 64 - CONTEXT) : (second + 1) * 64]
        block[-len(before) :] = before
        found = landmarks(block[np.newaxis], since=CONTEXT)
        new = set(zip((found.frame + second * 64 - CONTEXT).tolist(), found.hash.tolist(), strict=True))
        assert not pieces & new, "no landmark is counted twice"
        pieces |= new
    expected = set(zip(whole.frame.tolist(), whole.hash.tolist(), strict=True))
    assert len(pieces ^ expected) <= 0.02 * len(expected)


@settings(max_examples=40)
@given(
    arrays(
        np.float32,
        st.tuples(st.integers(0, 3), st.integers(0, 80), st.just(MEL_BANDS)),
        elements=st.floats(-90, 0, width=32),
    ),
    st.integers(0, 60),
)
def test_any_spectra_give_valid_landmarks(mel: LogMel, since: int) -> None:
    found = landmarks(mel, since)
    assert found.part.shape == found.frame.shape == found.hash.shape
    assert np.all((found.hash >= 0) & (found.hash < HASHES))
    assert np.all(np.diff(found.part) >= 0)
    assert np.all(found.frame < max(1, mel.shape[1] - PEAK_FRAMES))
