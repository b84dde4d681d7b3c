"""One outbound leg, from its first INVITE to its end: its tap, what was heard, what it means."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from agent.hearing.ear import Stream
from agent.hearing.sound import HeardSecond
from agent.pbx.port import CarrierFinal, Leg, Signal, Tap
from agent.verdict.evidence import Evidence, in_order
from agent.verdict.outcome import Outcome
from agent.verdict.settle import Verdict, settle
from agent.verdict.settling import Settling


@dataclass(slots=True)
class Call:
    """What the service knows of one leg. It changes its own state only and tells nobody."""

    leg: Leg
    settling: Settling
    began: float
    """Monotonic time of the first sign of the leg, in seconds."""
    country: str | None = None
    """ISO 3166-1 code of the country whose tones the leg's trunk plays."""
    trunk: str = ""
    """What the trunk is called in log, journal and library; the leg's own word where nobody named it."""
    spent: bool = False
    """The number's budget of attempts is used up."""
    tap: Tap | None = None
    stream: Stream | None = None
    listened: bool = False
    """A tap listens, or did so until the end."""
    tap_failure: str = ""
    """Why the leg cannot be heard, empty where it can."""
    carrier: CarrierFinal = field(default_factory=CarrierFinal)
    ended: float | None = None
    """Monotonic time of the end of the leg, None while it lives."""
    first_audio: float | None = None
    """Monotonic time at which the first audio was read."""
    earlier_seconds: float = 0.0
    """Seconds of audio heard through a tap that ended before the leg."""
    final_seconds: float = 0.0
    """`seconds_of_tap` as they stood when the stream was let go."""
    dropped_bytes: int = 0
    media_since: float | None = None
    """Monotonic time at which early media was announced."""
    in_shadow: list[HeardSecond] = field(default_factory=list)
    """The seconds of the present tap that a candidate has heard, too."""
    evidence: Evidence = field(init=False)
    verdict: Verdict = field(init=False)

    def __post_init__(self) -> None:
        self.trunk = self.trunk or self.leg.trunk
        self._begin_evidence()

    @property
    def alive(self) -> bool:
        """The leg has not ended."""
        return self.ended is None

    @property
    def listening(self) -> bool:
        """There is audio to be read."""
        return self.tap is not None and not self.tap.ended and not self.evidence.closed

    @property
    def judged(self) -> bool:
        """Somebody listened, or there was nothing to listen to: the verdict may be told."""
        return self.listened or (self.evidence.closed and self.media_since is None)

    @property
    def audio_seconds(self) -> float:
        """Seconds of audio heard."""
        return self.earlier_seconds + self.seconds_of_tap

    @property
    def seconds_of_tap(self) -> float:
        """Seconds of audio heard through the present tap."""
        return self.final_seconds if self.stream is None else self.stream.seconds_heard

    @property
    def dropped_seconds(self) -> float:
        """Seconds of audio that came and were dropped because the call fell behind."""
        return self.dropped_bytes / self.tap.encoding.bytes_per_second if self.tap is not None else 0.0

    def signal(self, signal: Signal, now: float) -> None:
        """Take note of a provisional answer."""
        if signal is Signal.RINGING:
            self.evidence.ring()
        else:
            self.evidence.early_media()
            self.media_since = self.media_since or now

    def attach(self, tap: Tap) -> bool:
        """Listen to a tap and say so, unless a better one is there or nothing counts any more."""
        if self.evidence.closed or (self.listening and tap.kind.spies):
            return False
        if self.tap is not None:
            self.tap.close()
        if self.tap is not None and not tap.kind.spies:
            self._begin_evidence()  # the better tap holds the early media from its first sample
        self.earlier_seconds = self.audio_seconds if tap.kind.spies else 0.0
        stream = Stream(tap.encoding, self.country, self.trunk)
        if self.earlier_seconds:
            stream.mark_gap()
        self.tap, self.stream, self.in_shadow, self.listened = tap, stream, [], True
        self.evidence.tap()
        return True

    def hear_anew(self) -> Stream:
        """Hear on with a fresh stream, where a fault has left the old one in the middle of something."""
        assert self.tap is not None
        self.earlier_seconds = self.audio_seconds
        self.stream = Stream(self.tap.encoding, self.country, self.trunk)
        self.stream.mark_gap()
        return self.stream

    def audio_came(self, dropped_bytes: int, now: float) -> None:
        """Take note that audio came, and of how much of it had to be dropped."""
        self.first_audio = self.first_audio or now
        self.dropped_bytes += dropped_bytes

    def hear(self, seconds: Sequence[HeardSecond]) -> None:
        """Take in judged seconds, and the tones that were recognised meanwhile."""
        if not self.evidence.closed:
            self.in_shadow.extend(second for second in seconds if second.candidate_p is not None)
        for heard in in_order(seconds, self.stream.take_tones() if self.stream else ()):
            self.evidence.take_in(heard)
        self.verdict = settle(self.evidence)

    def wait(self, now: float) -> bool:
        """Take note of the time that passes without audio; say whether that changed the verdict."""
        if self.media_since is None or self.first_audio is not None or not self.listening:
            return False
        self.evidence.waited(now - self.media_since)
        before, self.verdict = self.verdict, settle(self.evidence)
        return before.outcome is not self.verdict.outcome

    def answer(self) -> None:
        """Take note of the true answer; nothing that is heard after it counts."""
        self.evidence.answer()
        self.carrier = CarrierFinal(200)
        self._close()
        self._let_go()  # the call may last for hours

    def end(self, carrier: CarrierFinal, now: float) -> None:
        """Take note of the end of the leg: what stands is final."""
        self.ended = now
        if not self.evidence.answered:
            self.carrier = carrier
            if carrier.answered:  # while nobody heard the PBX
                self.evidence.answer()
        self.evidence.end(seen=carrier.seen)
        self._close()

    def forget(self) -> None:
        """Keep no more of an ended call than a dialplan asks for that comes late."""
        self._let_go()
        self.tap, self.in_shadow = None, []

    def give_up(self, reason: str) -> None:
        """Listen no more though the leg lives: whatever was heard is no verdict."""
        self.tap, self.listened, self.tap_failure = None, False, reason

    def _close(self) -> None:
        self.verdict = settle(self.evidence)
        if self.tap is not None:
            self.tap.close()

    def _let_go(self) -> None:
        """Nothing is heard any more: what hearing remembers is most of a call's memory."""
        self.final_seconds, self.stream = self.seconds_of_tap, None

    def _begin_evidence(self) -> None:
        old = getattr(self, "evidence", None)
        self.evidence = Evidence(self.settling)
        if old is not None:
            self.evidence.ringing_signalled = old.ringing_signalled
            self.evidence.early_media_signalled = old.early_media_signalled
        self.verdict = settle(self.evidence)


def spokesman(calls: Sequence[Call]) -> Call:
    """Choose the call that speaks for the channel that dialled all of these at once.

    As long as a leg lives whose verdict is open, it speaks: a forked call that still rings somewhere must
    not look finished because another leg plays an announcement. Then an answer, then the surest verdict.
    """
    open_legs = [call for call in calls if call.alive and not call.verdict.final]
    return max(
        open_legs or calls,
        key=lambda call: (call.verdict.outcome is Outcome.ANSWERED, call.judged, call.verdict.confidence),
    )
