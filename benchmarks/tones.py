"""How well tones are told: every tone of every country through lines and codecs, and what is none of them.

    python benchmarks/tones.py [--each 2] [--share 0.3] [--no-tones FOLDER ...] [--limit-hours 2]

Tones are sounded as exchanges do, off by up to 2 % in pitch and 10 % in time and mostly begun within a cycle.
`right` is the kind that the tone's country means, `contradicted` another kind that another country means by
the same tone, `harmful` ringing taken for anything that ends a call or the reverse. Recordings under FOLDER
hold voices and songs and nothing that is a tone.
"""

import argparse
import math
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from agent.hearing.ear import Ear, Stream
from agent.hearing.forest import Forest
from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.hearing.rows import frame_rows
from agent.hearing.sound import Encoding
from agent.hearing.spectrogram import Framer, cut_frames, power_of
from agent.hearing.tone_table import Cadence, ToneKind, ToneTable, world
from agent.hearing.tones import ToneEar, ToneEvent, Tones
from agent.train.corpus.call_tones import pattern_of
from agent.train.corpus.channel import Channel, Loss, transmit
from agent.train.corpus.codecs import Codec, Coding, encode_decode
from agent.train.corpus.noise import Noise
from agent.train.corpus.plan import Concealment
from agent.train.corpus.tones import Tolerance, sound_pattern
from agent.train.errors import MaterialError
from agent.train.student.views import read_samples
from agent.verdict.evidence import Evidence, known_at
from agent.verdict.outcome import Outcome
from agent.verdict.settle import settle_each

KINDS = (
    ToneKind.RINGING,
    ToneKind.BUSY,
    ToneKind.CONGESTION,
    ToneKind.NUMBER_UNOBTAINABLE,
    ToneKind.DIAL_TONE,
)
TICK = 800
FULL_TONE_DB = -15.2
"""Mean square in dB of what `sound_pattern` makes."""
ZERO_DBM0_DB = -6.15
"""Mean square in dB, relative to 1, of a tone at 0 dBm0 (ITU-T G.711: full scale is +3.14 dBm0)."""

SIT = {
    ToneKind.SIT_OTHER: ((950.0, 0.33), (1400.0, 0.33), (1800.0, 0.33)),
    ToneKind.SIT_INTERCEPT: ((913.8, 0.274), (1370.6, 0.274), (1776.7, 0.38)),
    ToneKind.SIT_VACANT: ((985.2, 0.38), (1370.6, 0.274), (1776.7, 0.38)),
    ToneKind.SIT_REORDER: ((913.8, 0.274), (1428.5, 0.38), (1776.7, 0.38)),
    ToneKind.SIT_NO_CIRCUIT: ((985.2, 0.38), (1428.5, 0.38), (1776.7, 0.38)),
}


ULAW, GSM = Coding(Codec.ULAW), Coding(Codec.GSM)


@dataclass(frozen=True, slots=True)
class Condition:
    """What a line does to a tone."""

    name: str
    dbm0: tuple[float, float] = (-20.0, -5.0)
    snr_db: float = 50.0
    codecs: tuple[Coding, ...] = (ULAW,)
    loss: float = 0.0
    """Share of packets that are lost, one in four of them together with the next."""


