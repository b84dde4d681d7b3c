"""Every second of a composed recording is known."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.hearing.sound import SOUNDS, Sound
from agent.hearing.spectrogram import LOOKAHEAD
from agent.train.corpus import LabelledSecond
from agent.train.material import Quiet, Recordings, Source, find_material
from agent.train.noise import Noise
from agent.train.synth import FOLDS, RECORDING_SECONDS, Recording, compose, label_second, share_folds
from tests.train.conftest import World


@dataclass(frozen=True, slots=True)
class Still:
    """A source that only lends its name."""

    sound: Sound
    group: str

    def play(self, samples: int, rng: np.random.Generator) -> tuple[Samples, NDArray[np.bool_]]:
        return np.zeros(samples, np.float32), np.zeros(samples, np.bool_)


def heard_for(*shares: float) -> NDArray[np.bool_]:
    """Be audible for these shares of seconds 0, 1, ..., from the start of each."""
    return np.concatenate([np.arange(SAMPLE_RATE) < share * SAMPLE_RATE for share in shares])


def label(second: int, *tracks: tuple[Source, NDArray[np.bool_], int]) -> LabelledSecond:
    return label_second("x", 0, second, list(tracks))


@pytest.mark.parametrize(
    ("share", "sound", "mixed"),
    [
        (0.0, Sound.SILENCE, False),
        (0.04, Sound.SILENCE, False),
        (0.06, Sound.SILENCE, True),
        (0.12, Sound.RINGING, True),
        (0.3, Sound.RINGING, False),
        (1.0, Sound.RINGING, False),
    ],
)
def test_a_tenth_of_a_second_decides(share: float, sound: Sound, mixed: bool) -> None:
    found = label(1, (Still(Sound.RINGING, "tone/a"), heard_for(1.0, share), 0))
    assert (found.sound, found.mixed, found.group) == (sound, mixed, "tone/a")


def test_of_two_sounds_the_longer_names_the_second() -> None:
    cut = int(1.7 * SAMPLE_RATE)
    ringing, speech = Still(Sound.RINGING, "tone/a"), Still(Sound.SPEECH, "voice/b")
    tracks = ((ringing, np.ones(cut, np.bool_), 0), (speech, np.ones(3 * SAMPLE_RATE, np.bool_), cut))
    found = [label(second, *tracks) for second in range(3)]
    assert [s.sound for s in found] == [Sound.RINGING, Sound.RINGING, Sound.SPEECH]
    assert [s.mixed for s in found] == [False, True, False]
    assert found[2].group == "voice/b"


def test_silence_before_a_voice_is_silence() -> None:
    line, voice = Still(Sound.SILENCE, "noise/white"), Still(Sound.SPEECH, "voice/b")
    tracks = (
        (line, np.zeros(SAMPLE_RATE, np.bool_), 0),
        (voice, np.ones(SAMPLE_RATE, np.bool_), SAMPLE_RATE),
    )
    found = [label(second, *tracks) for second in range(2)]
    assert [(s.sound, s.group) for s in found] == [(Sound.SILENCE, "noise/white"), (Sound.SPEECH, "voice/b")]


@pytest.fixture(scope="module")
def sources(world: World) -> list[Source]:
    return find_material(world.audio, [world.package], world.tones, seed=42)


@pytest.fixture(scope="module")
def recordings(sources: list[Source]) -> list[Recording]:
    return list(compose(sources, 60, seed=42))


def test_a_speaker_is_one_group_in_whatever_language(sources: list[Source]) -> None:
    [ada] = [source for source in sources if source.group == "prompts/Ada"]
    assert isinstance(ada, Recordings)
    assert {path.name for path in ada.paths} == {"hello.wav"}
    assert len(ada.paths) == 2


def test_songs_are_grouped_by_composer(sources: list[Source]) -> None:
    songs = {source.group for source in sources if source.sound is Sound.MUSIC}
    assert songs == {f"music/Composer {n}" for n in range(5)}


def test_every_fold_has_every_sound(sources: list[Source]) -> None:
    folds = share_folds(sources)
    assert {(folds[source.group], source.sound) for source in sources} == {
        (fold, sound) for fold in range(FOLDS) for sound in SOUNDS
    }


def test_no_group_is_in_two_folds(recordings: list[Recording]) -> None:
    folds: dict[str, set[int]] = {}
    for recording in recordings:
        for second in recording.seconds:
            folds.setdefault(second.group, set()).add(second.fold)
    assert all(len(found) == 1 for found in folds.values())


def test_recordings_are_whole_seconds_and_what_the_last_one_needs(recordings: list[Recording]) -> None:
    for recording in recordings:
        assert recording.samples.shape == (RECORDING_SECONDS * SAMPLE_RATE + LOOKAHEAD,)
        assert [second.second for second in recording.seconds] == list(range(RECORDING_SECONDS))
        assert np.abs(recording.samples).max() <= 1


def test_every_sound_is_heard_and_silence_is_soft(recordings: list[Recording]) -> None:
    levels: dict[Sound, list[float]] = {sound: [] for sound in SOUNDS}
    for recording in recordings:
        for second in recording.seconds:
            if not second.mixed:
                part = recording.samples[second.second * SAMPLE_RATE :][:SAMPLE_RATE]
                levels[second.sound].append(float(np.sqrt(np.mean((part - part.mean()) ** 2))))
    assert all(len(found) > 20 for found in levels.values())
    assert np.median(levels[Sound.SILENCE]) < 0.2 * min(
        np.median(levels[sound]) for sound in SOUNDS if sound is not Sound.SILENCE
    )


def test_the_same_seed_composes_the_same_samples(sources: list[Source], recordings: list[Recording]) -> None:
    for again, before in zip(compose(sources, 60, seed=42), recordings, strict=True):
        np.testing.assert_array_equal(again.samples, before.samples)
        assert again.seconds == before.seconds


def test_another_seed_composes_others(sources: list[Source], recordings: list[Recording]) -> None:
    other = next(iter(compose(sources, 1, seed=43)))
    assert not np.array_equal(other.samples, recordings[0].samples)


def test_a_quiet_line_can_never_be_heard() -> None:
    sound, on = Quiet("noise/pink", Noise.PINK).play(SAMPLE_RATE, np.random.default_rng(0))
    assert not on.any()
    assert 0 < np.sqrt(np.mean(sound**2)) < 0.02
