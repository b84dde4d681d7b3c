"""From material to a forest that hears, by the commands a person types."""

from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

from agent.hearing.ear import Ear, Stream
from agent.hearing.forest import Forest
from agent.hearing.sound import Encoding
from agent.train.candidate import read_candidate
from agent.train.commands import app
from agent.train.label_table import read_rows
from agent.train.strangers import read_strangers
from tests.train.conftest import World


def earlymedia_train(*words: object) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def made(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus and a candidate that was fitted on it."""
    folder = tmp_path_factory.mktemp("made")
    material = ("--audio", world.audio, "--tones", world.tones, "--prompts", world.package)
    earlymedia_train("synth", folder / "corpus", *material, "--recordings", 60, "--jobs", 1)
    fitted = ("--trees", 30, "--share", 1, "--leaf", 1, "--jobs", 1)
    earlymedia_train("fit", folder / "corpus", "--out", folder / "candidate", *fitted)
    return folder


def test_a_published_forest_hears_what_the_corpus_holds(made: Path, tmp_path: Path) -> None:
    earlymedia_train("publish", made / "candidate", "--to", tmp_path / "models")
    ear = Ear(Forest.load(tmp_path / "models" / "student.joblib"))
    clear = {
        (row.file, float(row.second.start)): row.second.sound
        for row in read_rows(made / "corpus" / "labels.csv")
        if not row.second.ambiguous
    }
    right: list[bool] = []
    for file in sorted({file for file, _ in clear}):
        samples, _ = soundfile.read(made / "corpus" / "audio" / file, dtype="int16")
        heard = ear.hear([(Stream(Encoding.SLIN8), samples.tobytes())])[0]
        right += [s.sound is clear[file, s.at] for s in heard if (file, s.at) in clear]
    assert len(right) == len(clear)
    assert sum(right) / len(right) > 0.9


def test_strangers_keep_the_folds_and_groups_of_the_corpus(made: Path) -> None:
    dealt = {
        (row.file, row.second.start): (row.group, row.fold)
        for row in read_rows(made / "corpus" / "labels.csv")
    }
    strangers = read_strangers(made / "candidate" / "strangers.csv")
    assert len(strangers) == len(dealt)
    for index, key in enumerate(zip(strangers.file, strangers.start.tolist(), strict=True)):
        assert (strangers.group[index], strangers.fold[index]) == dealt[key]


def test_the_card_says_who_made_the_material(made: Path) -> None:
    named = {
        material.by: material.licence for material in read_candidate(made / "candidate").card.training_data
    }
    assert named["Composer 0"] == "CC0 1.0"
    assert named["Nobody (nowhere)"] == "CC BY-SA 4.0"
    assert named["Ada Voice"] == "CC-BY-SA-3.0"


def test_a_candidate_is_reported_on(made: Path, tmp_path: Path) -> None:
    earlymedia_train("evaluate", made / "candidate", "--out", tmp_path / "report", "--rounds", 0)
    assert "<html" in (tmp_path / "report" / "report.html").read_text()
