"""When a leg is truly answered, whatever Asterisk announces.

With `EarlyMedia: true` Asterisk calls a leg up at the 183, and tells nobody of the 200. So a leg that is said
to be up is asked, at once and then every second, for what `HANGUPCAUSE(channel,tech)` says.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from agent.pbx.asterisk.ami import AmiClient, AmiError
from agent.pbx.asterisk.legs import code_question, sip_code_of
from agent.pbx.port import Leg

log = structlog.get_logger(__name__)

POLL_S = 1.0
"""A leg that is up without being answered is asked so often."""
PATIENCE_S = 1.5
"""An Asterisk that has not said in this time whether a leg is answered cannot be asked."""
_AGAIN_S = 0.1
"""A SIP leg of which no code is known yet is asked again so soon."""
_SIP = ("PJSIP/", "SIP/")


class Answers:
    """Watches the legs that are up until their true answer."""

    def __init__(
        self,
        ami: AmiClient,
        on_answered: Callable[[Leg], None],
        on_unanswered: Callable[[Leg], Awaitable[None]],
        on_unknown: Callable[[Leg], None],
    ) -> None:
        """Call `on_answered` once at the answer, `on_unanswered` each time that a leg was asked in vain.

        `on_unknown` is called each time that Asterisk cannot be asked: the leg may be answered.
        """
        self._ami = ami
        self._on_answered = on_answered
        self._on_unanswered = on_unanswered
        self._on_unknown = on_unknown
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._unanswered_at: dict[str, float] = {}
        """When Asterisk last said that a leg is not answered, by the loop's clock."""

    def watch(self, leg: Leg) -> None:
        """Watch a leg that is said to be up; harmless to say twice."""
        if leg.id not in self._watches:
            self._watches[leg.id] = asyncio.create_task(self._watch(leg))

    def is_up(self, leg_id: str) -> bool:
        """Say whether the leg is said to be up, answered or not."""
        return leg_id in self._watches

    def is_answered(self, leg_id: str) -> bool:
        """Say whether the leg was truly answered."""
        watch = self._watches.get(leg_id)
        return watch is not None and watch.done()

    def missed(self, leg_id: str) -> bool:
        """Say whether a leg that is up may have been answered unbeknown to us: nobody could be asked."""
        if not self.is_up(leg_id) or self.is_answered(leg_id):
            return False
        told = self._unanswered_at.get(leg_id)
        return told is None or asyncio.get_running_loop().time() - told > POLL_S + PATIENCE_S

    def forget(self, leg_id: str) -> None:
        """Watch a leg no more."""
        self._unanswered_at.pop(leg_id, None)
        if watch := self._watches.pop(leg_id, None):
            watch.cancel()

    def close(self) -> None:
        """Watch nothing any more."""
        for leg_id in tuple(self._watches):
            self.forget(leg_id)

    async def _watch(self, leg: Leg) -> None:
        while not (answered := await self._answered(leg)):
            if answered is None:
                self._on_unknown(leg)
            else:
                await self._on_unanswered(leg)
            await asyncio.sleep(POLL_S)
        self._on_answered(leg)

    async def _answered(self, leg: Leg) -> bool | None:
        asked = code_question(leg.channel)
        clock = asyncio.get_running_loop().time
        began = clock()
        while True:
            try:
                tech = await self._ami.getvar(leg.channel, asked, timeout_s=PATIENCE_S)
            except AmiError as error:
                log.debug("cannot ask whether the leg is answered", call=leg.id, reason=str(error))
                return None
            if tech is None:  # the channel is gone, and its Hangup on the way
                return False
            code = sip_code_of(tech)
            # Asterisk may run a SIP leg's dialplan a moment before it knows the code that began it.
            if code is not None or not leg.channel.startswith(_SIP) or clock() - began >= PATIENCE_S:
                break
            await asyncio.sleep(_AGAIN_S)
        if code is None or 200 <= code < 300:  # no SIP at all: then up means answered
            return True
        self._unanswered_at[leg.id] = asyncio.get_running_loop().time()
        return False
