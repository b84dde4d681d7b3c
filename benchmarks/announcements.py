"""How well and how fast announcements are recognised.

    python -m benchmarks.announcements --work DIR [--prompts DIR] [--library 1000] [--own 10000]
        [--foreign 50000] [--growth 100000] [--calls 200]

The library holds sentences that espeak-ng and flite have read in 16 languages, and recordings of `--prompts`
in some languages; foreign queries are other sentences by the same voices and prompts in other languages.
Sentences are of made-up words, so that no two share a phrase. Every query is 3 s from a random sample on,
through a random line: G.711 at 20 dB SNR, or GSM at 10 dB with 2 % of packets lost in bursts. Foreign
queries go half through the one, half through the other. Renderings are kept in `--work`.
Last, `--calls` live calls play announcements without end, as mu-law in ticks of 100 ms, to the shipped
forest, and then other speech, with the library and without it.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from scipy import fft, signal, stats

from agent.config import Config
from agent.demo.g711 import encode_ulaw
from agent.hearing.ear import Ear, Stream
from agent.hearing.forest import Forest
from agent.hearing.known import Known
from agent.hearing.mel import LogMel, log_mel
from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.hearing.recognition import Match, Recollection, identify, recognise
from agent.hearing.sound import Encoding
from agent.hearing.spectrogram import FRAMES_PER_SECOND, LOOKAHEAD, power_spectrogram
from agent.hearing.tape import Fingerprint
from agent.hearing.tones import ToneEar
from agent.train.corpus.channel import Channel, Loss, level_db, transmit
from agent.train.corpus.codecs import Codec, Coding
from agent.train.corpus.noise import Noise
from agent.train.corpus.plan import Concealment

LANGUAGES = ["en-us", "de", "es", "fr-fr", "it", "pt-br", "ru", "pl"]
LANGUAGES += ["tr", "sv", "id", "nl", "ro", "hu", "cs", "hi"]
VARIANTS = ["", "+m1", "+m3", "+m5", "+m7", "+f1", "+f2", "+f3", "+f4"]
FLITE = ["kal", "awb", "rms", "slt", "kal16"]
ONSETS = [*"bdfgklmnprstvz", "st", "tr", "pl", "ch", "sh", "br"]
NUCLEI = ["a", "e", "i", "o", "u", "ai", "ou"]
CODAS = ["", "", "n", "s", "r", "l", "t", "m"]
LIBRARY_LANGUAGES = ("-en-", "-fr-", "-ru-")
QUERY_SECONDS = 3
QUERY_SAMPLES = QUERY_SECONDS * SAMPLE_RATE + LOOKAHEAD
BATCH = 64
NOISES = (Noise.WHITE, Noise.PINK, Noise.COLOURED, Noise.HUM)


@dataclass(frozen=True, slots=True)
class Line:
    """What a query goes through."""

    name: str
    snr_db: float
    loss: float
    gsm: bool

    def channel(self, rng: np.random.Generator, level: float) -> Channel:
        """Draw one such channel for sound of a level in dB relative to full scale."""
        gain = rng.uniform(-12, 0)
        last = Coding(Codec(rng.choice([Codec.ULAW, Codec.ALAW])))
        loss = Loss(self.loss, 0.25, Concealment(rng.choice([*Concealment])))
        return Channel(
            gain_db=gain,
            noise=Noise(rng.choice([*NOISES])),
            noise_db=level + gain - self.snr_db,
            codecs=(Coding(Codec.GSM), last) if self.gsm else (last,),
            loss=loss if self.loss else None,
            seed=int(rng.integers(2**32)),
        )


G711 = Line("G.711, 20 dB", 20.0, 0.0, False)
GSM = Line("GSM, 10 dB, 2 % loss", 10.0, 0.02, True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--prompts", type=Path)
    parser.add_argument("--library", type=int, default=1000)
    parser.add_argument("--own", type=int, default=10_000)
    parser.add_argument("--foreign", type=int, default=50_000)
    parser.add_argument("--growth", type=int, default=0, help="grow to so many, by synthetic fingerprints")
    parser.add_argument("--calls", type=int, default=200, help="calls that are live at once")
    arguments = parser.parse_args()

    prompts = read_prompts(arguments.prompts) if arguments.prompts else []
    known_prompts = [x for name, x in prompts if any(word in name for word in LIBRARY_LANGUAGES)][:250]
    known_prompts = without_twins(known_prompts)[:200]
    own = known_prompts + render(arguments.work / "own.npz", 1, arguments.library - len(known_prompts))
    strangers = [(name, x) for name, x in prompts if not any(word in name for word in LIBRARY_LANGUAGES)]
    strangers += [
        (f"rendering {i}", x) for i, x in enumerate(render(arguments.work / "foreign.npz", 2, 1700))
    ]
    seconds = sum(map(len, own)) / SAMPLE_RATE
    began = time.process_time()
    fingerprints = [Fingerprint.of(spectra(x)) for x in own]
    known = Known.of(list(enumerate(fingerprints)))
    show(
        f"library: {len(own)} announcements, {seconds:.0f} s, {len(known_prompts)} of them prompts, "
        f"{sum(f.hashes.size for f in fingerprints) / seconds:.0f} landmarks a second, "
        f"learned in {time.process_time() - began:.1f} s"
    )
    foreign = [x for name, x in strangers if not same_recording(name, x, own, known)]
    show(f"foreign: {len(foreign)} recordings, {sum(map(len, foreign)) / SAMPLE_RATE:.0f} s")
    for line in (G711, GSM) if arguments.own else ():
        measure_own(line, own, known, arguments.own // 2)
    if arguments.foreign:
        measure_foreign(foreign, known, arguments.foreign)
    measure_growth(fingerprints, own, arguments.growth)
    measure_ticks("known announcements", own, known, arguments.calls)
    measure_ticks("other speech", foreign, known, arguments.calls)


def measure_own(line: Line, own: Sequence[Samples], known: Known, queries: int) -> None:
    """Ask for library announcements."""
    truth, right, wrong, cost = 0, 0, 0, 0.0
    for batch in batches(own, line, queries, seed=3):
        answers, spent = ask(known, [mel for _, mel in batch])
        cost += spent
        truth += len(batch)
        right += sum(a is not None and a.owner == of for a, (of, _) in zip(answers, batch, strict=True))
        wrong += sum(a is not None and a.owner != of for a, (of, _) in zip(answers, batch, strict=True))
    show(
        f"{line.name}: {right} of {truth} recognised at {QUERY_SECONDS} s, recall {right / truth:.4f} "
        f"(95 %: {interval(right, truth)}), taken for another {wrong}, "
        f"{1e3 * cost / truth / QUERY_SECONDS:.3f} ms of processor time for a second of speech"
    )


def measure_foreign(foreign: Sequence[Samples], known: Known, queries: int) -> None:
    """Ask for what nobody knows."""
    asked, matched, cost, strongest = 0, 0, 0.0, []
    for line, share in ((G711, queries // 2), (GSM, queries - queries // 2)):
        for batch in batches(foreign, line, share, seed=4):
            answers, spent = ask(known, [mel for _, mel in batch])
            cost += spent
            asked += len(batch)
            strongest += [(a.evidence, of) for a, (of, _) in zip(answers, batch, strict=True) if a]
            matched = len(strongest)
            if asked // 5000 > (asked - len(batch)) // 5000:
                show(f"  {asked} foreign queries, {matched} matched")
    show(
        f"foreign: {matched} of {asked} matched, false rate {matched / asked:.6f} "
        f"(95 %: {interval(matched, asked)}), {1e3 * cost / asked / QUERY_SECONDS:.3f} ms a second; "
        f"matches (evidence, recording): {sorted(strongest)[-5:]}"
    )


def measure_growth(fingerprints: Sequence[Fingerprint], own: Sequence[Samples], largest: int) -> None:
    """Ask for announcements in libraries that hold synthetic ones too."""
    size = len(fingerprints)
    rng = np.random.default_rng(5)
    while size < largest:
        size = min(largest, size * 10)
        began = time.process_time()
        grown = list(fingerprints) + [
            shuffled(fingerprints[int(rng.integers(len(fingerprints)))], rng)
            for _ in range(size - len(fingerprints))
        ]
        known = Known.of(list(enumerate(grown)))
        laid = time.process_time() - began
        right, asked, cost = 0, 0, 0.0
        for batch in batches(own, G711, 10 * BATCH, seed=6):
            answers, spent = ask(known, [mel for _, mel in batch])
            cost += spent
            asked += len(batch)
            right += sum(a is not None and a.owner == of for a, (of, _) in zip(answers, batch, strict=True))
        held = known.tape.memory_bytes / 1e6
        show(
            f"{size} announcements: {held:.0f} MB, laid in {laid:.1f} s, recall {right / asked:.3f}, "
            f"{1e3 * cost / asked / QUERY_SECONDS:.3f} ms a second"
        )


def measure_ticks(what: str, sounds: Sequence[Samples], known: Known, calls: int) -> None:
    """Let calls play recordings, each from its own moment on; time all of hearing, with the library or not.

    Both are timed by turns, tick by tick, so that what else the machine does strikes both.
    """
    rng = np.random.default_rng(7)
    seconds, rate = 10, Encoding.ULAW.bytes_per_second
    audio = []
    for index in rng.integers(len(sounds), size=calls):
        played = np.roll(sounds[index], -int(rng.integers(len(sounds[index]))))
        pcm = np.resize(played, (seconds + 1) * SAMPLE_RATE)
        audio.append(encode_ulaw((np.clip(pcm, -1, 1) * 32767).astype(np.int16)))
    begins = rng.integers(rate, size=calls).tolist()
    forest = Forest.load(Config().model.path)
    ears = [Ear(forest, tone_ear=ToneEar()) for _ in range(2)]
    ears[0].known = known
    streams = [[Stream(Encoding.ULAW) for _ in range(calls)] for _ in ears]
    for ear, own in zip(ears, streams, strict=True):
        ear.hear([(stream, a[:at]) for stream, a, at in zip(own, audio, begins, strict=True)])
    spent, matched = np.zeros((len(ears), 10 * seconds)), 0
    for tick in range(10 * seconds):
        cut = slice(tick * rate // 10, (tick + 1) * rate // 10)
        for number, (ear, own) in enumerate(zip(ears, streams, strict=True)):
            chunks = [(stream, a[at:][cut]) for stream, a, at in zip(own, audio, begins, strict=True)]
            began = time.process_time()
            heard = ear.hear(chunks)
            spent[number, tick] = time.process_time() - began
            matched += sum(second.announcement is not None for new in heard for second in new)
    searching, without = 1e3 * spent.sum(axis=1) / seconds
    show(
        f"{calls} live calls with {what}: {without:.0f} ms of processor time a second, with the library "
        f"{searching:.0f} ms, ticks {1e3 * np.median(spent[0]):.0f} to {1e3 * spent[0].max():.0f} ms, "
        f"{matched} recognised"
    )


def shuffled(of: Fingerprint, rng: np.random.Generator) -> Fingerprint:
    """Make a fingerprint with the hashes of a real one in another order: as common, and as dense."""
    hashes = of.hashes[rng.permutation(of.hashes.size)]
    return Fingerprint(hashes, of.frames, of.prints[rng.permutation(len(of.prints))])


def batches(
    sounds: Sequence[Samples], line: Line, queries: int, seed: int
) -> Iterator[list[tuple[int, LogMel]]]:
    """Yield queries as (index of the sound, its log-mel), BATCH at a time, all cut from one transmission."""
    rng = np.random.default_rng([seed, int(line.gsm)])
    while queries > 0:
        count = min(BATCH, queries)
        queries -= count
        chosen = rng.integers(len(sounds), size=count)
        pieces = []
        for index in chosen:
            at = int(rng.integers(0, max(1, len(sounds[index]) - QUERY_SAMPLES)))
            piece = np.zeros(QUERY_SAMPLES, np.float32)
            cut = sounds[index][at : at + QUERY_SAMPLES]
            piece[: len(cut)] = cut * 10 ** ((-26 - level_db(cut)) / 20)
            pieces.append(piece)
        heard: list[Samples] = []
        for first in range(0, count, 8):  # eight queries share a line, each at its own level
            joined = np.concatenate(pieces[first : first + 8])
            padded = np.zeros(fft.next_fast_len(len(joined)), np.float32)
            padded[: len(joined)] = joined
            sent = transmit(padded, line.channel(rng, -26.0))
            heard += [*sent[: len(joined)].reshape(-1, QUERY_SAMPLES)]
        yield [(int(index), spectra(x)) for index, x in zip(chosen, heard, strict=True)]


def ask(known: Known, queries: Sequence[LogMel]) -> tuple[list[Match | None], float]:
    """Feed queries second by second; return what stood at their end and the processor seconds it took."""
    calls = [Recollection() for _ in queries]
    answers: list[Match | None] = [None] * len(queries)
    began = time.process_time()
    for second in range(QUERY_SECONDS):
        frames = slice(second * FRAMES_PER_SECOND, (second + 1) * FRAMES_PER_SECOND)
        heard = [(call, float(second), mel[frames]) for call, mel in zip(calls, queries, strict=True)]
        answers = [new or old for new, old in zip(recognise(known, heard), answers, strict=True)]
    return answers, time.process_time() - began


def spectra(sound: Samples) -> LogMel:
    """Return the log-mel spectra of (n,) samples."""
    return log_mel(power_spectrogram(sound.astype(np.float32)))


def same_recording(name: str, sound: Samples, own: Sequence[Samples], known: Known) -> bool:
    """Tell whether the library holds this very recording: prompt sets share some. The waveform decides."""
    mel = spectra(sound)
    whole = len(mel) // FRAMES_PER_SECOND
    call = Recollection()
    for second in range(whole):
        frames = slice(second * FRAMES_PER_SECOND, (second + 1) * FRAMES_PER_SECOND)
        (match,) = recognise(known, [(call, float(second), mel[frames])])
        if match is None:
            continue
        other = own[match.owner]
        correlation = np.abs(signal.correlate(sound, other, method="fft")).max()
        alike = float(correlation / np.sqrt(np.sum(sound**2) * np.sum(other**2)))
        show(f"  {name} matches announcement {match.owner} undisturbed, waveforms correlate at {alike:.2f}")
        return alike > 0.2
    return False


def without_twins(sounds: Sequence[Samples]) -> list[Samples]:
    """Leave out what the library would refuse to add: recordings that an earlier one is recognised in."""
    fingerprints = [Fingerprint.of(spectra(x)) for x in sounds]
    known = Known.of(list(enumerate(fingerprints)))
    numbers = np.arange(len(sounds))
    return [
        sound
        for index, sound in enumerate(sounds)
        if identify(known, fingerprints[index], numbers < index) is None
    ]


def interval(hits: int, of: int) -> str:
    """Return the exact (Clopper-Pearson) 95 % interval of a share."""
    low = stats.beta.ppf(0.025, hits, of - hits + 1) if hits else 0.0
    high = stats.beta.ppf(0.975, hits + 1, of - hits) if hits < of else 1.0
    return f"{low:.6f} to {high:.6f}"


def read_prompts(folder: Path) -> list[tuple[str, Samples]]:
    """Read recordings of 3.5 s and more; music on hold is no announcement."""
    prompts = []
    for path in sorted(folder.rglob("*.wav")):
        if "moh" in str(path):
            continue
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
        mono = trimmed(at_8_khz(sound.mean(axis=1), rate)) if len(sound) else np.zeros(0, np.float32)
        if len(mono) >= 3.5 * SAMPLE_RATE:
            prompts.append((str(path.relative_to(folder)), mono))
    return prompts


def render(file: Path, seed: int, count: int) -> list[Samples]:
    """Return so many sentences as read by speech synthesisers, from a file if they were made before."""
    sounds: list[Samples] = []
    if file.is_file():
        kept = np.load(file)
        sounds = np.split(kept["x"].astype(np.float32) / 32768, np.cumsum(kept["n"])[:-1])
    if len(sounds) < count:
        sounds = [sentence(np.random.default_rng([seed, index])) for index in range(count)]
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(
            file,
            x=np.concatenate([np.rint(sound * 32767).astype(np.int16) for sound in sounds]),
            n=np.array([len(sound) for sound in sounds]),
        )
    return [trimmed(sound) for sound in sounds[:count]]


def sentence(rng: np.random.Generator) -> Samples:
    """Let a random voice read a random sentence."""
    voice = ["flite", str(rng.choice(FLITE))] if rng.random() < 0.12 else None
    voice = voice or ["espeak-ng", str(rng.choice(LANGUAGES)) + str(rng.choice(VARIANTS))]
    words = [
        "".join(
            str(rng.choice(ONSETS)) + str(rng.choice(NUCLEI)) + str(rng.choice(CODAS))
            for _ in range(int(rng.integers(1, 4)))
        )
        for _ in range(int(rng.integers(10, 20)))
    ]
    text = ", ".join(" ".join(words[i : i + 7]) for i in range(0, len(words), 7)) + "."
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        command = (
            ["flite", "-voice", voice[1], "-t", text, "-o", file.name]
            if voice[0] == "flite"
            else ["espeak-ng", "-v", voice[1], "-s", "150", "-w", file.name, text]
        )
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603  (no shell, our own words)
        sound, rate = soundfile.read(file.name, dtype="float32")
    return at_8_khz(sound * (0.5 / (np.abs(sound).max() + 1e-9)), rate)


def at_8_khz(sound: Samples, rate: int) -> Samples:
    """Resample to the native rate."""
    common = int(np.gcd(rate, SAMPLE_RATE))
    return np.asarray(signal.resample_poly(sound, SAMPLE_RATE // common, rate // common), np.float32)


def trimmed(sound: Samples) -> Samples:
    """Cut silence off both ends."""
    loud = np.flatnonzero(np.convolve(np.abs(sound), np.full(160, 1 / 160), "same") > 0.003)
    return sound[loud[0] : loud[-1] + 1] if loud.size else sound[:0]


def show(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
