"""A labelled corpus on disk.

`audio/` holds the recordings (FLAC, 8 kHz, 16 bit), `labels.csv` the truth about every second (a label file),
`recordings.csv` the conditions of every recording, `corpus.json` what all of it was made of.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import soundfile
from pydantic import BaseModel, ConfigDict, ValidationError

from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.train.corpus.codecs import to_pcm16
from agent.train.errors import MaterialError


class Material(BaseModel):
    """Where part of the corpus is from."""

    model_config = ConfigDict(frozen=True)

    what: str
    by: str
    licence: str
    source: str = ""


class Excluded(BaseModel):
    """Tones of the national table that are not in the corpus."""

    model_config = ConfigDict(frozen=True)

    country: str
    tone: str
    reason: str


class Origin(BaseModel):
    """How a corpus was made: `corpus.json`."""

    model_config = ConfigDict(frozen=True)

    seed: int
    recordings: int
    materials: tuple[Material, ...]
    plan_sha256: str = ""
    """Of the plan without its paths."""
    plan: dict[str, Any] = {}
    tone_sets: int = 0
    """National sets of tones that were read."""
    excluded_tones: tuple[Excluded, ...] = ()


@contextmanager
def beside(target: Path) -> Iterator[Path]:
    """Give a folder to write into, which takes `target`'s place only when all is written."""
    if target.exists():
        raise MaterialError(f"{target} exists already: remove it or name another folder")
    with drafting(target) as draft:
        yield draft
        draft.rename(target)


@contextmanager
def drafting(target: Path, remedy: str = "choose another folder") -> Iterator[Path]:
    """Give an empty folder beside `target`, whose contents the caller moves to it; the rest is removed.

    Raises:
        MaterialError: something could not be written, and what to do about it.
    """
    draft = target.with_name(target.name + ".part")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir(parents=True)
        yield draft
    except OSError as error:
        raise MaterialError(f"{target} cannot be written ({error.strerror or error}): {remedy}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def write_audio(folder: Path, file: str, samples: Samples) -> None:
    """Write one recording of a corpus, 16 bits at 8 kHz; `file` is its path below `audio/`.

    Raises:
        MaterialError: it cannot be written.
    """
    path = folder / "audio" / file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, to_pcm16(samples), SAMPLE_RATE, format="FLAC")
    except (OSError, soundfile.LibsndfileError) as error:
        raise MaterialError(f"{path} cannot be written ({error}): choose another folder") from error


def write_origin(folder: Path, origin: Origin) -> None:
    """Write where a corpus is from."""
    (folder / "corpus.json").write_text(origin.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_origin(folder: Path) -> Origin:
    """Read where a corpus is from."""
    path = folder / "corpus.json"
    try:
        return Origin.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise MaterialError(
            f"{path} is missing or damaged: make the corpus again with `earlymedia train synth`"
        ) from error
