"""From material to a forest that hears, by the commands a person types."""

import json
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner, Result

from agent.hearing.ear import Ear, Stream
from agent.hearing.forest import Forest
from agent.hearing.sound import Encoding, HeardSecond, Sound
from agent.train.commands import app
from tests.train.conftest import World


def earlymedia_train(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def synth(world: World, corpus: Path, *more: object) -> Result:
    return earlymedia_train(
        "synth", corpus, "--audio", world.audio, "--tones", world.tones, "--prompts", world.package, *more
    )


@pytest.fixture(scope="module")
def corpus(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "corpus"
    result = synth(world, folder, "--recordings", 40)
    assert result.exit_code == 0, result.output
    assert "40 recordings, 480 labelled seconds" in result.output
    return folder


@pytest.fixture(scope="module")
def models(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fitted") / "models"
    result = earlymedia_train("fit", corpus, "--out", folder, "--trees", 30, "--jobs", 1)
    assert result.exit_code == 0, result.output
    assert "mean macro F1" in result.output
    return folder


def hear(forest: Forest, path: Path) -> list[HeardSecond]:
    samples, _ = soundfile.read(path, dtype="int16")
    return Ear(forest).hear([(Stream(Encoding.SLIN8), samples.tobytes())])[0]


def test_the_fitted_forest_hears_what_the_corpus_holds(corpus: Path, models: Path) -> None:
    forest = Forest.load(models / "student.joblib")
    lines = [line.split(",") for line in (corpus / "seconds.csv").read_text().splitlines()[1:]]
    truth: dict[str, list[Sound]] = {}
    for recording, _second, sound, *_ in lines:
        truth.setdefault(recording, []).append(Sound(sound))
    heard = {name: hear(forest, corpus / "audio" / f"{name}.flac") for name in truth}
    right = [a.sound is b for name in truth for a, b in zip(heard[name], truth[name], strict=True)]
    assert sum(right) / len(right) > 0.9


def test_strangers_are_scored_group_by_group_on_the_card(models: Path) -> None:
    card = json.loads((models / "student.json").read_text())
    scores = card["scores"]
    assert {fold["fold"] for fold in scores["folds"]} == {0, 1, 2, 3, 4}
    assert 0.5 < scores["mean_macro_f1"] <= 1
    assert (
        sum(group["seconds"] for group in scores["groups"])
        + sum(score["seconds"] for score in scores["mixed"]["classes"].values())
        == card["seconds"]
    )
    for group in scores["groups"]:
        heard = sum(sum(verdicts.values()) for verdicts in group["heard_as"].values())
        assert heard == group["seconds"]


def test_the_card_says_who_made_the_material(models: Path) -> None:
    data = json.loads((models / "student.json").read_text())["training_data"]
    named = {entry["by"]: entry["licence"] for entry in data}
    assert named["Composer 0"] == "CC0 1.0"
    assert named["Nobody (nowhere)"] == "CC BY-SA 4.0"
    assert named["Ada Voice"] == "CC-BY-SA-3.0"


def test_the_same_corpus_gives_the_same_bytes(corpus: Path, models: Path, tmp_path: Path) -> None:
    earlymedia_train("fit", corpus, "--out", tmp_path / "again", "--trees", 30, "--jobs", 2)
    assert (tmp_path / "again" / "student.joblib").read_bytes() == (models / "student.joblib").read_bytes()


def test_the_same_seed_makes_the_same_corpus(world: World, corpus: Path, tmp_path: Path) -> None:
    synth(world, tmp_path / "again", "--recordings", 40)
    made = sorted(path.relative_to(corpus) for path in corpus.rglob("*") if path.is_file())
    assert len(made) == 42
    assert all((tmp_path / "again" / path).read_bytes() == (corpus / path).read_bytes() for path in made)


def refused(result: Result, said: str) -> None:
    """A fault is one sentence on standard error, and exit code 2."""
    assert result.exit_code == 2, result.output
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("earlymedia: ")
    assert said in last
    assert "Traceback" not in result.output


def test_a_corpus_is_never_overwritten(world: World, corpus: Path) -> None:
    refused(synth(world, corpus), "exists already: remove it or name another folder")


def test_missing_tones_are_named(world: World, tmp_path: Path) -> None:
    result = earlymedia_train(
        "synth", tmp_path / "c", "--audio", world.audio, "--tones", tmp_path / "no.json"
    )
    refused(result, "no.json is no table of national tones")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_of_prompts_is_named(world: World, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = earlymedia_train(
        "synth", tmp_path / "c", "--tones", world.tones, "--prompts", tmp_path / "empty"
    )
    refused(result, "holds no recording")


def test_material_without_a_licence_is_refused(world: World, tmp_path: Path) -> None:
    nameless = tmp_path / "nameless" / "sounds" / "someone"
    nameless.mkdir(parents=True)
    (nameless / "a.flac").write_bytes((world.audio / "speech" / "voice0.flac").read_bytes())
    refused(synth(world, tmp_path / "c", "--prompts", tmp_path / "nameless"), "has neither usr/share/doc")


def test_a_recording_that_is_none_leaves_nothing_behind(world: World, tmp_path: Path) -> None:
    broken = tmp_path / "broken" / "usr/share"
    (broken / "doc/x").mkdir(parents=True)
    (broken / "doc/x/copyright").write_text("License: MIT\n")
    (broken / "sounds/en").mkdir(parents=True)
    (broken / "sounds/en/a.wav").write_bytes(b"no audio at all")
    result = synth(world, tmp_path / "c", "--prompts", tmp_path / "broken", "--recordings", 200)
    refused(result, "a.wav")
    assert {path.name for path in tmp_path.iterdir()} == {"broken"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("00000,0,purring,a/b,0,0", "line 2 is not understood"),
        ("00000,x,speech,a/b,0,0", "line 2 is not understood"),
    ],
)
def test_a_bad_label_is_named_by_its_line(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "seconds.csv").write_text(f"recording,second,sound,group,fold,mixed\n{line}\n")
    refused(earlymedia_train("fit", tmp_path, "--out", tmp_path / "models"), said)


def test_no_corpus_is_named(tmp_path: Path) -> None:
    refused(earlymedia_train("fit", tmp_path / "none", "--out", tmp_path / "models"), "make a corpus with")
    assert list(tmp_path.iterdir()) == []


def test_a_corpus_that_lacks_a_recording_is_named(corpus: Path, tmp_path: Path) -> None:
    for name in ("seconds.csv", "corpus.json"):
        (tmp_path / name).write_bytes((corpus / name).read_bytes())
    refused(earlymedia_train("fit", tmp_path, "--out", tmp_path / "models"), "00000.flac cannot be read")
    assert not (tmp_path / "models").exists()
