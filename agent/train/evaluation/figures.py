"""The pictures of the report, each from figures to a PNG."""

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from agent.hearing.sound import SOUNDS, Sound
from agent.recording.colours import COLOUR, FAINT, INK, PAPER
from agent.train.evaluation.evaluate import Contestant
from agent.train.evaluation.evaluate_scores import Confusion
from agent.train.evaluation.evaluate_slices import Cut
from agent.train.evaluation.evaluate_teachers import CONFIDENCE_BINS, Confidence
from agent.train.evaluation.figures_style import MARKERS, picture
from agent.train.evaluation.timing import Times, hearers_of, ms_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST_SECONDS = 20
"""A bin of fewer is no point of a calibration curve."""
DOUBTFUL_SPEECH = 0.899
"""Speech of less confidence was dropped by the thesis."""


class Normalised(Enum):
    """What the shares of a confusion matrix add up to 1 over."""

    ROW = "by row: where the seconds of each sound went"
    COLUMN = "by column: what each verdict really was"


def confusion(counts: Confusion, by: Normalised, rows: str = "truth", columns: str = "verdict") -> bytes:
    """Draw a confusion matrix, shares large and seconds small."""
    table = np.array(counts, np.float64)
    total = table.sum(axis=1 if by is Normalised.ROW else 0, keepdims=True)
    shares = table / np.maximum(total, 1)
    with picture(4.3, 4.0) as drawn:
        (axes,) = drawn.axes
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.15)
        for (i, j), share in np.ndenumerate(shares):
            ink = PAPER if share > 0.55 else (INK if share >= 0.0005 else FAINT)
            axes.text(j, i - 0.08, f"{share:.1%}", ha="center", va="center", color=ink, fontsize=10.5)
            axes.text(j, i + 0.24, f"{int(table[i, j]):,}", ha="center", va="center", color=ink, fontsize=7.5)
        names = [sound.value for sound in SOUNDS]
        axes.set_xticks(range(len(SOUNDS)), names)
        axes.set_yticks(range(len(SOUNDS)), names, rotation=90, va="center")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xticks(np.arange(len(SOUNDS) - 1) + 0.5, minor=True)
        axes.set_yticks(np.arange(len(SOUNDS) - 1) + 0.5, minor=True)
        axes.grid(which="minor", color=PAPER, linewidth=2)
        axes.tick_params(which="minor", length=0)
        axes.set_xlabel(columns)
        axes.set_ylabel(rows)
        axes.set_title(by.name.lower() + "-normalised", loc="left")
    return drawn.png


def side_by_side(contestants: Sequence[Contestant]) -> bytes:
    """Draw F1 of each sound, and macro F1 of the mean and the worst fold, for all contestants."""
    lines = [*(sound.value for sound in SOUNDS), "all: mean of folds", "all: worst fold"]
    with picture(5.2, 1.2 + 0.46 * len(lines)) as drawn:
        (axes,) = drawn.axes
        lowest = 1.0
        for index, contestant in enumerate(contestants):
            values = [score.f1 for score in contestant.scores.classes]
            values += [contestant.mean_macro_f1, contestant.worst_macro_f1]
            lowest = min(lowest, *values)
            offset = (index - (len(contestants) - 1) / 2) * 0.14
            colours = [*(COLOUR[sound] for sound in SOUNDS), INK, INK]
            axes.scatter(
                values,
                np.arange(len(lines)) + offset,
                marker=MARKERS[index % len(MARKERS)],
                s=46,
                c=colours if index == 0 else PAPER,
                edgecolors=colours,
                linewidths=1.4,
                zorder=3,
            )
            axes.scatter(
                [], [], marker=MARKERS[index % len(MARKERS)], s=46, linewidths=1.4,
                c=INK if index == 0 else PAPER, edgecolors=INK, label=contestant.name,
            )  # fmt: skip
        axes.set_yticks(range(len(lines)), lines)
        axes.invert_yaxis()
        axes.axhline(len(SOUNDS) - 0.5, color=FAINT, linewidth=0.6)
        axes.set_xlim(max(0.0, np.floor(lowest * 20 - 0.2) / 20), 1.005)
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("F1")
        drawn.figure.legend(loc="outside upper left", ncols=2)
    return drawn.png


