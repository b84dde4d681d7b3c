"""What every target asks for."""

import random
import zlib

LONGEST_SENTENCE = 2000


def pieces(data: bytes) -> list[bytes]:
    """Cut a stream as a network might: anywhere, but the same stream always alike."""
    rng = random.Random(zlib.crc32(data))
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(5)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def one_sentence(text: str) -> None:
    """A complaint is one sentence, on one line."""
    assert text
    assert "\n" not in text
    assert len(text) <= LONGEST_SENTENCE, len(text)
