"""The lines of the report's tables, each beside its head."""

from collections.abc import Iterator, Sequence

import numpy as np

from agent.train.evaluation.evaluate import Contestant
from agent.train.evaluation.evaluate_scores import Scores
from agent.train.evaluation.evaluate_slices import GroupScore
from agent.train.evaluation.report_page import Cell
from agent.train.evaluation.timing import Times, hearers_of, ms_of

CONTESTANT = (
    "who",
    "seconds",
    "accuracy",
    "macro F1, mean",
    "worst fold",
    "lowest recall",
    "mixed F1",
    "ECE",
)
LEAD = ("who", "macro F1", "95 %", "candidate leads by, 95 %")
CLASS = ("sound", "precision", "recall", "F1", "seconds")
FOLD = ("held out", "seconds", "accuracy", "macro F1", "lowest recall")
GROUP = ("group", "seconds", "right", "heard as")
TIME = ("ms for a second", "alone, median", "5 % to 95 %", "in batches", "times as fast")


def contestant_row(contestant: Contestant) -> tuple[Cell, ...]:
    """Sum up a contestant in one line, under `CONTESTANT`."""
    return (
        contestant.name + (" (teacher)" if contestant.is_teacher else ""),
        contestant.scores.seconds,
        contestant.scores.right,
        contestant.mean_macro_f1,
        contestant.worst_macro_f1,
        contestant.scores.worst_recall,
        contestant.mixed.macro_f1 if contestant.mixed.seconds else "",
        contestant.calibration.ece if contestant.calibration else "",
    )


def lead_row(contestant: Contestant) -> tuple[Cell, ...]:
    """Say how far macro F1 goes with other groups, under `LEAD`."""
    return (
        contestant.name,
        contestant.scores.macro_f1,
        f"{contestant.macro_f1_interval.low:.3f} to {contestant.macro_f1_interval.high:.3f}",
        f"{contestant.lead.low:+.3f} to {contestant.lead.high:+.3f}" if contestant.lead else "",
    )


def class_rows(scores: Scores) -> Iterator[tuple[Cell, ...]]:
    """Give the classification report, under `CLASS`: sound by sound, then all."""
    for one in scores.classes:
        yield one.sound, one.precision, one.recall, one.f1, one.seconds
    present = [one for one in scores.classes if one.seconds]
    if present:
        precision, recall = (
            sum(of) / len(present) for of in zip(*((c.precision, c.recall) for c in present), strict=True)
        )
        yield "macro mean", precision, recall, scores.macro_f1, scores.seconds
    yield "accuracy", "", "", scores.right, scores.seconds


def group_row(group: GroupScore) -> tuple[Cell, ...]:
    """Say how a group was heard, under `GROUP`."""
    heard = "; ".join(
        f"{of.truth} as " + ", ".join(f"{verdict} {seconds}" for verdict, seconds in of.verdicts)
        for of in group.heard_as
    )
    return group.group, group.seconds, group.right, heard


def time_rows(times: Sequence[Times]) -> Iterator[tuple[Cell, ...]]:
    """Say how long each hearer took, under `TIME`, and how many times faster than the slowest it is."""
    hearers = hearers_of(times)
    slowest = max(float(np.median(ms_of(times, hearer, alone=True))) for hearer in hearers)
    for hearer in hearers:
        alone, many = ms_of(times, hearer, alone=True), ms_of(times, hearer, alone=False)
        low, median, high = np.quantile(alone, (0.05, 0.5, 0.95)).tolist()
        yield (
            hearer,
            f"{median:.3g}",
            f"{low:.3g} to {high:.3g}",
            f"{np.median(many):.3g}",
            f"{slowest / median:,.0f} x",
        )
