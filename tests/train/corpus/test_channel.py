"""Channels hurt sound as telephone networks do, and the same way each time."""

from dataclasses import replace
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.train.corpus.channel import Channel, Echo, Loss, draw_channel, draw_losses, level_db, transmit
from agent.train.corpus.codecs import Codec, Coding
from agent.train.corpus.noise import Noise
from agent.train.corpus.plan import Concealment, read_plan

TIME = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
RULES = read_plan().channel
CLEAN = Channel(gain_db=0.0, noise=Noise.NOTHING, noise_db=-90.0, codecs=(Coding(Codec.LINEAR),))


def tone(hz: float = 425.0, amplitude: float = 0.3) -> Samples:
    return (amplitude * np.sin(2 * np.pi * hz * TIME)).astype(np.float32)


def test_a_clean_channel_changes_nothing() -> None:
    np.testing.assert_allclose(transmit(tone(), CLEAN), tone(), atol=1 / 32768)


def test_gain_is_gain() -> None:
    assert level_db(transmit(tone(), replace(CLEAN, gain_db=-20.0))) == pytest.approx(
        level_db(tone()) - 20, abs=0.1
    )


def test_codecs_in_a_row_each_take_their_part() -> None:
    one = replace(CLEAN, codecs=(Coding(Codec.GSM), Coding(Codec.LINEAR)))
    two = replace(CLEAN, codecs=(Coding(Codec.GSM), Coding(Codec.AMR, 4750), Coding(Codec.LINEAR)))
    rng = np.random.default_rng(0)
    sound = tone() + rng.normal(0, 0.05, len(TIME)).astype(np.float32)
    assert level_db(transmit(sound, two) - sound) > level_db(transmit(sound, one) - sound)


def test_an_echo_comes_later_and_fainter() -> None:
    click = np.zeros(SAMPLE_RATE, np.float32)
    click[100] = 0.5
    heard = transmit(click, replace(CLEAN, echo=Echo(delay_ms=20.0, db=-20.0)))
    assert np.flatnonzero(np.abs(heard) > 0.01).tolist() == [100, 260]
    assert heard[260] == pytest.approx(0.05, abs=1e-3)


def test_overdriven_sound_is_flat_on_top() -> None:
    heard = transmit(tone(), replace(CLEAN, clip_db=20.0))
    assert np.mean(np.abs(heard) > 0.99 * np.abs(heard).max()) > 0.4


def test_an_offset_is_an_offset() -> None:
    assert transmit(tone(), replace(CLEAN, offset=0.02)).mean() == pytest.approx(0.02, abs=1e-4)


def test_an_analogue_section_lets_only_its_band_through() -> None:
    banded = replace(CLEAN, band_hz=(300.0, 3400.0))
    low, middle = (transmit(tone(hz), banded)[SAMPLE_RATE:] for hz in (60.0, 1000.0))
    assert level_db(low) < level_db(tone(60.0)) - 20
    assert level_db(middle) == pytest.approx(level_db(tone(1000.0)), abs=0.2)


@pytest.mark.parametrize("concealment", Concealment)
def test_losing_packets_loses_about_as_many_as_it_says(concealment: Concealment) -> None:
    channel = replace(CLEAN, loss=Loss(0.1, 0.5, concealment), seed=3)
    changed = np.abs(transmit(tone(430.0), channel) - tone(430.0)).reshape(-1, 160).max(axis=1) > 0.01
    assert 0.02 < changed.mean() < 0.25


def test_a_repeated_packet_fades() -> None:
    channel = replace(CLEAN, loss=Loss(0.3, 0.7, Concealment.REPEAT), seed=3)
    packets = transmit(np.full(SAMPLE_RATE, 0.5, np.float32), channel).reshape(-1, 160).mean(axis=1)
    run = max(
        (list(part) for _, part in groupby(packets, lambda level: level < 0.49)), key=lambda p: p[0] < 0.49
    )
    assert run[:2] == pytest.approx([0.35, 0.245], abs=1e-3)


@given(
    share=st.floats(0, 0.4),
    stay=st.floats(0, 0.9),
    seed=st.integers(0, 2**32 - 1),
    packets=st.integers(0, 300),
)
def test_any_loss_can_be_drawn(share: float, stay: float, seed: int, packets: int) -> None:
    lost = draw_losses(packets, Loss(share, stay, Concealment.ZEROS), np.random.default_rng(seed))
    assert lost.shape == (packets,)
    assert share > 0 or not lost.any()


def test_losses_are_as_many_and_as_long_as_asked() -> None:
    lost = draw_losses(200_000, Loss(0.1, 0.6, Concealment.ZEROS), np.random.default_rng(1))
    runs = [len(list(run)) for state, run in groupby(lost) if state]
    assert lost.mean() == pytest.approx(0.1, abs=0.01)
    assert np.mean(runs) == pytest.approx(1 / (1 - 0.6), abs=0.1)


def test_noise_lies_where_it_is_put() -> None:
    channel = replace(CLEAN, noise=Noise.WHITE, noise_db=-40.0)
    assert level_db(transmit(np.zeros(SAMPLE_RATE, np.float32), channel)) == pytest.approx(-40, abs=0.3)


def test_channels_are_drawn_as_the_rules_say() -> None:
    rng = np.random.default_rng(0)
    channels = [draw_channel(rng, -10.0, RULES) for _ in range(2000)]
    assert np.mean([channel.loss is not None for channel in channels]) == pytest.approx(0.25, abs=0.03)
    assert np.mean([channel.echo is not None for channel in channels]) == pytest.approx(0.1, abs=0.03)
    assert {len(channel.codecs) for channel in channels} == {1, 2, 3}
    assert {channel.codecs[-1].codec for channel in channels} == {Codec.LINEAR, Codec.ULAW, Codec.ALAW}
    assert {coding.codec for channel in channels for coding in channel.codecs} == set(Codec)
    assert all(-74 <= channel.noise_db <= -36 for channel in channels)


@given(
    seed=st.integers(0, 2**32 - 1),
    gain=st.floats(-40, 6),
    amplitude=st.sampled_from([0.0, 1e-4, 0.2, 1.0, 4.0]),
)
def test_any_channel_gives_samples_of_full_scale_and_the_same_twice(
    seed: int, gain: float, amplitude: float
) -> None:
    channel = draw_channel(np.random.default_rng(seed), gain, RULES)
    sound = tone(amplitude=amplitude)[:4000]
    heard = transmit(sound, channel)
    assert heard.shape == sound.shape
    assert heard.dtype == np.float32
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() <= 1
    np.testing.assert_array_equal(transmit(sound, channel), heard)
