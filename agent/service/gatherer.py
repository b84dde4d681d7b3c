"""Which calls' speech is gathered: that of calls that somebody spoke in and that no announcement explains."""

from collections.abc import Callable, Sequence

from agent.config import AnnouncementsConfig
from agent.hearing.sound import HeardSecond
from agent.service.announcements import Unexplained
from agent.service.call import Call
from agent.service.spoken import Spoken

FEWEST_SECONDS = 3
"""Seconds of speech below which a call's speech says too little."""


class Gatherer:
    """Follows the speech of every call. Nothing of a call that is answered is gathered."""

    def __init__(
        self, config: Callable[[], AnnouncementsConfig], gather: Callable[[Unexplained], None]
    ) -> None:
        self._config = config
        self._gather = gather
        self._spoken: dict[str, Spoken] = {}

    def tapped(self, call: Call) -> None:
        """Begin with a call; a better tap begins anew."""
        config = self._config()
        if call.tap is not None and config.most_unknown:
            self._spoken[call.leg.id] = Spoken(call.tap.encoding, config.excerpt_seconds)

    def came(self, call: Call, data: bytes) -> None:
        """Take audio that is about to be heard."""
        if spoken := self._spoken.get(call.leg.id):
            spoken.came(data)

    def heard(self, call: Call, seconds: Sequence[HeardSecond]) -> None:
        """Take seconds of it that were judged."""
        if spoken := self._spoken.get(call.leg.id):
            spoken.judged(seconds)

    def ended(self, call: Call) -> None:
        """Hand on what a call has played, if it is worth it."""
        spoken = self._spoken.pop(call.leg.id, None)
        if spoken is None or call.stream is None or call.tap is None:
            return
        explained = call.verdict.announcement is not None or not call.verdict.outcome.may_cut
        if not explained and len(spoken.starts) >= FEWEST_SECONDS:
            self._gather(
                Unexplained(
                    recollection=call.stream.recollection,
                    starts=frozenset(spoken.starts),
                    trunk=call.trunk,
                    sip_code=call.carrier.sip_code,
                    encoding=call.tap.encoding,
                    audio=spoken.audio if self._config().excerpt_seconds > 0 else b"",
                )
            )

    def blind(self) -> None:
        """Give up what was followed: the PBX cannot be reached, so that nobody knows who has answered."""
        self._spoken.clear()
