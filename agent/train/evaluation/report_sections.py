"""The page of a report: which figures and pictures are shown, in which order, and what is said to them."""

from collections.abc import Iterator

import numpy as np

from agent.train.evaluation.evaluate_audio import wav
from agent.train.evaluation.figures import LEAST_SECONDS, Normalised, titled
from agent.train.evaluation.report import Report, slug
from agent.train.evaluation.report_page import (
    contents,
    figure,
    folded,
    heading,
    page,
    paragraph,
    pictures,
    section,
    table,
    tiles,
    title,
)
from agent.train.evaluation.report_rows import (
    CLASS,
    CONTESTANT,
    FOLD,
    GROUP,
    LEAD,
    TIME,
    class_rows,
    contestant_row,
    group_row,
    lead_row,
    time_rows,
)
from agent.train.evaluation.timing import ms_of

WORST_GROUPS = 20
_LEAST_SECONDS = 10
"""A group of fewer is not called the worst."""


_FIRST = frozenset(
    {"family", "teacher", "scene", "codec", "gain_db", "noise", "noise_db", "loss", "concealment"}
)
"""Conditions that are seen at once."""


def html(report: Report, *, with_sound: bool = False) -> str:
    """Return the page.

    Args:
        report: with its pictures drawn.
        with_sound: let the page play the mistakes. They may be calls that people made.
    """
    parts = (
        ("short", "In short", _short(report)),
        ("classes", "Sound by sound", _classes(report)),
        ("confusion", "What was taken for what", _confusion(report)),
        ("conditions", "Under which conditions", _conditions(report)),
        ("groups", "By group, the worst first", _groups(report)),
        ("mixed", "Mixed and doubtful seconds", _mixed(report)),
        ("calibration", "Is its confidence right?", _calibration(report)),
        ("teachers", "Student and teacher", _teachers(report)),
        ("times", "Time for a second of audio", _times(report)),
        ("mistakes", "The most confident mistakes", _mistakes(report, with_sound)),
        ("about", "What it is", _about(report)),
    )
    shown = [(anchor, name, content) for anchor, name, part in parts if (content := "".join(part))]
    return page(
        f"{report.about.name}: what it hears",
        title(f"{report.about.name}: what it hears"),
        paragraph(
            f"{report.evaluation.seconds:,} seconds of {len(report.evaluation.groups):,} groups (voices, "
            "songs, tone patterns, kinds of noise), each judged by a student that had heard nothing of it.",
            "sub",
        ),
        tiles(_tiles(report)),
        contents((anchor, name) for anchor, name, _ in shown),
        *(section(anchor, name, content) for anchor, name, content in shown),
    )


def _tiles(report: Report) -> Iterator[tuple[str, str]]:
    ours = report.candidate
    yield f"{ours.mean_macro_f1:.3f}", "macro F1, mean of folds"
    yield f"{ours.worst_macro_f1:.3f}", "macro F1, worst fold"
    yield f"{ours.scores.worst_recall:.3f}", "lowest recall of a sound"
    if ours.calibration:
        yield f"{ours.calibration.ece:.3f}", "expected calibration error"
    if report.times:
        alone = ms_of(report.times, ours.name, alone=True)
        yield f"{np.median(alone):.2g} ms", "for one second of audio"


def _short(report: Report) -> Iterator[str]:
    rows = [contestant_row(contestant) for contestant in report.evaluation.contestants]
    yield table(CONTESTANT, rows, bold=0)
    if any(contestant.is_teacher for contestant in report.evaluation.contestants):
        yield paragraph(
            "A teacher hears the seconds as they are; it may know the material, nothing is held out from it.",
            "note",
        )
    if report.evaluation.left_out:
        yield paragraph(
            f"{report.evaluation.left_out:,} seconds of the candidate are left out here and in all scores, "
            "because another student did not judge them.",
            "note",
        )
    yield pictures(
        figure(
            report.pngs["side-by-side"],
            "F1 of each sound, and macro F1 of the mean and of the worst fold, all on the same seconds.",
        )
    )
    yield heading("How sure is that?")
    yield paragraph(
        "Seconds of one voice or song are alike. This is how far macro F1 of all seconds together goes when "
        "other groups are drawn: 95 % of 1,000 draws (bootstrap)."
    )
    yield table(LEAD, map(lead_row, report.evaluation.contestants), bold=0)


def _classes(report: Report) -> Iterator[str]:
    yield table(CLASS, class_rows(report.candidate.scores))
    yield heading("Fold by fold")
    rows = [
        (f"fold {f.fold}", f.seconds, f.right, f.macro_f1, f.worst_recall) for f in report.candidate.folds
    ]
    yield table(FOLD, rows)


def _confusion(report: Report) -> Iterator[str]:
    yield pictures(
        *(
            figure(
                report.pngs[f"confusion-by-{by.name.lower()}"],
                f"Clear seconds, normalised {by.value}.",
            )
            for by in Normalised
        )
    )


