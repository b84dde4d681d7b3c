"""Run benchmarks and keep what they find: benchmarks/results/<date>.json, and a page with plots beside it.

    ./scripts/bench [PART ...] [--quick] [--material DIR --songs FOLDER ...]

All parts are run where none is named: hours. With --quick each takes a minute or two, too short for its goals
to mean much. Parts that need material are left out where none is given. A part that is run again on the same
day replaces what was found before; each benchmark is a command of its own, too: python -m benchmarks.live -h.
"""

import argparse
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agent.demo.lab import LabError, chroot_from_environment
from benchmarks.page import write_page
from benchmarks.parts import console

RESULTS = Path(__file__).with_name("results")


@dataclass(frozen=True, slots=True)
class Bench:
    """One part: a module, what it is told, and what it is told for a short run."""

    module: str
    words: Sequence[str] = ()
    quick: Sequence[str] = ()
    needs_asterisk: bool = False
    needs_material: bool = False


PARTS: Mapping[str, Bench] = {
    "hearing": Bench("hearing", quick=("--calls", "1", "100", "--seconds", "2"), needs_material=True),
    "side_by_side": Bench("side_by_side", quick=("--batch", "20", "--rounds", "1"), needs_material=True),
    "bare_loop": Bench("bare_loop"),
    "audio": Bench("audio_load", quick=("audiosocket:100x20", "eagi:100x100", "--seconds", "5")),
    "startup": Bench("startup", quick=("--starts", "1")),
    "live": Bench(
        "live",
        quick=("eagi:20", "audiosocket:20", "spy:20", "dialled:20", "--seconds", "15"),
        needs_asterisk=True,
    ),
    "kills": Bench("kills", quick=("--kills", "3"), needs_asterisk=True),
    "soak": Bench("soak", quick=("--hours", "0.03", "--calls", "20"), needs_asterisk=True),
    "fuzz": Bench("fuzz", quick=("--minutes", "0.1")),
}


def main() -> int:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(
        prog="./scripts/bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="short runs")
    parser.add_argument("--material", type=Path, help="folder for what is rendered, kept for the next time")
    parser.add_argument("--songs", type=Path, nargs="+", default=[], help="folders of recorded songs")
    parser.add_argument("--into", type=Path, default=RESULTS / f"{datetime.now(UTC):%Y-%m-%d}.json")
    options = parser.parse_args()
    material: list[str] = []
    if options.material and options.songs:
        material = ["--work", str(options.material), "--songs", *map(str, options.songs)]
    failed: list[str] = []
    for name in options.parts or PARTS:
        bench = PARTS[name]
        if bench.needs_material and not material:
            console.print(f"{name} is left out: it needs --material and --songs")
            continue
        words = [*material] if bench.needs_material else []
        if bench.needs_asterisk:
            words += ["--asterisk", str(chroot_from_environment())]
        words += bench.quick if options.quick else bench.words
        console.rule(name)
        command = (sys.executable, "-m", f"benchmarks.{bench.module}", *words, "--into", str(options.into))
        if subprocess.run(command, check=False).returncode != 0:  # noqa: S603, every word of it is ours
            failed.append(name)
    if options.into.exists():
        console.print(f"{options.into} and {write_page(options.into)} hold what was found")
    if failed:
        console.print(f"[red]failed:[/red] {', '.join(failed)}")
    return int(bool(failed))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        sys.exit(str(error))
