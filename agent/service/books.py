"""What is kept of every call: a line in the log and the journal, the counters, the budget of its number."""

import asyncio
import time
from collections.abc import Callable, Sequence

import structlog

from agent.config import Config
from agent.hearing.known import Known
from agent.hearing.sound import HeardSecond
from agent.service.announcements import Announcements
from agent.service.attempts import Attempts
from agent.service.call import Call
from agent.service.gatherer import Gatherer
from agent.service.harvest import Harvest
from agent.service.journal import CallRecord, Journal
from agent.service.metrics import Metrics
from agent.service.privacy import NumberKey, masked
from agent.service.shadow import shadow_verdict
from agent.verdict.agreement import agreement
from agent.verdict.policy import Decision

log = structlog.get_logger(__name__)


class ServiceBooks:
    """Keeps the books of a running service."""

    def __init__(
        self,
        config: Callable[[], Config],
        metrics: Metrics,
        on_known: Callable[[Known | None], None] = lambda _: None,
    ) -> None:
        """Open journal, key, attempts and announcements; `on_known` is told, in a thread, what is known.

        Raises KeyFileError, in one sentence, without a usable key.
        """
        start = config()
        self._config = config
        self._metrics = metrics
        self._key = NumberKey.at(start.journal.key_file)
        self._journal = Journal(
            start.journal.path,
            rotate_bytes=int(start.journal.rotate_megabytes * 1e6),
            keep_files=start.journal.keep_files,
        )
        self._attempts = Attempts(
            start.attempts.file,
            maximum=start.attempts.max,
            period_seconds=start.attempts.period_hours * 3600,
        )
        self._harvest = Harvest(config, self._key)
        self.announcements = Announcements(lambda: config().announcements, on_known)
        """The library as it now is."""
        self._gatherer = Gatherer(lambda: config().announcements, self.announcements.gather)
        self._counting: set[asyncio.Task[None]] = set()
        self.candidate = ""
        """Name of the candidate that listens in shadow."""

    def began(self, call: Call) -> None:
        """Count an attempt against the budget of the call's number."""
        self._metrics.calls_active.add()
        task = asyncio.create_task(self._count(call))
        self._counting.add(task)
        task.add_done_callback(self._counting.discard)

    async def _count(self, call: Call) -> None:
        count = await self._attempts.count(call.leg.id, self._key.digest(call.leg.number), time.time())
        call.spent = self._attempts.spent(count)

    def tapped(self, call: Call) -> None:
        """Count a tap, and begin to keep its audio where that is asked for."""
        if call.tap is not None:
            self._metrics.taps.add(call.tap.kind.value)
        self._harvest.tapped(call)
        self._gatherer.tapped(call)

    def came(self, call: Call, data: bytes) -> None:
        """Keep audio where that is asked for."""
        self._harvest.came(call, data)
        self._gatherer.came(call, data)

    def heard(self, call: Call, seconds: Sequence[HeardSecond]) -> None:
        """Keep what was made of them where that is asked for."""
        self._harvest.heard(call, seconds)
        self._gatherer.heard(call, seconds)

    def blind(self) -> None:
        """Take note that the PBX cannot be reached."""
        self._harvest.blind()
        self._gatherer.blind()

    def reloaded(self) -> None:
        """Go by the configuration as it now is."""
        self._harvest.reloaded()

    def first_second(self, call: Call, delay_seconds: float) -> None:
        """Keep the delay of a call's first judgement."""
        self._metrics.first_second_delay.observe(delay_seconds)

    def cut(self, call: Call) -> None:
        """Count a call that the agent ends early."""
        self._metrics.cuts.add(call.trunk, call.verdict.spelled)

    def ticked(self, seconds: float) -> None:
        """Keep how long a tick took from its reading to its judgement."""
        metrics, keeper = self._metrics, self._harvest.keeper
        metrics.hearing_delay.observe(seconds)
        metrics.recordings.add(by=keeper.kept - metrics.recordings.value())
        metrics.recordings_lost.add(by=keeper.lost - metrics.recordings_lost.value())
        metrics.announcements_known.set(to=float(self.announcements.known))
        metrics.speech_lost.add(by=self.announcements.lost - metrics.speech_lost.value())

    def ended(self, call: Call, decision: Decision, handed_back: bool) -> None:
        """Write a call down: one line in the log, one in the journal."""
        trunk, verdict = call.trunk, call.verdict
        agrees = agreement(verdict.outcome, call.carrier.sip_code)
        log.info(
            "call judged",
            call=call.leg.id,
            trunk=trunk,
            number=masked(call.leg.number),
            outcome=verdict.spelled,
            sound_class=verdict.sound_class.value,
            confidence=round(verdict.confidence, 2),
            final_at=verdict.final_at,
            heard=call.evidence.timeline,
            evidence=call.tap_failure or verdict.evidence,
            carrier_sip_code=call.carrier.sip_code,
            agreement=agrees.value,
            sip_code=decision.sip_code,
            q850_cause=decision.q850_cause,
            redial=decision.redial.value,
            tap=call.tap.kind.value if call.tap else None,
        )
        self._journal.write(
            CallRecord(
                time=time.time(),
                leg_id=call.leg.id,
                trunk=trunk,
                number=self._key.digest(call.leg.number),
                seconds=call.evidence.timeline,
                verdict=verdict,
                carrier=call.carrier,
                agreement=agrees,
                decision=decision,
                tap=call.tap.kind if call.tap else None,
                audio_seconds=call.audio_seconds,
                dropped_seconds=call.dropped_seconds,
                handed_back=handed_back,
                candidate=shadow_verdict(call, self.candidate),
            )
        )
        self._harvest.ended(call, trunk)
        self._gatherer.ended(call)
        metrics = self._metrics
        metrics.calls_active.add(by=-1)
        metrics.calls.add(trunk)
        metrics.verdicts.add(trunk, verdict.spelled)
        metrics.agreements.add(trunk, agrees.value)
        metrics.audio.add(by=call.audio_seconds)
        metrics.audio_dropped.add(by=call.dropped_seconds)
        metrics.journal_lost.add(by=self._journal.lost - metrics.journal_lost.value())
        if call.tap_failure:
            metrics.taps_failed.add(trunk)

    async def close(self) -> None:
        """Write what waits, and close."""
        await asyncio.gather(*self._counting, return_exceptions=True)
        await asyncio.to_thread(self._harvest.keeper.close)
        await asyncio.to_thread(self.announcements.close)
        await asyncio.to_thread(self._journal.close)
        await asyncio.to_thread(self._attempts.close)
