"""The calls that every PBX has to get right: how each is placed, what the carrier does, what must come of it.

Nothing here knows Asterisk.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto

from agent.demo.call import Provisional, Scenario
from agent.hearing.sound import Sound
from agent.hearing.tone_table import ToneKind
from agent.verdict.agreement import Agreement
from agent.verdict.outcome import Outcome

Played = Sound | ToneKind
"""What a carrier plays."""


class Way(Enum):
    """How a call is placed."""

    DIAL = auto()
    """An inbound caller is connected to an outbound leg."""
    DIAL_FALSE_RINGING = auto()
    """The same, and the caller hears a ringing tone of the PBX instead of the early media."""
    DIAL_FORKED = auto()
    """Two outbound legs at once: numbers <number>1 and <number>2."""
    DIAL_TWO_ROUTES = auto()
    """When the first trunk fails, the second one is tried."""
    DIAL_UNAWARE = auto()
    """By a dialplan that knows nothing of the agent."""
    DIAL_FIVE_SECONDS = auto()
    """The PBX gives up after five seconds."""
    DIAL_ALAW = auto()
    """Over a trunk that speaks A-law."""
    LOCAL = auto()
    """A dialer calls a piece of dialplan that dials."""
    ORIGINATE = auto()
    """A dialer calls the number; the dialplan gets it when it is answered."""
    OWN_EAGI = auto()
    """A dialer has the early media handed to the agent by the leg itself, through a process and a pipe."""
    OWN_EAGI_16K = auto()
    """The same at 16 kHz."""
    OWN_AUDIOSOCKET = auto()
    """The same, by AudioSocket."""

    @property
    def from_caller(self) -> bool:
        """Somebody calls in; else a dialer calls out."""
        return self.name.startswith("DIAL")

    @property
    def brings_own_tap(self) -> bool:
        """The leg itself hands its audio to the agent."""
        return self.name.startswith("OWN")


SPIED = tuple(way for way in Way if not way.brings_own_tap)


@dataclass(frozen=True, slots=True)
class Case:
    """One call, and what must come of it."""

    name: str
    way: Way
    carrier: Scenario
    """Without its audio: that is what `plays` says."""
    outcome: Outcome
    agreement: Agreement
    plays: Played | None = None
    """None: no RTP at all."""
    then_plays: Played | None = None
    """What the callee says after the answer."""
    caller_gets: int | None = None
    """Final SIP status of an inbound caller."""

    def scenario(self, sounds: Mapping[Played, bytes]) -> Scenario:
        """Return what the carrier shall do."""
        return replace(
            self.carrier,
            audio=sounds[self.plays] if self.plays else None,
            answer_audio=sounds[self.then_plays] if self.then_plays else None,
        )


def _ends(final: int, *, after: float = 7.5, first: Provisional = Provisional.PROGRESS_SDP) -> Scenario:
    return Scenario(first=first, seconds=after, final=final)


def _after_ringing(final: int) -> Scenario:
    """A 180, two seconds later the 183 with early media."""
    return replace(_ends(final), first=Provisional.RINGING, then=Provisional.PROGRESS_SDP)


HEARD: tuple[Case, ...] = (
    Case("ringing then busy", Way.DIAL, _ends(486), Outcome.RINGING, Agreement.CONTRADICTS,
         Sound.RINGING, caller_gets=480),
    Case("announcement", Way.DIAL, _ends(480), Outcome.ANNOUNCEMENT, Agreement.ADDS_DETAIL,
         Sound.SPEECH, caller_gets=480),
    Case("music", Way.DIAL, _ends(503), Outcome.MUSIC, Agreement.ADDS_DETAIL,
         Sound.MUSIC, caller_gets=480),
    Case("silence", Way.DIAL, _ends(408), Outcome.SILENCE, Agreement.NONE,
         Sound.SILENCE, caller_gets=408),
    Case("180 with media", Way.DIAL, _ends(480, first=Provisional.RINGING_SDP), Outcome.RINGING,
         Agreement.AGREES, Sound.RINGING, caller_gets=480),
    Case("180, then early media", Way.DIAL, _after_ringing(404), Outcome.RINGING,
         Agreement.CONTRADICTS, Sound.RINGING, caller_gets=480),
    Case("false ringing", Way.DIAL_FALSE_RINGING, _ends(404), Outcome.ANNOUNCEMENT, Agreement.NONE,
         Sound.SPEECH, caller_gets=480),
    Case("unaware dialplan", Way.DIAL_UNAWARE, _ends(486), Outcome.RINGING, Agreement.CONTRADICTS,
         Sound.RINGING, caller_gets=486),
    Case("A-law trunk", Way.DIAL_ALAW, _ends(503), Outcome.ANNOUNCEMENT, Agreement.ADDS_DETAIL,
         Sound.SPEECH, caller_gets=480),
    Case("local dialer", Way.LOCAL, _ends(603), Outcome.ANNOUNCEMENT, Agreement.ADDS_DETAIL, Sound.SPEECH),
    Case("local dialer, ringing", Way.LOCAL, _ends(486), Outcome.RINGING, Agreement.CONTRADICTS,
         Sound.RINGING),
    Case("plain originate", Way.ORIGINATE, _ends(486), Outcome.RINGING, Agreement.CONTRADICTS,
         Sound.RINGING),
    Case("own EAGI", Way.OWN_EAGI, _ends(480), Outcome.ANNOUNCEMENT, Agreement.ADDS_DETAIL, Sound.SPEECH),
    Case("own EAGI, ringing", Way.OWN_EAGI, _ends(486), Outcome.RINGING, Agreement.CONTRADICTS,
         Sound.RINGING),
    Case("own EAGI at 16 kHz", Way.OWN_EAGI_16K, _ends(503), Outcome.ANNOUNCEMENT, Agreement.ADDS_DETAIL,
         Sound.SPEECH),
    Case("own AudioSocket", Way.OWN_AUDIOSOCKET, _ends(480), Outcome.ANNOUNCEMENT, Agreement.ADDS_DETAIL,
         Sound.SPEECH),
    Case("own AudioSocket, ringing", Way.OWN_AUDIOSOCKET, _ends(486), Outcome.RINGING,
         Agreement.CONTRADICTS, Sound.RINGING),
    Case("busy tone", Way.DIAL, _ends(503), Outcome.BUSY, Agreement.ADDS_DETAIL,
         ToneKind.BUSY, caller_gets=486),
    Case("busy tone, unaware dialplan", Way.DIAL_UNAWARE, _ends(404), Outcome.BUSY, Agreement.CONTRADICTS,
         ToneKind.BUSY, caller_gets=404),
    Case("A-law trunk, ringing that turns into congestion", Way.DIAL_ALAW, _ends(486), Outcome.CONGESTION,
         Agreement.CONTRADICTS, ToneKind.CONGESTION, caller_gets=503),
    Case("plain originate, congestion", Way.ORIGINATE, _ends(503), Outcome.CONGESTION, Agreement.AGREES,
         ToneKind.CONGESTION),
    Case("vacant code with an announcement", Way.DIAL, _ends(503), Outcome.SIT_VACANT, Agreement.ADDS_DETAIL,
         ToneKind.SIT_VACANT, caller_gets=404),
    Case("local dialer, vacant code", Way.LOCAL, _ends(486), Outcome.SIT_VACANT, Agreement.CONTRADICTS,
         ToneKind.SIT_VACANT),
    Case("own EAGI, busy tone", Way.OWN_EAGI, _ends(486), Outcome.BUSY, Agreement.AGREES, ToneKind.BUSY),
    Case("own EAGI at 16 kHz, vacant code", Way.OWN_EAGI_16K, _ends(480), Outcome.SIT_VACANT,
         Agreement.ADDS_DETAIL, ToneKind.SIT_VACANT),
    Case("own AudioSocket, vacant code", Way.OWN_AUDIOSOCKET, _ends(404), Outcome.SIT_VACANT,
         Agreement.AGREES, ToneKind.SIT_VACANT),
)  # fmt: skip
"""Calls that are refused after some seconds of early media."""

UNHEARD: tuple[Case, ...] = (
    Case("183 without RTP", Way.DIAL, _ends(486), Outcome.NO_AUDIO, Agreement.NONE, caller_gets=486),
    Case("183 without SDP", Way.DIAL, _ends(486, first=Provisional.PROGRESS), Outcome.NO_AUDIO,
         Agreement.NONE, caller_gets=486),
    Case("180 only", Way.DIAL, _ends(486, after=3, first=Provisional.RINGING), Outcome.UNKNOWN,
         Agreement.NONE, caller_gets=486),
    Case("100 only", Way.DIAL, _ends(404, after=2, first=Provisional.TRYING), Outcome.UNKNOWN,
         Agreement.NONE, caller_gets=404),
    Case("own EAGI, 183 without RTP", Way.OWN_EAGI, _ends(486), Outcome.NO_AUDIO, Agreement.NONE),
    Case("own AudioSocket, 183 without SDP", Way.OWN_AUDIOSOCKET, _ends(486, first=Provisional.PROGRESS),
         Outcome.NO_AUDIO, Agreement.NONE),
    Case("plain originate, 180 only", Way.ORIGINATE, _ends(480, after=3, first=Provisional.RINGING),
         Outcome.UNKNOWN, Agreement.NONE),
)  # fmt: skip
"""Refused calls that let nothing be heard."""


def _answers(after: float) -> Scenario:
    return Scenario(seconds=after, final=200, answered_seconds=6.0)


ANSWERED: tuple[Case, ...] = tuple(
    Case(f"answered: {way.name}", way, _answers(4.0), Outcome.ANSWERED, Agreement.AGREES, Sound.RINGING,
         Sound.SPEECH, caller_gets=200 if way.from_caller else None)
    for way in (Way.DIAL, Way.LOCAL, Way.ORIGINATE, Way.OWN_EAGI, Way.OWN_AUDIOSOCKET)
)  # fmt: skip
"""Calls that ring and are answered by somebody who speaks at once."""

ALL = HEARD + UNHEARD + ANSWERED
