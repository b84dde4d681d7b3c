"""What the codecs of a telephone network leave of a sound.

G.711 is made here, a table of 65,536 values for each law; GSM 06.10 is coded by libsndfile; AMR, Opus and
G.722 by FFmpeg's libraries as PyAV carries them.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import signal

from agent.hearing.pcm import SAMPLE_RATE, Decoder, Samples
from agent.hearing.sound import Encoding
from agent.train.errors import MaterialError

Pcm16 = NDArray[np.int16]
"""Samples as integers of 16 bits, (n,)."""


class Codec(StrEnum):
    """What a leg's speech is coded with on its way."""

    LINEAR = "linear"
    ULAW = "ulaw"
    ALAW = "alaw"
    G722 = "g722"
    """ITU-T G.722 at 64 kbit/s, from and to 8 kHz."""
    OPUS = "opus"
    """RFC 6716, voice over IP at 8 kHz."""
    GSM = "gsm"
    """GSM 06.10 full rate, 13 kbit/s."""
    AMR = "amr"
    """3GPP TS 26.090, narrow band."""
    G729_LIKE = "g729_like"
    """No free encoder of G.729 exists. Its nearest kin that has one is AMR's 7.4 kbit/s mode (IS-641): linear
    prediction of order 10, subframes of 40 samples, and the same algebraic code of four pulses in 17 bits."""


BIT_RATES: dict[Codec, tuple[int, ...]] = {
    Codec.AMR: (4750, 5150, 5900, 6700, 7400, 7950, 10_200, 12_200),
    Codec.OPUS: (8000, 12_000, 16_000, 24_000),
    Codec.G729_LIKE: (7400,),
}
"""Bits per second that a codec can be set to; those not here have one rate."""

HARSHEST = (
    Codec.AMR, Codec.G729_LIKE, Codec.GSM, Codec.OPUS, Codec.G722, Codec.ALAW, Codec.ULAW, Codec.LINEAR,
)  # fmt: skip
"""From the codec that loses the most to the one that loses nothing."""


@dataclass(frozen=True, slots=True)
class Coding:
    """A codec at one of its bit rates."""

    codec: Codec
    bit_rate: int = 0
    """Bits per second, one of BIT_RATES; 0 where the codec has one rate only."""

    def __str__(self) -> str:
        return f"{self.codec}:{self.bit_rate}" if self.bit_rate else self.codec.value


def draw_coding(codec: Codec, rng: np.random.Generator) -> Coding:
    """Set a codec to one of its bit rates, each as likely."""
    rates = BIT_RATES.get(codec)
    return Coding(codec, int(rng.choice(rates)) if rates else 0)


def encode_decode(sound: Samples, coding: Coding) -> Samples:
    """Return what is left of (n,) samples at 8 kHz after one codec, rounded to 16 bits and not delayed.

    Raises:
        MaterialError: PyAV, of the `train` extra, is missing or lacks the codec.
    """
    whole = to_pcm16(sound)
    match coding.codec:
        case Codec.LINEAR:
            return _to_samples(whole)
        case Codec.ULAW | Codec.ALAW:
            return _law(Encoding(coding.codec.value))[whole.view(np.uint16)]
        case Codec.GSM:
            return _through_gsm(whole)
        case Codec.AMR | Codec.G729_LIKE:
            return _fit(_through_av("libopencore_amrnb", whole, SAMPLE_RATE, coding.bit_rate), len(whole), 39)
        case Codec.G722:
            wide = to_pcm16(signal.resample_poly(_to_samples(whole), 2, 1))
            coded = _through_av("g722", wide, 2 * SAMPLE_RATE, 64_000)
            return _fit(signal.resample_poly(coded, 1, 2), len(whole), 11)
        case Codec.OPUS:
            coded = _through_av("libopus", whole, SAMPLE_RATE, coding.bit_rate)
            return _fit(signal.resample_poly(coded, 1, 6), len(whole), 52)


def to_pcm16(sound: Samples) -> Pcm16:
    """Round samples in [-1, 1) to 16 bits, limiting what is louder."""
    limited: Pcm16 = np.clip(np.rint(sound * 32768.0), -32768, 32767).astype(np.int16)
    return limited


def _to_samples(whole: Pcm16) -> Samples:
    return whole.astype(np.float32) / np.float32(32768)


@cache
def _law(law: Encoding) -> Samples:
    """Return what a G.711 law makes of every 16-bit value, (65536,), in the order of unsigned integers."""
    values = np.sort(Decoder(law).decode(bytes(range(256))))
    edges = (values[1:] + values[:-1]) / 2
    every = np.arange(65_536, dtype=np.uint16).view(np.int16)
    nearest: Samples = values[np.searchsorted(edges, every / 32768.0)]
    return nearest


def _through_gsm(whole: Pcm16) -> Samples:
    buffer = io.BytesIO()
    soundfile.write(buffer, whole, SAMPLE_RATE, format="WAV", subtype="GSM610")
    buffer.seek(0)
    back, _ = soundfile.read(buffer, dtype="float32")
    return _fit(back, len(whole), 0)


def _through_av(codec: str, whole: Pcm16, rate_hz: int, bit_rate: int) -> Samples:
    """Code and decode by FFmpeg; its delay and the decoder's own rate are left to the caller."""
    try:
        import av
    except ImportError as error:
        raise MaterialError(
            "AMR, Opus and G.722 need PyAV: install it with pip install 'earlymedia-agent[train]'"
        ) from error
    try:
        encoder = av.Codec(codec, "w").create("audio")
        decoder = av.Codec(codec, "r").create("audio")
    except av.codec.codec.UnknownCodecError as error:
        raise MaterialError(
            f"this build of PyAV lacks {codec}: install PyAV's wheel, or give the codec no share in the plan"
        ) from error
    for context in (encoder, decoder):
        context.sample_rate, context.layout = rate_hz, "mono"
    encoder.format, encoder.bit_rate = "s16", bit_rate
    if codec == "libopus":
        encoder.options = {"application": "voip", "compression_level": "3"}

    def frames() -> Iterator[av.AudioFrame]:
        encoder.open()
        size = encoder.frame_size or rate_hz // 50
        padded = np.concatenate((whole, np.zeros(-len(whole) % size + size, np.int16)))
        for start in range(0, len(padded), size):
            frame = av.AudioFrame.from_ndarray(padded[np.newaxis, start : start + size], "s16", "mono")
            frame.sample_rate, frame.pts = rate_hz, start
            for packet in encoder.encode(frame):
                yield from decoder.decode(packet)
        for packet in encoder.encode(None):
            yield from decoder.decode(packet)

    return _to_samples(np.concatenate([frame.to_ndarray().ravel() for frame in frames()]))


def _fit(coded: Samples, samples: int, delay: int) -> Samples:
    """Take out a codec's delay and give back as many samples as went in, as 16 bits hold them."""
    result = np.zeros(samples, np.float32)
    part = coded[delay : delay + samples]
    result[: len(part)] = _to_samples(to_pcm16(part))
    return result
