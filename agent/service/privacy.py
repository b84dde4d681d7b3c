"""Numbers are personal: they are kept as keyed hashes and shown by their last two digits."""

import hashlib
import hmac
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

KEY_BYTES = 32


class KeyFileError(Exception):
    """The key file cannot be used; its text is one sentence for the admin."""


class NumberKey:
    """The installation's key: the same number has the same digest here and another one elsewhere."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def at(cls, path: Path) -> "NumberKey":
        """Read the key file, or make it (mode 0600) on the first run.

        Raises:
            KeyFileError: it cannot be read or made, or holds no key.
        """
        try:
            key = _read_or_make(path)
        except OSError as error:
            raise KeyFileError(
                f"The key file {path} cannot be read or made ({error.strerror}): "
                "let the agent's user write to its folder, or set journal.key_file."
            ) from error
        if len(key) != KEY_BYTES:
            raise KeyFileError(
                f"The key file {path} holds {len(key)} bytes instead of {KEY_BYTES}: "
                "restore it, or remove it to start with a new key that matches no earlier journal."
            )
        return cls(key)

    def digest(self, number: str) -> str:
        """HMAC-SHA256 of a number as 64 hexadecimal digits; empty for an empty number."""
        return hmac.new(self._key, number.encode(), hashlib.sha256).hexdigest() if number else ""


def masked(number: str) -> str:
    """Show a number by its last two digits; one of four digits or fewer not at all."""
    return f"…{number[-2:]}" if len(number) > 4 else "…"


def _read_or_make(path: Path) -> bytes:
    if not path.exists():
        # Two agents that start at once must agree: link() is the one that cannot be half done.
        descriptor, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)
        fresh = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                path.hardlink_to(fresh)
        finally:
            fresh.unlink()
    return path.read_bytes()
