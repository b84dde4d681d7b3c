"""Telephone channels: what happens to sound between the far exchange and the tap."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.train.corpus.codecs import Codec, Coding, draw_coding, encode_decode
from agent.train.corpus.noise import Noise, make_noise
from agent.train.corpus.plan import ChannelRules, Concealment, Range, draw

NORMAL_DBFS = -14.0
"""Level of a sound before its channel, in dB relative to full scale: gain is counted from here."""
_FRAME = 160
"""Samples of one RTP packet (20 ms)."""
_FADE = 0.7
"""Each repetition of a lost packet is fainter by so much."""


@dataclass(frozen=True, slots=True)
class Echo:
    """The sound once more."""

    delay_ms: float
    db: float
    """Level relative to the sound."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Packets that never arrive, in bursts."""

    share: float
    """Of all packets."""
    stay: float
    """How probably the packet after a lost one is lost too."""
    concealment: Concealment


@dataclass(frozen=True, slots=True)
class Channel:
    """One way from the far end to the tap."""

    gain_db: float
    noise: Noise
    noise_db: float
    """Level of the line's own noise relative to full scale."""
    codecs: tuple[Coding, ...]
    band_hz: tuple[float, float] | None = None
    """Pass band of an analogue section."""
    loss: Loss | None = None
    clip_db: float | None = None
    """Overdriven by so much before a hard limit."""
    offset: float = 0.0
    """DC offset, of full scale."""
    echo: Echo | None = None
    seed: int = 0


def draw_channel(
    rng: np.random.Generator, gain_db: float, rules: ChannelRules, level_dbfs: float = NORMAL_DBFS
) -> Channel:
    """Draw a channel for a sound of so much level, as varied as carriers are."""
    before = [draw(rules.codecs, rng) for _ in range(draw(rules.codecs_before_last, rng))]
    codecs = [draw_coding(codec, rng) for codec in (*before, draw(rules.last_codec, rng))]
    noise, below = draw(rules.noises, rng), _within(rules.noise_below_db, rng)
    band = (_within(rules.band_low_hz, rng), _within(rules.band_high_hz, rng))
    loss = Loss(_within(rules.loss, rng), _within(rules.burst_stay, rng), draw(rules.concealment, rng))
    echo = Echo(_within(rules.echo_delay_ms, rng), _within(rules.echo_db, rng))
    clip_db, offset = _within(rules.clip_db, rng), _within(rules.offset, rng)
    with_band, with_loss, with_echo, with_clip, with_offset = rng.random(5) < (
        rules.band_share,
        rules.loss_share,
        rules.echo_share,
        rules.clip_share,
        rules.offset_share,
    )
    return Channel(
        gain_db=gain_db,
        noise=noise,
        noise_db=gain_db + level_dbfs - below,
        codecs=tuple(codecs),
        band_hz=band if with_band else None,
        loss=loss if with_loss else None,
        clip_db=clip_db if with_clip else None,
        offset=offset if with_offset else 0.0,
        echo=echo if with_echo else None,
        seed=int(rng.integers(2**32)),
    )


def _within(limits: Range, rng: np.random.Generator) -> float:
    return float(rng.uniform(*limits))


def transmit(sound: Samples, channel: Channel) -> Samples:
    """Send (n,) samples through a channel; the same channel does the same each time."""
    rng = np.random.default_rng(channel.seed)
    heard = sound
    if channel.clip_db is not None:
        limit = float(np.sqrt(np.mean(heard**2))) * 10 ** ((20 - channel.clip_db) / 20) + 1e-9
        heard = np.clip(heard, -limit, limit)
    if channel.echo is not None:
        heard = _echo(heard, channel.echo)
    heard = heard * np.float32(10 ** (channel.gain_db / 20))
    heard = heard + make_noise(channel.noise, len(heard), channel.noise_db, rng)
    heard = pass_band(heard, channel) + np.float32(channel.offset)
    for coding in channel.codecs[:-1]:
        heard = encode_decode(heard, coding)
    if channel.loss:
        heard = _lose(heard, channel.loss, channel.noise_db, rng)
    return encode_decode(heard, channel.codecs[-1] if channel.codecs else Coding(Codec.LINEAR))


def pass_band(sound: Samples, channel: Channel) -> Samples:
    """Return what an analogue section lets through of (n,) samples."""
    if channel.band_hz is None:
        return sound
    sections = signal.butter(3, channel.band_hz, "bandpass", fs=SAMPLE_RATE, output="sos")
    return np.asarray(signal.sosfilt(sections, sound), np.float32)


def _echo(sound: Samples, echo: Echo) -> Samples:
    delay = round(echo.delay_ms * SAMPLE_RATE / 1000)
    heard = sound.copy()
    heard[delay:] += sound[: len(sound) - delay] * np.float32(10 ** (echo.db / 20))
    return heard


def _lose(sound: Samples, loss: Loss, noise_db: float, rng: np.random.Generator) -> Samples:
    """Lose packets in bursts and conceal them."""
    packets = np.array(sound[: len(sound) // _FRAME * _FRAME]).reshape(-1, _FRAME)
    lost = draw_losses(len(packets), loss, rng)
    match loss.concealment:
        case Concealment.ZEROS:
            packets[lost] = 0
        case Concealment.REPEAT:
            index = np.arange(len(packets))
            last = np.maximum.accumulate(np.where(lost, -1, index))
            faded = np.where(last < 0, 0.0, _FADE ** (index - last)).astype(np.float32)
            packets = packets[np.maximum(last, 0)] * faded[:, np.newaxis]
        case Concealment.NOISE:
            level = np.float32(10 ** (noise_db / 20))
            packets[lost] = rng.standard_normal((int(lost.sum()), _FRAME), dtype=np.float32) * level
    return np.concatenate((packets.ravel(), sound[packets.size :]))


def draw_losses(packets: int, loss: Loss, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Tell which of so many packets are lost: a Gilbert channel, (packets,).

    Runs of lost and of received packets have geometric lengths, whose means follow from the share
    of lost packets and from how probably a loss goes on.
    """
    enter = loss.share * (1 - loss.stay) / max(1e-6, 1 - loss.share)
    if not packets or not enter:
        return np.zeros(packets, np.bool_)
    lengths = np.empty((2, packets), np.int64)
    lengths[0], lengths[1] = (
        rng.geometric(min(1.0, enter), packets),
        rng.geometric(max(1e-6, 1 - loss.stay), packets),
    )
    ends = np.cumsum(lengths.T.ravel().clip(0, packets))
    state = np.searchsorted(ends, np.arange(packets), side="right") % 2
    lost: NDArray[np.bool_] = state == 1
    return lost


def level_db(sound: Samples) -> float:
    """Return the level of (n,) samples in dB relative to full scale, -120 for nothing."""
    return 10 * math.log10(float(np.mean(np.square(sound, dtype=np.float64))) + 1e-12)
