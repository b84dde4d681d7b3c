"""A plan, material and one command make a corpus: whole, labelled, and the same however many processes."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from typer.testing import CliRunner, Result

from agent.hearing.pcm import SAMPLE_RATE
from agent.hearing.sound import SOUNDS
from agent.train.commands import app
from agent.train.corpus.plan import DEFAULT_PLAN
from agent.train.labels.label_table import read_rows
from tests.train.conftest import World
from tests.train.typed import refused


def synth(world: World, corpus: Path, *more: object) -> Result:
    words = ["synth", corpus, "--tones", world.tones, "--prompts", world.package, "--jobs", 1, *more]
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def plan(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped plan with short recordings, and a folder of the user's own."""
    folder = tmp_path_factory.mktemp("plan")
    raw = yaml.safe_load(DEFAULT_PLAN.read_text(encoding="utf-8"))
    raw["recording_s"] = 6
    raw["material"]["audio_folder"] = str(world.audio)
    raw["own"] = [{"folder": "calls", "labels": "calls.csv", "weight": 3, "channel": True}]
    (folder / "plan.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    (folder / "calls").mkdir()
    (folder / "calls" / "a.flac").write_bytes((world.audio / "speech" / "voice0.flac").read_bytes())
    (folder / "calls.csv").write_text(
        "file,start_time,hard_target,soft_speech,soft_music,soft_ringing,soft_silence\n"
        "a.flac,0,speech,1,0,0,0\na.flac,1,speech,0.8,0,0,0.2\n"
    )
    return folder / "plan.yaml"


@pytest.fixture(scope="module")
def corpus(world: World, plan: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "corpus"
    result = synth(world, folder, "--plan", plan, "--recordings", 25)
    assert result.exit_code == 0, result.output
    assert "26 recordings, 152 labelled seconds" in result.output
    return folder


def test_a_corpus_is_audio_labels_conditions_and_origin(corpus: Path) -> None:
    assert {path.name for path in corpus.iterdir()} == {
        "audio",
        "labels.csv",
        "recordings.csv",
        "corpus.json",
    }
    rows = list(read_rows(corpus / "labels.csv"))
    with (corpus / "recordings.csv").open(newline="") as file:
        conditions = [row["file"] for row in csv.DictReader(file)]
    files = {str(path.relative_to(corpus / "audio")) for path in corpus.rglob("*.flac")}
    assert {row.file for row in rows} == set(conditions) == files
    assert len(files) == 26
    assert {row.second.sound for row in rows} == set(SOUNDS)
    assert {row.fold for row in rows if row.teacher == "construction"} == {0, 1, 2, 3, 4}


def test_every_labelled_second_is_there_to_be_heard(corpus: Path) -> None:
    for row in read_rows(corpus / "labels.csv"):
        about = soundfile.info(corpus / "audio" / row.file)
        assert (about.samplerate, about.subtype) == (SAMPLE_RATE, "PCM_16")
        assert about.frames >= (row.second.start + 1) * SAMPLE_RATE + 387


def test_own_recordings_keep_their_labels_and_weigh_more(corpus: Path) -> None:
    own = [row for row in read_rows(corpus / "labels.csv") if row.file == "own1/a.flac"]
    assert [row.second.soft[1] for row in own] == [1.0, 0.8]
    assert {(row.group, row.fold, row.weight) for row in own} == {("own1/a.flac", None, 3.0)}


def test_the_origin_says_what_the_corpus_was_made_of(corpus: Path) -> None:
    origin = json.loads((corpus / "corpus.json").read_text())
    named = {entry["by"]: entry["licence"] for entry in origin["materials"]}
    assert named["Composer 0"] == "CC0 1.0"
    assert named["Nobody (nowhere)"] == "CC BY-SA 4.0"
    assert named["Ada Voice"] == "CC-BY-SA-3.0"
    assert named["the user"] == "not said"
    assert len(origin["plan_sha256"]) == 64
    assert origin["plan"]["recording_s"] == 6
    assert origin["tone_sets"] == 2
    assert origin["excluded_tones"][1] == {"country": "Testland", "tone": "key", "reason": "key"}


def test_the_same_plan_makes_the_same_bytes_however_many_processes(
    world: World, plan: Path, corpus: Path, tmp_path: Path
) -> None:
    result = synth(world, tmp_path / "again", "--plan", plan, "--recordings", 25, "--jobs", 2)
    assert result.exit_code == 0, result.output
    made = sorted(path.relative_to(corpus) for path in corpus.rglob("*") if path.is_file())
    assert len(made) == 26 + 3
    assert all((tmp_path / "again" / path).read_bytes() == (corpus / path).read_bytes() for path in made)


def test_hours_and_seed_outrank_the_plan(world: World, plan: Path, corpus: Path, tmp_path: Path) -> None:
    result = synth(world, tmp_path / "other", "--plan", plan, "--hours", 0.01, "--seed", 7)
    assert "7 recordings, 38 labelled seconds" in result.output
    one, other = (
        soundfile.read(folder / "audio" / "000000.flac")[0] for folder in (corpus, tmp_path / "other")
    )
    assert not np.array_equal(one, other)


def test_a_corpus_is_never_overwritten(world: World, plan: Path, corpus: Path) -> None:
    refused(synth(world, corpus, "--plan", plan), "exists already: remove it or name another folder")


def test_hours_and_recordings_are_not_both_given(world: World, tmp_path: Path) -> None:
    refused(synth(world, tmp_path / "c", "--hours", 1, "--recordings", 5), "give one of them")


def test_a_wrong_key_of_the_plan_is_named(world: World, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text("recordingz: 5\n")
    result = synth(world, tmp_path / "c", "--plan", tmp_path / "plan.yaml")
    refused(result, "plan.yaml: ")
    refused(result, "key")


def test_a_misspelt_family_is_named(world: World, tmp_path: Path) -> None:
    raw = yaml.safe_load(DEFAULT_PLAN.read_text(encoding="utf-8"))
    raw["families"]["promts"] = 0
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(raw))
    result = synth(world, tmp_path / "c", "--plan", tmp_path / "plan.yaml", "--audio", world.audio)
    refused(result, "families.promts of the plan is no family of the material (fax, game, hold")


def test_without_tones_there_is_no_corpus(world: World, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["synth", str(tmp_path / "c"), "--audio", str(world.audio)])
    refused(result, "no table of national tones was named: give --tones, or tones_file in the plan")


def test_missing_tones_are_named(world: World, tmp_path: Path) -> None:
    words = ["synth", tmp_path / "c", "--audio", world.audio, "--tones", tmp_path / "no.json"]
    refused(CliRunner().invoke(app, [str(word) for word in words]), "no.json is no table of national tones")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_of_prompts_is_named(world: World, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(synth(world, tmp_path / "c", "--prompts", tmp_path / "empty"), "holds no recording")


def test_material_without_a_licence_is_refused(world: World, tmp_path: Path) -> None:
    nameless = tmp_path / "nameless" / "sounds" / "someone"
    nameless.mkdir(parents=True)
    (nameless / "a.flac").write_bytes((world.audio / "speech" / "voice0.flac").read_bytes())
    result = synth(world, tmp_path / "c", "--audio", world.audio, "--prompts", tmp_path / "nameless")
    refused(result, "has neither usr/share/doc")


def test_a_recording_that_is_none_leaves_nothing_behind(world: World, tmp_path: Path) -> None:
    broken = tmp_path / "broken" / "usr/share"
    (broken / "doc/x").mkdir(parents=True)
    (broken / "doc/x/copyright").write_text("License: MIT\n")
    (broken / "sounds/en").mkdir(parents=True)
    (broken / "sounds/en/a.wav").write_bytes(b"no audio at all")
    result = synth(world, tmp_path / "c", "--audio", world.audio, "--prompts", tmp_path / "broken")
    refused(result, "a.wav: is no audio file that can be read")
    assert {path.name for path in tmp_path.iterdir()} == {"broken"}
