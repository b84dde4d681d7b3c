"""All that is to be told of a candidate, worked out: tables of verdicts in, figures out."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.hearing.sound import SOUNDS
from agent.train.errors import MaterialError
from agent.train.evaluation.evaluate_bootstrap import Interval, interval, macro_f1_draws
from agent.train.evaluation.evaluate_mistakes import Mistake, mistakes
from agent.train.evaluation.evaluate_scores import Agreement, Calibration, Scores, calibration, score
from agent.train.evaluation.evaluate_slices import (
    Cut,
    GroupScore,
    KnownConditions,
    by_group,
    cut,
    cut_by_conditions,
)
from agent.train.evaluation.evaluate_teachers import (
    Confidence,
    TeacherLabels,
    agree,
    confidences,
    keys,
    own_teachers,
)
from agent.train.student.strangers import Strangers


@dataclass(frozen=True, slots=True)
class Entrant:
    """A student by its verdicts on strangers."""

    name: str
    strangers: Strangers


@dataclass(frozen=True, slots=True)
class FoldScore:
    """How one fold of strangers was heard."""

    fold: int
    seconds: int
    right: float
    macro_f1: float
    worst_recall: float


@dataclass(frozen=True, slots=True)
class Contestant:
    """A student, or a teacher itself, on the clear seconds that all students judged."""

    name: str
    is_teacher: bool
    scores: Scores
    folds: tuple[FoldScore, ...]
    mean_macro_f1: float
    """Mean of the folds."""
    worst_macro_f1: float
    """Worst of the folds."""
    macro_f1_interval: Interval
    """Of all seconds together, had other groups been drawn."""
    lead: Interval | None
    """By how much the candidate's macro F1 is higher on the same seconds; None of the candidate itself."""
    mixed: Scores
    """Seconds marked as ambiguous, which are in no other figure."""
    calibration: Calibration | None
    """None for teachers: their strengths are no probabilities of one sound."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All figures of a candidate but times."""

    seconds: int
    """Seconds that all students judged; all contestants are scored on these."""
    left_out: int
    """Seconds of the candidate that another student did not judge."""
    contestants: tuple[Contestant, ...]
    """The candidate first."""
    agreements: tuple[Agreement, ...]
    """The candidate against each teacher, all seconds."""
    confidences: tuple[Confidence, ...]
    cuts: tuple[Cut, ...]
    groups: tuple[GroupScore, ...]
    """The worst first."""
    mistakes: tuple[Mistake, ...]
    """The most confident first."""


def evaluate(
    students: Sequence[Entrant],
    teachers: Sequence[TeacherLabels] = (),
    conditions: KnownConditions | None = None,
) -> Evaluation:
    """Work out all figures of the first student, and those that compare it with the others.

    Args:
        students: the candidate, then whom it is compared with. Only seconds that all have judged count.
        teachers: labels aligned with the candidate's seconds, as `align` gives them.
        conditions: of the recordings, where they are known.

    Raises:
        MaterialError: the students have no clear second in common.
    """
    everything = students[0].strangers
    shared = _shared([student.strangers for student in students])
    ours = everything.where(shared)
    if not len(ours) or ours.ambiguous.all():
        names = ", ".join(student.name for student in students)
        raise MaterialError(f"{names} have no clear second in common: fit them on the same label files")
    contestants = [_contest(students[0].name, ours)]
    contestants += [_contest(other.name, _follow(ours, other.strangers), ours) for other in students[1:]]
    in_labels = own_teachers(everything)
    for teacher in teachers:
        labelled = shared & teacher.labelled
        judged = dataclasses.replace(everything, p=np.eye(len(SOUNDS))[teacher.verdict]).where(labelled)
        contestants.append(_contest(teacher.name, judged, everything.where(labelled), is_teacher=True))
    clear = ours.where(~ours.ambiguous)
    cuts = [cut(clear, "family", [group.partition("/")[0] for group in clear.group])]
    if len(set(clear.teacher)) > 1:
        cuts.append(cut(clear, "teacher", clear.teacher))
    if conditions is not None:
        cuts += cut_by_conditions(clear, conditions)
    return Evaluation(
        seconds=len(ours),
        left_out=len(everything) - len(ours),
        contestants=tuple(contestants),
        agreements=tuple(agree(everything, teacher) for teacher in (*teachers, *in_labels)),
        confidences=tuple(c for teacher in (*teachers, *in_labels) for c in confidences(teacher)),
        cuts=tuple(cuts),
        groups=by_group(clear),
        mistakes=mistakes(clear),
    )


def _shared(all_strangers: Sequence[Strangers]) -> NDArray[np.bool_]:
    """Tell which seconds of the first all others have judged too."""
    common = set(keys(all_strangers[0])).intersection(*map(keys, all_strangers[1:]))
    return np.array([key in common for key in keys(all_strangers[0])], np.bool_)


def _follow(ours: Strangers, theirs: Strangers) -> Strangers:
    """Return our seconds, truth and folds with another student's verdicts."""
    place = {key: index for index, key in enumerate(keys(theirs))}
    return dataclasses.replace(ours, p=theirs.p[[place[key] for key in keys(ours)]])


def _contest(
    name: str, judged: Strangers, candidate: Strangers | None = None, *, is_teacher: bool = False
) -> Contestant:
    """Score a contestant, and the candidate's lead on the same seconds."""
    clear = judged.where(~judged.ambiguous)
    draws = macro_f1_draws(clear)
    lead = None
    if candidate is not None:
        lead = interval(macro_f1_draws(candidate.where(~candidate.ambiguous)) - draws)
    folds = []
    for fold in np.unique(clear.fold).tolist():
        part = clear.where(clear.fold == fold)
        scores = score(part.truth, part.verdict)
        folds.append(FoldScore(fold, scores.seconds, scores.right, scores.macro_f1, scores.worst_recall))
    mixed = judged.where(judged.ambiguous)
    f1 = [fold.macro_f1 for fold in folds]
    return Contestant(
        name=name,
        is_teacher=is_teacher,
        scores=score(clear.truth, clear.verdict),
        folds=tuple(folds),
        mean_macro_f1=float(np.mean(f1)) if f1 else 0.0,
        worst_macro_f1=min(f1, default=0.0),
        macro_f1_interval=interval(draws),
        lead=lead,
        mixed=score(mixed.truth, mixed.verdict),
        calibration=None if is_teacher else calibration(clear),
    )
