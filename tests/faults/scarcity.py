"""Making something run short for one process, and giving it back."""

import contextlib
import resource
from pathlib import Path

from agent.demo.agent import LabAgent


def limit(agent: LabAgent, kind: int, most: int) -> int:
    """Let the running agent have no more of something; return how much it could have."""
    soft, hard = resource.prlimit(agent.pid, kind)
    resource.prlimit(agent.pid, kind, (most, hard))
    return soft


def descriptors(agent: LabAgent) -> int:
    """Return the number above the highest descriptor that the agent has open."""
    return 1 + max(int(entry.name) for entry in Path(f"/proc/{agent.pid}/fd").iterdir())


def fill(file: Path) -> None:
    """Write a file until the disk has no room."""
    with file.open("wb", buffering=0) as ballast:
        for size in (65536, 1):
            with contextlib.suppress(OSError):
                while ballast.write(bytes(size)):
                    pass
