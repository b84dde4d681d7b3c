"""Every recording of the material once at 8 kHz, so that any number of processes can map it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from agent.train.corpus.material import STORED, Recordings, Source, read_pcm16
from agent.train.errors import MaterialError
from agent.train.parallel import Workers, spread


def recordings_of(sources: Sequence[Source]) -> list[Path]:
    """Return every file that sources play, each once, in order."""
    return sorted({path for source in sources if isinstance(source, Recordings) for path in source.paths})


@dataclass(frozen=True, slots=True)
class Stored:
    """Sources that play from a store."""

    sources: tuple[Source, ...]
    empty: tuple[Path, ...]
    """Recordings that hold less than 20 ms, as some that Debian ships do; they are left out."""


def store(
    sources: Sequence[Source], folder: Path, workers: Workers, step: Callable[[], None] = lambda: None
) -> Stored:
    """Convert all recordings into `folder`; calls `step` for each of `recordings_of(sources)`.

    Raises:
        MaterialError: a recording cannot be read, or all of a source's are empty.
    """
    kept = {path: folder / f"{number:06d}{STORED}" for number, path in enumerate(recordings_of(sources))}
    sounding = spread(workers, _convert, kept.items(), step)
    empty = tuple(path for path, sounds in zip(kept, sounding, strict=True) if not sounds)
    return Stored(tuple(_play_from(kept, empty, source) for source in sources), empty)


def _play_from(kept: Mapping[Path, Path], empty: Collection[Path], source: Source) -> Source:
    if not isinstance(source, Recordings):
        return source
    paths = tuple(kept[path] for path in source.paths if path not in empty)
    if not paths:
        raise MaterialError(f"{source.paths[0]} is shorter than 20 ms: leave it out")
    return replace(source, paths=paths)


def _convert(path_and_place: tuple[Path, Path]) -> bool:
    """Write one recording; returns whether there was anything to write."""
    path, place = path_and_place
    if _is_empty(path):
        return False
    np.save(place, read_pcm16(path))
    return True


def _is_empty(path: Path) -> bool:
    try:
        about = soundfile.info(path)
    except soundfile.LibsndfileError:
        return False  # reading it will say what is wrong
    return bool(about.duration < 0.02)
