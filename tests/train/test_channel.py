"""Channels hurt sound as telephone networks do, and the same way each time."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.train.channel import Channel, Codec, Concealment, draw_channel, encode_decode, level_db, transmit
from agent.train.noise import Noise

TIME = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
CLEAN = Channel(gain_db=0.0, noise=Noise.NOTHING, noise_db=-90.0, codecs=(Codec.LINEAR,))


def tone(hz: float = 425.0, amplitude: float = 0.3) -> Samples:
    return (amplitude * np.sin(2 * np.pi * hz * TIME)).astype(np.float32)


def test_a_clean_channel_changes_nothing() -> None:
    np.testing.assert_allclose(transmit(tone(), CLEAN), tone(), atol=1 / 32768)


def test_gain_is_gain() -> None:
    assert level_db(transmit(tone(), replace(CLEAN, gain_db=-20.0))) == pytest.approx(
        level_db(tone()) - 20, abs=0.1
    )


@pytest.mark.parametrize(
    ("codec", "snr_db"), [(Codec.LINEAR, 80), (Codec.ULAW, 35), (Codec.ALAW, 35), (Codec.GSM, 5)]
)
def test_a_codec_keeps_what_it_is_known_to_keep(codec: Codec, snr_db: float) -> None:
    heard = encode_decode(tone(), codec)
    assert heard.shape == tone().shape
    assert level_db(tone()) - level_db(heard - tone()) > snr_db


def test_opus_keeps_pitch_and_level() -> None:
    heard = encode_decode(tone(), Codec.OPUS)
    assert level_db(heard) == pytest.approx(level_db(tone()), abs=1)
    assert np.abs(np.fft.rfft(heard)).argmax() == 4 * 425


@pytest.mark.parametrize("codec", [Codec.ULAW, Codec.ALAW])
def test_g711_twice_is_g711_once(codec: Codec) -> None:
    once = encode_decode(tone(), codec)
    np.testing.assert_array_equal(encode_decode(once, codec), once)


@pytest.mark.parametrize("concealment", Concealment)
def test_losing_packets_loses_about_as_many_as_it_says(concealment: Concealment) -> None:
    channel = replace(CLEAN, loss=0.1, concealment=concealment, seed=3)
    changed = np.abs(transmit(tone(), channel) - tone()).reshape(-1, 160).max(axis=1) > 0.01
    assert 0.02 < changed.mean() < 0.25


def test_noise_lies_where_it_is_put() -> None:
    channel = replace(CLEAN, noise=Noise.WHITE, noise_db=-40.0)
    assert level_db(transmit(np.zeros(SAMPLE_RATE, np.float32), channel)) == pytest.approx(-40, abs=0.3)


@given(
    seed=st.integers(0, 2**32 - 1),
    gain=st.floats(-40, 6),
    amplitude=st.sampled_from([0.0, 1e-4, 0.2, 1.0, 4.0]),
)
def test_any_channel_gives_samples_of_full_scale_and_the_same_twice(
    seed: int, gain: float, amplitude: float
) -> None:
    channel = draw_channel(np.random.default_rng(seed), gain)
    sound = tone(amplitude=amplitude)[:SAMPLE_RATE]
    heard = transmit(sound, channel)
    assert heard.shape == sound.shape
    assert heard.dtype == np.float32
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() <= 1
    np.testing.assert_array_equal(transmit(sound, channel), heard)
