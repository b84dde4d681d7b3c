"""A spoken syllable is sung at the pitch, and for as long, as the melody says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from agent.train.corpus.singing import SINGING_RATE, SungNote, Syllable, Voice, Wave, analyse, sing

STEADY = Voice(vibrato_semitones=0.0, breath=0.0)
FORMANT_HZ = 700.0


def spoken(seconds: float = 0.4) -> Wave:
    """A hiss, then a vowel on 120 Hz with one formant, then silence."""
    time = np.arange(int(seconds * SINGING_RATE)) / SINGING_RATE
    pulses = np.diff(np.floor(120 * time), prepend=0.0)
    radius, angle = 0.97, 2 * np.pi * FORMANT_HZ / SINGING_RATE
    vowel = signal.lfilter([0.1], [1.0, -2 * radius * np.cos(angle), radius**2], pulses)
    hiss = 0.02 * np.random.default_rng(0).standard_normal(SINGING_RATE // 10)
    return np.concatenate((hiss, vowel, np.zeros(SINGING_RATE // 5)))


@pytest.fixture(scope="module")
def syllable() -> Syllable:
    return analyse(spoken())


def test_a_syllable_knows_its_hiss_from_its_vowel(syllable: Syllable) -> None:
    assert not syllable.voiced[4:16].any()
    assert syllable.voiced[30:80].mean() > 0.9
    assert len(syllable.voiced) == len(syllable.loudness) == len(syllable.tract)


def pitch_of(wave: Wave) -> float:
    lags = signal.correlate(wave, wave)[len(wave) - 1 :]
    shortest = SINGING_RATE // 500
    return SINGING_RATE / (shortest + int(lags[shortest : SINGING_RATE // 80].argmax()))


@pytest.mark.parametrize("hz", [100.0, 200.0, 320.0])
def test_a_note_has_its_pitch_and_the_formant_of_the_vowel(syllable: Syllable, hz: float) -> None:
    sung = sing([syllable], [SungNote(0.0, 1.0, hz)], 1.0, STEADY, np.random.default_rng(0))
    held = sung[SINGING_RATE // 4 : -SINGING_RATE // 10]
    assert pitch_of(held) == pytest.approx(hz, rel=0.03)
    spectrum = np.abs(np.fft.rfft(held))
    peak = spectrum.argmax() * SINGING_RATE / len(held)
    assert abs(peak - FORMANT_HZ) <= hz


def test_a_note_sounds_when_the_melody_says(syllable: Syllable) -> None:
    sung = sing([syllable], [SungNote(0.5, 0.4, 200.0)], 1.5, STEADY, np.random.default_rng(0))
    assert sung.shape == (int(1.5 * SINGING_RATE),)
    assert not sung[: SINGING_RATE // 2].any()
    assert np.abs(sung[int(0.6 * SINGING_RATE) : int(0.85 * SINGING_RATE)]).max() > 0.3
    assert not sung[SINGING_RATE:].any()


def test_vibrato_moves_the_pitch(syllable: Syllable) -> None:
    wide = Voice(vibrato_hz=5.0, vibrato_semitones=2.0, breath=0.0)
    sung = sing([syllable], [SungNote(0.0, 2.0, 200.0)], 2.0, wide, np.random.default_rng(0))
    tenth = SINGING_RATE // 10
    pitches = [
        pitch_of(sung[at : at + tenth]) for at in range(SINGING_RATE, 2 * SINGING_RATE - tenth, tenth // 2)
    ]
    assert max(pitches) / min(pitches) > 1.1


@settings(max_examples=25)
@given(
    notes=st.lists(st.tuples(st.floats(0, 3), st.floats(0.01, 1), st.floats(60, 900)), max_size=5),
    seed=st.integers(0, 99),
)
def test_any_melody_can_be_sung(
    syllable: Syllable, notes: list[tuple[float, float, float]], seed: int
) -> None:
    melody = [SungNote(*note) for note in notes]
    sung = sing([syllable], melody, 2.0, Voice(), np.random.default_rng(seed))
    assert sung.shape == (2 * SINGING_RATE,)
    assert np.isfinite(sung).all()
    assert np.abs(sung).max() <= 0.9 + 1e-9
    np.testing.assert_array_equal(sing([syllable], melody, 2.0, Voice(), np.random.default_rng(seed)), sung)
