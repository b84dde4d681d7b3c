"""A user's own recordings keep their labels and groups, and count as much as the plan says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from agent.hearing.pcm import SAMPLE_RATE
from agent.hearing.sound import Sound
from agent.hearing.spectrogram import LOOKAHEAD
from agent.train.corpus.own import bring_own, find_own
from agent.train.corpus.plan import OwnFolder, Plan, read_plan
from agent.train.errors import MaterialError
from agent.train.labels.label_table import Row, write_rows
from agent.train.labels.labelling import LabelledSecond

SPEECH = LabelledSecond(0, Sound.SPEECH, (0.0, 0.9, 0.1, 0.0), 0.9, False)
RINGING = LabelledSecond(1, Sound.RINGING, (1.0, 0.0, 0.0, 0.0), 1.0, False)


def plan(*own: OwnFolder) -> Plan:
    return read_plan().model_copy(update={"own": own})


@pytest.fixture
def calls(tmp_path: Path) -> OwnFolder:
    (tmp_path / "calls" / "may").mkdir(parents=True)
    tone = 0.1 * np.sin(2 * np.pi * 425 * np.arange(2 * 16000) / 16000)
    for name in ("a.wav", "may/b.wav"):
        soundfile.write(tmp_path / "calls" / name, tone, 16000)
    rows = [
        Row("a.wav", SPEECH, "yamnet", "carrier/north", None, 2.0),
        Row("a.wav", RINGING, "reviewed", "carrier/north", None, 1.0),
        Row("may/b.wav", RINGING, "yamnet"),
    ]
    write_rows(tmp_path / "calls.csv", rows, ".csv")
    return OwnFolder(folder=tmp_path / "calls", labels=tmp_path / "calls.csv", weight=3.0)


def test_labels_groups_and_teachers_are_kept_and_weights_multiplied(calls: OwnFolder) -> None:
    first, second = find_own(plan(calls))
    assert first.rows == (
        Row("own1/a.flac", SPEECH, "yamnet", "carrier/north", None, 6.0),
        Row("own1/a.flac", RINGING, "reviewed", "carrier/north", None, 3.0),
    )
    assert second.rows == (Row("own1/may/b.flac", RINGING, "yamnet", "own1/may/b.wav", None, 3.0),)


def test_without_a_channel_a_recording_stays_as_it_is(calls: OwnFolder) -> None:
    own = find_own(plan(calls))[0]
    made = bring_own(own, plan(calls))
    tone = 0.1 * np.sin(2 * np.pi * 425 * np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE)
    assert made.samples.shape == (2 * SAMPLE_RATE + LOOKAHEAD,)
    np.testing.assert_allclose(made.samples[200 : 2 * SAMPLE_RATE - 200], tone[200:-200], atol=2e-3)
    assert made.conditions.channel is None
    assert made.rows == own.rows


def test_a_channel_is_drawn_for_the_level_of_the_recording(calls: OwnFolder) -> None:
    through = calls.model_copy(update={"channel": True, "gain_db": (-6.0, -6.0)})
    own = find_own(plan(through))
    made = [bring_own(each, plan(through)) for each in own]
    channels = [one.conditions.channel for one in made]
    assert channels[0] != channels[1]
    for channel in channels:
        assert channel is not None
        assert channel.gain_db == -6
        assert -23 - 6 - 50 <= channel.noise_db <= -23 - 6 - 12 + 0.5
    np.testing.assert_array_equal(bring_own(own[0], plan(through)).samples, made[0].samples)


def test_a_recording_that_is_missing_is_named(calls: OwnFolder) -> None:
    (calls.folder / "a.wav").unlink()
    with pytest.raises(MaterialError, match=r"a\.wav is missing although .*calls\.csv labels it"):
        find_own(plan(calls))


def test_a_recording_shorter_than_its_labels_is_named(calls: OwnFolder) -> None:
    late = replace(RINGING, start=5)
    write_rows(calls.labels, [Row("a.wav", late, "yamnet")], ".csv")
    [own] = find_own(plan(calls))
    with pytest.raises(MaterialError, match=r"a\.wav lasts 2\.00 s but .*calls\.csv labels 6 s of it"):
        bring_own(own, plan(calls))


def test_a_label_file_without_a_label_is_named(calls: OwnFolder) -> None:
    write_rows(calls.labels, [], ".csv")
    with pytest.raises(MaterialError, match="labels no second"):
        find_own(plan(calls))
