"""Published weights: which file belongs to which teacher."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from agent.train.errors import MaterialError


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A file of published weights."""

    file: str
    """Its published name."""
    size_bytes: int
    sha256: str
    url: str
    """Where to download it."""
    licence: str


def verify(path: Path, wanted: Checkpoint, known: Iterable[tuple[str, Checkpoint]]) -> None:
    """Make sure that a file is the wanted checkpoint.

    Args:
        path: where it lies.
        wanted: what it should be.
        known: every checkpoint after the name of its teacher, so that a mix-up is called one. (The two
            forms of CNN14 share all keys and shapes: each would load into the other, unnoticed.)

    Raises:
        MaterialError: it is missing, cut off, damaged, or belongs to another teacher.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise MaterialError(
            f"{path} is missing: download it from {wanted.url} ({wanted.size_bytes / 1e6:.0f} MB, "
            f"{wanted.licence}) and put it there"
        ) from None
    except OSError as error:
        raise MaterialError(f"{path} cannot be read ({error.strerror}): mend its permissions") from error
    if digest == wanted.sha256:
        return
    for teacher, other in known:
        if digest == other.sha256:
            raise MaterialError(
                f"{path} is {other.file}, the checkpoint of {teacher}: "
                f"download {wanted.file} from {wanted.url}"
            )
    if size != wanted.size_bytes:
        raise MaterialError(
            f"{path} has {size} bytes instead of {wanted.size_bytes}, it is cut off or another file: "
            f"download it again from {wanted.url}"
        )
    raise MaterialError(
        f"{path} is not the published {wanted.file} (sha256 {digest[:12]}… instead of "
        f"{wanted.sha256[:12]}…): download it again from {wanted.url}"
    )