def _conditions(report: Report) -> Iterator[str]:
    drawn = {
        cut.condition: figure(
            report.pngs[f"by-{slug(cut.condition)}"], f"Accuracy by {titled(cut.condition)}."
        )
        for cut in report.evaluation.cuts
    }
    yield pictures(*(png for name, png in drawn.items() if name in _FIRST))
    rest = [png for name, png in drawn.items() if name not in _FIRST]
    if rest:
        yield folded("More conditions", pictures(*rest))
    if not _FIRST & drawn.keys() - {"family", "teacher"}:
        yield paragraph(
            "Codec, level, noise and loss of the recordings are not known: a composed corpus lists them in "
            "recordings.csv, which is found with --audio.",
            "note",
        )


def _groups(report: Report) -> Iterator[str]:
    groups = report.evaluation.groups
    perfect = sum(group.right == 1 for group in groups)
    yield paragraph(
        f"{len(groups):,} groups; {perfect:,} without a mistake. "
        f"Those of at least {_LEAST_SECONDS} s that were heard worst:"
    )
    worst = [group for group in groups if group.seconds >= _LEAST_SECONDS][:WORST_GROUPS]
    yield table(GROUP, map(group_row, worst), text=-1)
    yield folded(f"All {len(groups):,} groups", table(GROUP, map(group_row, groups), text=-1))


def _mixed(report: Report) -> Iterator[str]:
    mixed = report.candidate.mixed
    if not mixed.seconds:
        return
    yield paragraph(
        f"{mixed.seconds:,} seconds hold more than one sound, hardly any, or teachers disagree on them. "
        f"They are in no other figure. Accuracy {mixed.right:.3f}, macro F1 {mixed.macro_f1:.3f}."
    )
    yield table(CLASS, class_rows(mixed))


def _calibration(report: Report) -> Iterator[str]:
    rows = [
        (c.name, c.calibration.ece, c.calibration.brier)
        for c in report.evaluation.contestants
        if c.calibration is not None
    ]
    yield paragraph(
        "Of the verdicts given 0.9, nine in ten should be right. The expected calibration error is the mean "
        "distance from that over 15 bins (Guo et al. 2017), the Brier score the squared distance of all "
        "probabilities from the truth."
    )
    yield table(("student", "ECE", "Brier score"), rows, bold=0)
    yield pictures(
        figure(
            report.pngs["calibration"],
            "Above the dashed line a student is more often right than it says. "
            f"Bins of fewer than {LEAST_SECONDS} seconds are not drawn.",
        )
    )


def _teachers(report: Report) -> Iterator[str]:
    for agreement in report.evaluation.agreements:
        yield heading(agreement.teacher)
        yield paragraph(
            f"Student and teacher say the same of {agreement.share:.1%} of {agreement.seconds:,} seconds, "
            f"whoever is right (Cohen's kappa {agreement.kappa:.3f})."
        )
        name = slug(agreement.teacher)
        yield pictures(
            figure(
                report.pngs[f"agreement-{name}"],
                f"What the student says where {agreement.teacher} says so. All seconds, mixed ones too.",
            ),
            figure(
                report.pngs[f"confidence-{name}"],
                f"How confident {agreement.teacher} was of its labels (the thesis' figure 4.4).",
            ),
            figure(
                report.pngs[f"confidence-by-sound-{name}"],
                "The same sound by sound, each on its own scale (figure 4.5). Dotted: 0.899, below which the "
                "thesis dropped speech.",
            ),
        )


def _times(report: Report) -> Iterator[str]:
    if not report.times:
        return
    yield paragraph(
        f"Processor time, all in one run and in turns, on one core of {report.about.machine}: from samples "
        "in memory to the verdict, nothing is loaded within a turn. Boxes hold half of the turns, whiskers "
        "nine in ten."
    )
    yield table(TIME, time_rows(report.times))
    for note in report.about.timing_notes:
        yield paragraph(note, "note")
    yield pictures(
        figure(
            report.pngs["times-alone"],
            "One second alone, as in a single call (the thesis' figures 6.3 and 6.5).",
        ),
        figure(
            report.pngs["times-in-batches"],
            "The same in batches of many seconds, as with many calls at once.",
        ),
    )


def _mistakes(report: Report, with_sound: bool) -> Iterator[str]:
    if not report.evaluation.mistakes:
        return
    if not report.snippets:
        rows = [(m.file, m.start, m.truth, m.verdict, max(m.p), m.group) for m in report.evaluation.mistakes]
        yield table(("recording", "second", "truth", "verdict", "confidence", "group"), rows, text=-1)
        yield paragraph("Pictures of them need the audio: give its folder with --audio.", "note")
        return
    yield paragraph(
        "Between the dashed lines lies the second itself; the bar below is what the student said of it."
    )
    yield pictures(
        *(
            figure(
                report.pngs[f"mistake-{number:02d}"],
                f"{snippet.made.file}, second {snippet.made.start}; {snippet.made.group}",
                wav(snippet.samples) if with_sound else b"",
            )
            for number, snippet in enumerate(report.snippets, 1)
        )
    )


def _about(report: Report) -> Iterator[str]:
    yield table(("", ""), report.about.facts, text=2)
    yield paragraph(f"What it has never heard: {report.about.never_heard}.")
