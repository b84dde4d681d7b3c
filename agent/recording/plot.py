"""A recording as a picture: spectrogram, the seconds' probabilities, and when the verdict turned."""

from pathlib import Path

import numpy as np

from agent.hearing.mel import decibels
from agent.hearing.pcm import Decoder
from agent.hearing.sound import SOUNDS, Sound
from agent.hearing.spectrogram import Framer, power
from agent.recording.judge import Judged
from agent.recording.load import RecordingError, load

COLOUR = {Sound.RINGING: "#17a2b8", Sound.SPEECH: "#2e9e4f", Sound.MUSIC: "#b5459e", Sound.SILENCE: "#c8c8c8"}


def draw(judged: Judged, target: Path) -> None:
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
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))

    encoding, data = load(judged.file)
    frames = power([Framer().push(Decoder(encoding).decode(data))])
    levels = decibels(frames.T)
    loudest = float(levels.max(initial=-60.0))
    above.imshow(
        levels,
        origin="lower",
        aspect="auto",
        extent=(0.0, max(len(frames) / 64, 1e-3), 0.0, 4000.0),
        vmin=loudest - 70,
        vmax=loudest,
        cmap="magma",
    )
    above.set_ylabel("Hz")
    verdict = judged.verdict
    above.set_title(f"{judged.file.name}: {verdict.spelled} ({verdict.confidence:.2f})", loc="left")
    for turn in judged.turns:
        above.axvline(turn.t, color="white", lw=2 if turn.final else 1, ls="-" if turn.final else ":")
        label = turn.outcome + (" (final)" if turn.final else "")
        above.text(turn.t, 3900, f" {label}", color="white", va="top", fontsize=8)

    starts = [second.at for second in judged.seconds]
    bottom = np.zeros(len(starts))
    for index, sound in enumerate(SOUNDS):
        share = np.array([second.p[index] for second in judged.seconds])
        below.bar(starts, share, 0.96, bottom, align="edge", color=COLOUR[sound], label=sound.value)
        bottom += share
    below.set_ylim(0, 1)
    below.set_ylabel("p")
    below.set_xlabel("seconds")
    below.legend(ncols=4, loc="upper right", fontsize=7)
    figure.savefig(target, dpi=100)
