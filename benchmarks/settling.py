"""How well evidence settles: whole calls, composed of voices, songs and tones that the forest never heard.

    python benchmarks/settling.py --audio FOLDER --tones FILE [--prompts FOLDER ...] [--sweep]

For each fold of the material a forest is fitted on the others, then calls are composed from this one,
sent through telephone channels, heard, and settled. A call counts as

    right     what stood at its end is what was played last
    unknown   the verdict abstained
    harmful   an announcement was final although none was played, or before it began
"""

import argparse
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from agent.hearing.features import Vectors
from agent.hearing.pcm import SAMPLE_RATE
from agent.hearing.sound import SOUNDS, HeardSecond, Sound
from agent.hearing.spectrogram import LOOKAHEAD
from agent.train.corpus.channel import draw_channel, transmit
from agent.train.corpus.material import Source, find_material
from agent.train.corpus.plan import read_plan
from agent.train.corpus.synth import compose, share_folds
from agent.train.labels.label_table import Row
from agent.train.parallel import Workers
from agent.train.student.examples import Examples
from agent.train.student.fit import fit
from agent.train.student.recipes import ForestRecipe
from agent.train.student.views import hear_recording
from agent.verdict.evidence import Evidence, Settling
from agent.verdict.outcome import Outcome
from agent.verdict.settle import settle

PLAN = read_plan()
R, S, M, Q = Sound.RINGING, Sound.SPEECH, Sound.MUSIC, Sound.SILENCE
KINDS: dict[str, tuple[tuple[Sound, float, float], ...]] = {
    "ringing": ((R, 15, 40),),
    "silence, ringing": ((Q, 1, 6), (R, 15, 40)),
    "announcement": ((S, 6, 15),),
    "silence, announcement": ((Q, 1, 6), (S, 6, 15)),
    "ringing, announcement": ((R, 6, 30), (S, 6, 15)),
    "song": ((M, 15, 40),),
    "ringing, song": ((R, 4, 10), (M, 15, 30)),
    "song, announcement": ((M, 8, 25), (S, 6, 15)),
    "song with a voice in it": ((M, 15, 40),),
    "silence": ((Q, 6, 20),),
    "silence, ringing, announcement": ((Q, 1, 6), (R, 6, 20), (S, 6, 15)),
}
"""What is played, and for how many seconds."""
VOICE_IN_IT = "song with a voice in it"
VOICE_DB = (-12.0, 0.0)
"""Level of that voice over the song's, for want of recordings of singers."""
OUTCOME_OF = {R: Outcome.RINGING, S: Outcome.ANNOUNCEMENT, M: Outcome.MUSIC, Q: Outcome.SILENCE}


@dataclass(frozen=True, slots=True)
class ComposedCall:
    """One call and what the forest heard in it."""

    kind: str
    announced_at: float | None
    """Second at which the announcement begins, None where there is none."""
    seconds: tuple[HeardSecond, ...]

    @property
    def truth(self) -> Outcome:
        """What was played last."""
        return OUTCOME_OF[KINDS[self.kind][-1][0]]


@dataclass(frozen=True, slots=True)
class Judged:
    """How one call settled."""

    call: ComposedCall
    outcome: Outcome
    final_at: float | None
    """Second at which an announcement became final within the call."""
    moments: tuple[tuple[float, bool], ...]
    """Confidence and rightness of the running verdicts, once the last sound had been played for 3 s."""

    @property
    def harmful(self) -> bool:
        """An announcement was final although none was played, or before it began."""
        began = self.call.announced_at
        return self.final_at is not None and (began is None or self.final_at <= began)


def compose_calls(
    sources: Sequence[Source], calls: int, seed: int
) -> Iterator[tuple[str, float | None, Vectors]]:
    """Compose calls of all kinds in turn: kind, start of the announcement, vectors of the seconds."""
    shelf = {sound: [source for source in sources if source.sound is sound] for sound in Sound}
    for index, kind in zip(range(calls), itertools.cycle(KINDS), strict=False):
        rng = np.random.default_rng([seed, 3, index])
        gain_db = rng.uniform(-30, 2)
        parts, announced_at, length = [], None, 0
        for sound, shortest, longest in KINDS[kind]:
            samples = int(rng.uniform(shortest, longest) * SAMPLE_RATE)
            source = shelf[sound][int(rng.integers(len(shelf[sound])))]
            part, _ = source.play(samples, rng)
            if kind == VOICE_IN_IT:
                voice, _ = shelf[S][int(rng.integers(len(shelf[S])))].play(samples, rng)
                part = part + voice * np.float32(10 ** (rng.uniform(*VOICE_DB) / 20))
            parts.append(part * np.float32(10 ** (-gain_db / 20)) if sound is Q else part)
            if sound is S:
                announced_at = length / SAMPLE_RATE
            length += samples
        whole = np.concatenate([*parts, np.zeros(LOOKAHEAD, np.float32)])
        yield kind, announced_at, hear_recording(transmit(whole, draw_channel(rng, gain_db, PLAN.channel)))


def hear_strangers(
    sources: Sequence[Source], recordings: int, calls: int, trees: int, folds: Sequence[int], seed: int
) -> list[ComposedCall]:
    """Hear calls of each fold by a forest that was fitted on the others."""
    plan = PLAN.model_copy(update={"recordings": recordings, "seed": seed})
    fold_of = share_folds(sources, plan.folds)
    made = [(each.rows, hear_recording(each.samples)) for each in compose(sources, plan)]
    examples = _examples([row for rows, _ in made for row in rows])
    heard = np.concatenate([vectors[: len(rows)] for rows, vectors in made])
    result = []
    for fold in folds:
        others = examples.fold != fold
        forest = fit(ForestRecipe(trees=trees), examples.where(others), heard[others], Workers(jobs=1))
        strangers = [source for source in sources if fold_of[source.group] == fold]
        for kind, announced_at, vectors in compose_calls(strangers, calls, seed + fold):
            p = forest.predict(vectors)
            seconds = tuple(
                HeardSecond(float(at), (r, s, m, q)) for at, (r, s, m, q) in enumerate(p.tolist())
            )
            result.append(ComposedCall(kind, announced_at, seconds))
    return result


