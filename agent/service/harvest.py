"""Which calls' early media is kept, under which name, and what is written beside it."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from agent.config import Config, HarvestConfig
from agent.hearing.sound import HeardSecond
from agent.service.call import Call
from agent.service.keeper import Keeper
from agent.service.kept import KeptCall, timeline
from agent.service.privacy import NumberKey
from agent.service.shelf import LONGEST_SECONDS, Limits
from agent.verdict.agreement import agreement

ANSWERED_TAIL_SECONDS = 2.0
"""What is cut off the end of an answered call: all that was read in so much time before the answer was known.
The PBX is asked for the true answer each second, and an agent that stood still reads what waited at once."""


@dataclass(slots=True)
class _Recording:
    name: str
    began: float
    """Seconds since 1970."""
    seconds: list[HeardSecond] = field(default_factory=list)
    """What was heard of it."""
    lately: deque[tuple[float, int]] = field(default_factory=deque)
    """When the last of it was read, monotonic, and how many bytes."""

    def take(self, size: int, now: float) -> None:
        """Take note of audio that was read now."""
        self.lately.append((now, size))
        while self.lately[0][0] < now - ANSWERED_TAIL_SECONDS:
            self.lately.popleft()

    @property
    def tail_bytes(self) -> int:
        """Audio that may hold what a callee has said."""
        return sum(size for _, size in self.lately)


class Harvest:
    """Keeps the early media of trunks that ask for it."""

    def __init__(
        self, config: Callable[[], Config], key: NumberKey, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Hash with `key`; begin with the limits of `config` as it is now."""
        self._config = config
        self._clock = clock
        self._key = key
        self._recordings: dict[str, _Recording] = {}
        self.keeper = Keeper(_limits(config().harvest))

    def tapped(self, call: Call) -> None:
        """Begin a recording where the trunk asks for it; a better tap begins it anew."""
        self._drop(call)
        if call.tap is None or not self._wanted(call):
            return
        began = time.time()
        at = datetime.fromtimestamp(began, UTC)
        name = f"{at:%Y%m%dT%H%M%S}-{at.microsecond:06d}-{self._key.digest(call.leg.id)[:16]}"
        self._recordings[call.leg.id] = _Recording(name, began)
        self.keeper.begin(name, call.tap.encoding)

    def came(self, call: Call, data: bytes) -> None:
        """Keep audio of a call that is recorded."""
        if recording := self._recordings.get(call.leg.id):
            recording.take(len(data), self._clock())
            self.keeper.write(recording.name, data)

    def heard(self, call: Call, seconds: Sequence[HeardSecond]) -> None:
        """Keep what was heard of a call that is recorded."""
        if recording := self._recordings.get(call.leg.id):
            recording.seconds += seconds

    def ended(self, call: Call, trunk: str) -> None:
        """Finish the recording of a call."""
        if call.tap is None or not self._wanted(call):  # since it began, somebody has switched it off
            self._drop(call)
        elif recording := self._recordings.pop(call.leg.id, None):
            cut = recording.tail_bytes if call.evidence.answered else 0
            self.keeper.finish(recording.name, self._line(call, trunk, recording, cut), cut)

    def blind(self) -> None:
        """Give up what is being kept: the PBX cannot be reached, so that nobody knows who has answered."""
        for recording in self._recordings.values():
            self.keeper.discard(recording.name)
        self._recordings.clear()

    def reloaded(self) -> None:
        """Go by the configuration as it now is."""
        self.keeper.move(_limits(self._config().harvest))

    def _line(self, call: Call, trunk: str, recording: _Recording, cut_bytes: int) -> KeptCall:
        assert call.tap is not None
        lasts = min(call.seconds_of_tap, LONGEST_SECONDS)
        lasts -= cut_bytes / call.tap.encoding.bytes_per_second
        seconds = [second for second in recording.seconds if second.at + 1.0 <= lasts]
        return KeptCall(
            started=datetime.fromtimestamp(recording.began, UTC),
            trunk=trunk,
            number=self._key.digest(call.leg.number),
            tap=call.tap.kind,
            outcome=call.verdict.outcome,
            confidence=round(call.verdict.confidence, 3),
            carrier_sip_code=call.carrier.sip_code,
            carrier_q850=call.carrier.q850,
            agreement=agreement(call.verdict.outcome, call.carrier.sip_code),
            seconds=timeline(seconds),
            p=tuple(
                (round(p[0], 4), round(p[1], 4), round(p[2], 4), round(p[3], 4))
                for p in (second.p for second in seconds)
            ),
        )

    def _wanted(self, call: Call) -> bool:
        trunk = self._config().trunk_of(call.leg.channel)
        return trunk is not None and trunk.keep_audio

    def _drop(self, call: Call) -> None:
        if old := self._recordings.pop(call.leg.id, None):
            self.keeper.discard(old.name)


def _limits(config: HarvestConfig) -> Limits:
    return Limits(config.folder, int(config.max_megabytes * 1e6), config.max_age_days * 86_400)
