"""Freed memory goes back to the kernel, or little of it is kept."""

import subprocess
import sys

RESIDENT = """
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from agent.service.memory import give_back, keep_little

def resident_mb():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024
"""


def difference(script: str) -> float:
    """Run a script in a process of its own; return the difference of the two numbers that it prints."""
    told = subprocess.run(
        [sys.executable, "-c", RESIDENT + script], capture_output=True, text=True, check=True
    )
    first, second = map(float, told.stdout.split())
    return second - first


def test_what_lies_free_between_what_stays_goes_back() -> None:
    gone = difference("""
pieces = [b"x" * 40_000 for _ in range(2000)]
stays = pieces[::4]
del pieces
print(resident_mb())
give_back()
print(resident_mb())
""")
    assert gone < -40


def test_a_thread_keeps_little_of_what_it_worked_with() -> None:
    kept = difference("""
keep_little()
large = b"x" * 31_000_000
del large  # from here on glibc by itself would let each thread keep 62 MB
worker = ThreadPoolExecutor(1)
worker.submit(int).result()
print(resident_mb())
worker.submit(lambda: [b"x" * 3_000_000 for _ in range(12)].clear()).result()
print(resident_mb())
""")
    assert kept < 10


def test_what_stays_is_not_looked_through_again() -> None:
    fewer = difference("""
import gc
from agent.service.memory import stay

stays = [[number] for number in range(10_000)]
print(len(gc.get_objects()))
stay()
print(len(gc.get_objects()))
""")
    assert fewer < -10_000
