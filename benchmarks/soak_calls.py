"""The calls of a soak: what each is, what must come of it, and what came."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.demo.call import Provisional, Scenario
from agent.demo.dialer import Dialer
from agent.demo.happenings import Happening
from agent.hearing.sound import Sound
from agent.hearing.tone_table import ToneKind
from agent.verdict import fields
from tests.e2e.scenarios import Played, Way

WAYS = (Way.LOCAL, Way.ORIGINATE, Way.OWN_EAGI, Way.OWN_AUDIOSOCKET)
"""Two that are spied on, and two whose leg brings its own tap."""
LENGTHS = ((2.5, 10.0), (15.0, 45.0), (15.0, 45.0), (45.0, 57.0))
"""Seconds of early media, from and to, one as often as the other. The lab's Dial() rings for 60."""
TOLD_SECONDS = 4.0
"""What was heard for less may be told by its sound alone: a busy tone that is ringing so far."""
SETTLED_SECONDS = 12.0
"""A call that was heard for so long must have a verdict that is more than `unknown`."""

OUTCOMES: Mapping[Played | None, str] = {
    Sound.RINGING: "ringing",
    Sound.SPEECH: "announcement",
    Sound.MUSIC: "music",
    Sound.SILENCE: "silence",
    ToneKind.BUSY: "busy",
    ToneKind.SIT_VACANT: "sit_vacant",
    None: "no_audio",
}
_WEIGHTS = (6, 4, 2, 1, 2, 2, 1)
_FINALS = (486, 480, 404, 503, 200, 200, 200, None)
"""The carrier refuses, the callee answers, or the dialer gives up."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One call, all of which follows from its number."""

    way: Way
    plays: Played | None
    """None: early media is announced and never comes."""
    scenario: Scenario
    """Without its audio."""

    @classmethod
    def of(cls, number: str) -> "Plan":
        """Return the plan of a number."""
        draw = random.Random(number)  # noqa: S311
        (plays,) = draw.choices(list(OUTCOMES), _WEIGHTS)
        low, high = draw.choice(LENGTHS)
        final = draw.choice(_FINALS)
        scenario = Scenario(
            first=draw.choice((Provisional.PROGRESS_SDP, Provisional.PROGRESS_SDP, Provisional.RINGING_SDP)),
            wait_seconds=draw.uniform(0.0, 0.5),
            loop=True,
            seconds=draw.uniform(low, high),
            final=final,
            answered_seconds=draw.uniform(2.0, 30.0),
        )
        return cls(draw.choice(WAYS), plays, scenario)

    @property
    def given_up_after(self) -> float | None:
        """Seconds after which the dialer gives up, None where it does not."""
        return self.scenario.seconds if self.scenario.final is None else None

    @property
    def outcome(self) -> str:
        """What the call's verdict must be."""
        return "answered" if self.scenario.final == 200 else OUTCOMES[self.plays]


@dataclass(slots=True)
class Leg:
    """What was said of one call, by everybody."""

    number: str
    channel: str = ""
    events: list[str] = field(default_factory=list)
    """Outcomes that the manager interface told, one is right."""
    lines: list[str] = field(default_factory=list)
    """Outcomes in the journal."""
    sent_seconds: float = 0.0
    """Early media that the carrier sent."""
    heard_seconds: float = 0.0
    dropped_seconds: float = 0.0

    def __str__(self) -> str:
        plan = Plan.of(self.number)
        ending = plan.scenario.final or "given up"
        heard = f"{self.heard_seconds:.1f} of {self.sent_seconds or plan.scenario.seconds:.1f} s heard"
        told = "" if self.told_once else f" ({self.channel}: told as {', '.join(self.events) or 'nothing'})"
        return f"{self.number}, {plan.way.name}, {self.due}, {ending}: {', '.join(self.lines)}{told}; {heard}"

    @property
    def due(self) -> str:
        """The verdict that must come of it."""
        return Plan.of(self.number).outcome

    @property
    def told_once(self) -> bool:
        """The manager interface told what the journal says, once; of what nobody heard it tells nothing."""
        return self.events == self.lines or (not self.events and self.lines == ["unknown"])

    @property
    def wrong(self) -> bool:
        """What was said is not so, and there was enough to hear."""
        return self.heard_seconds >= TOLD_SECONDS and self._mistaken

    @property
    def hasty(self) -> bool:
        """What was said is not so, of too little: a cadence has not come round by then."""
        return self.heard_seconds < TOLD_SECONDS and self._mistaken

    @property
    def odd(self) -> bool:
        """It is worth being looked at."""
        strayed = self.wrong or self.hasty or self.left_open
        return strayed or len(self.lines) != 1 or not self.told_once

    @property
    def _mistaken(self) -> bool:
        return any(said not in (self.due, "unknown") for said in self.lines + self.events)

    @property
    def left_open(self) -> bool:
        """Nothing was said, and there was enough to hear."""
        return self.lines == ["unknown"] and self.heard_seconds > SETTLED_SECONDS


class Book:
    """All legs by their Uniqueid; a few hundred bytes each, whatever happens to it."""

    def __init__(self) -> None:
        self.legs: dict[str, Leg] = {}
        self.by_number: dict[str, Leg] = {}
        self.strangers = 0
        """Verdicts on legs that nobody has placed."""

    def take(self, event: Happening) -> None:
        """Take note of what the manager interface tells."""
        match event.name:
            case "DialBegin" if event.get("DestChannel").startswith("PJSIP/"):
                number = event.get("DialString").partition("@")[0]
                begun = Leg(number, event.get("DestChannel"))
                self.legs[event.get("DestUniqueid")] = self.by_number[number] = begun
            case "EarlyMediaVerdict":
                if leg := self._leg(event.get("Uniqueid")):
                    leg.events.append(event.get(fields.OUTCOME))

    def take_line(self, line: Mapping[str, Any]) -> None:
        """Take note of a line of the journal."""
        if leg := self._leg(line["leg"]):
            leg.lines.append(line["outcome"])
            leg.heard_seconds, leg.dropped_seconds = line["audio_seconds"], line["dropped_seconds"]

    def _leg(self, uniqueid: str) -> Leg | None:
        leg = self.legs.get(uniqueid)
        self.strangers += leg is None
        return leg


class BookKeeper(Dialer):
    """A manager session that keeps no event, so that it may run for hours."""

    def __init__(self, port: int, user: str, secret: str, book: Book) -> None:
        super().__init__(port, user, secret)
        self._book = book

    async def add(self, happening: Happening) -> None:
        """Write an event into the book."""
        self._book.take(happening)