def reliability(contestants: Sequence[Contestant]) -> bytes:
    """Draw the calibration curves of the students, and how often the first gave which confidence."""
    students = [c for c in contestants if c.calibration is not None]
    with picture(4.6, 5.2, 2, sharex=True, height_ratios=(3, 1)) as drawn:
        above, below = drawn.axes
        above.plot([0.25, 1], [0.25, 1], color=FAINT, linewidth=0.8, linestyle="--", zorder=1)
        for index, student in enumerate(students):
            assert student.calibration is not None
            bins = [bin for bin in student.calibration.bins if bin.seconds >= LEAST_SECONDS]
            above.plot(
                [bin.confidence for bin in bins],
                [bin.right for bin in bins],
                color=INK if index == 0 else FAINT,
                marker=MARKERS[index % len(MARKERS)],
                markerfacecolor=INK if index == 0 else PAPER,
                markersize=5,
                linewidth=1.6 if index == 0 else 1.0,
                zorder=4 if index == 0 else 3,
                label=f"{student.name}: ECE {student.calibration.ece:.3f}",
            )
        above.set_ylabel("share that was right")
        above.set_ylim(0, 1.03)
        above.grid()
        above.legend(loc="upper left")
        first = students[0].calibration
        assert first is not None
        below.bar(
            [bin.low for bin in first.bins],
            [bin.seconds for bin in first.bins],
            [bin.high - bin.low for bin in first.bins],
            align="edge",
            color=INK,
            edgecolor=PAPER,
        )
        below.set_yscale("log")
        below.set_ylabel("seconds")
        below.set_xlabel("confidence (probability of the verdict)")
        below.set_xlim(0.25, 1.0)
        below.grid(axis="y")
    return drawn.png


def condition(cut: Cut) -> bytes:
    """Draw how many seconds were right under each value of one condition."""
    with picture(4.6, 1.05 + 0.3 * len(cut.slices)) as drawn:
        (axes,) = drawn.axes
        places = range(len(cut.slices))
        right = np.array([part.right for part in cut.slices])
        low = max(0.0, np.floor(right.min() * 20 - 0.5) / 20)
        axes.hlines(places, low, right, color="#cfd4da", linewidth=2)
        axes.scatter(right, places, s=40, color=INK, zorder=3)
        room = (1 - low) * 0.05
        for place, part in zip(places, cut.slices, strict=True):
            axes.text(
                1 + room,
                place,
                f"{part.right:.1%}  of {part.seconds:,} s",
                va="center",
                fontsize=8,
                clip_on=False,
            )
        axes.set_xlim(low, 1.0 + room / 2)
        axes.locator_params(axis="x", steps=[1, 2, 5, 10])
        axes.set_ylim(len(cut.slices) - 0.5, -0.5)
        axes.set_yticks(places, [part.name for part in cut.slices])
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        axes.set_title(titled(cut.condition))
    return drawn.png


def titled(condition: str) -> str:
    """Name a condition as a reader would: `gain_db` is `gain (dB)`."""
    for ending, unit in (("_db", " (dB)"), ("_hz", " (Hz)"), ("_ms", " (ms)")):
        if condition.endswith(ending):
            return condition.removesuffix(ending).replace("_", " ") + unit
    return condition.replace("_", " ")


def times_alone(times: Sequence[Times]) -> bytes:
    """Draw how long each hearer takes for one second alone, sound by sound, on a logarithmic axis."""
    alone = [t for t in times if t.sound is not None]
    hearers = hearers_of(alone)
    with picture(5.4, 4.0) as drawn:
        (axes,) = drawn.axes
        for place, hearer in enumerate(hearers):
            ours = {t.sound: t for t in alone if t.hearer == hearer}
            present = [sound for sound in SOUNDS if sound in ours]
            for index, sound in enumerate(present):
                _box(axes, ours[sound].ms, place + (index - (len(present) - 1) / 2) * 0.19, COLOUR[sound])
            slowest = max(max(t.ms) for t in ours.values())
            median = float(np.median(ms_of(alone, hearer, alone=True)))
            axes.text(place, slowest * 1.25, f"{median:.3g} ms", ha="center", fontweight="bold")
        for sound in SOUNDS:
            axes.bar([0], [0], color=COLOUR[sound], label=sound.value)
        _time_axis(axes, hearers, [max(t.ms) for t in alone])
        drawn.figure.legend(loc="outside upper left", ncols=4)
    return drawn.png


