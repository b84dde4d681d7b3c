"""One spectrogram: every frame where it should be, however the audio arrives."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.hearing.spectrogram import (
    BIN_HZ,
    BINS,
    FRAME_SIZE,
    FRAMES_PER_SECOND,
    HOP,
    LOOKAHEAD,
    Framer,
    cut_frames,
    power,
    power_of,
)


def noise(samples: int, seed: int = 0) -> Samples:
    return np.random.default_rng(seed).uniform(-1, 1, samples).astype(np.float32)


def test_a_second_is_64_frames_once_387_samples_of_the_next_are_there() -> None:
    framer = Framer()
    assert len(framer.push(noise(SAMPLE_RATE + LOOKAHEAD - 1))) == FRAMES_PER_SECOND - 1
    assert len(framer.push(noise(1))) == 1


def test_frame_k_starts_at_sample_125_k() -> None:
    signal = np.arange(2000, dtype=np.float32)
    frames = Framer().push(signal)
    for k, frame in enumerate(frames):
        np.testing.assert_array_equal(frame, signal[k * HOP : k * HOP + FRAME_SIZE])


@given(length=st.integers(0, 5000), cuts=st.lists(st.integers(0, 5000), max_size=12))
def test_any_cutting_gives_the_same_frames(length: int, cuts: list[int]) -> None:
    signal = noise(length)
    framer, edges = Framer(), [0, *sorted(min(cut, length) for cut in cuts), length]
    pieces = [framer.push(signal[a:b]) for a, b in itertools.pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(pieces), Framer().push(signal))


@given(lengths=st.lists(st.integers(0, 3000), min_size=1, max_size=6))
def test_a_batch_of_calls_gives_what_each_call_alone_gives(lengths: list[int]) -> None:
    calls = [Framer().push(noise(length, seed)) for seed, length in enumerate(lengths)]
    together = power(calls)
    np.testing.assert_array_equal(together, np.concatenate([power([call]) for call in calls]))
    assert together.dtype == np.float32
    assert together.shape == (sum(map(len, calls)), BINS)


def test_long_recordings_are_cut_for_the_transform_and_nothing_is_lost() -> None:
    calls = [Framer().push(noise(length, seed)) for seed, length in enumerate((200_000, 600, 70_000))]
    whole = power(calls)
    assert len(whole) == sum(map(len, calls)) > 2000
    np.testing.assert_array_equal(whole[1500:1520], power([calls[0][1500:1520]]))
    np.testing.assert_array_equal(whole[-7:], power([calls[2][-7:]]))


def test_no_calls_give_no_frames() -> None:
    assert power([]).shape == (0, BINS)


@pytest.mark.parametrize("hz", [425, 950, 1800, 3000])
def test_a_tone_at_full_scale_lies_in_its_bin_and_adds_up_to_a_half(hz: float) -> None:
    signal = np.sin(2 * np.pi * hz * np.arange(SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    spectra = power([Framer().push(signal)])
    assert np.all(np.abs(spectra.argmax(axis=1) * BIN_HZ - hz) <= BIN_HZ / 2)
    np.testing.assert_allclose(spectra.sum(axis=1), 0.5, rtol=0.01)


def test_noise_adds_up_to_its_mean_square() -> None:
    signal = noise(SAMPLE_RATE * 4)
    assert power([Framer().push(signal)]).sum(axis=1).mean() == pytest.approx(np.mean(signal**2), rel=0.03)


@given(sizes=st.lists(st.lists(st.integers(0, 1500), min_size=3, max_size=3), min_size=1, max_size=5))
def test_many_calls_at_once_have_the_frames_and_spectra_of_each(sizes: list[list[int]]) -> None:
    together, alone = [Framer() for _ in sizes], [Framer() for _ in sizes]
    for turn in range(3):
        samples = [noise(of[turn], seed) for seed, of in enumerate(sizes)]
        frames = cut_frames(together, samples)
        each = [framer.push(new) for framer, new in zip(alone, samples, strict=True)]
        assert frames.counts == [len(some) for some in each]
        np.testing.assert_array_equal(power_of(frames), power(each))
