"""The rules that make one label of what teachers heard."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agent.hearing.sound import SOUNDS, Sound
from agent.train.labels.aggregation import Aggregation
from agent.train.labels.labelling import (
    BySound,
    LabelledSecond,
    Member,
    Opinion,
    Rules,
    Winner,
    describe,
    label,
    opinion,
    smooth,
)
from agent.train.teachers.teacher import Frames, Teacher

CLASSES = ("tone", "voice", "narrator", "song", "nothing", "hush")
TABLE = Aggregation(
    "small",
    {
        "tone": Sound.RINGING,
        "voice": Sound.SPEECH,
        "narrator": Sound.SPEECH,
        "song": Sound.MUSIC,
        "hush": Sound.SILENCE,
    },
)


def frames(*rows: Sequence[float], step: float = 0.25) -> Frames:
    """Four frames a second, each a row of probabilities in the order of CLASSES."""
    centres = step / 2 + step * np.arange(len(rows), dtype=np.float64)
    return Frames(centres, np.array(rows, np.float32))


TONE, VOICE, SONG = (0.9, 0, 0, 0, 0, 0), (0, 0.8, 0.5, 0, 0, 0), (0, 0, 0, 0.7, 0, 0)


def labelled(heard: Frames, seconds: int = 1, rules: Rules = Rules()) -> list[LabelledSecond]:  # noqa: B008
    return label([(1.0, opinion(heard, CLASSES, seconds, TABLE, rules))], rules)


def test_a_second_whose_frames_agree_is_clear() -> None:
    (second,) = labelled(frames(VOICE, VOICE, VOICE, VOICE))
    assert (second.sound, second.agreement, second.ambiguous) == (Sound.SPEECH, 1.0, False)
    assert second.soft == pytest.approx((0, 0.8, 0, 0))


def test_a_second_whose_frames_disagree_is_marked_and_kept() -> None:
    (second,) = labelled(frames(VOICE, VOICE, VOICE, SONG))
    assert (second.sound, second.agreement, second.ambiguous) == (Sound.SPEECH, 0.75, True)
    assert second.soft == pytest.approx((0, 0.6, 0.175, 0))
    (lenient,) = labelled(frames(VOICE, VOICE, VOICE, SONG), rules=Rules(agreement=0.7))
    assert not lenient.ambiguous


def test_the_highest_single_probability_wins_not_the_sum() -> None:
    both = frames((0.6, 0.5, 0.5, 0, 0, 0))
    assert labelled(both)[0].sound is Sound.RINGING
    assert labelled(both, rules=Rules(winner=Winner.SUM))[0].sound is Sound.SPEECH


def test_a_class_that_says_nothing_never_decides() -> None:
    (second,) = labelled(frames((0, 0.2, 0, 0, 0.99, 0.1)))
    assert second.sound is Sound.SPEECH


def test_a_weak_second_can_be_marked() -> None:
    weak = frames((0, 0.4, 0, 0, 0, 0))
    assert not labelled(weak)[0].ambiguous
    assert labelled(weak, rules=Rules(confidence=0.899))[0].ambiguous


def test_where_nothing_is_probable_nobody_agrees() -> None:
    (second,) = labelled(frames((0, 0, 0, 0, 1, 0)))
    assert second.agreement == 0
    assert second.ambiguous


def test_each_frame_belongs_to_the_second_its_middle_lies_in() -> None:
    heard = frames(*[TONE] * 4, *[VOICE] * 4, *[SONG] * 3)
    assert [second.sound for second in labelled(heard, 2)] == [Sound.RINGING, Sound.SPEECH]


def test_smoothing_takes_a_lone_frame_back() -> None:
    heard = frames(VOICE, VOICE, SONG, VOICE, VOICE, VOICE, VOICE, VOICE)
    rough, smoothed = labelled(heard, 2), labelled(heard, 2, Rules(smoothing_seconds=1.5))
    assert rough[0].ambiguous
    assert not smoothed[0].ambiguous
    assert 0 < smoothed[0].soft[SOUNDS.index(Sound.MUSIC)] < 0.7


@given(
    arrays(np.float64, st.tuples(st.integers(2, 40), st.just(4)), elements=st.floats(0, 1)),
    st.floats(0, 30),
)
def test_smoothing_stays_between_the_least_and_the_most(values: BySound, width: float) -> None:
    smoothed = smooth(values, 0.3 * np.arange(len(values), dtype=np.float64), width)
    assert smoothed.shape == values.shape
    assert (smoothed >= values.min(axis=0) - 1e-9).all()
    assert (smoothed <= values.max(axis=0) + 1e-9).all()


def test_smoothing_weighs_as_a_hann_window_does() -> None:
    spike = np.zeros((9, 4))
    spike[4] = 1.0
    got = smooth(spike, 0.5 * np.arange(9, dtype=np.float64), 2.0)[:, 0]
    window = np.array([0.0, 0.25, 0.75, 1.0, 0.75, 0.25, 0.0])[1:-1]
    np.testing.assert_allclose(got[2:7], window / window.sum(), atol=1e-9)


def one(sound: Sound, strength: float) -> Opinion:
    soft, votes = np.zeros((1, 4)), np.zeros((1, 4))
    soft[0, SOUNDS.index(sound)], votes[0, SOUNDS.index(sound)] = strength, 1.0
    return Opinion(soft, votes)


def test_the_weightier_teacher_wins_and_the_other_lowers_the_agreement() -> None:
    speech, music = one(Sound.SPEECH, 0.8), one(Sound.MUSIC, 0.9)
    (second,) = label([(2.0, speech), (1.0, music)], Rules())
    assert second.sound is Sound.SPEECH
    assert second.agreement == pytest.approx(2 / 3)
    assert second.soft[1:3] == pytest.approx((1.6 / 3, 0.3))
    assert label([(1.0, speech), (1.0, music)], Rules())[0].sound is Sound.MUSIC


def test_a_teacher_that_decided_nothing_in_a_second_is_not_counted() -> None:
    silent = Opinion(np.full((1, 4), np.nan), np.full((1, 4), np.nan))
    (second,) = label([(1.0, one(Sound.SPEECH, 0.8)), (9.0, silent)], Rules())
    assert (second.sound, second.agreement) == (Sound.SPEECH, 1.0)
    assert second.soft[1] == pytest.approx(0.8)


def test_three_thirds_agree_wholly() -> None:
    (second,) = label([(weight, one(Sound.MUSIC, 0.9)) for weight in (0.1, 0.2, 0.7)], Rules())
    assert not second.ambiguous


class _Named:
    def __init__(self, name: str) -> None:
        self.name = name

    def open(self) -> Teacher:
        raise AssertionError("naming opens nothing")


def test_an_ensemble_is_named_with_its_weights() -> None:
    assert describe([Member(_Named("a"))]) == "a"
    assert describe([Member(_Named("a")), Member(_Named("b"), 0.5)]) == "a:1+b:0.5"