def times_in_batches(times: Sequence[Times]) -> bytes:
    """Draw how long each hearer takes for a second in a batch of many, and alone for comparison."""
    hearers = hearers_of(times)
    with picture(5.4, 3.6) as drawn:
        (axes,) = drawn.axes
        for place, hearer in enumerate(hearers):
            alone = ms_of(times, hearer, alone=True)
            many = ms_of(times, hearer, alone=False)
            _box(axes, alone, place - 0.17, "#ffffff", 0.28)
            _box(axes, many, place + 0.17, "#5a626c", 0.28)
            axes.text(
                place + 0.17, max(many) * 1.25, f"{np.median(many):.3g} ms", ha="center", fontweight="bold"
            )
        axes.bar([0], [0], color=PAPER, edgecolor=INK, linewidth=0.8, label="one second alone")
        size = max((t.batch for t in times), default=1)
        axes.bar([0], [0], color="#5a626c", edgecolor=INK, linewidth=0.8, label=f"in a batch of {size}")
        _time_axis(axes, hearers, [max(t.ms) for t in times])
        drawn.figure.legend(loc="outside upper left", ncols=2)
    return drawn.png


def _box(axes: "Axes", values: Sequence[float], at: float, colour: str, width: float = 0.15) -> None:
    axes.boxplot(
        [list(values)],
        positions=[at],
        widths=width,
        whis=(5, 95),
        patch_artist=True,
        manage_ticks=False,
        boxprops={"facecolor": colour, "edgecolor": INK, "linewidth": 0.8},
        medianprops={"color": INK, "linewidth": 1.4},
        whiskerprops={"color": INK, "linewidth": 0.8},
        capprops={"color": INK, "linewidth": 0.8},
        flierprops={"marker": ".", "markersize": 3, "markeredgecolor": FAINT},
    )


def _time_axis(axes: "Axes", hearers: Sequence[str], highest: Sequence[float]) -> None:
    axes.set_yscale("log")
    axes.set_ylim(top=max(highest) * 2.2)
    axes.set_xlim(-0.6, len(hearers) - 0.4)
    axes.set_xticks(range(len(hearers)), hearers)
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel("ms for one second of audio")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid(axis="y")


def confidence_of_all(confidences: Sequence[Confidence]) -> bytes:
    """Draw how confident a teacher was of its labels, all sounds stacked (the thesis' figure 4.4)."""
    with picture(4.6, 3.3) as drawn:
        (axes,) = drawn.axes
        edges = np.linspace(0, 1, CONFIDENCE_BINS + 1)
        bottom = np.zeros(CONFIDENCE_BINS)
        for confidence in confidences:
            axes.bar(
                edges[:-1], confidence.counts, 1 / CONFIDENCE_BINS, bottom, align="edge",
                color=COLOUR[Sound(confidence.sound)], edgecolor=PAPER, linewidth=0.4, label=confidence.sound,
            )  # fmt: skip
            bottom += confidence.counts
        axes.set_xlim(0, 1)
        axes.set_xlabel("confidence of the label")
        axes.set_ylabel("seconds")
        axes.grid(axis="y")
        drawn.figure.legend(loc="outside upper left", ncols=4)
    return drawn.png


def confidence_by_sound(confidences: Sequence[Confidence]) -> bytes:
    """Draw the same sound by sound, each on its own scale (the thesis' figure 4.5 shows speech)."""
    with picture(4.6, 5.6, len(confidences), sharex=True) as drawn:
        edges = np.linspace(0, 1, CONFIDENCE_BINS + 1)
        for axes, confidence in zip(drawn.axes, confidences, strict=True):
            axes.bar(
                edges[:-1], confidence.counts, 1 / CONFIDENCE_BINS, align="edge",
                color=COLOUR[Sound(confidence.sound)], edgecolor=PAPER, linewidth=0.4,
            )  # fmt: skip
            axes.set_title(f"{confidence.sound}: {sum(confidence.counts):,} s", fontsize=9)
            axes.set_xlim(0, 1)
            axes.grid(axis="y")
            if confidence.sound == Sound.SPEECH:
                axes.axvline(DOUBTFUL_SPEECH, color=INK, linewidth=1, linestyle=":")
        drawn.axes[-1].set_xlabel("confidence of the label")
        drawn.figure.supylabel("seconds", fontsize=9.5)
    return drawn.png
