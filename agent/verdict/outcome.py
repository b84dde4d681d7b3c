"""What became of a call, as a closed enumeration that dialers can rely on."""

from enum import StrEnum


class SoundClass(StrEnum):
    """The four classes of the thesis, and none of them."""

    RINGING = "ringing"
    SPEECH = "speech"
    MUSIC = "music"
    SILENCE = "silence"
    NONE = "none"


class Outcome(StrEnum):
    """What the early media says about the call.

    The enumeration stays closed: which announcement was heard is a name beside
    `ANNOUNCEMENT`, never a member of its own.
    """

    RINGING = "ringing"
    MUSIC = "music"
    """A song instead of the ringing tone."""
    BUSY = "busy"
    CONGESTION = "congestion"
    NUMBER_UNOBTAINABLE = "number_unobtainable"
    SIT_INTERCEPT = "sit_intercept"
    SIT_VACANT = "sit_vacant"
    SIT_REORDER = "sit_reorder"
    SIT_NO_CIRCUIT = "sit_no_circuit"
    SIT_OTHER = "sit_other"
    ANNOUNCEMENT = "announcement"
    """Speech."""
    FAX_OR_MODEM = "fax_or_modem"
    DIAL_TONE = "dial_tone"
    SILENCE = "silence"
    """Audio came and held nothing."""
    NO_AUDIO = "no_audio"
    """Early media was announced and no audio came."""
    ANSWERED = "answered"
    UNKNOWN = "unknown"
    """Nobody can tell: the verdict abstains."""

    @property
    def sound_class(self) -> SoundClass:
        """The thesis' class that this outcome rolls up to; every tone is `RINGING`."""
        return _CLASS_OF.get(self, SoundClass.RINGING)

    @property
    def stays_open(self) -> bool:
        """Never final while the early media goes on: anything may still follow it."""
        return self in _OPEN

    @property
    def may_cut(self) -> bool:
        """An admin may let the agent end a call for it: it is final and the callee is not being called."""
        return not self.stays_open and self is not Outcome.ANSWERED


_CLASS_OF = {
    Outcome.MUSIC: SoundClass.MUSIC,
    Outcome.ANNOUNCEMENT: SoundClass.SPEECH,
    Outcome.SILENCE: SoundClass.SILENCE,
    Outcome.NO_AUDIO: SoundClass.NONE,
    Outcome.ANSWERED: SoundClass.NONE,
    Outcome.UNKNOWN: SoundClass.NONE,
}

_OPEN = frozenset({Outcome.RINGING, Outcome.MUSIC, Outcome.SILENCE, Outcome.NO_AUDIO, Outcome.UNKNOWN})
