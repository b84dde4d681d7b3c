"""Look for inputs that break a parser, guided by which of its lines they reach.

    python -m benchmarks.fuzz [TARGET ...] [--minutes 30] [--executions 5000000] [--keep]

Each target of `tests/fuzz/targets.py` (all, where none is named) is tried by a process of its own for so many
minutes or executions, whichever comes first. Needs `pip install --group fuzz`. An input that breaks one is
written to `fuzz-<target>-...`, and told. With --keep the inputs that reach something, made few and small,
replace those that the tests try.
"""

import argparse
import re
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.fuzz.corpus import read_corpus, write_corpus
from tests.fuzz.targets import TARGETS

HANG_SECONDS = 10
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
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        said = _run(
            target,
            *(found, seeds),
            f"-dict={words}",
            f"-max_total_time={round(minutes * 60)}",
            f"-runs={executions}",
            f"-artifact_prefix=fuzz-{target}-",
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if keep:
            _run(target, kept, seeds, found, "-merge=1")
            smallest = sorted(
                (file.read_bytes() for file in kept.iterdir()), key=lambda data: (len(data), data)
            )
            if smallest:  # none: the merging was ended, and what was kept stays
                write_corpus(target, smallest[:_MOST_KEPT])
    return Fuzzed(
        target,
        _number(r"stat::number_of_executed_units:\s*(\d+)", said),
        (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 60,
        max((int(edges) for edges in re.findall(r"cov: (\d+)", said)), default=0),
        _breakage(said),
    )


def _run(target: str, *arguments: object) -> str:
    limits = (
        f"-timeout={HANG_SECONDS}", f"-rss_limit_mb={MOST_MEGABYTES}", f"-max_len={LONGEST_INPUT}",
        "-print_final_stats=1", "-verbosity=1",
    )  # fmt: skip
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "benchmarks.fuzz_one", target, *map(str, (*arguments, *limits))],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return done.stdout


def _breakage(said: str) -> str:
    written = re.search(r"Test unit written to (\S+)", said)
    if written is None:
        return "" if "stat::number_of_executed_units" in said else said[-500:]
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
    parser.add_argument("--minutes", type=float, default=30.0, help="minutes a target")
    parser.add_argument("--executions", type=int, default=5_000_000, help="inputs a target")
    parser.add_argument("--keep", action="store_true", help="keep the inputs for the tests")
    options = parser.parse_args()
    console = Console()
    table = Table("target", "executions", "CPU minutes", "a second", "edges", "broken")
    broken = False
    for target in options.targets or TARGETS:
        began = time.monotonic()
        fuzzed = fuzz(target, options.minutes, options.executions, keep=options.keep)
        broken |= bool(fuzzed.broken_by)
        console.print(f"{target}: {fuzzed.executions:,} executions in {time.monotonic() - began:.0f} s")
        if fuzzed.broken_by:
            console.print(f"[red]{target} is broken by[/red] {fuzzed.broken_by}", soft_wrap=True)
        table.add_row(
            target,
            f"{fuzzed.executions:,}",
            f"{fuzzed.cpu_minutes:.1f}",
            f"{fuzzed.executions / max(fuzzed.cpu_minutes * 60, 1):,.0f}",
            str(fuzzed.reached),
            "yes" if fuzzed.broken_by else "no",
        )
    console.print(table)
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
