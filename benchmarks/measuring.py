"""What benchmarks read off processes and durations."""

import contextlib
import math
import os
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Delays:
    """Milliseconds."""

    median: float
    p95: float
    p99: float
    worst: float
    samples: int

    @classmethod
    def of(cls, seconds: Iterable[float]) -> "Delays":
        """Summarise durations in seconds."""
        ordered = sorted(1000 * s for s in seconds)
        if not ordered:
            return cls(math.nan, math.nan, math.nan, math.nan, 0)
        p95, p99 = (ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.95, 0.99))
        median, worst = statistics.median(ordered), ordered[-1]
        return cls(round(median, 1), round(p95, 1), round(p99, 1), round(worst, 1), len(ordered))


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a process and its children hold."""

    resident_mb: float
    descriptors: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> "Footprint":
        """Read it; a process that is gone raises OSError."""
        pids = [pid, *_children(pid)]
        return cls(
            resident_mb=sum(map(resident_mb, pids)),
            descriptors=sum(_entries(f"/proc/{each}/fd") for each in pids),
            threads=sum(_entries(f"/proc/{each}/task") for each in pids),
        )


def cpu_seconds(pid: int) -> float:
    """Return the processor seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def _children(pid: int) -> list[int]:
    """Return the processes that a process has started and that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # one that has ended meanwhile
            if int(stat.read_text().rpartition(") ")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def _entries(folder: str) -> int:
    return sum(1 for _ in Path(folder).iterdir())
