"""A call's spectrogram as a bare picture: its whole width is its whole duration."""

import io

import numpy as np
from matplotlib.image import imsave

from agent.hearing.mel import decibels
from agent.hearing.pcm import Samples
from agent.hearing.spectrogram import FRAME_SIZE, HOP, power_spectrogram

_RANGE_DB = 70.0


def spectrogram(samples: Samples) -> bytes:
    """Draw samples at 8 kHz as a PNG: one pixel for each 125 samples and each of 257 bins up to 4 kHz."""
    frames = -(-max(samples.size, 1) // HOP)
    padded = np.zeros((frames - 1) * HOP + FRAME_SIZE, np.float32)
    padded[: samples.size] = samples
    levels = decibels(power_spectrogram(padded)).T
    loudest = float(levels.max())
    file = io.BytesIO()
    imsave(file, levels, vmin=loudest - _RANGE_DB, vmax=loudest, cmap="magma", origin="lower", format="png")
    return file.getvalue()