CONDITIONS = (
    Condition("µ-law"),
    Condition("A-law", codecs=(Coding(Codec.ALAW),)),
    Condition("0 dBm0", dbm0=(-1.0, 0.0)),
    Condition("-40 dBm0", dbm0=(-40.0, -38.0)),
    Condition("SNR 15 dB", snr_db=15.0),
    Condition("loss 3 %", loss=0.03),
    Condition("GSM", codecs=(GSM, ULAW)),
    Condition("GSM, 15 dB, 3 %", codecs=(GSM, ULAW), snr_db=15.0, loss=0.03),
    Condition("Opus", codecs=(Coding(Codec.OPUS, 12_000), ULAW)),
    Condition("AMR 12.2", codecs=(Coding(Codec.AMR, 12_200), ULAW)),
    Condition("AMR 4.75", codecs=(Coding(Codec.AMR, 4750), ULAW)),
    Condition("AMR 7.4, 15 dB", codecs=(Coding(Codec.AMR, 7400), ULAW), snr_db=15.0),
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--each", type=int, default=1, help="times that every tone is sounded in every condition"
    )
    parser.add_argument("--no-tones", type=Path, nargs="*", default=[], help="folders of voices and songs")
    parser.add_argument("--model", type=Path, default=Path("models/student.joblib"))
    parser.add_argument("--limit-hours", type=float, default=2.0)
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
    if arguments.no_tones:
        false_verdicts(ear, arguments.model, arguments.no_tones, arguments.limit_hours, rng)
    cost(ear, arguments.no_tones, rng)


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


TOLD_BY_TONES = {Outcome(kind) for kind in ToneKind if kind not in (ToneKind.RINGING, ToneKind.OTHER)}
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


def sounded(cadence: Cadence, condition: Condition, rng: np.random.Generator) -> tuple[Samples, float]:
    """Return two and a half cycles or more of a tone through a line, and where it begins, in seconds."""
    cycle = sum(min(s.seconds, 6.0) for s in cadence.again)
    length = min(32.0, max(6.0, 2.6 * cycle + sum(s.seconds for s in cadence.once)))
    tone, on = sound_pattern(pattern_of(cadence), int(length * SAMPLE_RATE), rng, Tolerance())
    lead = int(rng.uniform(0, 1.5) * SAMPLE_RATE)
    sound = np.concatenate((np.zeros(lead, np.float32), tone))
    return through(sound, condition, rng), (lead + int(on.argmax())) / SAMPLE_RATE


def through(sound: Samples, condition: Condition, rng: np.random.Generator) -> Samples:
    """Send a sound whose tones are at FULL_TONE_DB through a line."""
    dbm0 = rng.uniform(*condition.dbm0)
    gain = dbm0 + ZERO_DBM0_DB - FULL_TONE_DB
    loss = Loss(condition.loss, 0.25, Concealment(rng.choice([*Concealment])))
    channel = Channel(
        gain_db=gain,
        noise=Noise.WHITE,
        noise_db=dbm0 + ZERO_DBM0_DB - condition.snr_db,
        codecs=condition.codecs,
        loss=loss if condition.loss else None,
        seed=int(rng.integers(2**32)),
    )
    return transmit(sound, channel)


def hear(ear: ToneEar, sound: Samples, country: str | None = None) -> list[ToneEvent]:
    """Return the events of a recording, heard in ticks of 100 ms joined to seconds."""
    call, framer, events = Tones(country), Framer(), []
    for start in range(0, len(sound), 10 * TICK):
        spectra = power_of(cut_frames([framer], [sound[start : start + 10 * TICK]]))
        events += ear.listen([call], [len(spectra)], spectra, frame_rows(spectra))[0]
    return events


def special(
    ear: ToneEar, conditions: list[Condition], each: int, rng: np.random.Generator, verbose: bool
) -> None:
    """Sound SIT of every coding, fax and modem, and keys and call waiting that are none of them."""
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
    false: Counter[str] = Counter()
    keys = 0
    for _ in range(20 * each):
        for make in (dialled, waiting):
            keys += 1
            false.update(
                f"{make.__name__}: {e.kind.value} {e.detail} {e.confidence}"
                for e in hear(ear, through(make(rng), conditions[0], rng))
            )
    show(f"keys and call waiting: {sum(false.values())} false verdicts on {keys} recordings {dict(false)}")


def sine(hz: float, seconds: float, off: float = 1.0) -> Samples:
    """Return a tone as loud as those of `sound_pattern`."""
    time_s = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (math.sqrt(0.06) * np.sin(2 * np.pi * hz * off * time_s)).astype(np.float32)


