"""All calls of now: what the PBX tells becomes evidence, what the evidence says is handed back."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

import structlog

from agent.announcements.announcement import Announcement
from agent.hearing.sound import HeardSecond
from agent.pbx.port import CarrierFinal, ChannelRef, Handback, Leg, Signal, Tap
from agent.service.call import Call, spokesman
from agent.verdict import fields as variables
from agent.verdict.fields import Status
from agent.verdict.policy import Decision, Policy
from agent.verdict.settling import Settling

log = structlog.get_logger(__name__)

KEPT_SECONDS = 60.0
"""An ended call is remembered for so long, for a dialplan that asks late."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What may change while the agent runs: how evidence settles and what follows from it."""

    settling: Settling
    policy_of: Callable[[str], Policy]
    """The policy of the trunk that a channel name belongs to."""
    writes: bool
    """Active mode: variables, events and cuts reach the PBX. Shadow mode writes nothing to any call."""
    country_of: Callable[[str], str | None] = lambda _: None
    """The country whose tones the trunk of a channel name plays, as its ISO 3166-1 code."""
    trunk_of: Callable[[str], str | None] = lambda _: None
    """What the trunk of a channel name is called."""
    announcement_of: Callable[[str], Announcement | None] = lambda _: None
    """The known announcement of a name."""


class Books(Protocol):
    """Who counts attempts and keeps the journal."""

    def began(self, call: Call) -> None:
        """Take note of a new call."""

    def tapped(self, call: Call) -> None:
        """Take note that a call is listened to."""

    def came(self, call: Call, data: bytes) -> None:
        """Take note of audio of a call."""

    def heard(self, call: Call, seconds: Sequence[HeardSecond]) -> None:
        """Take note of seconds that were judged, in the order of the call."""

    def first_second(self, call: Call, delay_seconds: float) -> None:
        """Take note of how long after its first audio a call's first second was judged."""

    def cut(self, call: Call) -> None:
        """Take note that the agent ends a call early."""

    def ended(self, call: Call, decision: Decision, handed_back: bool) -> None:
        """Take note of a call's end."""


