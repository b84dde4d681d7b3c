"""Look for inputs that break a parser, guided by which of its lines they reach.

    python -m benchmarks.fuzz [TARGET ...] [--minutes 30] [--executions 5000000] [--keep]

Each target of `tests/fuzz/targets.py` (all, where none is named) is tried by a process of its own for so many
minutes of processor time or executions, whichever comes first. Needs `pip install --group fuzz`. An input
that breaks one is written to `fuzz-<target>-...` and told. What is found of a target replaces what an earlier
run found of it, and of no other. With --keep the inputs that reach something, made few and small, replace
those that the tests try.
"""

import argparse
import re
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.progress import track

from benchmarks.parts import Goal, Part, add_into, console, tell
from tests.fuzz.corpus import read_corpus, write_corpus
from tests.fuzz.targets import TARGETS

MINUTES, EXECUTIONS = 30.0, 5_000_000
HANG_SECONDS, PATIENT_SECONDS = 10, 120
LEAST_SECONDS = 3.0
"""Of a target's processor time so little may be left over."""
MOST_MEGABYTES = 4096
"""libFuzzer's own memory grows with the executions; that parsers' does not is what `test_fuzz.py` shows."""
LONGEST_INPUT = 2048
_MOST_KEPT = 400


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """How a target fared."""

    target: str
    executions: int
    cpu_minutes: float
    reached: int
    """Edges between lines that some input took."""
    broken_by: str
    """The input that broke it and what it did, empty where none was found."""


def fuzz(target: str, minutes: float, executions: int, *, keep: bool) -> Fuzzed:
    """Try a target in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="earlymedia-fuzz-") as name:
        seeds, found, kept = (Path(name) / part for part in ("seeds", "found", "kept"))
        for folder in (seeds, found, kept):
            folder.mkdir()
        for number, data in enumerate(read_corpus(target)):
            (seeds / str(number)).write_bytes(data)
        words = Path(name) / "words"
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in TARGETS[target].words))
        used, done, reached, broken_by = 0.0, 0, 0, ""
        # libFuzzer knows the time that passes, not the processor's: it goes on until that is used up.
        while not broken_by and done < executions and 60 * minutes - used > LEAST_SECONDS:
            before = _cpu_seconds()
            said = _run(
                target,
                *(found, seeds),
                f"-dict={words}",
                f"-max_total_time={round(60 * minutes - used)}",
                f"-runs={executions - done}",
                f"-artifact_prefix=fuzz-{target}-",
            )
            used += _cpu_seconds() - before
            done += _number(r"stat::number_of_executed_units:\s*(\d+)", said)
            reached = max(reached, *(int(edges) for edges in re.findall(r"cov: (\d+)", said)), 0)
            broken_by = _breakage(target, said)
        if keep:
            _run(target, kept, seeds, found, "-merge=1")
            smallest = sorted(
                (file.read_bytes() for file in kept.iterdir()), key=lambda data: (len(data), data)
            )
            if smallest:  # none: the merging was ended, and what was kept stays
                write_corpus(target, smallest[:_MOST_KEPT])
    return Fuzzed(target, done, round(used / 60, 2), reached, broken_by)


def _hangs(target: str, unit: str) -> bool:
    """Try an input alone: what took long by the clock may only have waited for a busy processor."""
    before = _cpu_seconds()
    _run(target, unit, f"-timeout={PATIENT_SECONDS}")
    return _cpu_seconds() - before > HANG_SECONDS


def _cpu_seconds() -> float:
    """Return the processor time of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _run(target: str, *arguments: object) -> str:
    limits = (
        f"-timeout={HANG_SECONDS}", f"-report_slow_units={PATIENT_SECONDS}",
        f"-rss_limit_mb={MOST_MEGABYTES}", f"-max_len={LONGEST_INPUT}",
        "-print_final_stats=1", "-verbosity=1",
    )  # fmt: skip
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "benchmarks.fuzz_one", target, *map(str, (*limits, *arguments))],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return done.stdout


def _breakage(target: str, said: str) -> str:
    written = re.search(r"Test unit written to (\S+)", said)
    if written is None:
        return "" if "stat::number_of_executed_units" in said else said[-500:]
    if "-timeout-" in written[1] and not _hangs(target, written[1]):
        Path(written[1]).unlink()
        return ""
    raised = re.findall(r"^(?:\w+\.)*\w*(?:Error|Exception)\b.*", said, re.MULTILINE)
    return f"{written[1]}: {raised[-1] if raised else 'see there'}"


def _number(pattern: str, said: str) -> int:
    found = re.search(pattern, said)
    return int(found[1]) if found else 0


def _escaped(word: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word.encode("latin-1"))


def main() -> int:
    """Fuzz what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], help="all, where none is named")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of processor time, a target")
    parser.add_argument("--executions", type=int, default=EXECUTIONS, help="inputs a target")
    add_into(parser)
    parser.add_argument("--keep", action="store_true", help="keep the inputs for the tests")
    options = parser.parse_args()
    broken = False
    for target in track(options.targets or [*TARGETS], "fuzzing", console=console, transient=True):
        fuzzed = fuzz(target, options.minutes, options.executions, keep=options.keep)
        tell(part_of(fuzzed), options.into)  # each by itself: they take hours, and seldom run all at once
        broken = broken or bool(fuzzed.broken_by)
    return int(broken)


def part_of(fuzzed: Fuzzed) -> Part:
    """Put what was tried beside what was to be reached: 5 million executions or 30 minutes of a processor."""
    target, share = fuzzed.target, max(fuzzed.executions / EXECUTIONS, fuzzed.cpu_minutes / MINUTES)
    return Part(
        f"fuzz_{target}",
        f"Fuzzing of a parser: {target}",
        (fuzzed,),
        (
            Goal(f"{target}: inputs that broke it", int(bool(fuzzed.broken_by)), 0),
            Goal(
                f"{target}: share of 30 CPU minutes or 5 million inputs", round(share, 2), 0.99, at_least=True
            ),
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
