"""All figures of a candidate: on seconds that all judged, mixed ones apart, teachers beside it."""

from dataclasses import replace

import numpy as np
import pytest

from agent.hearing.sound import SOUNDS
from agent.train.errors import MaterialError
from agent.train.evaluation.evaluate import Entrant, evaluate
from agent.train.evaluation.evaluate_mistakes import mistakes
from agent.train.evaluation.evaluate_slices import KnownConditions
from agent.train.evaluation.evaluate_teachers import align
from agent.train.labels.label_table import Row
from agent.train.labels.labelling import LabelledSecond
from agent.train.student.strangers import Strangers
from tests.train.seconds import strangers

TRUTH = np.tile(np.arange(4), 10)


def judged(verdict: np.ndarray, sure: float = 0.7) -> Strangers:
    """Forty seconds of five folds; the verdicts are given with one confidence."""
    p = np.full((len(verdict), 4), (1 - sure) / 3)
    p[np.arange(len(verdict)), verdict] = sure
    return strangers(p, TRUTH[: len(verdict)])


def row(file: str, sound: int, soft: float = 1.0, start: int = 0) -> Row:
    return Row(file, LabelledSecond(start, SOUNDS[sound], (soft, 0.0, 0.0, 0.0), 1.0, False), "yamnet")


def test_one_that_knows_all_is_told_from_one_that_errs() -> None:
    wrong = np.where(np.arange(40) < 4, 0, TRUTH)
    found = evaluate([Entrant("ours", judged(wrong)), Entrant("perfect", judged(TRUTH))])
    ours, perfect = found.contestants
    assert (ours.name, perfect.name) == ("ours", "perfect")
    assert ours.scores.right == pytest.approx(37 / 40)
    assert (perfect.mean_macro_f1, perfect.worst_macro_f1, perfect.scores.worst_recall) == (1, 1, 1)
    assert ours.worst_macro_f1 < ours.mean_macro_f1 < 1
    assert [fold.seconds for fold in ours.folds] == [8] * 5
    assert ours.lead is None
    assert perfect.lead is not None
    assert perfect.lead.low < 0, "the candidate is behind"
    assert ours.macro_f1_interval.low < ours.scores.macro_f1 < ours.macro_f1_interval.high
    assert ours.calibration is not None
    assert ours.calibration.ece == pytest.approx(37 / 40 - 0.7)


def test_only_seconds_that_all_judged_count() -> None:
    half = judged(TRUTH).where(np.arange(40) < 20)
    found = evaluate([Entrant("ours", judged(np.where(np.arange(40) < 20, TRUTH, 0))), Entrant("half", half)])
    assert (found.seconds, found.left_out) == (20, 20)
    assert found.contestants[0].scores.right == 1


def test_students_of_other_recordings_cannot_be_compared() -> None:
    other = replace(judged(TRUTH), file=tuple(f"else{i}.wav" for i in range(40)))
    with pytest.raises(MaterialError, match="ours, else have no clear second in common"):
        evaluate([Entrant("ours", judged(TRUTH)), Entrant("else", other)])


def test_mixed_seconds_are_in_no_other_figure() -> None:
    mixed = np.arange(40) >= 30
    found = evaluate([Entrant("ours", replace(judged(np.where(mixed, 0, TRUTH)), ambiguous=mixed))])
    assert found.contestants[0].scores.right == 1
    assert found.contestants[0].mixed.seconds == 10
    assert found.contestants[0].mixed.right < 0.5
    assert found.mistakes == ()
    assert sum(group.seconds for group in found.groups) == 30


def test_a_teacher_is_scored_on_what_it_labelled_and_agreed_with_whoever_is_right() -> None:
    ours = judged(np.where(TRUTH == 1, 2, TRUTH))
    teacher = align(ours, [row(f"{i}.wav", int(TRUTH[i])) for i in range(20)], "yamnet")
    found = evaluate([Entrant("ours", ours)], [teacher])
    yamnet = found.contestants[1]
    assert (yamnet.is_teacher, yamnet.scores.seconds, yamnet.scores.right, yamnet.calibration) == (
        True,
        20,
        1,
        None,
    )
    (agreed,) = found.agreements
    assert (agreed.teacher, agreed.seconds, agreed.share) == ("yamnet", 20, 0.75)
    assert agreed.confusion[1] == (0, 0, 5, 0)


def test_teachers_whose_labels_were_the_truth_are_agreed_with() -> None:
    ours = replace(
        judged(np.where(np.arange(40) < 10, 0, TRUTH)), teacher=("mn04",) * 20 + ("reviewed",) * 20
    )
    found = evaluate([Entrant("ours", ours)])
    (agreed,) = found.agreements
    assert agreed.seconds == 20
    assert [cut.condition for cut in found.cuts] == ["family", "teacher"]
    said = {part.name: part.right for part in found.cuts[1].slices}
    assert said["reviewed"] == 1
    assert said["mn04"] < 1


def test_how_confident_a_teacher_was_is_counted_by_sound() -> None:
    ours = judged(TRUTH)
    rows = [row("0.wav", 0, 0.97), row("4.wav", 0, 0.31), row("8.wav", 0, 1.0)]
    found = evaluate([Entrant("ours", ours)], [align(ours, rows, "yamnet")])
    ringing = next(one for one in found.confidences if one.sound == "ringing")
    assert {index: count for index, count in enumerate(ringing.counts) if count} == {6: 1, 19: 2}
    assert sum(sum(one.counts) for one in found.confidences) == 3


def test_a_label_file_finds_its_seconds_by_the_end_of_their_names() -> None:
    ours = replace(judged(TRUTH), file=(*(f"one/audio/{i}.wav" for i in range(39)), "two/audio/0.wav"))
    aligned = align(ours, [row("5.wav", 1), row("one/audio/7.wav", 3), row("0.wav", 0)], "yamnet")
    assert np.flatnonzero(aligned.labelled).tolist() == [5, 7], "0.wav may be either"
    assert aligned.verdict[[5, 7]].tolist() == [1, 3]


def test_labels_of_other_recordings_are_refused() -> None:
    with pytest.raises(MaterialError, match="labels of yamnet speak of no second"):
        align(judged(TRUTH), [row("else.wav", 0)], "yamnet")


def test_conditions_cut_the_clear_seconds() -> None:
    known = KnownConditions(("codec",), {f"{i}.wav": ("gsm" if i % 2 else "ulaw",) for i in range(40)})
    found = evaluate([Entrant("ours", judged(np.where(np.arange(40) % 2, 0, TRUTH)))], conditions=known)
    assert {part.name: part.right for part in found.cuts[-1].slices} == {"gsm": 0.0, "ulaw": 1.0}


def test_the_most_confident_mistakes_come_first_and_not_all_from_one_place() -> None:
    wrong = np.roll(TRUTH, 1)
    p = np.eye(4)[wrong] * np.linspace(0.5, 0.9, 40)[:, np.newaxis] + 0.001
    ours = replace(strangers(p, TRUTH), group=("song/a",) * 35 + ("song/b",) * 5)
    found = mistakes(ours)
    assert [made.file for made in found] == ["39.wav", "38.wav", "34.wav", "33.wav"]
    assert [max(made.p) for made in found] == sorted((max(made.p) for made in found), reverse=True)
    assert all(made.truth != made.verdict for made in found)
    one_file = replace(ours, file=("long.wav",) * 40, start=np.arange(40))
    assert [(made.file, made.start) for made in mistakes(one_file)] == [("long.wav", 39)]
