"""Which of two students is worth more, on seconds of which neither has heard anything."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePosixPath

import numpy as np

from agent.hearing.features import Vectors
from agent.hearing.forest import Forest
from agent.hearing.sound import SOUNDS
from agent.train.card import StudentCard
from agent.train.errors import MaterialError
from agent.train.evaluate_scores import score
from agent.train.examples import Source
from agent.train.label_table import Row, read_rows
from agent.train.strangers import Labels
from agent.train.views import View, read_samples

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
class Exam:
    """Clear seconds that two students are to judge now."""

    vectors: Vectors
    """(n, FEATURES)."""
    truth: Labels
    groups: int
    left_out: int
    """Groups that one of the students was trained on."""


def read_exam(
    sources: Sequence[Source], trained_on: set[str], step: Callable[[], None] = lambda: None
) -> Exam:
    """Hear the clear seconds of label files, but for groups that a student was trained on.

    Calls `step` for each recording that is heard.

    Raises:
        MaterialError: a label file or a recording is refused, or no second is left.
    """
    vectors: list[Vectors] = []
    truth: list[int] = []
    groups: dict[str, bool] = {}
    for source in sources:
        rows = sorted(read_rows(source.labels), key=lambda row: (row.file, row.second.start))
        for file, own in groupby(rows, key=lambda row: row.file):
            clear = [row for row in own if not row.second.ambiguous]
            groups.update((group_of(row), group_of(row) in trained_on) for row in clear)
            unheard = [row for row in clear if group_of(row) not in trained_on]
            if not unheard:
                continue
            seen = View.AGENT.see(read_samples(source.audio / file))
            # The agent does not hear a last second to its end either.
            there = [row for row in unheard if row.second.start < len(seen)]
            vectors.append(seen[[row.second.start for row in there]])
            truth.extend(SOUNDS.index(row.second.sound) for row in there)
            step()
    left_out = sum(groups.values())
    if not truth:
        raise MaterialError(
            f"{sources[0].labels} holds no clear second of a group that is new to both students "
            f"({left_out} groups left out): name labels of other recordings with --test"
        )
    return Exam(np.concatenate(vectors), np.array(truth, np.int64), len(groups) - left_out, left_out)


def group_of(row: Row) -> str:
    """Return the group of a row, as `fit` names those of a single label file without groups."""
    first, *rest = PurePosixPath(row.file).parts
    return row.group or f"{'folder' if rest else 'file'}/{first}"


def trained_groups(cards: Iterable[StudentCard]) -> set[str]:
    """Return all groups that one of the students was trained on, mixed seconds aside."""
    return {group.group for card in cards for group in card.scores.groups}


def by_exam(candidate: Forest, current: Forest, exam: Exam) -> Comparison:
    """Let two students judge an exam now."""
    basis = (
        f"{len(exam.truth):,} seconds of {exam.groups:,} groups that are new to both "
        f"({exam.left_out:,} others left out)"
    )
    return Comparison(_judge(candidate, exam), _judge(current, exam), basis)


def _judge(forest: Forest, exam: Exam) -> Worth:
    scores = score(exam.truth, forest.predict(exam.vectors).argmax(axis=1).astype(np.int64))
    return Worth(scores.macro_f1, scores.worst_recall)
