"""`earlymedia train evaluate`, as a person types it, on candidates that `fit` made."""

import json
import shutil
from pathlib import Path

import pytest

from agent.hearing.sound import SOUNDS
from agent.train.labels.label_table import read_rows, write_rows
from tests.train.pages import Reader
from tests.train.seconds import corpus
from tests.train.typed import refused, train


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus with conditions, candidates `ours` and `boosted`, and labels of a teacher that errs."""
    root = tmp_path_factory.mktemp("made")
    labels = corpus(root / "corpus")
    rows = list(read_rows(labels))
    files = sorted({row.file for row in rows})
    table = [f"{file},{('gsm', 'ulaw')[index % 2]}" for index, file in enumerate(files)]
    (root / "corpus" / "recordings.csv").write_text("\n".join(["file,codec", *table]) + "\n")
    (root / "yamnet.csv").write_text(
        labels.read_text().replace("construction", "yamnet").replace(",music,", ",speech,")
    )
    for name, *settings in (("ours", "--trees", 15), ("boosted", "--recipe", "boosted", "--iterations", 3)):
        result = train("fit", root / "corpus", "--out", root / name, "--jobs", 1, *settings)
        assert result.exit_code == 0, result.output
    return root


@pytest.fixture(scope="module")
def report(made: Path) -> Path:
    """A report with all there is."""
    result = train(
        *("evaluate", made / "ours", "--against", made / "boosted", "--teacher-labels", made / "yamnet.csv"),
        *("--audio", made / "corpus", "--rounds", 2, "--out", made / "report"),
    )
    assert result.exit_code == 0, result.output
    assert "report.html: 60 clear seconds of strangers, macro F1" in result.stdout
    return made / "report"


def test_the_report_is_a_page_its_pictures_and_all_figures(report: Path) -> None:
    page = Reader((report / "report.html").read_text())
    pictures = sorted(report.glob("*.png"))
    assert len(page.all("img")) == len(pictures)
    assert {"times-alone.png", "by-codec.png", "agreement-yamnet.png"} <= {path.name for path in pictures}
    text = " ".join(page.text)
    assert "kind forest, view agent, trees 15" in text
    assert "CNN14 has random weights" in text
    figures = json.loads((report / "report.json").read_text())
    assert [one["name"] for one in figures["contestants"]] == ["ours", "boosted", "yamnet"]
    assert figures["contestants"][0]["scores"]["seconds"] == 60
    assert {one["condition"] for one in figures["cuts"]} == {"family", "codec"}
    assert {one["teacher"] for one in figures["agreements"]} == {"yamnet"}


def test_the_figures_are_those_of_the_card(made: Path, report: Path) -> None:
    figures = json.loads((report / "report.json").read_text())
    card = json.loads((made / "ours" / "student.json").read_text())
    assert figures["contestants"][0]["mean_macro_f1"] == pytest.approx(
        card["scores"]["mean_macro_f1"], abs=1e-4
    )
    assert figures["facts"]["test set"] == card["test_set"]


def test_a_teacher_that_takes_music_for_speech_is_seen_to(report: Path) -> None:
    figures = json.loads((report / "report.json").read_text())
    yamnet = figures["contestants"][2]
    recall = {one["sound"]: one["recall"] for one in yamnet["scores"]["classes"]}
    assert recall == {"ringing": 1, "speech": 1, "music": 0, "silence": 1}


def test_all_hearers_are_timed_on_every_sound(report: Path) -> None:
    times = json.loads((report / "report.json").read_text())["times_ms"]
    assert {one["hearer"] for one in times} == {"CNN14", "boosted", "ours"}
    assert {one["sound"] for one in times} == {*(sound.value for sound in SOUNDS), None}
    median = {one["hearer"]: sorted(one["ms"])[0] for one in times if one["sound"] == "music"}
    assert median["CNN14"] > 5 * median["ours"] > 0


def test_figures_are_printed_as_one_object_without_audio(made: Path, tmp_path: Path) -> None:
    result = train("evaluate", made / "ours", "--out", tmp_path / "r", "--json")
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures == json.loads((tmp_path / "r" / "report.json").read_text())
    assert figures["times_ms"] == []
    assert figures["candidate"] == "ours"


def test_the_sound_of_mistakes_is_in_the_page_if_asked_for(made: Path, tmp_path: Path) -> None:
    words = ("evaluate", made / "boosted", "--audio", made / "corpus", "--rounds", 0, "--out")
    assert train(*words, tmp_path / "mute").exit_code == 0
    assert train(*words, tmp_path / "loud", "--with-sound").exit_code == 0
    mute, loud = (Reader((tmp_path / name / "report.html").read_text()) for name in ("mute", "loud"))
    mistakes = len(list((tmp_path / "loud").glob("mistake-*.png")))
    assert (len(mute.all("audio")), len(loud.all("audio"))) == (0, mistakes)


def test_students_of_one_name_are_told_apart(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "boosted", tmp_path / "else" / "ours")
    words = ("--against", tmp_path / "else" / "ours", "--rounds", 0, "--out", tmp_path / "r", "--json")
    result = train("evaluate", made / "ours", *words)
    assert result.exit_code == 0, result.output
    names = [one["name"] for one in json.loads(result.stdout)["contestants"]]
    assert names == [str(made / "ours"), str(tmp_path / "else" / "ours")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("{made}/none",), "student.json cannot be read"),
        (("{made}/ours", "--against", "{made}/ours"), "is named twice"),
        (("{made}/ours", "--audio", "{made}/none"), "is no folder"),
        (("{made}/ours", "--audio", "{made}/boosted"), "holds none of the recordings that"),
        (("{made}/ours", "--teacher-labels", "{made}/none.csv"), "none.csv cannot be read"),
    ],
)
def test_bad_words_are_one_sentence_and_leave_nothing(
    words: tuple[str, ...], said: str, made: Path, tmp_path: Path
) -> None:
    refused(train("evaluate", *(word.format(made=made) for word in words), "--out", tmp_path / "r"), said)
    assert list(tmp_path.iterdir()) == []


def test_a_report_is_never_overwritten(made: Path, report: Path) -> None:
    before = (report / "report.json").read_bytes()
    refused(train("evaluate", made / "ours", "--out", report), "exists already")
    assert (report / "report.json").read_bytes() == before


def test_strangers_of_another_student_are_refused(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "ours", tmp_path / "torn")
    table = (tmp_path / "torn" / "strangers.csv").read_text().splitlines()
    (tmp_path / "torn" / "strangers.csv").write_text("\n".join(table[:-5]) + "\n")
    refused(train("evaluate", tmp_path / "torn", "--out", tmp_path / "r"), "that its card is not about")


def test_labels_of_other_recordings_are_refused(made: Path, tmp_path: Path) -> None:
    rows = list(read_rows(made / "yamnet.csv"))[:3]
    write_rows(tmp_path / "other.csv", [type(row)("x.wav", row.second, "t") for row in rows], ".csv")
    words = ("--teacher-labels", tmp_path / "other.csv", "--out", tmp_path / "r")
    refused(train("evaluate", made / "ours", *words), "labels of t speak of no second")
