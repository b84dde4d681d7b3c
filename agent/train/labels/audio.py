"""A recording as teachers hear it: whatever its rate, unlike the agent, which hears 8 kHz."""

from pathlib import Path

import numpy as np
import soundfile

from agent.hearing.pcm import SAMPLE_RATE, Decoder
from agent.hearing.sound import Encoding
from agent.recording.load import HEADERLESS, RecordingError, load
from agent.train.errors import MaterialError
from agent.train.teachers.teacher import Waveform

ENDINGS = frozenset({".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".au", ".gsm", *HEADERLESS})
"""Files of a folder that count as recordings."""
_GSM_BYTES_A_SECOND = 1650
"""33 bytes for each 20 ms (GSM 06.10)."""
_LEAST_SHARE = 0.9
"""Share of the announced length that must be there; the header of an MP3 file may only estimate it."""
_LENGTH_UNKNOWN = 0x7FFF_0000
"""From here on a WAV header says that its writer could not go back and fill the length in."""


def find_recordings(folder: Path) -> list[Path]:
    """Return the recordings of a folder and all folders in it, in order of their names.

    Raises:
        MaterialError: there is no such folder, or no recording in it.
    """
    if not folder.is_dir():
        raise MaterialError(f"{folder} is no folder: name the folder with your recordings")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())
    if not found:
        raise MaterialError(
            f"{folder} holds no recording: put {', '.join(sorted(ENDINGS)[:6])}, … files there"
        )
    return found


def read_audio(path: Path) -> tuple[Waveform, int]:
    """Read a recording as (n,) mono samples and their rate in Hz; at least one second of it.

    Raises:
        MaterialError: it is missing, no audio, cut off, too short, or holds samples that are no numbers.
    """
    try:
        samples, rate_hz = _decode(path)
    except RecordingError as error:
        raise MaterialError(str(error)) from error
    except soundfile.LibsndfileError as error:
        raise MaterialError(
            f"{path}: is no audio that can be read ({error.error_string.rstrip('.')}); convert it to wav"
        ) from error
    except OSError as error:
        raise MaterialError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    if not np.isfinite(samples).all():
        raise MaterialError(f"{path}: holds samples that are no numbers; record or convert it again")
    if not len(samples):
        raise MaterialError(f"{path}: holds no audio or is cut off; copy or record it again")
    if len(samples) < rate_hz:
        raise MaterialError(
            f"{path}: lasts {len(samples) / rate_hz:.2f} s; leave out what is shorter than a second"
        )
    return samples, rate_hz


def duration_seconds(path: Path) -> float:
    """Return how long a recording lasts, by its header or its size; 0 where neither tells."""
    suffix = path.suffix.lower()
    try:
        if suffix == ".gsm":
            return path.stat().st_size / _GSM_BYTES_A_SECOND
        if encoding := HEADERLESS.get(suffix):
            return path.stat().st_size / encoding.bytes_per_second
        return float(soundfile.info(path).duration)
    except (OSError, soundfile.LibsndfileError):
        return 0.0


def _decode(path: Path) -> tuple[Waveform, int]:
    if path.suffix.lower() in (*HEADERLESS, ".gsm"):
        encoding, data = load(path)
        if encoding is Encoding.SLIN16:  # the agent would hear 8 kHz of it
            wide = np.frombuffer(data[: len(data) // 2 * 2], "<i2")
            return wide.astype(np.float32) / np.float32(32768), 2 * SAMPLE_RATE
        return Decoder(encoding).decode(data), SAMPLE_RATE
    _refuse_cut_off(path)
    with soundfile.SoundFile(path) as file:
        samples = file.read(dtype="float32", always_2d=True)
        there, said = len(samples) / file.samplerate, file.frames / file.samplerate
        if there < _LEAST_SHARE * said:
            raise MaterialError(
                f"{path}: is cut off after {there:.1f} of {said:.1f} s; copy or record it again"
            )
        return samples.mean(axis=1), int(file.samplerate)


def _refuse_cut_off(path: Path) -> None:
    """Refuse a WAV file that is shorter than its header says; libsndfile would read what is left."""
    with path.open("rb") as file:
        head = file.read(8)
    if head[:4] != b"RIFF" or len(head) < 8:
        return
    said, there = int.from_bytes(head[4:], "little") + 8, path.stat().st_size
    if there < said < _LENGTH_UNKNOWN:
        raise MaterialError(f"{path}: is cut off after {there} of {said} bytes; copy or record it again")
