"""The inputs that were worth keeping, one archive a target: they are thousands."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

_FOLDER = Path(__file__).parent / "corpora"
_ALWAYS = (1980, 1, 1, 0, 0, 0)
"""The archive is the same whenever it is made."""


def read_corpus(target: str) -> list[bytes]:
    """Return the inputs that are kept for a target."""
    path = _FOLDER / f"{target}.zip"
    if not path.is_file():
        return []
    with zipfile.ZipFile(path) as archive:
        return [archive.read(name) for name in archive.namelist()]


def write_corpus(target: str, inputs: Sequence[bytes]) -> None:
    """Keep these inputs for a target, and no others."""
    _FOLDER.mkdir(exist_ok=True)
    with zipfile.ZipFile(_FOLDER / f"{target}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number, data in enumerate(inputs):
            archive.writestr(zipfile.ZipInfo(f"{number:04}", _ALWAYS), data, zipfile.ZIP_DEFLATED)
