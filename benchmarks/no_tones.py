"""What is taken for a tone that is none: keys, call waiting, voices and songs.

    python -m benchmarks.no_tones [FOLDER ...] [--limit-hours 2]

Recordings under FOLDER hold voices and songs and nothing that is a tone.
"""

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from agent.hearing.ear import Ear, Stream
from agent.hearing.forest import Forest
from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.hearing.sound import Encoding
from agent.hearing.tone_table import ToneKind
from agent.hearing.tones import ToneEar
from agent.train.corpus.codecs import Codec, Coding, encode_decode
from agent.train.errors import MaterialError
from agent.train.student.views import read_samples
from agent.verdict.evidence import Evidence, known_at
from agent.verdict.outcome import Outcome
from agent.verdict.settle import settle_each
from benchmarks.tone_sounds import CONDITIONS, pause, sine, through
from benchmarks.tones import hear, show

TOLD_BY_TONES = {Outcome(kind) for kind in ToneKind if kind not in (ToneKind.RINGING, ToneKind.OTHER)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="*", help="of voices and songs")
    parser.add_argument("--each", type=int, default=200, help="recordings of keys, and of call waiting")
    parser.add_argument("--model", type=Path, default=Path("models/student.joblib"))
    parser.add_argument("--limit-hours", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    ear = ToneEar()
    keys_and_waiting(ear, arguments.each, rng)
    if arguments.folders:
        false_verdicts(ear, arguments.model, arguments.folders, arguments.limit_hours, rng)


def keys_and_waiting(ear: ToneEar, each: int, rng: np.random.Generator) -> None:
    """Listen to keys that are pressed and to call waiting, through mu-law."""
    false: Counter[str] = Counter()
    heard = 0
    for _ in range(each):
        for make in (dialled, waiting):
            heard += 1
            false.update(
                f"{make.__name__}: {e.kind.value} {e.detail} {e.confidence}"
                for e in hear(ear, through(make(rng), CONDITIONS[0], rng))
            )
    count = sum(false.values())
    show(f"keys and call waiting: {count} false verdicts on {heard} recordings {dict(false)}")


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


if __name__ == "__main__":
    main()
