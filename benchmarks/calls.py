"""How verdicts fare on whole calls, composed of voices, songs and tones that the forest never heard.

    earlymedia train calls CALLS --audio FOLDER --tones FILE --prompts FOLDER ...
    python -m benchmarks.calls CALLS --corpus CORPUS --forests FOLDER [--trees 200] [--sweep] [--verbose]

CORPUS is what `earlymedia train synth` made of the same material by the same plan. For each of its folds a
forest is fitted on the others (kept in FOLDER for the next time) and hears the calls of this fold as the
agent does, with one temperature for all, with tones, and with the announcements of CALLS/known.

    right      what stands at the end of the call is what was played last, an announcement's name included
    abstained  `unknown` stands there
    harmful    ringing or a song was judged as ended (a final verdict that is none of what was playing, or at
               the end an outcome that ends calls), another announcement's name was given, or the redial
               decision is the reverse: `no` instead of another one, or `yes` instead of `no`
    delay      from when a listener who misses nothing knows what is played last until the verdict says it and
               says nothing else any more; where it can become final also until it is
"""

import argparse
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import joblib
import numpy as np
import sklearn
from rich.console import Console
from rich.table import Table
from scipy.stats import beta

from agent.announcements.library import fingerprint_of
from agent.hearing.calibration import Calibration
from agent.hearing.ear import Ear, Stream
from agent.hearing.features import FEATURE_VERSION
from agent.hearing.forest import Card, Forest
from agent.hearing.known import Known, Title
from agent.hearing.sound import SOUNDS, Encoding, HeardSecond
from agent.hearing.spectrogram import LOOKAHEAD
from agent.hearing.tones import ToneEar, ToneEvent
from agent.recording.load import load
from agent.train.corpus.call_folder import KNOWN, CallRecord, read_calls
from agent.train.corpus.material import read_pcm16
from agent.train.parallel import Workers
from agent.train.progress import progress
from agent.train.student.calibration import fit_temperature
from agent.train.student.examples import find_source, read_examples
from agent.train.student.fit import fit
from agent.train.student.recipes import ForestRecipe
from agent.train.student.views import View, see_examples
from agent.verdict.evidence import Evidence, known_at
from agent.verdict.outcome import Outcome
from agent.verdict.policy import PRESETS, Policy, Preset, Redial
from agent.verdict.settle import Verdict, settle, settle_each
from agent.verdict.settling import Settling

