"""One JSON line a call, written by a thread of its own so that no disk ever holds a call."""

import json
import os
import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from agent.pbx.port import CarrierFinal, TapKind
from agent.service.shadow import ShadowVerdict
from agent.verdict.agreement import Agreement
from agent.verdict.policy import Decision
from agent.verdict.settle import Verdict

log = structlog.get_logger(__name__)

QUEUE_LENGTH = 10_000
"""Lines that may wait for the disk; more are lost and counted."""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """What is kept of one call."""

    time: float
    """End of the leg, in seconds since 1970."""
    leg_id: str
    trunk: str
    number: str
    """Digest of the dialled number (`NumberKey.digest`), never the number."""
    seconds: str
    """`Evidence.timeline`."""
    verdict: Verdict
    carrier: CarrierFinal
    agreement: Agreement
    decision: Decision
    tap: TapKind | None
    """How the leg was heard, None where it was not."""
    audio_seconds: float
    """Audio that came."""
    dropped_seconds: float
    """Audio of it that was lost before it was heard."""
    handed_back: bool
    """The PBX was told (active mode)."""
    candidate: ShadowVerdict | None = None
    """What a candidate in shadow makes of the call, None where none heard all of it."""

    def as_json(self) -> Mapping[str, Any]:
        """The record as it stands in the journal."""
        return {
            "time": datetime.fromtimestamp(self.time, UTC).isoformat(timespec="milliseconds"),
            "leg": self.leg_id,
            "trunk": self.trunk,
            "number": self.number,
            "seconds": self.seconds,
            "outcome": self.verdict.spelled,
            "class": self.verdict.sound_class,
            "confidence": round(self.verdict.confidence, 3),
            "final_at": self.verdict.final_at,
            "evidence": self.verdict.evidence,
            "carrier_sip_code": self.carrier.sip_code,
            "carrier_q850": self.carrier.q850,
            "agreement": self.agreement,
            "sip_code": self.decision.sip_code,
            "q850_cause": self.decision.q850_cause,
            "redial": self.decision.redial,
            "redial_after": self.decision.redial_after,
            "tap": self.tap,
            "audio_seconds": round(self.audio_seconds, 3),
            "dropped_seconds": round(self.dropped_seconds, 3),
            "handed_back": self.handed_back,
            "candidate": self.candidate.as_json() if self.candidate else None,
        }


class Journal:
    """Appends records to a file and rotates it by size: `path`, `path.1` (newest) to `path.N`."""

    def __init__(self, path: Path, *, rotate_bytes: int, keep_files: int) -> None:
        self._path = path
        self._rotate_bytes = rotate_bytes
        self._keep_files = keep_files
        self._waiting: queue.Queue[bytes | None] = queue.Queue(QUEUE_LENGTH)
        self._failing = False
        self._losing = threading.Lock()
        self.lost = 0
        """Records that could not be kept."""
        self._writer = threading.Thread(target=self._write_all, name="journal", daemon=True)
        self._writer.start()

    def write(self, record: CallRecord) -> None:
        """Keep a record; returns at once and never raises for the disk."""
        line = json.dumps(record.as_json(), ensure_ascii=False, separators=(",", ":")) + "\n"
        try:
            self._waiting.put_nowait(line.encode("utf-8", "replace"))
        except queue.Full:
            self._lose(1, "the disk is too slow")

    def close(self, timeout_seconds: float = 5.0) -> None:
        """Write what waits, for as long as `timeout_seconds`, and stop."""
        try:
            self._waiting.put(None, timeout=timeout_seconds)
        except queue.Full:
            return
        self._writer.join(timeout_seconds)

    def _write_all(self) -> None:
        last = False
        while not last:
            lines = [self._waiting.get()]
            while not self._waiting.empty() and len(lines) < 1000:
                lines.append(self._waiting.get())
            last = None in lines
            self._append([line for line in lines if line is not None])

    def _append(self, lines: list[bytes]) -> None:
        if not lines:
            return
        try:
            self._rotate(sum(map(len, lines)))
            # Opened anew each time, so that another's rotation (logrotate) takes effect at once.
            descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
            with os.fdopen(descriptor, "r+b", buffering=0) as file:
                file.write(_ending_of_torn_line(file.fileno()) + b"".join(lines))
        except (OSError, MemoryError) as error:
            self._lose(len(lines), getattr(error, "strerror", None) or repr(error))
        else:
            if self._failing:
                log.info("journal is written again", path=str(self._path), lost=self.lost)
            self._failing = False

    def _rotate(self, growth: int) -> None:
        if not self._path.exists() or self._path.stat().st_size + growth <= self._rotate_bytes:
            return
        kept = [
            self._path,
            *(self._path.with_name(f"{self._path.name}.{n + 1}") for n in range(self._keep_files)),
        ]
        for older, newer in zip(reversed(kept), reversed(kept[:-1]), strict=False):
            if newer.exists():
                newer.replace(older)

    def _lose(self, count: int, reason: str) -> None:
        with self._losing:
            self.lost += count
            known, self._failing = self._failing, True
        if not known:
            log.error(
                "journal cannot be written, calls go on without it", path=str(self._path), reason=reason
            )


def _ending_of_torn_line(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    return b"\n" if size and os.pread(descriptor, 1, size - 1) != b"\n" else b""
