"""What happens in a call before anybody answers: the course of each kind of call that is composed."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Part(StrEnum):
    """Something that plays for a while."""

    QUIET = "quiet"
    RINGING = "ringing"
    BUSY = "busy"
    CONGESTION = "congestion"
    NUMBER_UNOBTAINABLE = "number_unobtainable"
    DIAL_TONE = "dial_tone"
    SIT = "sit"
    """Three segments, once."""
    SIT_REPEATED = "sit_repeated"
    """The same again and again, begun anywhere."""
    FAX_OR_MODEM = "fax_or_modem"
    VOICE = "voice"
    """Somebody who is in no library."""
    KNOWN = "known"
    """An announcement of the library, begun anywhere in its first two seconds."""
    SONG = "song"
    VOICED_SONG = "voiced_song"
    """A song and a voice that is at most as loud, for want of recordings of singers."""
    BEEP = "beep"
    """What a voicemail begins to record after."""


@dataclass(frozen=True, slots=True)
class Play:
    """A part and for how long it plays, in seconds."""

    part: Part
    shortest: float
    longest: float


_LEAD = Play(Part.QUIET, 1, 6)
_RING = Play(Part.RINGING, 6, 25)
_VOICE = Play(Part.VOICE, 6, 15)
_KNOWN = Play(Part.KNOWN, 6, 12)
_SIT = Play(Part.SIT, 2, 2)
_SONG = Play(Part.SONG, 12, 35)
_MAILBOX = (Play(Part.VOICE, 4, 10), Play(Part.BEEP, 0.2, 1.0), Play(Part.QUIET, 2, 8))


def _cadence(part: Part) -> Play:
    """Let a tone sound for some cycles of any cadence."""
    return Play(part, 12, 25)


SCRIPTS: Mapping[str, tuple[Play, ...]] = {
    "ringing": (Play(Part.RINGING, 15, 40),),
    "silence, ringing": (_LEAD, Play(Part.RINGING, 15, 40)),
    "ringing, announcement": (_RING, _VOICE),
    "silence, ringing, announcement": (_LEAD, _RING, _VOICE),
    "announcement": (_VOICE,),
    "silence, announcement": (_LEAD, _VOICE),
    "announcement twice": (Play(Part.VOICE, 4, 8), Play(Part.QUIET, 1, 3), Play(Part.VOICE, 4, 8)),
    "voicemail": _MAILBOX,
    "ringing, voicemail": (_RING, *_MAILBOX),
    "known announcement": (_KNOWN,),
    "silence, known announcement": (_LEAD, _KNOWN),
    "ringing, known announcement": (_RING, _KNOWN),
    "song": (_SONG,),
    "silence, song": (_LEAD, _SONG),
    "ringing, song": (Play(Part.RINGING, 4, 10), _SONG),
    "song, announcement": (Play(Part.SONG, 8, 25), _VOICE),
    "song with a voice in it": (Play(Part.VOICED_SONG, 12, 35),),
    "silence": (Play(Part.QUIET, 6, 20),),
    "busy": (_cadence(Part.BUSY),),
    "silence, busy": (_LEAD, _cadence(Part.BUSY)),
    "ringing, busy": (_RING, _cadence(Part.BUSY)),
    "congestion": (_cadence(Part.CONGESTION),),
    "ringing, congestion": (_RING, _cadence(Part.CONGESTION)),
    "number unobtainable": (_cadence(Part.NUMBER_UNOBTAINABLE),),
    "dial tone": (Play(Part.DIAL_TONE, 6, 15),),
    "SIT": (Play(Part.SIT_REPEATED, 6, 15),),
    "SIT, announcement": (_SIT, _VOICE),
    "silence, SIT, announcement": (_LEAD, _SIT, _VOICE),
    "ringing, SIT, announcement": (_RING, _SIT, _VOICE),
    "fax or modem": (Play(Part.FAX_OR_MODEM, 8, 15),),
}
"""Every kind of call, in turn."""
