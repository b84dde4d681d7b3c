"""Freed memory is given back to the kernel."""

import subprocess
import sys

HOLED = """
from pathlib import Path
from agent.service.memory import give_back

def resident_mb():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

pieces = [b"x" * 40_000 for _ in range(2000)]
stays = pieces[::4]
del pieces
before = resident_mb()
give_back()
print(before - resident_mb())
"""


def test_what_lies_free_between_what_stays_goes_back() -> None:
    told = subprocess.run([sys.executable, "-c", HOLED], capture_output=True, text=True, check=True)
    assert float(told.stdout) > 40
