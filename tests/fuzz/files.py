"""Files that somebody else may have written: each is taken, or refused in one sentence."""

import atexit
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from agent.announcements.database import LibraryError
from agent.announcements.folder import INDEX, import_folder
from agent.announcements.library import Library
from agent.config import parse as parse_config
from agent.hearing.forest import Forest, ModelError
from agent.hearing.pcm import Samples
from agent.train.errors import MaterialError
from agent.train.labels.label_table import read_rows
from agent.yaml_file import ConfigError
from tests.fuzz.checks import one_sentence


def config(data: bytes) -> None:
    """`config.yaml`."""
    try:
        parse_config(data.decode(errors="replace"), "config.yaml")
    except ConfigError as error:
        one_sentence(str(error))


def label_file(data: bytes) -> None:
    """A label file, as anybody may hand one on."""
    path = _FOLDER / "labels.csv"
    path.write_bytes(data)
    try:
        for row in read_rows(path):
            assert all(0 <= share <= 1 for share in (*row.second.soft, row.second.agreement))
            assert 0 < row.weight < math.inf
    except MaterialError as error:
        one_sentence(str(error))


def model_card(data: bytes) -> None:
    """The card beside a forest that never was: whatever it says, nothing is unpickled."""
    path = _FOLDER / "student.joblib"
    path.write_bytes(b"no forest")
    path.with_suffix(".json").write_bytes(data)
    try:
        Forest.load(path)
    except ModelError as error:
        one_sentence(str(error))
    else:
        raise AssertionError("a forest was made of nothing")


def announcement_folder(data: bytes) -> None:
    """A folder of announcements, as admins share them; the files that it names are never outside it."""
    with tempfile.TemporaryDirectory(dir=_FOLDER) as name:
        folder = Path(name) / "shared"
        folder.mkdir()
        (folder / INDEX).write_bytes(data)
        (folder / "a.wav").touch()
        (folder / "b.wav").touch()
        (folder / "out").symlink_to("../..")
        read: list[Path] = []

        def reading(file: Path) -> Samples:
            read.append(file.resolve())
            return _VOICES[len(read) % len(_VOICES)]

        try:
            with Library(Path(name) / "library.sqlite3") as library:
                import_folder(library, folder, reading)
        except (LibraryError, ConfigError) as error:
            one_sentence(str(error))
        assert all(file.is_relative_to(folder) for file in read)
        assert {path.name.partition("-")[0] for path in Path(name).iterdir()} <= {"shared", "library.sqlite3"}


def _voices() -> Iterator[Samples]:
    """Two recordings that a library takes: noise whose loudness and colour change all the time."""
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        gain = np.repeat(rng.uniform(0.02, 0.5, 120), 400)
        yield (gain * rng.standard_normal(len(gain))).astype(np.float32)


_SCRATCH = tempfile.TemporaryDirectory(prefix="earlymedia-fuzz-")
atexit.register(_SCRATCH.cleanup)
_FOLDER = Path(_SCRATCH.name)
_VOICES = tuple(_voices())
