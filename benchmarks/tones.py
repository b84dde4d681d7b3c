"""How well tones are told: every tone of every country through lines and codecs.

    python -m benchmarks.tones [--each 2] [--share 0.3]

Tones are sounded as exchanges do, off by up to 2 % in pitch and 10 % in time and mostly begun within a cycle.
`right` is the kind that the tone's country means, `contradicted` another kind that another country means by
the same tone, `harmful` ringing taken for anything that ends a call or the reverse. `no_tones.py` tells what
is taken for a tone that is none.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.hearing.rows import frame_rows
from agent.hearing.spectrogram import Framer, cut_frames, power_of
from agent.hearing.tone_lines import kept_bins
from agent.hearing.tone_table import ToneKind, ToneTable, world
from agent.hearing.tones import ToneEar, ToneEvent, Tones
from benchmarks.tone_sounds import ANSWERS, CONDITIONS, SIT, Condition, sit, sounded, through

KINDS = (
    ToneKind.RINGING,
    ToneKind.BUSY,
    ToneKind.CONGESTION,
    ToneKind.NUMBER_UNOBTAINABLE,
    ToneKind.DIAL_TONE,
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--each", type=int, default=1, help="times that every tone is sounded in every condition"
    )
    parser.add_argument(
        "--share", type=float, default=1.0, help="share of the tones that are sounded, by chance"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--conditions", nargs="*", default=[c.name for c in CONDITIONS])
    parser.add_argument("--verbose", action="store_true", help="list what was not right")
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    ear = ToneEar()
    conditions = [c for c in CONDITIONS if c.name in arguments.conditions]
    for named in (True, False):
        national(ear, world(), conditions, arguments, named, rng)
    special(ear, conditions, 10 * arguments.each, rng, arguments.verbose)


@dataclass(slots=True)
class Score:
    """What became of tones."""

    heard: int = 0
    right: int = 0
    contradicted: int = 0
    wrong: int = 0
    silent: int = 0
    harmful: int = 0

    def __str__(self) -> str:
        shares = (self.right, self.contradicted, self.wrong, self.silent, self.harmful)
        return f"{self.heard:6d}" + "".join(f"{share / max(1, self.heard):9.3f}" for share in shares)


HEADER = f"{'':28s}{'tones':>6s}{'right':>9s}{'contrad.':>9s}{'wrong':>9s}{'none':>9s}{'harmful':>9s}"


def national(
    ear: ToneEar,
    table: ToneTable,
    conditions: list[Condition],
    plan: argparse.Namespace,
    named: bool,
    rng: np.random.Generator,
) -> None:
    """Sound every tone of every country."""
    by_condition: dict[str, Score] = defaultdict(Score)
    by_kind: dict[str, Score] = defaultdict(Score)
    by_country: dict[str, Score] = defaultdict(Score)
    delays: dict[ToneKind, list[float]] = defaultdict(list)
    cases = [
        (tone, kind, code)
        for tone in table.tones
        for kind, codes in tone.countries.items()
        if kind in KINDS
        for code in codes
    ]
    said: dict[tuple[object, ...], ToneEvent | None] = {}
    for condition in conditions:
        for tone, kind, code in cases:
            if rng.random() > plan.share:
                continue
            for turn in range(plan.each):
                key = (tone.cadence, condition.name, turn, code if named else None)
                if key not in said:
                    sound, onset = sounded(tone.cadence, condition, rng)
                    events = hear(ear, sound, code if named else None)
                    said[key] = events[-1] if events else None
                    if (
                        first := next((e for e in events if e.kind is kind), None)
                    ) and condition.name == "µ-law":
                        delays[kind].append(first.at - onset)
                event = said[key]
                score_all(
                    event,
                    kind,
                    code,
                    tone.countries,
                    (by_condition[condition.name], by_kind[kind.value], by_country[code]),
                )
                if plan.verbose and (event is None or code not in tone.countries.get(event.kind, ())):
                    said_it = f"{event.kind} {event.confidence} {event.detail}" if event else "-"
                    show(f"    {condition.name:18s}{code} {kind:20s}{str(tone.cadence)[:50]:50s} {said_it}")
    show(f"\nnational tones, the trunk's country {'named' if named else 'not named'}\n{HEADER}")
    for name, score in (*by_condition.items(), *by_kind.items()):
        show(f"{name:28s}{score}")
    worst = sorted(by_country.items(), key=lambda item: item[1].right / item[1].heard)[:12]
    show(
        "weakest countries: " + ", ".join(f"{code} {score.right / score.heard:.2f}" for code, score in worst)
    )
    for kind, values in delays.items():
        show(f"{kind.value:28s}first said after {spread(values)} of tone")


def spread(seconds: list[float]) -> str:
    """Say where most of some durations lie."""
    middle, most, nearly_all = np.quantile(seconds, (0.5, 0.9, 0.99))
    return f"{middle:.2f} s (90 %: {most:.2f} s, 99 %: {nearly_all:.2f} s)"


def score_all(
    event: ToneEvent | None,
    kind: ToneKind,
    code: str,
    meanings: Mapping[ToneKind, Sequence[str]],
    scores: tuple[Score, ...],
) -> None:
    """Count a verdict."""
    for score in scores:
        score.heard += 1
        if event is None:
            score.silent += 1
        elif event.kind is kind or code in meanings.get(event.kind, ()):
            score.right += 1
        elif event.kind in meanings:
            score.contradicted += 1
        else:
            score.wrong += 1
        if event and (event.kind is ToneKind.RINGING) != (kind is ToneKind.RINGING):
            score.harmful += 1


def hear(ear: ToneEar, sound: Samples, country: str | None = None) -> list[ToneEvent]:
    """Return the events of a recording, heard second by second."""
    call, framer, events = Tones(country), Framer(), []
    for start in range(0, len(sound), SAMPLE_RATE):
        spectra = power_of(cut_frames([framer], [sound[start : start + SAMPLE_RATE]]))
        events += ear.listen([call], [len(spectra)], kept_bins(spectra), frame_rows(spectra))[0]
    return events


def special(
    ear: ToneEar, conditions: list[Condition], each: int, rng: np.random.Generator, verbose: bool
) -> None:
    """Sound SIT of every coding, fax and modem."""
    show(f"\ntones of all countries\n{HEADER}")
    delays = []
    totals: dict[str, Score] = defaultdict(Score)
    for condition in conditions:
        for kind, segments in SIT.items():
            for _ in range(each):
                sound, end = sit(segments, rng)
                events = hear(ear, through(sound, condition, rng))
                found = next((e for e in events if e.kind in SIT), None)
                if found:
                    delays.append(found.at - end)
                for score in (totals[f"SIT {condition.name}"], totals[kind.value]):
                    score_all(found, kind, "", dict.fromkeys(SIT, ()), (score,))
                if verbose and (not found or found.kind is not kind):
                    show(f"    {condition.name} {kind.value} {found or events}")
        for name, make in ANSWERS.items():
            for _ in range(each):
                events = hear(ear, through(make(rng), condition, rng))
                score_all(
                    events[-1] if events else None,
                    ToneKind.FAX_OR_MODEM,
                    "",
                    {},
                    (totals[name], totals[f"fax {condition.name}"]),
                )
    for name, score in totals.items():
        show(f"{name:28s}{score}")
    show(f"SIT said {spread(delays)} after its end")


def show(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
