"""The national table is read as it is written, and sounded as exchanges sound it."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.pcm import SAMPLE_RATE
from agent.train.errors import MaterialError
from agent.train.tones import (
    Chord,
    Pattern,
    Step,
    alike,
    group_patterns,
    invent_pattern,
    read_patterns,
    sound_pattern,
)
from tests.train.conftest import World

PAUSE = Chord()
RINGING = Pattern((), (Step(Chord((425.0,)), 1.0), Step(PAUSE, 4.0)))


def test_every_audible_tone_is_read(world: World) -> None:
    assert set(read_patterns(world.tones)) == {
        RINGING,
        Pattern((), (Step(Chord((430.0,)), 1.0), Step(PAUSE, 4.0))),
        Pattern((), (Step(Chord((480.0, 620.0)), 0.5), Step(PAUSE, 0.5))),
        Pattern((), (Step(Chord((400.0,), modulated_by=25.0), 0.5), Step(PAUSE, 0.5))),
        Pattern((), (Step(Chord((350.0, 440.0)), math.inf),)),
        Pattern(
            (),
            (
                Step(Chord((950.0,)), 0.33),
                Step(Chord((1400.0,)), 0.33),
                Step(Chord((1800.0,)), 0.33),
                Step(PAUSE, 1.0),
            ),
        ),
        Pattern((), (Step(Chord((440.0,)), 0.25), Step(PAUSE, 0.25))),
    }


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sets": [{"tones": [{}]}]}', '{"sets": 5}'])
def test_what_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tones.json"
    path.write_text(text)
    with pytest.raises(MaterialError, match=r"tones\.json is no table of national tones"):
        read_patterns(path)


def test_patterns_that_can_sound_the_same_are_one_group() -> None:
    near = Pattern((), (Step(Chord((430.0,)), 1.1), Step(PAUSE, 3.8)))
    far = Pattern((), (Step(Chord((480.0,)), 1.0), Step(PAUSE, 4.0)))
    fast = Pattern((), (Step(Chord((425.0,)), 0.5), Step(PAUSE, 0.5)))
    assert alike(RINGING, near)
    assert not alike(RINGING, far)
    assert not alike(RINGING, fast)
    assert sorted(len(group) for group in group_patterns([RINGING, near, far, fast])) == [1, 1, 2]


def test_a_chain_of_likenesses_joins_groups() -> None:
    chain = [Pattern((), (Step(Chord((hz,)), 1.0),)) for hz in (400.0, 425.0, 412.0)]
    assert len(group_patterns(chain)) == 1


def test_a_cadence_sounds_when_it_says() -> None:
    rng = np.random.default_rng(0)
    share = [sound_pattern(RINGING, 20 * SAMPLE_RATE, rng)[1].mean() for _ in range(20)]
    assert 0.15 < np.mean(share) < 0.3
    assert np.std(share) > 0


def test_a_tone_has_the_pitch_it_says() -> None:
    steady = Pattern((), (Step(Chord((1000.0,)), math.inf),))
    sound, on = sound_pattern(steady, SAMPLE_RATE, np.random.default_rng(2))
    peak = int(np.abs(np.fft.rfft(sound)).argmax())
    assert on.all()
    assert abs(peak / 1000 - 1) <= 0.021


@given(seed=st.integers(0, 2**32 - 1), seconds=st.floats(0.01, 8))
def test_any_invented_tone_can_be_sounded(seed: int, seconds: float) -> None:
    rng = np.random.default_rng(seed)
    samples = int(seconds * SAMPLE_RATE)
    sound, on = sound_pattern(invent_pattern(rng), samples, rng)
    assert sound.shape == on.shape == (samples,)
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() < 2
