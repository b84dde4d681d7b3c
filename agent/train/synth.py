"""Composes recordings whose every second is known, because we made it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.hearing.sound import SOUNDS, Sound
from agent.hearing.spectrogram import LOOKAHEAD
from agent.train.channel import Channel, draw_channel, transmit
from agent.train.corpus import LabelledSecond
from agent.train.material import Source

FOLDS = 5
RECORDING_SECONDS = 12
_SAMPLES = RECORDING_SECONDS * SAMPLE_RATE + LOOKAHEAD
_BLOCK = 160

_SCENES: tuple[tuple[Sound | None, float], ...] = (
    (Sound.RINGING, 0.27),
    (Sound.SPEECH, 0.22),
    (Sound.MUSIC, 0.24),
    (Sound.SILENCE, 0.12),
    (None, 0.15),
)
"""What a recording holds and how often; None is one sound and then another."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording with the truth about it."""

    name: str
    samples: Samples
    """8 kHz, whole seconds and the 387 samples that the last one needs."""
    seconds: tuple[LabelledSecond, ...]


def share_folds(sources: Sequence[Source]) -> dict[str, int]:
    """Deal groups out to FOLDS folds, class by class, so that each fold has its share of each."""
    folds: dict[str, int] = {}
    for sound in SOUNDS:
        ours = [source for source in sources if source.sound is sound]
        ours.sort(key=lambda source: (-len(getattr(source, "paths", ())), source.group))
        folds |= {source.group: _snake(index) for index, source in enumerate(ours)}
    return folds


def _snake(index: int) -> int:
    """Count 0 1 2 3 4 4 3 2 1 0 0 1 ..., so that the fold with the largest gets the smallest."""
    lap, place = divmod(index, FOLDS)
    return place if lap % 2 == 0 else FOLDS - 1 - place


def compose(sources: Sequence[Source], recordings: int, seed: int) -> Iterator[Recording]:
    """Compose so many recordings; the same arguments give the same samples.

    A recording takes its sources from one fold only, so that folds stay strangers.
    """
    folds = share_folds(sources)
    shelves: list[dict[Sound, list[Source]]] = [
        {sound: [s for s in sources if s.sound is sound and folds[s.group] == fold] for sound in SOUNDS}
        for fold in range(FOLDS)
    ]
    kinds, odds = [kind for kind, _ in _SCENES], [share for _, share in _SCENES]
    for index in range(recordings):
        rng = np.random.default_rng([seed, 2, index])
        fold = index % FOLDS
        shelf = {sound: shelf for sound, shelf in shelves[fold].items() if shelf}
        kind = kinds[int(rng.choice(len(kinds), p=odds))]
        if kind is None or kind not in shelf:
            order = [sound for sound in SOUNDS if sound in shelf]
            scene = [order[i] for i in rng.permutation(len(order))[:2]]
        else:
            scene = [kind]
        yield _record(f"{index:05d}", fold, [_pick(shelf[sound], rng) for sound in scene], rng)


def _pick(shelf: Sequence[Source], rng: np.random.Generator) -> Source:
    """Take a family, then one of it: invented tones and national ones are heard equally often."""
    families = sorted({source.group.partition("/")[0] for source in shelf})
    family = families[int(rng.integers(len(families)))]
    ours = [source for source in shelf if source.group.startswith(family + "/")]
    return ours[int(rng.integers(len(ours)))]


def _record(name: str, fold: int, sources: list[Source], rng: np.random.Generator) -> Recording:
    cut = int(rng.uniform(2, RECORDING_SECONDS - 2) * SAMPLE_RATE) if len(sources) > 1 else _SAMPLES
    silent = all(source.sound is Sound.SILENCE for source in sources)
    channel = draw_channel(rng, 0.0 if silent else rng.uniform(-34, 4))
    sound, on = np.zeros(_SAMPLES, np.float32), np.zeros(_SAMPLES, np.bool_)
    for source, start, end in zip(sources, (0, cut), (cut, _SAMPLES), strict=False):
        part, audible = source.play(end - start, rng)
        sound[start:end] = part if source.sound is not Sound.SILENCE else part * 10 ** (-channel.gain_db / 20)
        on[start:end] = audible
    on &= _above_noise(sound, channel)
    tracks = [
        (source, on[start:end], start)
        for source, start, end in zip(sources, (0, cut), (cut, _SAMPLES), strict=False)
    ]
    seconds = tuple(label_second(name, fold, second, tracks) for second in range(RECORDING_SECONDS))
    return Recording(name, transmit(sound, channel), seconds)


def _above_noise(sound: Samples, channel: Channel) -> NDArray[np.bool_]:
    """Tell which samples stand out of the line's noise and of G.711's lowest steps."""
    whole = len(sound) // _BLOCK * _BLOCK
    power = np.mean(sound[:whole].reshape(-1, _BLOCK) ** 2, axis=1)
    level = 10 * np.log10(power + 1e-12) + channel.gain_db
    heard = np.repeat(level > max(channel.noise_db, -64.0), _BLOCK)
    return np.concatenate((heard, np.zeros(len(sound) - whole, np.bool_)))


def label_second(
    name: str, fold: int, second: int, tracks: list[tuple[Source, NDArray[np.bool_], int]]
) -> LabelledSecond:
    """Name one second by what sounds in it.

    A second is what can be heard for the longest time in it, and silence if that is less than
    100 ms. It is mixed if a second sound can be heard for more than 100 ms, or if the one that
    there is can be heard for between 50 and 250 ms.
    """
    shares = []
    for source, on, start in tracks:
        begin, end = second * SAMPLE_RATE - start, (second + 1) * SAMPLE_RATE - start
        share = float(on[max(0, begin) : max(0, end)].sum()) / SAMPLE_RATE
        there = min(len(on), end) - max(0, begin)
        if there > 0 and source.sound is not Sound.SILENCE:
            shares.append((share, source))
        elif there > 0:
            shares.append((0.0, source))
    share, source = max(shares, key=lambda pair: pair[0])
    other = sum(s for s, o in shares if o is not source)
    return LabelledSecond(
        recording=name,
        second=second,
        sound=source.sound if share >= 0.1 else Sound.SILENCE,
        group=source.group,
        fold=fold,
        mixed=other > 0.1 or 0.05 < share < 0.25,
    )
