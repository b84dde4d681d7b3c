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
    power_of,
    power_spectrogram,
)


def noise(samples: int, seed: int = 0) -> Samples:
    return np.random.default_rng(seed).uniform(-1, 1, samples).astype(np.float32)


def silence(samples: int) -> Samples:
    return np.zeros(samples, np.float32)


def test_a_second_is_64_frames_once_387_samples_of_the_next_are_there() -> None:
    framer = Framer()
    assert cut_frames([framer], [noise(SAMPLE_RATE + LOOKAHEAD - 1)]).counts == [FRAMES_PER_SECOND - 1]
    assert cut_frames([framer], [noise(1)]).counts == [1]


def test_frame_k_starts_at_sample_125_k() -> None:
    signal = noise(2000)
    window = np.hanning(FRAME_SIZE + 1)[:-1]
    by_hand = [
        np.abs(np.fft.rfft(window * signal[start : start + FRAME_SIZE])) ** 2
        for start in range(0, 2000 - FRAME_SIZE + 1, HOP)
    ]
    scale = 2 / (FRAME_SIZE * np.sum(window**2))
    np.testing.assert_allclose(power_spectrogram(signal), scale * np.array(by_hand), rtol=1e-3, atol=1e-9)


@given(length=st.integers(0, 5000), cuts=st.lists(st.integers(0, 5000), max_size=12))
def test_any_cutting_gives_the_same_spectra(length: int, cuts: list[int]) -> None:
    signal = noise(length)
    framer, edges = Framer(), [0, *sorted(min(cut, length) for cut in cuts), length]
    pieces = [power_of(cut_frames([framer], [signal[a:b]])) for a, b in itertools.pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(pieces), power_spectrogram(signal))


@given(sizes=st.lists(st.lists(st.integers(0, 1500), min_size=3, max_size=3), min_size=1, max_size=5))
def test_many_calls_at_once_have_the_frames_and_spectra_of_each(sizes: list[list[int]]) -> None:
    together, alone = [Framer() for _ in sizes], [Framer() for _ in sizes]
    for turn in range(3):
        samples = [noise(of[turn], seed) for seed, of in enumerate(sizes)]
        frames = cut_frames(together, samples)
        each = [cut_frames([framer], [new]) for framer, new in zip(alone, samples, strict=True)]
        assert frames.counts == [one.counts[0] for one in each]
        spectra = power_of(frames)
        assert spectra.dtype == np.float32
        assert spectra.shape == (sum(frames.counts), BINS)
        np.testing.assert_array_equal(spectra, np.concatenate([power_of(one) for one in each]))


@given(calls=st.lists(st.lists(st.integers(1, 900), max_size=5), min_size=1, max_size=4))
def test_frames_of_digital_silence_are_known_without_their_spectra(calls: list[list[int]]) -> None:
    turns = [[noise(size) if turn % 2 else silence(size) for turn, size in enumerate(call)] for call in calls]
    samples = [np.concatenate((silence(300), *parts, silence(300))) for parts in turns]
    frames = cut_frames([Framer() for _ in samples], samples)
    beside = np.pad(frames.signal, 7)
    near = [beside[start : start + FRAME_SIZE + 14].any() for start in frames.starts]
    powers = power_of(frames)
    assert set(np.flatnonzero(powers.any(axis=1))) <= set(frames.sounding) <= set(np.flatnonzero(near))


def test_long_recordings_are_cut_for_the_transform_and_nothing_is_lost() -> None:
    calls = [noise(length, seed) for seed, length in enumerate((200_000, 600, 70_000))]
    whole = power_of(cut_frames([Framer() for _ in calls], calls))
    assert len(whole) > 2000
    np.testing.assert_array_equal(whole, np.concatenate([power_spectrogram(call) for call in calls]))
    np.testing.assert_array_equal(whole[1500:1520], power_spectrogram(calls[0][1500 * HOP :])[:20])
    np.testing.assert_array_equal(whole[-7:], power_spectrogram(calls[2])[-7:])


def test_too_short_a_recording_has_no_frames() -> None:
    assert power_spectrogram(noise(FRAME_SIZE - 1)).shape == (0, BINS)


@pytest.mark.parametrize("hz", [425, 950, 1800, 3000])
def test_a_tone_at_full_scale_lies_in_its_bin_and_adds_up_to_a_half(hz: float) -> None:
    signal = np.sin(2 * np.pi * hz * np.arange(SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    spectra = power_spectrogram(signal)
    assert np.all(np.abs(spectra.argmax(axis=1) * BIN_HZ - hz) <= BIN_HZ / 2)
    np.testing.assert_allclose(spectra.sum(axis=1), 0.5, rtol=0.01)


def test_noise_adds_up_to_its_mean_square() -> None:
    signal = noise(SAMPLE_RATE * 4)
    assert power_spectrogram(signal).sum(axis=1).mean() == pytest.approx(np.mean(signal**2), rel=0.03)
