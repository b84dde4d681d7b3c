"""Which of two students is worth more, on seconds of which neither has heard anything."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agent.hearing.features import Vectors
from agent.hearing.forest import Forest
from agent.hearing.sound import SOUNDS
from agent.train.errors import MaterialError
from agent.train.evaluation.evaluate_scores import score
from agent.train.labels.label_table import Row, read_rows
from agent.train.parallel import Workers, spread
from agent.train.student.card import StudentCard
from agent.train.student.examples import Source, default_group
from agent.train.student.strangers import Labels
from agent.train.student.views import View, read_samples

RECALL_SLACK = 0.01
"""The lowest recall hangs on few groups: by so much it may fall where macro F1 does not."""


@dataclass(frozen=True, slots=True)
class Worth:
    """What a student is worth, in two figures."""

    macro_f1: float
    """Mean of folds, or of all test seconds."""
    lowest_recall: float
    """Of a sound in a fold, or in all test seconds."""

    def worse_than(self, other: "Worth") -> bool:
        """Say whether macro F1 is lower, or the lowest recall is by more than `RECALL_SLACK`."""
        return self.macro_f1 < other.macro_f1 or self.lowest_recall < other.lowest_recall - RECALL_SLACK

    def __str__(self) -> str:
        return f"macro F1 {self.macro_f1:.4f} and lowest recall {self.lowest_recall:.4f}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two students on the same seconds."""

    candidate: Worth
    current: Worth
    basis: str
    """On what, in words."""


def by_cards(candidate: StudentCard, current: StudentCard) -> Comparison | None:
    """Compare students by their cards; None if those are about different strangers."""
    if not candidate.test_set or candidate.test_set != current.test_set:
        return None
    basis = f"the same {candidate.seconds:,} seconds of strangers"
    return Comparison(_on_card(candidate), _on_card(current), basis)


def _on_card(card: StudentCard) -> Worth:
    recalls = (each.recall for fold in card.scores.folds for each in fold.classes.values() if each.seconds)
    return Worth(card.scores.mean_macro_f1, min(recalls, default=0.0))


@dataclass(frozen=True, slots=True)
class Questions:
    """Labelled seconds of which two students have heard nothing."""

    rows: Mapping[Path, Sequence[Row]]
    """Clear seconds by their recording, one of them at least."""
    groups: int
    left_out: int
    """Groups that one of the students was trained on."""


@dataclass(frozen=True, slots=True)
class Exam:
    """What two students are to judge now."""

    vectors: Vectors
    """(n, FEATURES)."""
    truth: Labels
    basis: str
    """What that is, in words."""


def read_questions(sources: Sequence[Source], trained_on: set[str]) -> Questions:
    """Read the clear seconds of label files, but for groups that a student was trained on.

    Raises:
        MaterialError: a label file is refused, or no second is left.
    """
    unheard: dict[Path, list[Row]] = {}
    groups: dict[str, bool] = {}
    for source in sources:
        for row in read_rows(source.labels):
            if row.second.ambiguous:
                continue
            group = group_of(row)
            groups[group] = group in trained_on
            if group not in trained_on:
                unheard.setdefault(source.audio / row.file, []).append(row)
    left_out = sum(groups.values())
    if not unheard:
        raise MaterialError(
            f"{sources[0].labels} holds no clear second of a group that is new to both students "
            f"({left_out} groups left out): name labels of other recordings with --test"
        )
    return Questions(unheard, len(groups) - left_out, left_out)


def hear(questions: Questions, workers: Workers, step: Callable[[], None] = lambda: None) -> Exam:
    """Hear the labelled seconds; calls `step` for each recording.

    Raises:
        MaterialError: a recording is refused, or none is as long as its labels.
    """
    vectors: list[Vectors] = []
    truth: list[int] = []
    heard = spread(workers, _see, questions.rows, step)
    for seen, rows in zip(heard, questions.rows.values(), strict=True):
        # The agent does not hear a last second to its end either.
        there = [row for row in rows if row.second.start < len(seen)]
        vectors.append(seen[[row.second.start for row in there]])
        truth.extend(SOUNDS.index(row.second.sound) for row in there)
    if not truth:
        raise MaterialError(
            f"{next(iter(questions.rows))} and all others end before their labelled seconds: label them again"
        )
    basis = (
        f"{len(truth):,} seconds of {questions.groups:,} groups that are new to both "
        f"({questions.left_out:,} others left out)"
    )
    return Exam(np.concatenate(vectors), np.array(truth, np.int64), basis)


def _see(path: Path) -> Vectors:
    return View.AGENT.see(read_samples(path))


def group_of(row: Row) -> str:
    """Return the group of a row, as `fit` names those of a single label file without groups."""
    return row.group or default_group(Path(), row.file)


def trained_groups(cards: Iterable[StudentCard]) -> set[str]:
    """Return all groups that one of the students was trained on, mixed seconds aside."""
    return {group.group for card in cards for group in card.scores.groups}


def by_exam(candidate: Forest, current: Forest, exam: Exam) -> Comparison:
    """Let two students judge the same seconds now."""
    return Comparison(_judge(candidate, exam), _judge(current, exam), exam.basis)


def _judge(forest: Forest, exam: Exam) -> Worth:
    scores = score(exam.truth, forest.predict(exam.vectors).argmax(axis=1).astype(np.int64))
    return Worth(scores.macro_f1, scores.worst_recall)
