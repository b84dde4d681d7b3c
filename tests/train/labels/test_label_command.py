"""`earlymedia train label`, as a person types it."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from agent.hearing.sound import Sound
from agent.train.commands import app
from agent.train.errors import MaterialError
from agent.train.labels.label_command import parse_teachers
from agent.train.labels.label_table import read_rows
from agent.train.teachers import catalogue
from agent.train.teachers.catalogue import CHECKPOINTS, TeacherName
from agent.train.teachers.mobilenet import MobileNet
from tests.train.teachers.made import described, save, sow, tone, write_loudness_model


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with small checkpoints under the published names, and a catalogue that knows them."""
    (folder := tmp_path / "teachers").mkdir()
    yamnet, mn04 = (folder / CHECKPOINTS[name].file for name in (TeacherName.YAMNET, TeacherName.MN04))
    write_loudness_model(yamnet)
    made = {
        **CHECKPOINTS,
        TeacherName.YAMNET: described(yamnet),
        TeacherName.MN04: save(mn04, sow(MobileNet(width=0.4)).state_dict()),
    }
    monkeypatch.setattr(catalogue, "CHECKPOINTS", made)
    return folder


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    (folder := tmp_path / "calls").mkdir()
    soundfile.write(folder / "loud.wav", tone(3, 8000), 8000)
    soundfile.write(folder / "quiet.wav", np.zeros(24_000), 8000)
    return folder


def label(folder: Path, out: Path, checkpoints: Path, *words: str) -> Result:
    fixed = ["label", str(folder), "--out", str(out), "--checkpoints", str(checkpoints)]
    fixed += ["--jobs", "1"]
    return CliRunner().invoke(app, [*fixed, *words])


def refused(result: Result, said: str) -> None:
    assert result.exit_code == 2, result.output
    sentences = [line for line in result.stderr.splitlines() if line.startswith("earlymedia: ")]
    assert said in sentences[-1]
    assert "Traceback" not in result.output


def test_a_folder_becomes_a_label_file(calls: Path, checkpoints: Path, tmp_path: Path) -> None:
    result = label(calls, tmp_path / "l.csv", checkpoints, "--teacher", "yamnet")
    assert result.exit_code == 0, result.output
    assert "2 recordings, 6 seconds, 0 of them ambiguous; 0 recordings left out" in result.stdout
    assert [(row.file, row.second.sound) for row in read_rows(tmp_path / "l.csv")] == [
        *[("loud.wav", Sound.RINGING)] * 3,
        *[("quiet.wav", Sound.SILENCE)] * 3,
    ]


def test_an_ensemble_is_named_in_every_row(calls: Path, checkpoints: Path, tmp_path: Path) -> None:
    words = ("--teacher", "yamnet", "--teacher", "mn04:0.25", "--device", "cpu", "--smoothing-seconds", "1")
    result = label(calls, tmp_path / "l.csv", checkpoints, *words)
    assert result.exit_code == 0, result.output
    assert {row.teacher for row in read_rows(tmp_path / "l.csv")} == {"yamnet:1+mn04:0.25"}


def test_two_processes_label_what_one_does(calls: Path, checkpoints: Path, tmp_path: Path) -> None:
    teachers = ("--teacher", "yamnet", "--teacher", "mn04", "--device", "cpu", "--batch-seconds", "1")
    for name, words in (("one.csv", ()), ("two.csv", ("--jobs", "2"))):
        result = label(calls, tmp_path / name, checkpoints, *teachers, *words)
        assert result.exit_code == 0, result.output
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


def test_bad_files_are_listed_and_the_others_labelled(calls: Path, checkpoints: Path, tmp_path: Path) -> None:
    (calls / "bad.wav").write_text("no audio")
    result = label(calls, tmp_path / "l.csv", checkpoints, "--teacher", "yamnet")
    refused(result, "bad.wav: is no audio that can be read")
    assert "2 recordings, 6 seconds" in result.stdout
    assert len(list(read_rows(tmp_path / "l.csv"))) == 6


def test_the_wrong_checkpoint_is_called_so(calls: Path, checkpoints: Path, tmp_path: Path) -> None:
    mn04, cnn14 = (checkpoints / CHECKPOINTS[name].file for name in (TeacherName.MN04, TeacherName.CNN14))
    cnn14.write_bytes(mn04.read_bytes())
    refused(
        label(calls, tmp_path / "l.csv", checkpoints, "--teacher", "cnn14"),
        "is mn04_as_mAP_432.pt, the checkpoint of mn04: download Cnn14_mAP=0.431.pth",
    )
    assert not (tmp_path / "l.csv").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--teacher", "cnn14"), "is missing: download it from https://zenodo.org/records/3987831"),
        (("--teacher", "vggish"), "there is no teacher 'vggish': use one of cnn14"),
        (("--teacher", "yamnet:0"), "the weight of 'yamnet:0' is no positive number"),
        (("--teacher", "yamnet", "--aggregation", "none.yaml"), "none.yaml cannot be read"),
        (("--teacher", "yamnet", "--jobs", "0"), "--jobs 0 leaves nobody to work"),
        (("--teacher", "yamnet", "--cluster", "tcp://127.0.0.1:9"), "no Dask scheduler answers at 'tcp:/"),
    ],
)
def test_bad_words_are_one_sentence_and_leave_nothing(
    words: tuple[str, ...], said: str, calls: Path, checkpoints: Path, tmp_path: Path
) -> None:
    refused(label(calls, tmp_path / "l.csv", checkpoints, *words), said)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["calls", "teachers"]


def test_an_empty_folder_is_named(checkpoints: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(
        label(tmp_path / "empty", tmp_path / "l.csv", checkpoints, "--teacher", "yamnet"),
        "holds no recording",
    )


def test_teachers_are_read_with_their_weights() -> None:
    assert parse_teachers(["yamnet", "mn04:0.5"]) == [(TeacherName.YAMNET, 1.0), (TeacherName.MN04, 0.5)]
    for words in (["yamnet", "yamnet:2"], ["mn04:x"], ["mn04:inf"], ["mn04:-1"]):
        with pytest.raises(MaterialError):
            parse_teachers(words)
