"""How far hearing is from the machine's limit: its spectra and its forest beside a bare compiled loop.

    python -m benchmarks.bare_loop [--rows 1 20 200 1000] [--cc cc] [--into FILE]

`bare_loop.c` is compiled with `-O3 -march=native` and makes the same power spectra (a transform of radix 4,
as many frames side by side as a vector holds) and walks the same nodes of the same trees, with nothing around
it. Both must come to the same numbers. A row is a second of a call: 64 spectra, and one vector through all
trees. Told are milliseconds of processor time, the least of some turns. Needs a C compiler.
"""

import argparse
import ctypes
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from agent.hearing.features import FEATURES
from agent.hearing.forest import Forest
from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.hearing.sound import SOUNDS
from agent.hearing.spectrogram import BINS, FRAMES_PER_SECOND, LOOKAHEAD, Framer, cut_frames, power_of
from benchmarks.parts import Goal, Part, add_into, tell

SOURCE = Path(__file__).with_suffix(".c")
TIMES_BARE, FROM_ROWS = 2.5, 200
_TURNS = 9

_Any = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Beside:
    """The agent beside the bare loop, milliseconds for so many rows."""

    rows: int
    spectra_ms: float
    bare_spectra_ms: float
    forest_ms: float
    bare_forest_ms: float
    times_bare: float
    """Both together."""


class BareLoop:
    """The compiled code, and what it reads of a forest."""

    def __init__(self, library: Path, forest: Forest) -> None:
        self._code = ctypes.CDLL(str(library))
        self._code.prepare()
        self._trees = forest.trees

    def spectra(self, signals: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the power spectra of (rows, samples) signals, (rows * 64, BINS)."""
        result = np.empty((len(signals) * FRAMES_PER_SECOND, BINS), np.float32)
        for at, signal in enumerate(signals):
            part = result[at * FRAMES_PER_SECOND :]
            self._code.spectra(_data(signal), FRAMES_PER_SECOND, _data(part))
        return result

    def walk(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the mean of what the trees say of (rows, FEATURES) vectors, (rows, 4)."""
        sums = np.zeros((len(vectors), len(SOUNDS)))
        trees = self._trees
        of = _data(vectors), len(vectors), vectors.shape[1]
        self._code.walk(
            _data(trees.nodes), trees.count, _data(trees.says), _data(trees.shares), *of, _data(sums)
        )
        return sums / trees.count


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 20, 200, 1000])
    parser.add_argument("--model", type=Path, default=Path("models/student.joblib"))
    parser.add_argument("--cc", default="cc", help="the C compiler")
    add_into(parser)
    options = parser.parse_args()
    if shutil.which(options.cc) is None:
        raise SystemExit(f"There is no C compiler {options.cc}: install gcc or clang, or name one with --cc.")
    with tempfile.TemporaryDirectory(prefix="earlymedia-") as folder, threadpool_limits(1):
        library = Path(folder) / "bare_loop.so"
        command = [options.cc, "-O3", "-march=native", "-shared", "-fPIC", "-o", library, SOURCE, "-lm"]
        subprocess.run(command, check=True)  # noqa: S603  (the user's own compiler, our own source)
        forest = Forest.load(options.model)
        bare = BareLoop(library, forest)
        found = tuple(beside(forest, bare, options.rows))
    goals = tuple(
        Goal(f"{one.rows:,} rows: times the bare loop", one.times_bare, TIMES_BARE)
        for one in found
        if one.rows >= FROM_ROWS
    )
    tell(Part("bare_loop", "Spectra and forest beside a bare compiled loop", found, goals), options.into)


def beside(forest: Forest, bare: BareLoop, counts: list[int]) -> Iterator[Beside]:
    """Yield what so many rows take here and there; raises SystemExit where both say different things."""
    rng = np.random.default_rng(0)
    for rows in counts:
        signals = rng.normal(0, 0.1, (rows, SAMPLE_RATE + LOOKAHEAD)).astype(np.float32)
        vectors = rng.normal(0, 30, (rows, FEATURES)).astype(np.float32)
        if not np.allclose(own_spectra(signals), bare.spectra(signals), rtol=1e-3, atol=1e-9):
            raise SystemExit("The bare loop's spectra are others than the agent's.")
        if not np.allclose(forest.trees.predict(vectors), bare.walk(vectors)):
            raise SystemExit("The bare loop walks the trees another way than the agent.")
        spectra, bare_spectra = least_ms(own_spectra, signals), least_ms(bare.spectra, signals)
        ours, theirs = least_ms(forest.trees.predict, vectors), least_ms(bare.walk, vectors)
        times = (spectra + ours) / (bare_spectra + theirs)
        rounded = (round(ms, 3) for ms in (spectra, bare_spectra, ours, theirs, times))
        yield Beside(rows, *rounded)


def own_spectra(signals: NDArray[np.float32]) -> Samples:
    """Return the power spectra of (rows, samples) signals, frames cut and all."""
    return power_of(cut_frames([Framer() for _ in signals], list(signals)))


def least_ms(work: Callable[[NDArray[np.float32]], object], on: NDArray[np.float32]) -> float:
    """Return the least milliseconds of processor time that work took."""
    took = []
    for _ in range(_TURNS):
        began = time.process_time()
        work(on)
        took.append(time.process_time() - began)
    return 1000 * min(took)


def _data(of: _Any) -> ctypes.c_void_p:
    return ctypes.c_void_p(of.ctypes.data)


if __name__ == "__main__":
    main()