POLICY = Policy.of(PRESETS[Preset.DEFAULT])
AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class HeardCall:
    """One call and what was heard in it."""

    record: CallRecord
    seconds: tuple[HeardSecond, ...]
    tones: tuple[ToneEvent, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """A verdict that stood at some time."""

    at: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Judged:
    """How one call settled."""

    record: CallRecord
    moments: tuple[Moment, ...]
    """The verdict after everything that was heard."""
    verdict: Verdict
    """What stood at the end."""

    @property
    def right(self) -> bool:
        """What was played last is what the verdict says."""
        return self._right(self.verdict)

    @property
    def abstained(self) -> bool:
        """The verdict says nothing."""
        return self.verdict.outcome is Outcome.UNKNOWN

    @property
    def harmful(self) -> str:
        """What is harmful about the verdict, empty if nothing is."""
        truth = self.record.passages[-1]
        open_ = all(outcome.stays_open for outcome in truth.outcomes)
        final = next((moment for moment in self.moments if moment.verdict.final), None)
        if final is not None:
            index = max(0, sum(p.start <= final.at for p in self.record.passages) - 1)
            playing = self.record.passages[index]
            if playing.outcomes[0].stays_open and final.verdict.outcome not in playing.outcomes:
                return f"{playing.outcomes[0]} was ended as {final.verdict.outcome}"
        if open_ and not self.verdict.outcome.stays_open:
            return f"{truth.outcomes[0]} was judged as {self.verdict.outcome}"
        if self.verdict.announcement not in (None, truth.announcement):
            return f"{truth.announcement or truth.outcomes[0]} was named {self.verdict.announcement}"
        said = POLICY.decide(self.verdict.outcome).redial
        meant = {POLICY.decide(outcome).redial for outcome in truth.outcomes}
        if (said is Redial.NO and Redial.NO not in meant) or (said is Redial.YES and meant == {Redial.NO}):
            return f"{truth.outcomes[0]} was judged as {self.verdict.outcome}: redial {said}"
        return ""

    @property
    def said_after(self) -> float | None:
        """Seconds from when a listener knows until the verdict is right and stays so, None if it does not."""
        return self._since(lambda moment: self._right(moment.verdict))

    @property
    def final_after(self) -> float | None:
        """The same, until it was final too."""
        return self._since(lambda moment: moment.verdict.final and self._right(moment.verdict))

    def _since(self, holds: Callable[[Moment], bool]) -> float | None:
        stood = list(itertools.takewhile(holds, reversed(self.moments)))
        return stood[-1].at - self.record.passages[-1].known if stood else None

    def _right(self, verdict: Verdict) -> bool:
        last = self.record.passages[-1]
        return verdict.outcome in last.outcomes and verdict.announcement == last.announcement

    def trusted(self) -> Iterator[tuple[float, bool]]:
        """Yield confidence and rightness of verdicts, at each moment at which a listener knows better."""
        passages = self.record.passages
        for index, passage in enumerate(passages):
            ends = passages[index + 1].start if index + 1 < len(passages) else np.inf
            for moment in self.moments:
                if passage.known < moment.at <= ends and moment.verdict.outcome is not Outcome.UNKNOWN:
                    yield moment.verdict.confidence, moment.verdict.outcome in passage.outcomes


def fit_forests(corpus: Path, folder: Path, trees: int) -> None:
    """Fit a forest without each fold, and one temperature for them all, into a new folder."""
    folder.mkdir(parents=True, exist_ok=True)
    examples = read_examples([find_source(corpus)])
    with progress("hearing the corpus", len(set(examples.file)), "recordings") as step:
        seen = see_examples(examples, View.AGENT, Workers(jobs=1), step)
    examples, vectors = seen.examples, seen.vectors
    p = np.empty((len(examples), len(SOUNDS)))
    folds = np.unique(examples.fold).tolist()
    with progress("fitting", len(folds), "forests") as step:
        for fold in folds:
            others = examples.fold != fold
            student = fit(ForestRecipe(trees=trees), examples.where(others), vectors[others], Workers(jobs=1))
            p[~others] = student.predict(vectors[~others])
            joblib.dump(student.model, folder / f"fold-{fold}.joblib", compress=3)
            step()
    calibration = fit_temperature(p, examples.truth)
    (folder / "calibration.json").write_text(calibration.model_dump_json(), encoding="utf-8")


def read_forest(folder: Path, fold: int, calibrated: bool) -> Forest:
    """Read the forest that was fitted without a fold."""
    path = folder / f"fold-{fold}.joblib"
    temperature = Calibration.model_validate_json((folder / "calibration.json").read_bytes())
    card = Card(
        sha256="",
        feature_version=FEATURE_VERSION,
        classes=tuple(SOUNDS),
        sklearn_version=sklearn.__version__,
        calibration=temperature if calibrated else None,
    )
    return Forest.of(joblib.load(path), card, path)


def learn(folder: Path) -> Known:
    """Learn the announcements of a folder by the names of their files."""
    titles, taught = [], []
    for number, file in enumerate(sorted((folder / KNOWN).iterdir())):
        samples = read_pcm16(file).astype(np.float32) / np.float32(32768)
        padded = np.concatenate((samples, np.zeros(LOOKAHEAD, np.float32)))
        taught.append((number, fingerprint_of(padded)))
        titles.append(Title(file.stem))
    return Known.of(taught, titles)


def hear_calls(folder: Path, forest_of: Callable[[int], Forest]) -> Iterator[HeardCall]:
    """Hear all calls of a folder, those of each fold by the forest that knows nothing of it."""
    records = sorted(read_calls(folder), key=lambda record: record.fold)
    known = learn(folder)
    with progress("hearing", len(records), "calls") as step:
        for fold, ours in itertools.groupby(records, key=lambda record: record.fold):
            ear = Ear(forest_of(fold), AT_ONCE, tone_ear=ToneEar())
            ear.known = known
            theirs = list(ours)
            for first in range(0, len(theirs), AT_ONCE):
                batch = theirs[first : first + AT_ONCE]
                chunks = []
                for record in batch:
                    encoding, data = load(folder / "audio" / record.file)
                    assert encoding is Encoding.SLIN8
                    chunks.append((Stream(encoding, record.country), data))
                for record, (stream, _), seconds in zip(batch, chunks, ear.hear(chunks), strict=True):
                    yield HeardCall(record, tuple(seconds), tuple(stream.take_tones()))
                    step()


def judge(call: HeardCall, settling: Settling) -> Judged:
    """Settle one call as the agent does."""
    evidence = Evidence(settling)
    evidence.early_media()
    evidence.tap()
    moments = tuple(
        Moment(known_at(heard), verdict) for heard, verdict in settle_each(evidence, call.seconds, call.tones)
    )
    evidence.end()
    return Judged(call.record, moments, settle(evidence))


def bound(events: int, of: int) -> float:
    """Return the upper end of the one-sided 95 % interval of a share (Clopper and Pearson 1934)."""
    return float(beta.ppf(0.95, events + 1, of - events)) if events < of else 1.0


def show(judged: Sequence[Judged], console: Console) -> None:
    """Print how calls fared: by kind, by codec, by what else may matter, and what confidence is worth."""
    kinds = list(dict.fromkeys(each.record.kind for each in sorted(judged, key=lambda j: j.record.file)))
    console.print(_table("kind", [(kind, [j for j in judged if j.record.kind == kind]) for kind in kinds]))
    codecs = sorted({each.record.codec for each in judged})
    console.print(
        _table("codec", [(codec, [j for j in judged if j.record.codec is codec]) for codec in codecs])
    )
    lines: dict[str, Callable[[CallRecord], bool]] = {
        "trunk's country named": lambda r: r.country is not None,
        "not named": lambda r: r.country is None,
        "-40 dBm0, SNR 15 dB, loss 3 % or better": _good,
        "a worse line": lambda r: not _good(r),
        "all": lambda r: True,
    }
    console.print(
        _table("lines", [(name, [j for j in judged if of(j.record)]) for name, of in lines.items()])
    )
    calibration = Table("confidence", "verdicts", "mean", "right", title="What confidence is worth")
    told = [pair for each in judged for pair in each.trusted()]
    for low, high in itertools.pairwise((0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.001)):
        inside = [(sure, right) for sure, right in told if low <= sure < high]
        if inside:
            sure, right = np.mean(inside, axis=0)
            calibration.add_row(
                f"{low:.2f} to {min(high, 1):.2f}", str(len(inside)), f"{sure:.3f}", f"{right:.3f}"
            )
    console.print(calibration)


def _good(record: CallRecord) -> bool:
    """Tell whether a line is as good as tones must be told on (the channel's normal level is -14 dBFS)."""
    return record.gain_db >= -32.0 and record.snr_db >= 15.0 and record.loss <= 0.03


def _table(what: str, rows: Sequence[tuple[str, Sequence[Judged]]]) -> Table:
    table = Table(
        what,
        "calls",
        "right",
        "abstained",
        "wrong",
        "harmful",
        "95 % below",
        "said: median",
        "90 %",
        "final",
        "90 %",
    )
    for name, ours in rows:
        if not ours:
            continue
        right, abstained = sum(j.right for j in ours), sum(j.abstained for j in ours)
        harmful = sum(bool(j.harmful) for j in ours)
        table.add_row(
            name,
            str(len(ours)),
            *(f"{n / len(ours):.1%}" for n in (right, abstained, len(ours) - right - abstained)),
            str(harmful),
            f"{bound(harmful, len(ours)):.2%}",
            *_spread([j.said_after for j in ours]),
            *_spread([j.final_after for j in ours]),
        )
    return table


def _spread(delays: Sequence[float | None]) -> tuple[str, str]:
    """Say where most of the delays lie that there are."""
    known = [delay for delay in delays if delay is not None]
    if not known:
        return "-", "-"
    median, most = np.quantile(known, (0.5, 0.9))
    return f"{median:.1f} s", f"{most:.1f} s"


def sweep(calls: Sequence[HeardCall], console: Console) -> None:
    """Print the figures of many settings, so that the defaults can be chosen by them."""
    table = Table("setting", "right", "abstained", "harmful", "said: median", "90 %", "final: median", "90 %")
    choices: dict[str, tuple[float, ...]] = {
        "announcement_seconds": (2, 3, 4),
        "announcement_confidence": (0.9, 0.95, 0.97),
        "announcement_margin": (0.65, 0.75, 0.85, 0.9),
        "novelty": (0.5, 0.6, 0.7, 0.8, 1.0),
        "tone_confidence": (0.6, 0.7, 0.8),
        "tone_abstain_below": (0.35, 0.4, 0.5),
        "doubt_halves_every_seconds": (0.3, 0.5, 0.8),
        "silence_doubt_halves_every_seconds": (0.8, 1.2, 2.0),
        "contradiction": (0.6, 0.7, 0.8),
        "memory_seconds": (4.0, 6.0, 8.0),
        "abstain_below": (0.4, 0.45, 0.5, 0.6),
    }
    for key, values in choices.items():
        for value in values:
            settling = replace(Settling(), **{key: value})  # type: ignore[arg-type]
            judged = [judge(call, settling) for call in calls]
            table.add_row(
                f"{key} {value:g}",
                f"{np.mean([j.right for j in judged]):.2%}",
                f"{np.mean([j.abstained for j in judged]):.2%}",
                str(sum(bool(j.harmful) for j in judged)),
                *_spread([j.said_after for j in judged]),
                *_spread([j.final_after for j in judged]),
            )
    console.print(table)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("calls", type=Path, help="what `earlymedia train calls` made")
    parser.add_argument("--corpus", type=Path, required=True, help="what `earlymedia train synth` made")
    parser.add_argument(
        "--forests", type=Path, required=True, help="folder of forests; fitted if it is missing"
    )
    parser.add_argument("--trees", type=int, default=200)
    parser.add_argument(
        "--votes", action="store_true", help="shares of votes as they are, as cards of old have it"
    )
    parser.add_argument("--sweep", action="store_true", help="compare settings")
    parser.add_argument("--verbose", action="store_true", help="list the calls that were not right")
    asked = parser.parse_args()
    if not asked.forests.exists():
        fit_forests(asked.corpus, asked.forests, asked.trees)
    calls = list(hear_calls(asked.calls, lambda fold: read_forest(asked.forests, fold, not asked.votes)))
    judged = [judge(call, Settling()) for call in calls]
    console = Console(width=150)
    show(judged, console)
    for each in sorted(judged, key=lambda j: j.record.file):
        if each.harmful or (asked.verbose and not each.right):
            record, verdict = each.record, each.verdict
            said = f"{verdict.spelled} {verdict.confidence:.2f} ({verdict.evidence})"
            console.print(
                f"{record.file} {record.kind} {record.codecs}: {said} {each.harmful}", highlight=False
            )
    if asked.sweep:
        sweep(calls, console)


if __name__ == "__main__":
    main()