def _examples(rows: Sequence[Row]) -> Examples:
    return Examples(
        root=Path(),
        file=tuple(row.file for row in rows),
        start=np.array([row.second.start for row in rows]),
        truth=np.array([SOUNDS.index(row.second.sound) for row in rows]),
        soft=np.array([row.second.soft for row in rows]),
        ambiguous=np.array([row.second.ambiguous for row in rows]),
        teacher=tuple(row.teacher for row in rows),
        group=tuple(row.group for row in rows),
        fold=np.array([row.fold for row in rows]),
        weight=np.array([row.weight for row in rows]),
    )


def judge(call: ComposedCall, settling: Settling) -> Judged:
    """Settle one call second by second."""
    evidence = Evidence(settling)
    evidence.early_media()
    evidence.tap()
    last_part = sum(longest for _, _, longest in KINDS[call.kind][:-1])
    moments = []
    for second in call.seconds:
        evidence.hear(second)
        verdict = settle(evidence)
        if second.at >= last_part + 3 and verdict.outcome is not Outcome.UNKNOWN:
            moments.append((verdict.confidence, verdict.outcome is call.truth))
    final_at = evidence.final_at
    evidence.end()
    return Judged(call, settle(evidence).outcome, final_at, tuple(moments))


def show(judged: Sequence[Judged], console: Console) -> None:
    """Print how each kind of call fared, and how confidence compares with rightness."""
    table = Table("call", "calls", "right", "wrong", "unknown", "harmful", "final", "delay: median", "90 %")
    for kind in [*KINDS, "all"]:
        ours = [each for each in judged if kind in (each.call.kind, "all")]
        delays = [
            each.final_at - each.call.announced_at
            for each in ours
            if each.final_at is not None and each.call.announced_at is not None and not each.harmful
        ]
        right = sum(each.outcome is each.call.truth for each in ours)
        unknown = sum(each.outcome is Outcome.UNKNOWN for each in ours)
        harmful = sum(each.harmful for each in ours)
        announced = sum(each.call.announced_at is not None for each in ours)
        table.add_row(
            kind,
            str(len(ours)),
            f"{right / len(ours):.1%}",
            f"{(len(ours) - right - unknown) / len(ours):.1%}",
            f"{unknown / len(ours):.1%}",
            f"{harmful / len(ours):.1%}",
            f"{len(delays) / announced:.1%}" if announced else "-",
            f"{np.median(delays):.1f} s" if delays else "-",
            f"{np.quantile(delays, 0.9):.1f} s" if delays else "-",
        )
    console.print(table)
    calibration = Table("confidence", "verdicts", "right", title="running verdicts, 3 s into the last sound")
    moments = [moment for each in judged for moment in each.moments]
    for low, high in itertools.pairwise((0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.001)):
        inside = [right for confidence, right in moments if low <= confidence < high]
        share = f"{np.mean(inside):.1%}" if inside else "-"
        calibration.add_row(f"{low:.2f} to {min(high, 1):.2f}", str(len(inside)), share)
    console.print(calibration)


def sweep(calls: Sequence[ComposedCall], console: Console) -> None:
    """Print the figures of many settings, so that the defaults can be chosen by them."""
    table = Table("seconds", "confidence", "margin", "contradiction", "right", "harmful", "final", "delay")
    for seconds, sure, margin, against in itertools.product(
        (3, 4), (0.8, 0.9), (0.0, 0.5, 0.65, 0.7), (0.5, 0.6)
    ):
        settling = replace(
            Settling(),
            announcement_seconds=seconds,
            announcement_confidence=sure,
            announcement_margin=margin,
            contradiction=against,
        )
        judged = [judge(call, settling) for call in calls]
        announced = [each for each in judged if each.call.announced_at is not None and not each.harmful]
        delays = [
            each.final_at - (each.call.announced_at or 0.0) for each in announced if each.final_at is not None
        ]
        table.add_row(
            str(seconds),
            f"{sure}",
            f"{margin}",
            f"{against}",
            f"{np.mean([each.outcome is each.call.truth for each in judged]):.2%}",
            f"{np.mean([each.harmful for each in judged]):.2%}",
            f"{len(delays) / len(announced):.1%}",
            f"{np.median(delays):.1f} s",
        )
    console.print(table)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--audio", type=Path, help="folder with music/ and speech/")
    parser.add_argument("--tones", type=Path, required=True, help="national tones (E.180) as JSON")
    parser.add_argument(
        "--prompts", type=Path, nargs="*", default=[], help="folders as for `earlymedia train`"
    )
    parser.add_argument("--recordings", type=int, default=1500, help="recordings to fit the forests on")
    parser.add_argument("--calls", type=int, default=400, help="calls composed for each fold")
    parser.add_argument("--trees", type=int, default=200)
    parser.add_argument("--folds", type=int, default=PLAN.folds, help="how many folds to hold out in turn")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--sweep", action="store_true", help="compare settings")
    asked = parser.parse_args()
    sources = find_material(asked.audio, asked.prompts, asked.tones, asked.seed)
    calls = hear_strangers(
        sources, asked.recordings, asked.calls, asked.trees, range(asked.folds), asked.seed
    )
    console = Console(width=120)
    show([judge(call, Settling()) for call in calls], console)
    if asked.sweep:
        sweep(calls, console)


if __name__ == "__main__":
    main()
