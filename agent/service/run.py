"""The life of the service: start, reload, stop, and what holds them together."""

import asyncio
import signal
from pathlib import Path
from time import monotonic, time

import structlog
from threadpoolctl import threadpool_limits

from agent import config as configuration
from agent.config import Config, ConfigError
from agent.hearing.ear import Ear
from agent.hearing.forest import Forest, ModelError
from agent.hearing.known import Known
from agent.hearing.tones import ToneEar
from agent.service import logs
from agent.service.books import ServiceBooks
from agent.service.calls import Calls, Rules
from agent.service.engine import Engine, Pace
from agent.service.memory import give_back, keep_little, stay
from agent.service.metrics import Metrics, MetricsServer
from agent.service.notify import Notifier
from agent.service.settings import pbx_of, rules_of

log = structlog.get_logger(__name__)

ALIVE_EVERY_S = 1.0
CLOCK_JUMP_S = 5.0
NEEDS_RESTART = ("asterisk", "freeswitch", "hearing", "attempts", "journal", "metrics", "pbx")
"""Sections that a reload cannot change, beside the path of the model."""


class Service:
    """The running agent."""

    def __init__(self, config: Config, path: Path) -> None:
        """Prepare everything that can be wrong; raises ConfigError, ModelError, KeyFileError or OSError."""
        self._config = config
        self._path = path
        self._metrics = Metrics()
        self._notifier = Notifier()
        self._last_alive = 0.0
        self._clock_ahead = time() - monotonic()
        """The time of day less the monotonic time, in seconds."""
        keep_little()
        # A tick's matrices are small: BLAS threads would spin on the PBX's cores and gain nothing.
        threadpool_limits(limits=1)
        self._ear = Ear(
            Forest.load(config.model.path), config.hearing.max_calls_per_batch, tone_ear=ToneEar()
        )
        self._books = ServiceBooks(lambda: self._config, self._metrics, self._know)
        self.calls = Calls(self._rules(), self._books)
        self._pbx = pbx_of(config, self.calls)
        self.calls.hand_back_to(self._pbx)
        pace = Pace(config.hearing.tick_ms / 1000, config.hearing.backlog_seconds)
        self._engine = Engine(self._ear, self.calls, pace, self._ticked)
        self._metrics_server = MetricsServer(self._metrics)
        self._candidate: asyncio.Task[None] | None = None
        give_back()

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT; raises OSError, in one sentence, when an address cannot be had."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, self.reload)
        self._listen_in_shadow()
        await self._pbx.start()
        if self._config.metrics.enabled:
            await self._metrics_server.start(self._config.metrics.host, self._config.metrics.port)
        await self._engine.warm_up()
        stay()
        engine = asyncio.create_task(self._engine.run(), name="engine")
        self._notifier.ready()
        log.info(
            "ready",
            mode=self._config.mode.value,
            trunks=[trunk.title for trunk in self._config.trunks],
            keeps_audio=self._keeps_audio,
        )
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({engine, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if engine.done():  # never of its own accord: let systemd start us afresh
                await engine
        finally:
            await self._stop(engine, stopped)

    def reload(self) -> None:
        """Read the configuration anew; a bad one is refused and the old one stays."""
        self._notifier.reloading()
        try:
            fresh = configuration.load(self._path)
        except ConfigError as error:
            log.error("the configuration stays as it was", reason=str(error))
        else:
            old = self._config
            ignored = [name for name in NEEDS_RESTART if getattr(fresh, name) != getattr(old, name)]
            ignored += ["model.path"] if fresh.model.path != old.model.path else []
            kept = {name: getattr(old, name) for name in NEEDS_RESTART}
            kept["model"] = fresh.model.model_copy(update={"path": old.model.path})
            self._config = fresh.model_copy(update=kept)
            self._books.reloaded()
            self._listen_in_shadow()
            self.calls.rules = self._rules()
            self._pbx.follow(tuple(trunk.match for trunk in self._config.trunks))
            logs.configure(self._config.log.format, self._config.log.level)
            log.info("configuration reloaded", mode=self._config.mode.value, keeps_audio=self._keeps_audio)
            if ignored:
                log.warning("these settings change with a restart only", settings=ignored)
        self._notifier.ready()

    def _rules(self) -> Rules:
        return rules_of(self._config, self._books.announcements.named)

    def _know(self, known: Known | None) -> None:
        """Recognise these announcements from the next tick on; called in another thread."""
        self._ear.known = known

    @property
    def _keeps_audio(self) -> list[str]:
        return [trunk.title for trunk in self._config.trunks if trunk.keep_audio]

    def _listen_in_shadow(self) -> None:
        """Let the configured candidate listen, or nobody; loading it takes its time in a thread."""
        if self._candidate is not None:
            self._candidate.cancel()
        self._candidate = asyncio.create_task(self._load_candidate(self._config.model.candidate_path))

    async def _load_candidate(self, path: Path | None) -> None:
        candidate = None
        if path is not None:
            try:
                candidate = await asyncio.to_thread(Forest.load, path)
            except ModelError as error:
                log.warning("no candidate listens in shadow", reason=str(error))
            give_back()
        self._ear.candidate = candidate
        self._books.candidate = candidate.card.sha256[:12] if candidate else ""
        if candidate:
            log.info("a candidate listens in shadow", path=str(path), model=self._books.candidate)

    def _ticked(self, seconds: float) -> None:
        self._books.ticked(seconds)
        now = monotonic()
        if now - self._last_alive >= ALIVE_EVERY_S:
            self._last_alive = now
            give_back()  # half a millisecond, while nobody hears: what a burst took and what ended calls had
            self._watch_the_clock()
            self._metrics.pbx_connected.set(to=float(self._pbx.connected))
            if not self._pbx.connected:
                self._books.blind()
            self._notifier.alive()
            standing = self._pbx.problem or f"connected to {self._pbx.name}"
            self._notifier.status(f"{len(self.calls)} calls; {standing}")

    def _watch_the_clock(self) -> None:
        """Say when the time of day jumps: nothing here goes by it, but the times in log and journal do."""
        ahead = time() - monotonic()
        if abs(jump := ahead - self._clock_ahead) > CLOCK_JUMP_S:
            log.warning("the clock was set", by_seconds=round(jump, 1))
        self._clock_ahead = ahead

    async def _stop(self, *tasks: asyncio.Task[object]) -> None:
        self._notifier.stopping()
        log.info("stopping", calls=len(self.calls))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.calls.give_up()
        await self._pbx.stop()
        await self._metrics_server.close()
        await self._books.close()
