"""What exchanges and machines sound, and what lines make of it, for the benchmarks of tones."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.hearing.tone_table import Cadence, ToneKind
from agent.train.corpus.call_tones import pattern_of
from agent.train.corpus.channel import Channel, Loss, transmit
from agent.train.corpus.codecs import Codec, Coding
from agent.train.corpus.noise import Noise
from agent.train.corpus.plan import Concealment
from agent.train.corpus.tones import Tolerance, sound_pattern

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
