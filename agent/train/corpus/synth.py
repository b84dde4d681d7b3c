"""Composes recordings whose every second is known, because we made it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.hearing.sound import SOUNDS, Sound
from agent.hearing.spectrogram import LOOKAHEAD
from agent.train.corpus.channel import Channel, draw_channel, pass_band, transmit
from agent.train.corpus.conditions import Conditions
from agent.train.corpus.material import Recordings, Source, Tones
from agent.train.corpus.plan import Plan, Scene, draw
from agent.train.corpus.truth import BLOCK, Blocks, Track, block_power, label_seconds
from agent.train.labels.label_table import Row

CONSTRUCTION = "construction"
"""Teacher of seconds that are known because they were composed."""
_SOUNDS_OF = {
    Scene.RINGING: (Sound.RINGING,),
    Scene.SPEECH: (Sound.SPEECH,),
    Scene.MUSIC: (Sound.MUSIC,),
    Scene.SILENCE: (Sound.SILENCE,),
    Scene.VOICE_OVER_MUSIC: (Sound.MUSIC, Sound.SPEECH),
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
        ours.sort(key=lambda source: (family_of(source), -_size(source), source.group))
        dealt |= {source.group: _snake(index, folds) for index, source in enumerate(ours)}
    return dealt


def family_of(source: Source) -> str:
    """Return the family that a source's group belongs to."""
    return source.group.partition("/")[0]


def _size(source: Source) -> int:
    """Return how many files or patterns a source has."""
    match source:
        case Recordings():
            return len(source.paths)
        case Tones():
            return len(source.patterns)
        case _:
            return 1


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


@dataclass(frozen=True, slots=True)
class Cue:
    """What one recording is to hold."""

    index: int
    fold: int
    scene: Scene
    sources: tuple[Source, ...]
    """In the order in which they play; music before the voice over it."""


def schedule(sources: Sequence[Source], plan: Plan) -> list[Cue]:
    """Decide what each recording of a plan holds.

    A recording takes its sources from one fold only, so that folds stay strangers. Families are drawn by
    their share; then the sources of a family, and the patterns of tones that are alike, come in turn like the
    cards of a deck: none comes twice before all came once.
    """
    rng = np.random.default_rng([plan.seed, 2])
    shelves = shelve(sources, plan)
    decks: dict[tuple[int, Sound, str], list[Source]] = {}

    def deal(fold: int, sound: Sound) -> Source:
        shelf = shelves[fold][sound]
        family = draw({name: plan.families.get(name, 1.0) for name in map(family_of, shelf)}, rng)
        deck = decks.setdefault((fold, sound, family), [])
        if not deck:
            cards = [card for source in shelf if family_of(source) == family for card in _cards(source)]
            deck.extend(cards[int(i)] for i in rng.permutation(len(cards)))
        return deck.pop()

    cues = []
    for index in range(plan.recordings):
        fold = index % plan.folds
        scene, sounds = _draw_scene(shelves[fold], plan, rng)
        cues.append(Cue(index, fold, scene, tuple(deal(fold, sound) for sound in sounds)))
    return cues


def _cards(source: Source) -> list[Source]:
    if isinstance(source, Tones):
        return [replace(source, patterns=(pattern,)) for pattern in source.patterns]
    return [source]


def _draw_scene(shelf: Shelf, plan: Plan, rng: np.random.Generator) -> tuple[Scene, list[Sound]]:
    """Draw a scene and its sounds; one for which a fold lacks a sound becomes two sounds in turn."""
    scene = draw(plan.scenes, rng)
    sounds = _SOUNDS_OF.get(scene)
    if sounds is not None and shelf.keys() >= set(sounds):
        return scene, list(sounds)
    return Scene.IN_TURN, [list(shelf)[int(i)] for i in rng.permutation(len(shelf))[:2]]


def compose(sources: Sequence[Source], plan: Plan) -> Iterator[Recording]:
    """Compose all recordings of a plan, one after the other."""
    return (compose_recording(cue, plan) for cue in schedule(sources, plan))


def compose_recording(cue: Cue, plan: Plan) -> Recording:
    """Compose one recording of a plan; the same cue gives the same samples, whoever composes the others."""
    rng = np.random.default_rng([plan.seed, 3, cue.index])
    parts, voice_db = _set_scene(cue, plan, rng)
    silent = all(part.source.sound is Sound.SILENCE for part in parts)
    channel = draw_channel(rng, 0.0 if silent else float(rng.uniform(*plan.channel.gain_db)), plan.channel)
    blocks = plan.recording_s * SAMPLE_RATE // BLOCK
    sound = np.zeros(blocks * BLOCK + LOOKAHEAD, np.float32)
    tracks = [_play(part, sound, blocks, channel, rng) for part in parts]
    file = f"{cue.index:06d}.flac"
    rows = tuple(
        Row(file, truth.second, CONSTRUCTION, truth.group, cue.fold)
        for truth in label_seconds(tracks, plan.voice_over_music.dominance_db)
    )
    return Recording(transmit(sound, channel), rows, Conditions(file, cue.fold, cue.scene, channel, voice_db))


def _set_scene(cue: Cue, plan: Plan, rng: np.random.Generator) -> tuple[list[Part], float | None]:
    """Say who plays when, and how loud a voice is over the music, if there is one."""
    blocks = plan.recording_s * SAMPLE_RATE // BLOCK
    cut = int(rng.uniform(2, plan.recording_s - 2) * SAMPLE_RATE) // BLOCK
    if len(cue.sources) == 1:
        return [Part(cue.sources[0], 0, blocks)], None
    first, second = cue.sources
    if cue.scene is Scene.VOICE_OVER_MUSIC:
        voice_db = float(rng.uniform(*plan.voice_over_music.voice_db))
        start = cut if rng.random() < 0.3 else 0
        voice = Part(second, start, blocks, min(0.0, voice_db))
        return [Part(first, 0, blocks, min(0.0, -voice_db)), voice], voice_db
    return [Part(first, 0, cut), Part(second, cut, blocks)], None


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
    # What an analogue section takes away nobody hears, such as the bass alone.
    power[part.start : part.end] = block_power(pass_band(played, channel))[: part.end - part.start]
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
