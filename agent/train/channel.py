"""Telephone channels: what happens to sound between the far exchange and the tap."""

import io
import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import signal

from agent.hearing.pcm import SAMPLE_RATE, Decoder, Samples
from agent.hearing.sound import Encoding
from agent.train.noise import Noise, make_noise

_FRAME = 160
"""Samples of one RTP packet (20 ms)."""


class Codec(StrEnum):
    """What a leg's speech is coded with on its way."""

    LINEAR = "linear"
    ULAW = "ulaw"
    ALAW = "alaw"
    GSM = "gsm"
    OPUS = "opus"


class Concealment(StrEnum):
    """What a receiver plays in place of a lost packet."""

    ZEROS = "zeros"
    REPEAT = "repeat"
    """The last packet again, fainter each time (ITU-T G.711 Appendix I does better)."""
    NOISE = "noise"


@dataclass(frozen=True, slots=True)
class Channel:
    """One way from the far end to the tap."""

    gain_db: float
    noise: Noise
    noise_db: float
    """Level of the line's own noise relative to full scale."""
    codecs: tuple[Codec, ...]
    band_hz: tuple[float, float] | None = None
    """Pass band of an analogue section."""
    loss: float = 0.0
    """Share of packets lost, in bursts."""
    concealment: Concealment = Concealment.ZEROS
    clip_db: float | None = None
    """Overdriven by so much before a hard limit."""
    offset: float = 0.0
    """DC offset, of full scale."""
    seed: int = 0


def draw_channel(rng: np.random.Generator, gain_db: float) -> Channel:
    """Draw a channel as varied as carriers are."""
    codecs = [Codec(c) for c in rng.choice([*Codec], int(rng.choice([1, 1, 2])), p=[0.1, 0.3, 0.3, 0.2, 0.1])]
    last = Codec(rng.choice([Codec.LINEAR, Codec.ULAW, Codec.ALAW], p=[0.2, 0.4, 0.4]))
    return Channel(
        gain_db=gain_db,
        noise=Noise(rng.choice([*Noise])),
        noise_db=gain_db - 18 - rng.uniform(12, 50),
        codecs=(*codecs, last),
        band_hz=(rng.uniform(50, 350), rng.uniform(3000, 3700)) if rng.random() < 0.5 else None,
        loss=rng.uniform(0.005, 0.12) if rng.random() < 0.25 else 0.0,
        concealment=Concealment(rng.choice([*Concealment])),
        clip_db=rng.uniform(3, 20) if rng.random() < 0.08 else None,
        offset=rng.uniform(-0.03, 0.03) if rng.random() < 0.1 else 0.0,
        seed=int(rng.integers(2**32)),
    )


def transmit(sound: Samples, channel: Channel) -> Samples:
    """Send (n,) samples through a channel; the same channel does the same each time."""
    rng = np.random.default_rng(channel.seed)
    heard = sound
    if channel.clip_db is not None:
        limit = float(np.sqrt(np.mean(heard**2))) * 10 ** ((20 - channel.clip_db) / 20) + 1e-9
        heard = np.clip(heard, -limit, limit)
    heard = heard * np.float32(10 ** (channel.gain_db / 20))
    heard = heard + make_noise(channel.noise, len(heard), channel.noise_db, rng)
    if channel.band_hz:
        heard = signal.sosfilt(
            signal.butter(3, channel.band_hz, "bandpass", fs=SAMPLE_RATE, output="sos"), heard
        )
    heard = heard + channel.offset
    for codec in channel.codecs[:-1]:
        heard = encode_decode(np.asarray(heard, np.float32), codec)
    if channel.loss:
        heard = _lose(np.asarray(heard, np.float32), channel, rng)
    return encode_decode(np.asarray(heard, np.float32), channel.codecs[-1])


def encode_decode(sound: Samples, codec: Codec) -> Samples:
    """Return what is left of (n,) samples after one codec, rounded to 16 bits."""
    whole = to_pcm16(sound)
    match codec:
        case Codec.LINEAR:
            return whole.astype(np.float32) / np.float32(32768)
        case Codec.ULAW | Codec.ALAW:
            law = Encoding(codec.value)
            return Decoder(law).decode(_compress(whole, law))
        case Codec.GSM:
            return _through_file(whole, {"format": "WAV", "subtype": "GSM610"})
        case Codec.OPUS:
            return _through_file(whole, {"format": "OGG", "subtype": "OPUS"})


def to_pcm16(sound: Samples) -> NDArray[np.int16]:
    """Round samples in [-1, 1) to 16 bits, limiting what is louder."""
    limited: NDArray[np.int16] = np.clip(np.rint(sound * 32768.0), -32768, 32767).astype(np.int16)
    return limited


def _compress(whole: NDArray[np.int16], law: Encoding) -> bytes:
    """Code 16-bit samples by the nearest value of a G.711 law."""
    values = Decoder(law).decode(bytes(range(256)))
    order = np.argsort(values, kind="stable")
    edges = (values[order][1:] + values[order][:-1]) / 2
    codes = order.astype(np.uint8)[np.searchsorted(edges, whole / 32768.0)]
    return codes.tobytes()


def _through_file(whole: NDArray[np.int16], form: dict[str, str]) -> Samples:
    buffer = io.BytesIO()
    soundfile.write(buffer, whole, SAMPLE_RATE, **form)
    buffer.seek(0)
    back, rate = soundfile.read(buffer, dtype="float32")
    if rate != SAMPLE_RATE:
        back = signal.resample_poly(back, SAMPLE_RATE, rate)
    result = np.zeros(len(whole), np.float32)
    result[: len(back)] = back[: len(whole)]
    return result


def _lose(sound: Samples, channel: Channel, rng: np.random.Generator) -> Samples:
    """Lose packets in bursts (a two-state Gilbert channel) and conceal them."""
    packets = np.array(sound[: len(sound) // _FRAME * _FRAME]).reshape(-1, _FRAME)
    stay = rng.uniform(0.2, 0.7)
    enter = channel.loss * (1 - stay) / max(1e-6, 1 - channel.loss)
    draws, losing = rng.random(len(packets)), False
    for index in range(len(packets)):
        losing = bool(draws[index] < (stay if losing else enter))
        if not losing:
            continue
        match channel.concealment:
            case Concealment.ZEROS:
                packets[index] = 0
            case Concealment.REPEAT:
                packets[index] = packets[index - 1] * np.float32(0.7) if index else 0
            case Concealment.NOISE:
                level = 10 ** (channel.noise_db / 20)
                packets[index] = rng.standard_normal(_FRAME, dtype=np.float32) * np.float32(level)
    return np.concatenate((packets.ravel(), sound[packets.size :]))


def level_db(sound: Samples) -> float:
    """Return the level of (n,) samples in dB relative to full scale, -120 for nothing."""
    return 10 * math.log10(float(np.mean(np.square(sound, dtype=np.float64))) + 1e-12)
