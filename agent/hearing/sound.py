"""What one second of early media can sound like."""

from dataclasses import dataclass
from enum import StrEnum


class Encoding(StrEnum):
    """How a tap delivers its samples: mono, no header."""

    SLIN8 = "slin8"
    """Signed 16-bit little-endian, 8000 Hz."""
    SLIN16 = "slin16"
    """Signed 16-bit little-endian, 16000 Hz."""
    ULAW = "ulaw"
    """ITU-T G.711 mu-law, 8000 Hz."""
    ALAW = "alaw"
    """ITU-T G.711 A-law, 8000 Hz."""

    @property
    def bytes_per_second(self) -> int:
        """Bytes that one second of audio takes."""
        return _BYTES_PER_SECOND[self]


_BYTES_PER_SECOND = {
    Encoding.SLIN8: 16_000,
    Encoding.SLIN16: 32_000,
    Encoding.ULAW: 8_000,
    Encoding.ALAW: 8_000,
}


class Sound(StrEnum):
    """The four classes of the thesis, in the order of every probability vector."""

    RINGING = "ringing"
    """Any supervisory tone of the telephone network: ringing, busy, congestion, SIT, ..."""
    SPEECH = "speech"
    MUSIC = "music"
    SILENCE = "silence"


SOUNDS: tuple[Sound, ...] = tuple(Sound)


@dataclass(frozen=True, slots=True)
class HeardSecond:
    """One second of early media and what it sounds like."""

    at: float
    """Start of the second, in seconds of audio since the tap's first sample."""
    p: tuple[float, float, float, float]
    """Probability of each of `SOUNDS`, sums to 1."""
    after_gap: bool = False
    """Audio was dropped within or just before this second."""
    candidate_p: tuple[float, float, float, float] | None = None
    """The same of a candidate that listens in shadow, None without one; no verdict reads it."""
    announcement: str | None = None
    """Name of the known announcement that the call plays, told once, with the second that settled it."""

    @property
    def sound(self) -> Sound:
        """The most probable class."""
        return SOUNDS[max(range(len(SOUNDS)), key=self.p.__getitem__)]
