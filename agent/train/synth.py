"""Composes recordings whose every second is known, because we made it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.hearing.sound import SOUNDS, Sound
from agent.hearing.spectrogram import LOOKAHEAD
from agent.train.channel import Channel, draw_channel, transmit
from agent.train.conditions import Conditions
from agent.train.label_table import Row
from agent.train.material import Recordings, Source
from agent.train.plan import Plan, Scene, draw
from agent.train.truth import BLOCK, Blocks, Track, block_power, label_seconds

CONSTRUCTION = "construction"
"""Teacher of seconds that are known because they were composed."""
_ALONE = {
    Scene.RINGING: Sound.RINGING,
    Scene.SPEECH: Sound.SPEECH,
    Scene.MUSIC: Sound.MUSIC,
    Scene.SILENCE: Sound.SILENCE,
}
_FLOOR_DBFS = -64.0
"""Level below which nothing is heard, whatever the line's noise: G.711's lowest steps."""

Shelf = dict[Sound, list[Source]]
"""What can be played, by what it is."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording with the truth about it."""

    samples: Samples
    """8 kHz, whole seconds and the 387 samples that the last one needs."""
    rows: tuple[Row, ...]
    """One for each second."""
    conditions: Conditions


@dataclass(frozen=True, slots=True)
class Part:
    """A source that plays in a recording."""

    source: Source
    start: int
    """First block of 20 ms."""
    end: int
    db: float = 0.0
    """Level relative to the normal one."""


def share_folds(sources: Sequence[Source], folds: int) -> dict[str, int]:
    """Deal groups out to folds, class by class and family by family, so that each has its share of each."""
    dealt: dict[str, int] = {}
    for sound in SOUNDS:
        ours = [source for source in sources if source.sound is sound]
        ours.sort(key=lambda source: (family_of(source), -_files(source), source.group))
        dealt |= {source.group: _snake(index, folds) for index, source in enumerate(ours)}
    return dealt


def family_of(source: Source) -> str:
    """Return the family that a source's group belongs to."""
    return source.group.partition("/")[0]


def _files(source: Source) -> int:
    return len(source.paths) if isinstance(source, Recordings) else 1


def _snake(index: int, folds: int) -> int:
    """Count 0 1 2 3 4 4 3 2 1 0 0 1 ..., so that the fold with the largest gets the smallest."""
    lap, place = divmod(index, folds)
    return place if lap % 2 == 0 else folds - 1 - place


def shelve(sources: Sequence[Source], plan: Plan) -> tuple[Shelf, ...]:
    """Put sources on the shelf of their fold; families without a share are left out."""
    dealt = share_folds(sources, plan.folds)
    wanted = [source for source in sources if plan.families.get(family_of(source), 1.0) > 0]
    return tuple(
        {
            sound: ours
            for sound in SOUNDS
            if (ours := [s for s in wanted if s.sound is sound and dealt[s.group] == fold])
        }
        for fold in range(plan.folds)
    )


def compose(sources: Sequence[Source], plan: Plan) -> Iterator[Recording]:
    """Compose all recordings of a plan, one after the other."""
    shelves = shelve(sources, plan)
    return (compose_recording(shelves, plan, index) for index in range(plan.recordings))


def compose_recording(shelves: Sequence[Shelf], plan: Plan, index: int) -> Recording:
    """Compose one recording of a plan; the same arguments give the same samples, whoever composes the others.

    It takes its sources from one fold only, so that folds stay strangers.
    """
    rng = np.random.default_rng([plan.seed, 2, index])
    fold = index % plan.folds
    scene = draw(plan.scenes, rng)
    parts, voice_db = _set_scene(scene, shelves[fold], plan, rng)
    silent = all(part.source.sound is Sound.SILENCE for part in parts)
    channel = draw_channel(rng, 0.0 if silent else float(rng.uniform(*plan.channel.gain_db)), plan.channel)
    blocks = plan.recording_s * SAMPLE_RATE // BLOCK
    sound = np.zeros(blocks * BLOCK + LOOKAHEAD, np.float32)
    tracks = [_play(part, sound, blocks, channel, rng) for part in parts]
    file = f"{index:06d}.flac"
    rows = tuple(
        Row(file, truth.second, CONSTRUCTION, truth.group, fold)
        for truth in label_seconds(tracks, plan.voice_over_music.dominance_db)
    )
    return Recording(transmit(sound, channel), rows, Conditions(file, fold, scene, channel, voice_db))


def _set_scene(
    scene: Scene, shelf: Shelf, plan: Plan, rng: np.random.Generator
) -> tuple[list[Part], float | None]:
    """Choose who plays when, and how loud a voice is over the music, if there is one."""
    blocks = plan.recording_s * SAMPLE_RATE // BLOCK
    cut = int(rng.uniform(2, plan.recording_s - 2) * SAMPLE_RATE) // BLOCK
    if scene is Scene.VOICE_OVER_MUSIC and {Sound.SPEECH, Sound.MUSIC} <= shelf.keys():
        voice_db = float(rng.uniform(*plan.voice_over_music.voice_db))
        start = cut if rng.random() < 0.3 else 0
        music = Part(_pick(shelf[Sound.MUSIC], plan, rng), 0, blocks, min(0.0, -voice_db))
        voice = Part(_pick(shelf[Sound.SPEECH], plan, rng), start, blocks, min(0.0, voice_db))
        return [music, voice], voice_db
    alone = _ALONE.get(scene)
    if alone in shelf:
        return [Part(_pick(shelf[alone], plan, rng), 0, blocks)], None
    order = [list(shelf)[i] for i in rng.permutation(len(shelf))[:2]]
    first, last = order[0], order[-1]
    return [
        Part(_pick(shelf[first], plan, rng), 0, cut),
        Part(_pick(shelf[last], plan, rng), cut, blocks),
    ], None


def _pick(shelf: Sequence[Source], plan: Plan, rng: np.random.Generator) -> Source:
    """Take a family by its share, then one of it: what there are many of is not heard more often."""
    family = draw({name: plan.families.get(name, 1.0) for name in sorted(map(family_of, shelf))}, rng)
    ours = [source for source in shelf if family_of(source) == family]
    return ours[int(rng.integers(len(ours)))]


def _play(part: Part, sound: Samples, blocks: int, channel: Channel, rng: np.random.Generator) -> Track:
    """Add a part to a recording; returns where it is and where it can be heard at the end of the channel."""
    first = part.start * BLOCK
    last = len(sound) if part.end == blocks else part.end * BLOCK
    played, on = part.source.play(last - first, rng)
    silent = part.source.sound is Sound.SILENCE
    # What is silence stays as soft as it was made, whatever the gain.
    played = played * np.float32(10 ** ((-channel.gain_db if silent else part.db) / 20))
    sound[first:last] += played
    power = np.zeros(blocks)
    power[part.start : part.end] = block_power(played)[: part.end - part.start]
    present = np.zeros(blocks, np.bool_)
    present[part.start : part.end] = True
    sounding = np.zeros(blocks, np.bool_)
    sounding[part.start : part.end] = _mostly(on)[: part.end - part.start]
    level = 10 * np.log10(power + 1e-12) + channel.gain_db
    heard = sounding & (level > max(channel.noise_db, _FLOOR_DBFS))
    return Track(part.source.sound, part.source.group, present, heard, power)


def _mostly(on: Blocks) -> Blocks:
    """Tell of each whole block whether most of its samples are on."""
    mostly: Blocks = on[: len(on) // BLOCK * BLOCK].reshape(-1, BLOCK).mean(axis=1) >= 0.5
    return mostly
