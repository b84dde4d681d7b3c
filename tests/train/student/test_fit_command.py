"""`earlymedia train fit`, as a person types it."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from agent.hearing.ear import Ear, Stream
from agent.hearing.forest import Forest
from agent.hearing.sound import Encoding
from agent.train.commands import app
from agent.train.labels.label_table import read_rows
from agent.train.student.candidate import read_candidate
from agent.train.student.strangers import read_strangers
from tests.train import seconds

SMALL = ("--trees", "20", "--leaf", "1", "--share", "1.0", "--jobs", "1")


def fit(*words: object) -> Result:
    return CliRunner().invoke(app, ["fit", *map(str, words)])


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seconds.corpus(tmp_path_factory.mktemp("made") / "corpus", recordings=5)


@pytest.fixture(scope="module")
def candidate(labels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fitted") / "candidate"
    result = fit(labels, "--out", folder, *SMALL)
    assert result.exit_code == 0, result.output
    assert "mean macro F1" in result.output
    assert "expected calibration error" in result.output
    return folder


def test_the_fitted_forest_hears_what_the_recordings_hold(labels: Path, candidate: Path) -> None:
    ear = Ear(Forest.load(candidate / "student.joblib"))
    right = []
    for row in read_rows(labels):
        if row.second.start == 0:
            samples, _ = soundfile.read(labels.parent / "audio" / row.file, dtype="int16")
            heard = ear.hear([(Stream(Encoding.SLIN8), samples.tobytes())])[0]
            right += [second.sound is row.second.sound for second in heard]
    assert len(right) == 20 * 6
    assert sum(right) / len(right) > 0.9


def test_every_labelled_second_is_judged_once_by_a_stranger(labels: Path, candidate: Path) -> None:
    strangers = read_strangers(candidate / "strangers.csv")
    rows = list(read_rows(labels))
    assert sorted(zip(strangers.file, strangers.start.tolist(), strict=True)) == sorted(
        (row.file, row.second.start) for row in rows
    )
    assert strangers.ambiguous.sum() == 20
    assert len(np.unique(strangers.fold)) == 5
    card = read_candidate(candidate).card
    assert card.seconds == len(rows)
    assert card.test_set == strangers.test_set
    assert sum(group.seconds for group in card.scores.groups) == len(rows) - 20


@pytest.mark.parametrize("recipe", ["thesis", "boosted"])
def test_other_students_are_judged_on_the_same_test_set(
    recipe: str, labels: Path, candidate: Path, tmp_path: Path
) -> None:
    size = ("--trees", 5) if recipe == "thesis" else ("--iterations", 3)
    result = fit(labels, "--out", tmp_path / recipe, "--recipe", recipe, *size, "--jobs", 1)
    assert result.exit_code == 0, result.output
    other = read_candidate(tmp_path / recipe)
    assert other.card.test_set == read_candidate(candidate).card.test_set
    assert other.student.hear(np.zeros(2 * 8000 + 400, np.float32)).shape == (2, 4)


def test_a_reviewed_second_changes_what_is_learned_and_said(labels: Path, tmp_path: Path) -> None:
    head, first, *_ = labels.read_text().splitlines()
    assert first.startswith("ringing0.wav,0,ringing")
    reviewed = tmp_path / "reviewed.csv"
    reviewed.write_text(f"{head}\nringing0.wav,0,music,0,1,0,0,1,0,reviewed,,,\n")
    result = fit(labels, reviewed, "--audio", labels.parent / "audio", "--out", tmp_path / "c", *SMALL)
    assert result.exit_code == 0, result.output
    strangers = read_strangers(tmp_path / "c" / "strangers.csv")
    at = strangers.file.index("ringing0.wav")
    assert (strangers.truth[at], strangers.teacher[at], strangers.group[at]) == (2, "reviewed", "ringing/0")
    assert "listened to by a person" in read_candidate(tmp_path / "c").card.never_heard


def test_the_card_says_what_a_corpus_is_made_of(labels: Path, candidate: Path, tmp_path: Path) -> None:
    assert read_candidate(candidate).card.training_data[0].licence == "not told"
    origin = {
        "seed": 1,
        "recordings": 20,
        "materials": [{"what": "a song", "by": "Ada", "licence": "CC0 1.0"}],
    }
    shutil.copytree(labels.parent, tmp_path / "corpus")
    (tmp_path / "corpus" / "corpus.json").write_text(json.dumps(origin))
    assert fit(tmp_path / "corpus", "--out", tmp_path / "c", *SMALL).exit_code == 0
    (material,) = read_candidate(tmp_path / "c").card.training_data
    assert (material.what, material.by) == ("a song", "Ada")


def test_votes_are_left_as_they_are_where_that_is_wanted(
    labels: Path, candidate: Path, tmp_path: Path
) -> None:
    result = fit(labels, "--out", tmp_path / "c", *SMALL, "--no-calibrated")
    assert result.exit_code == 0, result.output
    plain, true = read_candidate(tmp_path / "c"), read_candidate(candidate)
    assert plain.card.calibration is None
    assert plain.card.sha256 == true.card.sha256
    assert plain.card.probabilities is not None
    assert plain.card.probabilities.after == plain.card.probabilities.before


def test_the_same_bytes_come_out_whoever_works_on_it(labels: Path, tmp_path: Path) -> None:
    digests = set()
    for jobs in ("1", "2"):
        out = tmp_path / jobs
        words = ["fit", str(labels), "--out", str(out), "--trees", "12", "--jobs", jobs]
        program = f"import sys; from agent.train.commands import app; app({words!r})"
        environment = {**os.environ, "PYTHONHASHSEED": jobs}
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, env=environment)
        content = (out / "student.joblib").read_bytes() + (out / "strangers.csv").read_bytes()
        digests.add(hashlib.sha256(content).hexdigest())
    assert len(digests) == 1


def refused(result: Result, said: str, out: Path) -> None:
    """A fault is one sentence on standard error, exit code 2, and nothing written."""
    assert result.exit_code == 2, result.output
    sentence = [line for line in result.stderr.splitlines() if line.startswith("earlymedia: ")]
    assert len(sentence) == 1
    assert said in sentence[0]
    assert "Traceback" not in result.output
    assert not out.exists()
    assert not list(out.parent.glob("*.part"))


def test_a_candidate_is_never_overwritten(labels: Path, candidate: Path) -> None:
    before = (candidate / "student.json").read_bytes()
    result = fit(labels, "--out", candidate)
    assert result.exit_code == 2
    assert "exists already: remove it or name another folder" in result.stderr
    assert (candidate / "student.json").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--recipe", "soup"), "there is no recipe 'soup': use one of default, thesis, boosted"),
        (("--recipe", "boosted", "--share", "0.5"), "the recipe boosted has no setting --share"),
        (("--iterations", "5"), "the recipe default has no setting --iterations"),
        (("--audio", "/nowhere"), "/nowhere is no folder"),
        (("--cluster", "tcp://127.0.0.1:9"), "127.0.0.1:9"),
    ],
)
def test_a_wrong_word_is_named(words: tuple[str, ...], said: str, labels: Path, tmp_path: Path) -> None:
    refused(fit(labels, "--out", tmp_path / "c", *words), said, tmp_path / "c")


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(fit(tmp_path / "empty", "--out", tmp_path / "c"), "holds no labels.csv", tmp_path / "c")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (("ringing0.wav,0,ringing", "ringing0.wav,0,purring"), "row 2 is not understood ('purring'"),
        (("soft_speech", "loud_speech"), "has no column 'soft_speech'"),
        (("ringing0.wav,1,", "ringing0.wav,99,"), "ringing0.wav ends before its second 99"),
        (("ringing0.wav,1,", "ringing9.wav,1,"), "ringing9.wav"),
        ((",music,", ",speech,"), "no second is labelled music"),
    ],
)
def test_a_spoiled_label_file_is_named(
    spoil: tuple[str, str], said: str, labels: Path, tmp_path: Path
) -> None:
    (tmp_path / "labels.csv").write_text(labels.read_text().replace(*spoil))
    audio = ("--audio", labels.parent / "audio")
    refused(fit(tmp_path / "labels.csv", *audio, "--out", tmp_path / "c", *SMALL), said, tmp_path / "c")


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (np.zeros(2400), "music0.wav: lasts 0.30 s"),
        (np.full(60_000, np.nan), "music0.wav: holds samples that are no numbers"),
    ],
)
def test_a_spoiled_recording_is_named(samples: np.ndarray, said: str, labels: Path, tmp_path: Path) -> None:
    shutil.copytree(labels.parent, tmp_path / "corpus")
    soundfile.write(tmp_path / "corpus" / "audio" / "music0.wav", samples, 8000, subtype="FLOAT")
    refused(fit(tmp_path / "corpus", "--out", tmp_path / "c", *SMALL), said, tmp_path / "c")


def test_a_full_disk_is_named(labels: Path, tmp_path: Path) -> None:
    """The kernel itself refuses to write more than 4 kB to a file."""
    words = ["fit", str(labels), "--out", str(tmp_path / "c"), *SMALL]
    program = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); "
        f"from agent.train.commands import app; app({words!r})"
    )
    done = subprocess.run([sys.executable, "-B", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "c cannot be written (File too large): choose another folder" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_leaves_nothing_behind(labels: Path, tmp_path: Path) -> None:
    words = ["fit", str(labels), "--out", str(tmp_path / "c"), "--trees", "20000", "--jobs", "1"]
    program = (
        "import sys; from agent.train import commands; from agent.train.student import fit_command\n"
        "real = fit_command.judge_strangers\n"
        "def judge_strangers(*words): print('begun', file=sys.stderr, flush=True); return real(*words)\n"
        f"fit_command.judge_strangers = judge_strangers; commands.app({words!r})"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        while "begun" not in process.stderr.readline():
            assert process.poll() is None
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait(60) == 2, rest
    assert "earlymedia: interrupted" in rest
    assert "Traceback" not in rest
    assert list(tmp_path.iterdir()) == []
