"""The agent beside the thesis' way and CNN14, in one run, on the same seconds of the same calls.

    python -m benchmarks.side_by_side --work DIR --songs FOLDER ... [--batch 200] [--rounds 3] [--into FILE]

Heard is one second of one call, and one second of `--batch` calls at once; what they play is drawn as in
`benchmarks.hearing`. Everybody gets samples at 8 kHz and has one thread; what is given is milliseconds of
processor time for a second of a call, the median of the rounds.

- **agent**: a second is named: spectra, rows and features, then the forest, for all calls together. **agent,
  all** is what runs live: the tones of each second too, and the search for 1,000 announcements in speech.
- **thesis**: librosa brings the second from 8 to 32 kHz and makes 64 mean log-mel bands of it, then
  `predict` of scikit-learn's forest of 500 trees, second by second, for that is its way; **thesis, batched**
  is the same with one `predict` for all seconds. Its forest is fitted on as many seconds as the thesis had,
  of 64 numbers that are about as hard to tell apart, and kept in `--work`: only the trees' sizes matter.
- **CNN14** has random weights (its time does not depend on them) and passes through its network once for each
  second, one after the other, as the thesis' teacher does; **CNN14, batched** takes ten at a time, which is
  faster than more. Its `features` are the way to 32 kHz and its log-mel.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import joblib
import numpy as np
import torch
from rich.progress import Progress
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier

from agent.hearing.ear import Ear
from agent.hearing.forest import Forest
from agent.hearing.pcm import SAMPLE_RATE, Decoder, Samples
from agent.hearing.sound import Encoding
from agent.hearing.spectrogram import LOOKAHEAD
from agent.train.evaluation.timing import single_thread
from agent.train.student.views import View
from agent.train.teachers.cnn14_network import RATE_HZ, Cnn14
from agent.train.teachers.teacher import resample
from benchmarks.hearing import (
    WARM_SECONDS,
    add_material,
    hear,
    known_announcements,
    mixed,
    sounds,
    whole_ear,
)
from benchmarks.parts import Goal, Part, add_into, console, tell

THESIS_SECONDS, THESIS_TREES, THESIS_SEED = 25_471, 500, 42
"""Four fifths of 31,839 seconds; its forest's settings."""
CNN14_AT_ONCE = 10
TIMES_THESIS, TIMES_CNN14 = 100, 400


@dataclass(frozen=True, slots=True)
class Spent:
    """Processor seconds."""

    features: float
    judging: float


