"""How a second becomes numbers: as the agent hears it, or as the thesis did."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np

from agent.hearing.features import FEATURE_VERSION, FEATURES, Vectors, features
from agent.hearing.pcm import SAMPLE_RATE, Decoder, Samples
from agent.hearing.rows import ROW_WIDTH, frame_rows
from agent.hearing.spectrogram import FRAMES_PER_SECOND, LOOKAHEAD, power_spectrogram
from agent.recording.load import load
from agent.train.errors import MaterialError
from agent.train.labels.audio import read_audio
from agent.train.parallel import Workers, spread
from agent.train.student.examples import Examples

_THESIS_RATE_HZ = 32_000
_THESIS_BANDS = 64


class View(StrEnum):
    """What a student sees of a second."""

    AGENT = "agent"
    """The vector of `agent.hearing`, computed by the very code that hears live calls."""
    THESIS = "thesis"
    """Mean log-mel of the second, 64 bands from 50 to 14000 Hz at 32 kHz (the thesis, with librosa)."""

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return FEATURES if self is View.AGENT else _THESIS_BANDS

    @property
    def version(self) -> int:
        """What the card calls these features; the agent knows nothing of the thesis'."""
        return FEATURE_VERSION if self is View.AGENT else 0

    def see(self, samples: Samples) -> Vectors:
        """Return the vectors of the whole seconds of (n,) samples at 8 kHz: (seconds, width).

        A second needs 387 samples of the next one, which the agent's frames reach into.
        """
        return hear_recording(samples) if self is View.AGENT else _mean_log_mel(samples)


def hear_recording(samples: Samples) -> Vectors:
    """Hear a recording as the agent would: (n,) samples give the (seconds, FEATURES) of its whole seconds."""
    rows = frame_rows(power_spectrogram(samples))
    whole = len(rows) // FRAMES_PER_SECOND
    if not whole:
        return np.empty((0, FEATURES), np.float32)
    return features(rows[: whole * FRAMES_PER_SECOND].reshape(whole, FRAMES_PER_SECOND, ROW_WIDTH))


def _mean_log_mel(samples: Samples) -> Vectors:
    import librosa

    seconds = max(0, len(samples) - LOOKAHEAD) // SAMPLE_RATE
    # The whole recording is resampled, as the thesis' library does, and then cut.
    wave = librosa.resample(samples, orig_sr=SAMPLE_RATE, target_sr=_THESIS_RATE_HZ)
    vectors = np.empty((seconds, _THESIS_BANDS), np.float32)
    for second in range(seconds):
        mel = librosa.feature.melspectrogram(
            y=wave[second * _THESIS_RATE_HZ : (second + 1) * _THESIS_RATE_HZ],
            sr=_THESIS_RATE_HZ,
            n_fft=1024,
            hop_length=320,
            n_mels=_THESIS_BANDS,
            fmin=50,
            fmax=14_000,
        )
        vectors[second] = librosa.power_to_db(mel).mean(axis=1)
    return vectors


def read_samples(path: Path) -> Samples:
    """Read a recording as the agent would hear it, (n,) at 8 kHz.

    Raises:
        MaterialError: it cannot be read, is shorter than a second, or holds samples that are no numbers.
    """
    read_audio(path)
    encoding, data = load(path)
    return Decoder(encoding).decode(data)


@dataclass(frozen=True, slots=True)
class Seen:
    """Examples with their vectors."""

    examples: Examples
    vectors: Vectors
    """(len(examples), width)."""
    left_out: int
    """Last seconds of recordings that end before the agent has heard enough of them."""


def see_examples(
    examples: Examples, view: View, workers: Workers, step: Callable[[], None] = lambda: None
) -> Seen:
    """Compute the vector of every example from its own second; calls `step` for each recording.

    Raises:
        MaterialError: a recording is missing, damaged, or shorter than its labels.
    """
    files = [file for file, _ in groupby(examples.file)]
    vectors = np.empty((len(examples), view.width), np.float32)
    heard = np.zeros(len(examples), np.bool_)
    at = 0
    seen = spread(workers, partial(_see_file, view), [examples.root / file for file in files], step)
    for file, own in zip(files, seen, strict=True):
        while at < len(examples) and examples.file[at] == file:
            second = int(examples.start[at])
            if second < len(own):
                vectors[at], heard[at] = own[second], True
            elif second > len(own):
                raise MaterialError(
                    f"{examples.root / file} ends before its second {second}, which is labelled: "
                    "label it again, or name the folder that the labels are for with --audio"
                )
            at += 1
    return Seen(examples.where(heard), vectors[heard], int((~heard).sum()))


def _see_file(view: View, path: Path) -> Vectors:
    return view.see(read_samples(path))