def pause(seconds: float) -> Samples:
    """Return silence."""
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def sit(segments: tuple[tuple[float, float], ...], rng: np.random.Generator) -> tuple[Samples, float]:
    """Return a SIT after silence, before an announcement's noise or silence, and its end in seconds."""
    pitch, tempo, gap = rng.uniform(0.98, 1.02), rng.uniform(0.9, 1.1), float(rng.choice([0, 0, 0.03]))
    parts = [pause(rng.uniform(0, 2))]
    for hz, seconds in segments:
        parts += [sine(hz, seconds * tempo, pitch), pause(gap)]
    end = (sum(map(len, parts)) - round(gap * SAMPLE_RATE)) / SAMPLE_RATE
    babble = rng.standard_normal(8000).astype(np.float32) * np.repeat(rng.uniform(0.01, 0.2, 20), 400).astype(
        np.float32
    )
    parts.append(babble if rng.random() < 0.5 else pause(1))
    return np.concatenate(parts), end


def _off(rng: np.random.Generator) -> float:
    return float(rng.uniform(0.985, 1.015))


def _answer(rng: np.random.Generator, hz: float, turns: bool, modulated: bool) -> Samples:
    tone: Samples = sine(hz, 3.3, _off(rng))
    time_s = np.arange(len(tone)) / SAMPLE_RATE
    if turns:
        tone = tone * np.where(np.floor(time_s / 0.45) % 2, -1, 1).astype(np.float32)
    if modulated:
        tone = tone * (1 + 0.2 * np.cos(2 * np.pi * 15 * time_s)).astype(np.float32)
    return np.concatenate((pause(rng.uniform(0, 2)), tone, pause(0.5)))


ANSWERS: dict[str, Callable[[np.random.Generator], Samples]] = {
    "CNG": lambda rng: np.concatenate(
        [pause(rng.uniform(0, 2)), *[sine(1100, 0.5, _off(rng)), pause(3)] * 3]
    ),
    "CED": lambda rng: _answer(rng, 2100, False, False),
    "V.25 with reversals": lambda rng: _answer(rng, 2100, True, False),
    "ANSam": lambda rng: _answer(rng, 2100, True, True),
    "Bell 103": lambda rng: _answer(rng, 2225, False, False),
}


def dialled(rng: np.random.Generator) -> Samples:
    """Return keys that someone presses (ITU-T Q.23)."""
    parts = [pause(0.2)]
    on, off = rng.uniform(0.05, 0.5), rng.uniform(0.05, 0.5)
    for _ in range(int(rng.integers(1, 12))):
        row, column = rng.choice([697, 770, 852, 941]), rng.choice([1209, 1336, 1477, 1633])
        parts += [(sine(row, on) + sine(column, on)) / np.float32(1.4), pause(off)]
    return np.concatenate([*parts, pause(4)])


def waiting(rng: np.random.Generator) -> Samples:
    """Return call waiting in a quiet call: 440 Hz for 0.3 s every 10 s, or 425 Hz for 0.2 s twice."""
    if rng.random() < 0.5:
        return np.concatenate([pause(2), *[sine(440, 0.3), pause(9.7)] * 2])
    return np.concatenate([pause(2), *[sine(425, 0.2), pause(0.2), sine(425, 0.2), pause(9)] * 2])


