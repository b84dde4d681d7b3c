"""A library as a folder, for sharing: `announcements.yaml` and the recordings that it names."""

import wave
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from agent.announcements.announcement import Announcement
from agent.announcements.database import LibraryError
from agent.announcements.library import Library, to_pcm16
from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.yaml_file import COMPLAINT, parse_model, read_text, reason

INDEX = "announcements.yaml"


class Entry(Announcement):
    """An announcement with the files of its recordings, named from the folder."""

    files: Annotated[tuple[Path, ...], Field(min_length=1)]


class Index(BaseModel):
    """The whole of `announcements.yaml`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    announcements: tuple[Entry, ...]

    @field_validator("announcements")
    @classmethod
    def _each_name_once(cls, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        names = [entry.name for entry in entries]
        for name in names:
            if names.count(name) > 1:
                complaint = "'{name}' is there twice, name all its files in one entry"
                raise PydanticCustomError(COMPLAINT, complaint, {"name": name})
        return entries


def export_folder(library: Library, folder: Path) -> int:
    """Write a library into a folder, the index last; return how many announcements it holds.

    Raises:
        LibraryError: the folder holds something, or cannot be written, or the library cannot be read.
    """
    index = folder / INDEX
    entries = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise LibraryError(f"{folder}: holds something already; name an empty folder.")
        for shelved in library.shelved():
            name, files = shelved.announcement.name, []
            for number, recording in enumerate(library.recordings(name), 1):
                files.append(f"{name}-{number}.wav")
                _write_wav(folder / files[-1], recording)
            entries.append(
                shelved.announcement.model_dump(mode="json", exclude_unset=True) | {"files": files}
            )
        text = yaml.safe_dump({"announcements": entries}, sort_keys=False, allow_unicode=True)
        part = index.with_suffix(".part")
        part.write_text(text, encoding="utf-8")
        part.rename(index)
    except OSError as error:
        raise LibraryError(f"{folder}: {reason(error)}; name a folder that can be written.") from error
    return len(entries)


def import_folder(library: Library, folder: Path, read: Callable[[Path], Samples]) -> int:
    """Add what a folder's index names to a library, all of it or nothing; return how many announcements.

    `read` turns a file into (n,) samples at 8 kHz.

    Raises:
        LibraryError: the library refuses one of them.
        ConfigError: the index is wrong.
    """
    path = folder / INDEX
    if not path.is_file():
        raise LibraryError(f"{folder}: holds no {INDEX}; name a folder that `export` has made.")
    index = parse_model(Index, read_text(path), str(path))
    root = folder.resolve()
    for entry in index.announcements:
        for file in entry.files:
            if not (folder / file).resolve().is_relative_to(root):
                raise LibraryError(f"{path}: '{file}' lies outside the folder; copy it into the folder.")
    items = [
        (
            Announcement.model_validate(entry.model_dump(exclude_unset=True, exclude={"files"})),
            [read(folder / file) for file in entry.files],
        )
        for entry in index.announcements
    ]
    library.add_all(items)
    return len(items)


def _write_wav(path: Path, samples: Samples) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(to_pcm16(samples))
