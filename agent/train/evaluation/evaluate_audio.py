"""The sound behind a labelled second, as the agent hears it."""

import io
import wave
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agent.hearing.pcm import SAMPLE_RATE, Decoder, Samples
from agent.hearing.sound import SOUNDS, Sound
from agent.hearing.spectrogram import LOOKAHEAD
from agent.recording.load import RecordingError, load
from agent.train.errors import MaterialError
from agent.train.evaluation.evaluate_slices import RECORDINGS, KnownConditions, read_conditions
from agent.train.student.strangers import Strangers


@dataclass(frozen=True, slots=True)
class AudioFolders:
    """Where labelled files are looked for, in this order."""

    folders: tuple[Path, ...]

    @classmethod
    def of(cls, folders: Sequence[Path]) -> "AudioFolders":
        """Take folders of audio, or corpora with their audio in `audio/`.

        Raises:
            MaterialError: one is no folder.
        """
        for folder in folders:
            if not folder.is_dir():
                raise MaterialError(f"{folder} is no folder: name the folder with the labelled audio")
        inner = (folder / "audio" for folder in folders)
        return cls(tuple(a if a.is_dir() else f for f, a in zip(folders, inner, strict=True)))

    def find(self, file: str) -> Path | None:
        """Find a labelled file; None if no folder holds it."""
        return next((path for folder in self.folders if (path := folder / file).is_file()), None)

    def read(self, file: str) -> Samples | None:
        """Read a labelled file as 8 kHz samples; None if there is none.

        Raises:
            MaterialError: it is there and cannot be read.
        """
        path = self.find(file)
        if path is None:
            return None
        try:
            encoding, data = load(path)
        except RecordingError as error:
            raise MaterialError(str(error)) from error
        return Decoder(encoding).decode(data)


def find_conditions(files: Iterable[str], audio: AudioFolders) -> KnownConditions | None:
    """Find under which conditions files were made: in the `recordings.csv` of the corpus that each lies in.

    A corpus is the nearest folder above a file with that table, up to the one that holds the audio folder;
    its table names files as they lie in `audio/`, or else in the corpus itself.

    Raises:
        MaterialError: a table cannot be read.
    """
    homes: dict[Path, Path | None] = {}
    tables: dict[Path, KnownConditions] = {}
    found: dict[str, dict[str, str]] = {}
    for file in dict.fromkeys(files):
        path = audio.find(file)
        if path is None:
            continue
        if path.parent not in homes:
            above = [path.parent, *path.parent.parents][: len(Path(file).parts) + 1]
            homes[path.parent] = next((place for place in above if (place / RECORDINGS).is_file()), None)
        home = homes[path.parent]
        if home is None:
            continue
        if home not in tables:
            tables[home] = read_conditions(home / RECORDINGS)
        inside = home / "audio" if path.is_relative_to(home / "audio") else home
        values = tables[home].of.get(path.relative_to(inside).as_posix())
        if values is not None:
            found[file] = dict(zip(tables[home].columns, values, strict=True))
    if not found:
        return None
    columns = tuple(dict.fromkeys(name for table in tables.values() for name in table.columns))
    of = {file: tuple(values.get(name, "") for name in columns) for file, values in found.items()}
    return KnownConditions(columns, of)


def draw_seconds(strangers: Strangers, audio: AudioFolders, of_each: int) -> dict[Sound, list[Samples]]:
    """Draw clear seconds of each sound, each from a recording of its own as far as there are enough.

    Returns:
        (8387,) samples each: a second and the beginning of the next, which its last frame needs.
    """
    order = np.random.default_rng(0).permutation(len(strangers)).tolist()
    drawn: dict[Sound, list[Samples]] = {sound: [] for sound in SOUNDS}
    taken: set[str] = set()
    for index in order:
        sound, file = SOUNDS[strangers.truth[index]], strangers.file[index]
        if strangers.ambiguous[index] or file in taken or len(drawn[sound]) == of_each:
            continue
        samples = audio.read(file)
        taken.add(file)
        if samples is not None:
            drawn[sound].append(_cut(samples, int(strangers.start[index])))
        if all(len(some) == of_each for some in drawn.values()):
            break
    return drawn


def _cut(samples: Samples, second: int) -> Samples:
    wanted = SAMPLE_RATE + LOOKAHEAD
    cut = samples[second * SAMPLE_RATE :][:wanted]
    return np.pad(cut, (0, wanted - len(cut)))


def surroundings(samples: Samples, second: int, around: int = 1) -> tuple[Samples, int]:
    """Cut out a second with so many before and after it; returns samples and the first one's second."""
    begin = max(0, second - around)
    return samples[begin * SAMPLE_RATE : (second + 1 + around) * SAMPLE_RATE], begin


def wav(samples: Samples) -> bytes:
    """Return samples as a WAV file of 16 bits at 8 kHz, for a page to play."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((samples * 32768.0).clip(-32768, 32767).astype("<i2").tobytes())
    return buffer.getvalue()
