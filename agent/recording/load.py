"""Read a recording of early media, whatever its format, as the samples a tap would deliver."""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agent.hearing.sound import Encoding

SAMPLE_RATE = 8_000
"""Samples per second of everything that `load` returns as slin8."""

_LOWEST_RATE, _HIGHEST_RATE = 1_000, 1_000_000
_BLOCK_FRAMES = 65_536

HEADERLESS: dict[str, Encoding] = {
    **dict.fromkeys((".ulaw", ".ul", ".mulaw", ".pcmu", ".pcm"), Encoding.ULAW),
    **dict.fromkeys((".alaw", ".al", ".pcma"), Encoding.ALAW),
    **dict.fromkeys((".sln", ".sln8", ".slin", ".raw", ".r8"), Encoding.SLIN8),
    **dict.fromkeys((".sln16", ".slin16"), Encoding.SLIN16),
}
"""Endings of files without a header, as Asterisk and FreeSWITCH name them."""


class RecordingError(Exception):
    """A recording cannot be read; the message says which, why and how to mend it."""


def load(path: Path, middle_s: float | None = None) -> tuple[Encoding, bytes]:
    """Read a recording as (encoding, bytes), ready for a hearing stream; `middle_s` leaves out the ends.

    Files without a header are told by their ending (`HEADERLESS`) and returned as they are, `.gsm` is
    GSM 06.10 at 8 kHz; everything else is read by libsndfile (wav, flac, ogg, mp3, ...), mixed to one
    channel and resampled to 8 kHz. Of these, and if they are longer, only the middle is read.

    Raises:
        RecordingError: the file is missing, empty, no audio, or needs the `files` extra.
    """
    if not path.is_file():
        raise RecordingError(f"{path}: there is no such file; name a recording that exists.")
    encoding = HEADERLESS.get(path.suffix.lower())
    try:
        if encoding is not None:
            data = path.read_bytes()
        else:
            encoding, data = Encoding.SLIN8, _decode(path, middle_s)
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read ({error.strerror}); check its permissions.") from error
    if not data:
        raise RecordingError(f"{path}: holds no audio; record it again or leave it out.")
    return encoding, data


def _decode(path: Path, middle_s: float | None) -> bytes:
    try:
        import soundfile
    except ImportError as error:
        raise RecordingError(
            f"{path}: reading {path.suffix or 'this'} files needs the `files` extra; "
            "install it with: pip install 'earlymedia-agent[files]'."
        ) from error
    raw = {"format": "RAW", "subtype": "GSM610", "samplerate": SAMPLE_RATE, "channels": 1}
    try:
        with soundfile.SoundFile(path, **(raw if path.suffix.lower() == ".gsm" else {})) as file:
            if not _LOWEST_RATE <= file.samplerate <= _HIGHEST_RATE:
                raise RecordingError(
                    f"{path}: claims {file.samplerate} samples a second; convert it to wav at 8000."
                )
            rate, left = file.samplerate, sys.maxsize
            if middle_s is not None and file.seekable() and file.frames > middle_s * rate:
                left = int(middle_s * rate)
                file.seek((file.frames - left) // 2)
            # By what is there, not by what the header claims: that may be more than any memory holds.
            pieces = []
            while len(piece := file.read(min(left, _BLOCK_FRAMES), dtype="float32", always_2d=True)):
                pieces.append(piece.mean(axis=1))
                left -= len(piece)
    except soundfile.LibsndfileError as error:
        raise RecordingError(
            f"{path}: is no audio file that can be read ({error.error_string.rstrip('.')}); "
            "convert it to wav, or give a file without a header the ending that tells its codec "
            "(.ulaw, .alaw, .sln, .gsm)."
        ) from error
    return _to_slin8(np.concatenate(pieces) if pieces else np.zeros(0, np.float32), rate)


def _to_slin8(samples: NDArray[np.float32], rate: int) -> bytes:
    samples = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
    if rate != SAMPLE_RATE and samples.size:
        from scipy.signal import resample_poly

        common = np.gcd(rate, SAMPLE_RATE)
        samples = resample_poly(samples, SAMPLE_RATE // common, rate // common)
    return (np.clip(samples, -1.0, 32767 / 32768) * 32768).astype("<i2").tobytes()