Hearer = Callable[[Sequence[bytes]], Spent]
"""Hears the second after WARM_SECONDS of calls, which are mu-law."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a second of a call takes one of those compared."""

    who: str
    calls_at_once: int
    features_ms: float
    """All but the next."""
    judging_ms: float
    """The forest, or the network."""
    all_ms: float
    times_the_agent: float
    """Against the agent that names a second, of as many calls at once."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_material(parser)
    parser.add_argument("--batch", type=int, default=200, help="calls at once")
    parser.add_argument("--rounds", type=int, default=3)
    add_into(parser)
    options = parser.parse_args()
    with single_thread():
        costs = tuple(measure(options.work, options.songs, options.model, options.batch, options.rounds))
    against = {cost.who: cost.times_the_agent for cost in costs if cost.calls_at_once == options.batch}
    batch = f"batches of {options.batch}: times the agent's processor time"
    goals = (
        Goal(f"thesis, {batch}", against["thesis"], TIMES_THESIS, at_least=True),
        Goal(f"CNN14, {batch}", against["CNN14"], TIMES_CNN14, at_least=True),
    )
    tell(Part("side_by_side", "One second of a call, side by side", costs, goals), options.into)


def measure(work: Path, songs: Sequence[Path], model: Path, batch: int, rounds: int) -> Iterator[Cost]:
    """Yield what each hearer takes for one call at a time, then for so many at once."""
    calls = mixed(sounds(work, songs), batch)
    hearers = all_hearers(work, model)
    single = [calls[at] for at in range(0, batch, max(1, batch // 10))]
    with Progress(console=console, transient=True) as progress:
        steps = progress.add_task("side by side", total=2 * rounds * len(hearers))
        for groups in ([[call] for call in single], [calls]):
            spent: dict[str, list[Spent]] = {who: [] for who in hearers}
            for _ in range(rounds):
                for who, hearer in hearers.items():
                    spent[who] += map(hearer, groups)
                    progress.advance(steps)
            yield from _costs(spent, len(groups[0]))


def _costs(spent: dict[str, list[Spent]], calls: int) -> Iterator[Cost]:
    ms = {
        who: (
            1000 * median(one.features for one in some) / calls,
            1000 * median(one.judging for one in some) / calls,
        )
        for who, some in spent.items()
    }
    for who, (features, judging) in ms.items():
        whole = features + judging
        yield Cost(
            who,
            calls,
            round(features, 4),
            round(judging, 4),
            round(whole, 4),
            round(whole / sum(ms["agent"]), 1),
        )


def all_hearers(work: Path, model: Path) -> dict[str, Hearer]:
    """Prepare all of them: nothing is loaded, fitted or rendered while the time counts."""
    forest = Forest.load(model)
    network = Cnn14()
    thesis = thesis_forest(work / "thesis.joblib")
    return {
        "agent": partial(agent, lambda: Ear(forest)),
        "agent, all": partial(agent, partial(whole_ear, forest, known_announcements(work))),
        "thesis": partial(thesis_way, thesis, 1),
        "thesis, batched": partial(thesis_way, thesis, None),
        "CNN14": partial(cnn14, network, 1),
        "CNN14, batched": partial(cnn14, network, CNN14_AT_ONCE),
    }


def agent(ear: Callable[[], Ear], calls: Sequence[bytes]) -> Spent:
    """Hear with the agent's own ear; what goes before the second does not count."""
    second, _ = hear(ear(), calls, ticks=1, seconds=1)
    judging = second[0].parts["forest"]
    return Spent(second[0].total - judging, judging)


def thesis_way(forest: RandomForestClassifier, at_once: int | None, calls: Sequence[bytes]) -> Spent:
    """Hear as the thesis does, so many seconds in one `predict`."""
    began = time.process_time()
    seen = np.concatenate([View.THESIS.see(_second(call)) for call in calls])
    middle = time.process_time()
    for start in range(0, len(seen), at_once or len(seen)):
        forest.predict(seen[start : start + (at_once or len(seen))])
    return Spent(middle - began, time.process_time() - middle)


def cnn14(network: Cnn14, at_once: int, calls: Sequence[bytes]) -> Spent:
    """Hear with CNN14, so many seconds in one pass; its features are made once more, for their time."""
    began = time.process_time()
    waves = [torch.from_numpy(resample(_second(call)[:SAMPLE_RATE], SAMPLE_RATE, RATE_HZ)) for call in calls]
    resampled = time.process_time() - began
    batches = [torch.stack(waves[at : at + at_once]) for at in range(0, len(waves), at_once)]
    with torch.inference_mode():
        began = time.process_time()
        for batch in batches:
            network.logmel_extractor(network.spectrogram_extractor(batch))
        features = time.process_time() - began
        began = time.process_time()
        for batch in batches:
            network(batch)
        whole = time.process_time() - began
    return Spent(resampled + features, whole - features)


def _second(call: bytes) -> Samples:
    """Return the second that is judged, with what hearing looks ahead."""
    begin = WARM_SECONDS * SAMPLE_RATE
    return Decoder(Encoding.ULAW).decode(call[begin : begin + SAMPLE_RATE + LOOKAHEAD])


def thesis_forest(file: Path) -> RandomForestClassifier:
    """Return a forest of the thesis' size, from a file if it was fitted before."""
    if file.is_file():
        return joblib.load(file)
    vectors, sounds_ = make_classification(
        THESIS_SECONDS,
        View.THESIS.width,
        n_informative=12,
        n_redundant=30,
        n_classes=4,
        random_state=THESIS_SEED,
    )
    forest = RandomForestClassifier(THESIS_TREES, random_state=THESIS_SEED)
    with console.status("fitting the thesis' forest: some minutes, once"):
        forest.fit(vectors.astype(np.float32), sounds_)
    joblib.dump(forest, file)
    return forest


if __name__ == "__main__":
    main()
