"""A second that was taken for something else, as a picture: what was there, and what was heard."""

import numpy as np

from agent.hearing.mel import FLOOR_DB, decibels
from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.hearing.sound import SOUNDS
from agent.hearing.spectrogram import FRAMES_PER_SECOND, power_spectrogram
from agent.recording.colours import COLOUR, INK, PAPER
from agent.train.evaluation.evaluate_mistakes import Mistake
from agent.train.evaluation.figures_style import picture

_RANGE_DB = 70
_DPI = 110
"""Noise hardly shrinks as a PNG."""


def mistake(made: Mistake, samples: Samples, first: int) -> bytes:
    """Draw the spectrogram around a second, the second itself framed, and its probabilities.

    Args:
        made: the mistake.
        samples: the second and what is around it, (n,) at 8 kHz.
        first: the second of the recording that `samples` begin with.
    """
    frames = power_spectrogram(np.pad(samples, (0, SAMPLE_RATE // 20)))
    levels = decibels(frames.T)
    loudest = float(levels.max(initial=-60.0))
    with picture(4.2, 2.9, 2, dpi=_DPI, height_ratios=(7, 1)) as drawn:
        above, below = drawn.axes
        end = first + max(len(frames), 1) / FRAMES_PER_SECOND
        above.imshow(
            levels,
            origin="lower",
            aspect="auto",
            extent=(first, end, 0.0, SAMPLE_RATE / 2000),
            vmin=max(loudest - _RANGE_DB, FLOOR_DB),
            vmax=loudest,
            cmap="magma",
        )
        for edge in (made.start, made.start + 1):
            above.axvline(edge, color=PAPER, linewidth=1.2, linestyle=(0, (3, 2)))
        above.set_ylabel("kHz")
        above.set_xlabel("seconds", labelpad=1)
        above.set_xticks(range(first, int(end) + 1))
        above.set_title(f"{made.truth}, taken for {made.verdict}")
        left = 0.0
        for sound, p in zip(SOUNDS, made.p, strict=True):
            below.barh([0], [p], 0.9, [left], color=COLOUR[sound], edgecolor=PAPER, linewidth=0.6)
            if p > 0.24:
                ink = INK if sound.value in ("silence", "speech") else PAPER
                below.text(
                    left + p / 2, 0, f"{sound.value} {p:.2f}", ha="center", va="center", fontsize=8, color=ink
                )
            left += p
        below.set_xlim(0, 1)
        below.axis("off")
    return drawn.png
