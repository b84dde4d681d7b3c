"""From material to a forest that hears, by the commands a person types."""

import json
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner, Result

from agent.hearing.ear import Ear, Stream
from agent.hearing.forest import Forest
from agent.hearing.sound import Encoding
from agent.train.commands import app
from agent.train.labels.label_table import read_rows
from tests.train.conftest import World


def earlymedia_train(*words: object) -> Result:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def corpus(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "corpus"
    material = ("--audio", world.audio, "--tones", world.tones, "--prompts", world.package)
    earlymedia_train("synth", folder, *material, "--recordings", 40, "--jobs", 1)
    return folder


@pytest.fixture(scope="module")
def candidate(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fitted") / "candidate"
    small = ("--trees", 30, "--leaf", 1, "--share", 1.0, "--jobs", 1)
    earlymedia_train("fit", corpus, "--out", folder, *small)
    return folder


def test_the_fitted_forest_hears_what_the_corpus_holds(corpus: Path, candidate: Path) -> None:
    ear = Ear(Forest.load(candidate / "student.joblib"))
    truth = {(row.file, row.second.start): row.second.sound for row in read_rows(corpus / "labels.csv")}
    right = []
    for file in sorted({file for file, _ in truth}):
        samples, _ = soundfile.read(corpus / "audio" / file, dtype="int16")
        heard = ear.hear([(Stream(Encoding.SLIN8), samples.tobytes())])[0]
        right += [second.sound is truth[file, int(second.at)] for second in heard]
    assert len(right) == len(truth) == 480
    assert sum(right) / len(right) > 0.9


def test_the_card_says_who_made_the_material(candidate: Path) -> None:
    data = json.loads((candidate / "student.json").read_text())["training_data"]
    named = {entry["by"]: entry["licence"] for entry in data}
    assert named["Composer 0"] == "CC0 1.0"
    assert named["Nobody (nowhere)"] == "CC BY-SA 4.0"
    assert named["Ada Voice"] == "CC-BY-SA-3.0"
