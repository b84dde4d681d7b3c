"""Two students are compared by their cards, or on seconds of which neither has heard anything."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.forest import Forest
from agent.hearing.sound import SOUNDS
from agent.train.errors import MaterialError
from agent.train.evaluation.publish_compare import (
    Worth,
    by_cards,
    by_exam,
    group_of,
    hear,
    read_questions,
    trained_groups,
)
from agent.train.labels.label_table import Row, read_rows, write_rows
from agent.train.labels.labelling import LabelledSecond
from agent.train.parallel import Workers
from agent.train.student.calibration import calibrate
from agent.train.student.card import StudentCard, make_card
from agent.train.student.examples import find_source
from agent.train.student.fit import Student, fit
from agent.train.student.recipes import ForestRecipe
from agent.train.student.views import View, read_samples
from tests.train.seconds import corpus, plain, strangers

ALONE = Workers(jobs=1)
FOREST = ForestRecipe(trees=5, leaf=1, share=1.0)
TRUTH = np.tile(np.arange(4), 10)


def card(wrong: int, truth: np.ndarray = TRUTH) -> StudentCard:
    """The card of a student that got the first so many of forty strangers wrong."""
    examples, vectors = plain()
    student = fit(FOREST, examples, vectors, ALONE)
    verdict = np.where(np.arange(len(truth)) < wrong, 3 - truth, truth)
    judged = calibrate(strangers(np.eye(4)[verdict] * 0.6 + 0.1, truth))
    return make_card(student, b"", judged, [], date(2026, 1, 2))


def test_cards_about_the_same_strangers_tell_who_is_better() -> None:
    found = by_cards(card(3), card(8))
    assert found is not None
    assert found.candidate.macro_f1 > found.current.macro_f1
    assert not found.candidate.worse_than(found.current)
    assert found.current.worse_than(found.candidate)
    assert found.basis == "the same 40 seconds of strangers"


def test_cards_about_other_strangers_tell_nothing() -> None:
    assert by_cards(card(0), card(0, TRUTH[:36])) is None
    old = card(0).model_copy(update={"test_set": ""})
    assert by_cards(old, old) is None


@given(st.floats(0, 1), st.floats(0, 1))
def test_nobody_is_worse_than_oneself(macro_f1: float, recall: float) -> None:
    assert not Worth(macro_f1, recall).worse_than(Worth(macro_f1, recall))


def test_a_sound_that_is_lost_is_not_made_up_for_by_the_mean() -> None:
    current = Worth(0.97, 0.90)
    assert Worth(0.99, 0.80).worse_than(current)
    assert not Worth(0.98, 0.895).worse_than(current), "the lowest recall hangs on few groups"
    assert Worth(0.969, 0.99).worse_than(current)


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three recordings of each sound, 6 s each, one second of each ambiguous; groups `speech/0`, ..."""
    return corpus(tmp_path_factory.mktemp("exam") / "corpus")


def test_groups_that_were_trained_on_are_left_out_and_counted(labels: Path) -> None:
    heard = list[None]()
    questions = read_questions([find_source(labels)], {"speech/0", "music/1", "else/9"})
    exam = hear(questions, ALONE, lambda: heard.append(None))
    assert (questions.groups, questions.left_out, len(heard)) == (10, 2, 10)
    assert exam.basis == "50 seconds of 10 groups that are new to both (2 others left out)"
    assert np.bincount(exam.truth).tolist() == [15, 10, 10, 15], "five clear seconds of a recording"


def test_what_is_heard_is_the_labelled_second(labels: Path) -> None:
    rows = [row for row in read_rows(labels) if row.file == "speech1.wav" and not row.second.ambiguous]
    all_others = {row.group for row in read_rows(labels)} - {"speech/1"}
    exam = hear(read_questions([find_source(labels)], all_others), ALONE)
    seen = View.AGENT.see(read_samples(labels.parent / "audio" / "speech1.wav"))
    np.testing.assert_array_equal(exam.vectors, seen[[row.second.start for row in rows]])


def test_an_exam_of_nothing_new_is_refused(labels: Path) -> None:
    with pytest.raises(MaterialError, match=r"no clear second of a group that is new.*12 groups left out"):
        read_questions([find_source(labels)], {row.group for row in read_rows(labels)})


def test_recordings_that_end_before_their_labels_are_named(labels: Path, tmp_path: Path) -> None:
    rows = [replace(row, second=replace(row.second, start=99)) for row in read_rows(labels)]
    write_rows(tmp_path / "late.csv", rows, ".csv")
    source = find_source(tmp_path / "late.csv", labels.parent / "audio")
    with pytest.raises(MaterialError, match=r"ringing0\.wav and all others end before"):
        hear(read_questions([source], set()), ALONE)


def test_a_group_that_is_not_told_is_the_one_that_fit_would_give(tmp_path: Path) -> None:
    def row(file: str, group: str = "") -> Row:
        return Row(file, LabelledSecond(0, SOUNDS[0], (1, 0, 0, 0), 1.0, False), "yamnet", group)

    assert group_of(row("a.wav")) == "file/a.wav"
    assert group_of(row("carrier/b/a.wav")) == "folder/carrier"
    assert group_of(row("a.wav", "voice/Ada")) == "voice/Ada"
    from agent.train.student.examples import read_examples

    rows = [replace(each, group="") for each in read_rows(corpus(tmp_path / "c"))]
    write_rows(tmp_path / "c" / "labels.csv", rows, ".csv")
    fitted = read_examples([find_source(tmp_path / "c")]).group
    assert {group_of(each) for each in rows} == set(fitted)


def test_the_better_of_two_forests_wins_the_exam(labels: Path) -> None:
    exam = hear(read_questions([find_source(labels)], set()), ALONE)
    examples, _ = plain(folds=1, each=15)
    examples = replace(examples, truth=exam.truth, soft=np.eye(4)[exam.truth])
    honest = fit(FOREST, examples, exam.vectors, ALONE)
    lies = replace(examples, truth=(exam.truth + 1) % 4)
    liar = fit(FOREST, lies, exam.vectors, ALONE)

    def forest(student: Student) -> Forest:
        return Forest.of(student.model, card(0), Path("x"))

    found = by_exam(forest(honest), forest(liar), exam)
    assert found.candidate.macro_f1 > 0.9
    assert found.current.macro_f1 < 0.1
    assert found.basis == "60 seconds of 12 groups that are new to both (0 others left out)"


def test_a_card_names_what_its_student_was_trained_on() -> None:
    assert trained_groups([card(0), card(0)]) == {f"group/{i}" for i in range(7)}