class Calls:
    """The registry of calls; an `agent.pbx.port.CallListener`."""

    def __init__(
        self,
        rules: Rules,
        books: Books,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Judge by `rules`, keep `books`, and write nothing until `hand_back_to` names a PBX."""
        self.rules = rules
        self._books = books
        self._handback: Handback | None = None
        self._clock = clock
        self._calls: dict[str, Call] = {}
        """All that are known, living and over."""
        self._living: dict[str, Call] = {}
        self._over: deque[tuple[float, Call]] = deque()
        """Those that have ended, in that order, and when."""
        self._dialled: dict[str, list[Call]] = {}
        self._written: dict[str, dict[str, str | None]] = {}

    def hand_back_to(self, handback: Handback) -> None:
        """Write to this PBX."""
        self._handback = handback

    def __len__(self) -> int:
        return len(self._living)

    def listening(self) -> Iterator[Call]:
        """Yield every call that has audio to be read."""
        return (call for call in tuple(self._living.values()) if call.listening)

    # What the PBX tells.

    def leg_began(self, leg: Leg) -> None:
        """Begin a call."""
        if leg.id in self._calls:
            return
        rules = self.rules
        call = self._calls[leg.id] = self._living[leg.id] = Call(
            leg,
            rules.settling,
            self._clock(),
            rules.country_of(leg.channel),
            rules.trunk_of(leg.channel) or "",
        )
        if leg.dialer is not None:
            siblings = self._dialled.setdefault(leg.dialer.id, [])
            if not any(sibling.alive for sibling in siblings):
                siblings.clear()  # the dialer tries the next route: only this one counts
                # Its dialplan may have preset the variables meanwhile: whatever stood is to be written anew.
                self._written[leg.dialer.id] = dict.fromkeys(self._written.get(leg.dialer.id, ()))
            siblings.append(call)
        self._books.began(call)

    def leg_signalled(self, leg_id: str, signal: Signal) -> None:
        """Take note of a provisional answer."""
        if call := self._calls.get(leg_id):
            call.signal(signal, self._clock())

    def tap_attached(self, leg_id: str, tap: Tap) -> None:
        """Listen to a leg."""
        call = self._calls.get(leg_id)
        if call is None or not call.attach(tap):
            tap.close()
            return
        log.debug("listening", call=leg_id, trunk=call.leg.trunk, tap=tap.kind.value)
        self._books.tapped(call)
        self._publish(call)

    def tap_failed(self, leg_id: str, reason: str) -> None:
        """Take note that a leg cannot be heard."""
        if (call := self._living.get(leg_id)) and call.tap is None:
            call.tap_failure = reason
            log.warning("cannot listen", call=leg_id, trunk=call.leg.trunk, reason=reason)

    def leg_answered(self, leg_id: str) -> None:
        """Take note of the true answer."""
        if (call := self._calls.get(leg_id)) and not call.evidence.closed:
            call.answer()
            self._publish(call)

    def leg_ended(self, leg_id: str, final: CarrierFinal, *, writable: bool = False) -> None:
        """End a call: what stands is final."""
        call = self._living.pop(leg_id, None)
        if call is None:
            return
        now = self._clock()
        call.end(final, now)
        self._publish(call, own_channel=writable)
        if (handback := self._writing()) and call.judged:
            handback.announce(call.leg, self._fields(call))
        self._books.ended(call, self._decision(call), handed_back=self.rules.writes)
        call.forget()
        self._over.append((now, call))
        self._written.pop(leg_id, None)

    def connected(self) -> None:
        """Write anew what stands, for what was written while the PBX was away may be lost."""
        for told in self._written.values():
            told.update(dict.fromkeys(told))  # nobody knows what stands
        for call in self._living.values():
            self._publish(call)

    def fields_of(self, channel_id: str) -> Mapping[str, str]:
        """Return the variables as they stand for a leg, or for the legs that the channel dialled last."""
        if not self.rules.writes:
            return {}
        if call := self._speaking_for(channel_id):
            return self._fields(call)
        return {}

    def settled(self, channel_id: str) -> bool:
        """Say whether every leg that `fields_of` would speak of has ended or was answered."""
        asked = self._calls.get(channel_id)
        legs = [asked] if asked else self._dialled.get(channel_id, [])
        return all(call.evidence.closed for call in legs)

    # What the engine tells.

    def came(self, call: Call, data: bytes) -> None:
        """Let the books have the audio."""
        self._books.came(call, data)

    def heard(self, call: Call, seconds: Sequence[HeardSecond]) -> None:
        """Hand on what new seconds have changed."""
        was_final, is_first = call.verdict.final, call.evidence.seconds_heard == 0
        self._books.heard(call, seconds)
        call.hear(seconds)
        log.debug(
            "heard",
            call=call.leg.id,
            seconds=call.evidence.timeline,
            outcome=call.verdict.spelled,
            confidence=round(call.verdict.confidence, 2),
            final=call.verdict.final,
            final_at=call.verdict.final_at,
        )
        if is_first and seconds and call.first_audio is not None:
            self._books.first_second(call, self._clock() - call.first_audio)
        self._publish(call)
        if call.verdict.final and not was_final:
            self._cut(call)

    def tick(self) -> None:
        """Take note of the time that passes: calls without audio, and ended calls to forget."""
        now = self._clock()
        for call in self._living.values():
            if call.wait(now):
                self._publish(call)
        while self._over and now - self._over[0][0] > KEPT_SECONDS:
            self._forget(self._over.popleft()[1])

    def give_up(self) -> None:
        """Stop listening to every call and say so where no final verdict stands."""
        for call in self._living.values():
            if call.tap is not None:
                call.tap.close()
            if not call.verdict.final:
                call.give_up("the agent stops")
                self._publish(call)

    # What goes out.

    def _publish(self, call: Call, *, own_channel: bool = True) -> None:
        """Write what changed on the leg, and what now stands on the channel that dialled it."""
        handback = self._writing()
        if handback is None:
            return
        if own_channel:
            self._write(handback, call.leg.ref, self._fields(call))
        if (dialer := call.leg.dialer) and (speaking := self._speaking_for(dialer.id)):
            self._write(handback, dialer, self._fields(speaking))

    def _writing(self) -> Handback | None:
        return self._handback if self.rules.writes else None

    def _write(self, handback: Handback, channel: ChannelRef, told: Mapping[str, str]) -> None:
        old = self._written.setdefault(channel.id, {})
        stale = {name: "" for name in old if name not in told}  # of the route that was tried before
        if news := variables.changed(old, {**stale, **told}):
            handback.write(channel, news)
            old.update(news)

    def _fields(self, call: Call) -> dict[str, str]:
        if not call.judged:
            return variables.fields(Status.UNAVAILABLE)
        status = Status.FINAL if call.verdict.final else Status.LISTENING
        return variables.fields(status, call.verdict, self._decision(call), call.carrier.sip_code)

    def _decision(self, call: Call) -> Decision:
        return self._policy(call).decide(call.verdict.outcome, attempts_spent=call.spent)

    def _policy(self, call: Call) -> Policy:
        policy, name = self.rules.policy_of(call.leg.channel), call.verdict.announcement
        announcement = self.rules.announcement_of(name) if name else None
        return announcement.over(policy) if announcement else policy

    def _cut(self, call: Call) -> None:
        handback = self._writing()
        cause = self._policy(call).cuts(call.verdict)
        if handback is None or cause is None or not call.alive:
            return
        log.info("cutting the leg", call=call.leg.id, outcome=call.verdict.spelled, q850_cause=cause)
        self._books.cut(call)
        handback.cut(call.leg, cause)

    def _speaking_for(self, channel_id: str) -> Call | None:
        if own := self._calls.get(channel_id):
            return own
        dialled = self._dialled.get(channel_id)
        return spokesman(dialled) if dialled else None

    def _forget(self, call: Call) -> None:
        del self._calls[call.leg.id]
        if dialer := call.leg.dialer:
            siblings = self._dialled.get(dialer.id, [])
            if call in siblings:
                siblings.remove(call)
            if not siblings:
                self._dialled.pop(dialer.id, None)
                self._written.pop(dialer.id, None)
