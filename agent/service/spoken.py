"""The longest piece of speech that a call plays: which seconds, and their audio where it may be kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from agent.hearing.sound import Encoding, HeardSecond, Sound

LONGEST_SECONDS = 20
"""Seconds of a piece that count; the rest of a long announcement adds nothing."""
PAUSE_SECONDS = 2
"""Seconds of silence that a piece may hold in a row."""


@dataclass(slots=True)
class _Piece:
    starts: list[float] = field(default_factory=list)
    audio: bytearray = field(default_factory=bytearray)
    """Audio of it, from its beginning on."""
    pause: list[bytes] = field(default_factory=list)
    """Silence since."""


class Spoken:
    """Feed it the audio of one tap as it comes, and each second of it once it is judged."""

    __slots__ = ("_coming", "_encoding", "_keep_bytes", "_longest", "_now")

    def __init__(self, encoding: Encoding, keep_seconds: float = 0.0) -> None:
        """Begin with the first sample of a tap; keep so much audio of a piece, at least, by whole seconds."""
        self._encoding = encoding
        self._keep_bytes = int(keep_seconds * encoding.bytes_per_second)
        self._coming = bytearray()
        self._now = _Piece()
        self._longest = _Piece()

    @property
    def starts(self) -> Sequence[float]:
        """Starts of the seconds of speech, in seconds of audio since the tap's first sample."""
        return max(self._longest, self._now, key=_length).starts

    @property
    def audio(self) -> bytes:
        """From the first of these seconds on, pauses included, empty where none is kept."""
        return bytes(max(self._longest, self._now, key=_length).audio)

    def came(self, data: bytes) -> None:
        """Take audio that is about to be heard."""
        if self._keep_bytes:
            self._coming += data

    def judged(self, seconds: Sequence[HeardSecond]) -> None:
        """Take the next seconds that were judged."""
        for second in seconds:
            audio = bytes(self._coming[: self._encoding.bytes_per_second])
            del self._coming[: self._encoding.bytes_per_second]
            self._take(second, audio)

    def _take(self, second: HeardSecond, audio: bytes) -> None:
        piece = self._now
        if second.sound is Sound.SPEECH and not second.after_gap and len(piece.starts) < LONGEST_SECONDS:
            piece.starts.append(second.at)
            if len(piece.audio) < self._keep_bytes:
                piece.audio += b"".join(piece.pause) + audio
            piece.pause.clear()
        elif second.sound is Sound.SILENCE and piece.starts and len(piece.pause) < PAUSE_SECONDS:
            piece.pause.append(audio)
        else:
            self._longest = max(self._longest, piece, key=_length)
            self._now = _Piece()


def _length(piece: _Piece) -> int:
    return len(piece.starts)
