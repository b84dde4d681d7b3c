"""Who is asked for first."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from agent.config import ModelConfig
from agent.hearing.ear import Ear
from agent.hearing.forest import Forest
from agent.train.corpus.harvest import Grouping, P, harvest, kept_calls
from agent.train.errors import MaterialError
from agent.train.review.review_calls import (
    CallToReview,
    harvested,
    hear_again,
    is_harvested,
    least_certain_first,
    margin,
    recordings_of,
)
from tests.train.corpus.test_harvest import keep

SURE: P = (0.97, 0.01, 0.01, 0.01)
CLOSE: P = (0.4, 0.35, 0.15, 0.1)
CLOSER: P = (0.02, 0.48, 0.49, 0.01)


def call(name: str, *p: P, settled: bool = True) -> CallToReview:
    return CallToReview(name, Path(name), p, settled)


def test_an_open_verdict_comes_before_any_doubtful_second() -> None:
    calls = [call("sure", SURE), call("close", SURE, CLOSE), call("open", SURE, settled=False)]
    calls += [call("closer", CLOSER), call("empty")]
    assert [each.file for each in least_certain_first(calls)] == ["open", "closer", "close", "sure"]


def test_only_doubtful_seconds_are_asked_for_but_all_of_a_call_without_a_verdict() -> None:
    assert call("settled", SURE, CLOSE, CLOSER).unsure() == (1, 2)
    assert call("settled", SURE, CLOSE, CLOSER).unsure(0.03) == (2,)
    assert call("open", SURE, CLOSE, settled=False).unsure() == (0, 1)


@given(st.lists(st.floats(0.0, 1.0), min_size=4, max_size=4))
def test_a_margin_lies_between_nothing_and_certainty(p: list[float]) -> None:
    assert 0.0 <= margin((p[0], p[1], p[2], p[3])) <= 1.0


def test_a_harvested_corpus_is_known_as_the_agent_heard_it(tmp_path: Path) -> None:
    keep(tmp_path / "kept", "one")
    harvest(kept_calls(tmp_path / "kept"), tmp_path / "corpus", Grouping.NUMBER)
    assert is_harvested(tmp_path / "corpus")
    (one,) = harvested(tmp_path / "corpus")
    assert one.path.is_file()
    assert (one.settled, one.unsure()) == (False, (0, 1))  # its verdict is unknown
    assert one.about == "PJSIP/north: unknown, the carrier said nothing"


def test_any_folder_is_heard_by_a_forest(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    tone = 0.3 * np.sin(2 * np.pi * 425 * np.arange(8000 * 3) / 8000)
    soundfile.write(tmp_path / "deep/tone.wav", tone, 8000)
    (tmp_path / "torn.wav").write_bytes(b"RIFF")
    assert not is_harvested(tmp_path)
    found = recordings_of(tmp_path)
    assert [each.file for each in found] == ["deep/tone.wav", "torn.wav"]
    steps: list[int] = []
    heard, faults = hear_again(found, Ear(Forest.load(ModelConfig().path)), lambda: steps.append(1))
    (one,) = heard
    assert len(one.p) == 2
    assert sum(one.p[0]) == pytest.approx(1.0)
    assert ["torn.wav" in fault for fault in faults] == [True]


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(MaterialError, match="holds no recording"):
        recordings_of(tmp_path)
