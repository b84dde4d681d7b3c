"""A codec keeps what it is known to keep, and nothing is late."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.train.corpus import codecs
from agent.train.corpus.channel import level_db
from agent.train.corpus.codecs import BIT_RATES, HARSHEST, Codec, Coding, draw_coding, encode_decode, to_pcm16
from agent.train.errors import MaterialError

TIME = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
TONE = (0.3 * np.sin(2 * np.pi * 425 * TIME)).astype(np.float32)
EVERY = [Coding(codec, rate) for codec in Codec for rate in BIT_RATES.get(codec, (0,))]
VOICED = [Codec.GSM, Codec.AMR, Codec.G729_LIKE, Codec.OPUS]


def vowels() -> Samples:
    """A gliding voice that comes and goes: a codec's delay shows in it."""
    phase = np.cumsum(90 + 60 * TIME) / SAMPLE_RATE
    pulses = np.diff(np.floor(phase), prepend=0.0) * (np.sin(2 * np.pi * 3 * TIME) > 0)
    made: Samples = 0.3 * signal.lfilter([1.0], [1.0, -1.5, 0.8], pulses)
    return made.astype(np.float32)


@pytest.mark.parametrize("coding", EVERY, ids=str)
def test_pitch_level_and_length_are_kept(coding: Coding) -> None:
    heard = encode_decode(TONE, coding)
    assert heard.shape == TONE.shape
    assert heard.dtype == np.float32
    assert level_db(heard) == pytest.approx(level_db(TONE), abs=1.5)
    assert np.abs(np.fft.rfft(heard)).argmax() == 2 * 425


@pytest.mark.parametrize("coding", EVERY, ids=str)
def test_nothing_is_late(coding: Coding) -> None:
    sound = vowels()
    likeness = signal.correlate(encode_decode(sound, coding), sound)
    assert abs(int(likeness.argmax()) - (len(sound) - 1)) <= 2


@pytest.mark.parametrize(
    ("codec", "snr_db"),
    [(Codec.LINEAR, 80), (Codec.ULAW, 35), (Codec.ALAW, 35), (Codec.G722, 25), (Codec.GSM, 5)],
)
def test_what_a_waveform_codec_adds_is_as_soft_as_it_should_be(codec: Codec, snr_db: float) -> None:
    heard = encode_decode(TONE, Coding(codec, 0))
    assert level_db(TONE) - level_db(heard - TONE) > snr_db


@pytest.mark.parametrize("codec", VOICED)
def test_a_voice_codec_makes_another_wave_of_noise(codec: Codec) -> None:
    noise = np.random.default_rng(5).normal(0, 0.05, len(TIME)).astype(np.float32)
    heard = encode_decode(noise, draw_coding(codec, np.random.default_rng(0)))
    assert level_db(noise) - level_db(heard - noise) < 12


@pytest.mark.parametrize("codec", [Codec.ULAW, Codec.ALAW])
def test_g711_twice_is_g711_once(codec: Codec) -> None:
    once = encode_decode(TONE, Coding(codec))
    np.testing.assert_array_equal(encode_decode(once, Coding(codec)), once)
    assert len(np.unique(once)) <= 256


@settings(max_examples=20)
@given(coding=st.sampled_from(EVERY), samples=st.integers(1, 2000), seed=st.integers(0, 99))
def test_any_sound_comes_back_as_long_as_it_was_and_the_same_twice(
    coding: Coding, samples: int, seed: int
) -> None:
    sound = np.random.default_rng(seed).normal(0, 0.5, samples).astype(np.float32)
    heard = encode_decode(sound, coding)
    assert heard.shape == sound.shape
    assert np.abs(heard).max() <= 1
    np.testing.assert_array_equal(encode_decode(sound, coding), heard)


def test_a_coding_is_written_with_its_bit_rate() -> None:
    assert [str(Coding(Codec.ULAW)), str(Coding(Codec.AMR, 4750))] == ["ulaw", "amr:4750"]


def test_every_codec_has_its_place_among_the_harsh() -> None:
    assert sorted(HARSHEST) == sorted(Codec)


def test_what_is_too_loud_is_limited() -> None:
    np.testing.assert_array_equal(
        to_pcm16(np.array([-2, -1, 0, 1, 2], np.float32)), [-32768, -32768, 0, 32767, 32767]
    )


def test_a_codec_that_this_build_lacks_is_named() -> None:
    with pytest.raises(MaterialError, match="this build of PyAV lacks g729: install PyAV's wheel"):
        codecs._through_av("g729", np.zeros(160, np.int16), SAMPLE_RATE, 8000)


def test_without_pyav_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(
        MaterialError, match=r"need PyAV: install it with pip install 'earlymedia-agent\[train\]'"
    ):
        encode_decode(TONE, Coding(Codec.AMR, 4750))