def false_verdicts(
    tone_ear: ToneEar, model: Path, folders: list[Path], hours: float, rng: np.random.Generator
) -> None:
    """Listen to what holds no tones: what is taken for one, and what verdicts say so."""
    ear = Ear(Forest.load(model), tone_ear=tone_ear)
    taken: list[str] = []
    verdicts: list[str] = []
    seconds = 0.0
    for file, sound in recordings(folders, rng):
        if seconds > hours * 3600:
            break
        seconds += len(sound) / SAMPLE_RATE
        level = float(np.sqrt(np.mean(sound**2))) or 1.0
        loud = sound / np.float32(level) * np.float32(10 ** (rng.uniform(-35, -15) / 20))
        codec = Codec(rng.choice([Codec.ULAW, Codec.ALAW, Codec.GSM, Codec.LINEAR]))
        stream = Stream(Encoding.SLIN8)
        coded = np.clip(32768 * encode_decode(loud, Coding(codec)), -32768, 32767).astype("<i2")
        (heard,) = ear.hear([(stream, coded.tobytes())])
        events = stream.take_tones()
        taken += [f"{file} {e.at:.1f} s: {e.kind.value} {e.confidence} {e.detail}" for e in events]
        for each, verdict in settle_each(Evidence(), heard, events):
            if verdict.outcome in TOLD_BY_TONES:
                verdicts.append(f"{file} {known_at(each):.1f} s: {verdict.outcome} {verdict.confidence:.2f}")
    show(f"\nvoices and songs: {len(taken)} events, {len(verdicts)} verdicts in {seconds / 3600:.2f} h")
    for line in (*taken, *verdicts):
        show("    " + line)


def recordings(folders: list[Path], rng: np.random.Generator) -> Iterator[tuple[Path, Samples]]:
    """Yield recordings in random order at 8 kHz; a long one in pieces of three minutes."""
    files = [
        f
        for folder in folders
        for f in sorted(folder.rglob("*"))
        if f.suffix in (".wav", ".ogg", ".flac", ".mp3", ".opus")
    ]
    for index in rng.permutation(len(files)):
        try:
            sound = read_samples(files[index])
        except MaterialError:
            continue
        for start in range(0, len(sound), 180 * SAMPLE_RATE):
            yield files[index], sound[start : start + 180 * SAMPLE_RATE]


def cost(ear: ToneEar, folders: list[Path], rng: np.random.Generator) -> None:
    """Print what a second of 1,000 calls costs, in ticks of 100 ms, in batches of 64 calls at any moment."""
    seconds, calls = 10, 64
    noise = rng.standard_normal(20 * SAMPLE_RATE).astype(np.float32) * np.float32(0.05)
    double = sine(400, 0.4) + sine(450, 0.4)
    played: dict[str, list[Samples]] = {
        "noise": [noise],
        "ringing, 425 Hz 1 s, 4 s": [sine(425, 1), pause(4)],
        "ringing, twice 0.4 s": [double, pause(0.2), double, pause(2)],
        "busy, 425 Hz 0.5 s, 0.5 s": [sine(425, 0.5), pause(0.5)],
    }
    sounds = {name: [whole_call(parts, seconds, rng) for _ in range(calls)] for name, parts in played.items()}
    if folders:
        pieces = (sound for _, sound in recordings(folders, rng) if len(sound) >= seconds * SAMPLE_RATE)
        sounds["voices and songs"] = list(islice(pieces, calls))
    show("")
    for name, heard in sounds.items():
        listening, framers = [Tones() for _ in heard], [Framer() for _ in heard]
        spent = 0.0
        for tick in range(seconds * 10):
            part = slice(tick * TICK, (tick + 1) * TICK)
            frames = cut_frames(framers, [sound[part] for sound in heard])
            spectra = power_of(frames)
            rows = frame_rows(spectra)
            began = time.process_time()
            ear.listen(listening, frames.counts, spectra, rows)
            spent += time.process_time() - began
        show(f"{name:28s}{1e6 * spent / (len(heard) * seconds):8.0f} ms for 1,000 call-seconds")


def whole_call(parts: list[Samples], seconds: int, rng: np.random.Generator) -> Samples:
    """Repeat a cycle from any moment of it on."""
    cycle = np.concatenate(parts)
    begin = int(rng.integers(len(cycle)))
    return np.resize(cycle, begin + seconds * SAMPLE_RATE)[begin:]


def show(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
