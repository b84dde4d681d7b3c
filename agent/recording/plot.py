"""A recording as a picture: spectrogram, what was recognised in it and when, the seconds' probabilities."""

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from agent.hearing.mel import decibels
from agent.hearing.pcm import SAMPLE_RATE, Decoder
from agent.hearing.rows import frame_rows
from agent.hearing.sound import SOUNDS, Sound
from agent.hearing.spectrogram import FRAME_SIZE, FRAMES_PER_SECOND, Power, power_spectrogram
from agent.hearing.steady_tones import answered
from agent.hearing.tone_frames import AROUND, frame_traits, silent_traits, tone_frames, tone_spans
from agent.hearing.tone_lines import kept_bins
from agent.hearing.tone_runs import Runs
from agent.recording.colours import COLOUR, FAINT, INK
from agent.recording.judge import Judged
from agent.recording.load import RecordingError, load

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LANES = ("verdict", "announcement", "tone", "tone edges")
"""What the middle of the picture tells, from below."""
_MIDDLE_S = FRAME_SIZE / 2 / SAMPLE_RATE
_RANGE_DB = 60.0
_LETTER = 0.0085
"""Width of a letter, as a share of the picture's."""


def draw(judged: Judged, target: Path, dpi: int = 100) -> None:
    """Write a PNG of a judged recording; raises RecordingError without the `files` extra."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise RecordingError(
            "Pictures need the `files` extra; install it with: pip install 'earlymedia-agent[files]'."
        ) from error
    figure = Figure(figsize=(max(8.0, min(30.0, 1.0 + judged.duration * 0.5)), 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    above, middle, below = figure.subplots(3, 1, sharex=True, height_ratios=(5, 2.2, 1.6))
    encoding, data = load(judged.file)
    spectra = power_spectrogram(Decoder(encoding).decode(data))
    _spectrogram(above, spectra)
    _lanes(middle, spectra, judged)
    _probabilities(below, judged)
    verdict = judged.verdict
    when = "" if not _was_final(judged) else f", final after {verdict.final_at:.1f} s"
    above.set_title(
        f"{judged.file.name}: {verdict.spelled} ({verdict.confidence:.2f}){when}", loc="left", fontsize=10
    )
    for turn in judged.turns:
        if turn.final:
            for axes in (above, middle, below):
                axes.axvline(turn.t, color=INK, lw=1.6)
    above.set_xlim(0.0, max(judged.duration, 1.0))
    # Without the version and the time of drawing, the same recording gives the same file.
    figure.savefig(target, dpi=dpi, metadata={"Software": None})


def _was_final(judged: Judged) -> bool:
    return any(turn.final for turn in judged.turns)


def _spectrogram(axes: "Axes", spectra: Power) -> None:
    levels = decibels(spectra.T)
    loudest = float(levels.max(initial=-60.0))
    half = 0.5 / FRAMES_PER_SECOND
    axes.imshow(
        levels,
        origin="lower",
        aspect="auto",
        extent=(_MIDDLE_S - half, _MIDDLE_S - half + max(len(spectra), 1) / FRAMES_PER_SECOND, 0.0, 4000.0),
        vmin=loudest - _RANGE_DB,
        vmax=loudest,
        cmap="Greys",
        interpolation="nearest",
    )
    axes.set_ylabel("Hz")


def _lanes(axes: "Axes", spectra: Power, judged: Judged) -> None:
    """Draw tones with their edges, what they were recognised as, announcements, and the verdict's turns."""
    axes.set_ylim(-0.5, len(_LANES) - 0.5)
    axes.set_yticks(range(len(_LANES)), _LANES, fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e3e6ea")
    axes.set_axisbelow(True)
    ringing, speech = COLOUR[Sound.RINGING], COLOUR[Sound.SPEECH]
    for left, length in _tones(spectra):
        axes.barh(3, length, 0.6, left, color=ringing, edgecolor=INK, lw=0.6)
    for _, told in groupby(judged.tones, key=lambda tone: tone.kind):
        first, *others = told
        sure = max(tone.confidence for tone in (first, *others))
        axes.barh(2, (others or [first])[-1].at - first.since, 0.2, first.since, color=ringing)
        axes.plot(
            [tone.at for tone in (first, *others)], [2] * (1 + len(others)), "|", color=INK, markersize=9
        )
        label = f" {first.kind.value} {sure:.2f}"
        axes.text(first.at, 2.2, label, va="bottom", fontsize=7, color=INK, clip_on=True)
    for second in judged.announced:
        axes.barh(1, 1.0, 0.6, second.at, color=speech)
        axes.text(second.at + 1.0, 1, f" {second.announcement}", va="center", fontsize=7, color=INK)
    ends = [*(turn.t for turn in judged.turns), judged.duration][1:]
    for turn, until in zip(judged.turns, ends, strict=True):
        axes.barh(0, until - turn.t, 0.6, turn.t, color=FAINT if turn.final else "#e3e6ea")
        label = f" {turn.outcome}" + (", final" if turn.final else "")
        if until - turn.t > _LETTER * len(label) * judged.duration or turn is judged.turns[-1]:
            axes.text(turn.t, 0, label, va="center", fontsize=7, color=INK, clip_on=True)


def _tones(spectra: Power) -> list[tuple[float, float]]:
    """Return the tones as the automaton hears them: when each begins, and how long it lasts, in seconds."""
    around = silent_traits(AROUND)
    traits = frame_traits(frame_rows(spectra))
    spans = tone_spans(tone_frames(np.concatenate((around, traits, around)))[AROUND:-AROUND])
    lasts: dict[int, int] = {}
    (moments,) = answered([Runs().push(spans, traits, kept_bins(spectra))])
    for moment in moments:
        for run in (*moment.runs, moment.unfinished):
            if run.lines:
                lasts[run.start] = run.frames
    if lasts and spans and max(lasts) >= spans[-1][0]:  # the last one goes on
        lasts[max(lasts)] = spans[-1][1] - max(lasts)
    return [
        (start / FRAMES_PER_SECOND + _MIDDLE_S, frames / FRAMES_PER_SECOND) for start, frames in lasts.items()
    ]


def _probabilities(axes: "Axes", judged: Judged) -> None:
    starts = [second.at for second in judged.seconds]
    bottom = np.zeros(len(starts))
    for index, sound in enumerate(SOUNDS):
        share = np.array([second.p[index] for second in judged.seconds])
        axes.bar(starts, share, 0.96, bottom, align="edge", color=COLOUR[sound], label=sound.value)
        bottom += share
    axes.set_ylim(0, 1)
    axes.set_ylabel("p")
    axes.set_xlabel("seconds of audio")
    axes.legend(ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.45), fontsize=8, frameon=False)
