"""Recordings are composed from strangers' sources, each with the truth about it, the same each time."""

from dataclasses import replace

import numpy as np
import pytest

from agent.hearing.pcm import SAMPLE_RATE
from agent.hearing.sound import SOUNDS, Sound
from agent.hearing.spectrogram import LOOKAHEAD
from agent.train.corpus.material import Quiet, Source, Tones, find_material
from agent.train.corpus.noise import Noise
from agent.train.corpus.plan import Plan, Scene, read_plan
from agent.train.corpus.synth import Recording, compose, compose_recording, family_of, schedule, share_folds
from tests.train.conftest import World

PLAN = read_plan().model_copy(update={"recordings": 60})


def holding(scene: Scene, recordings: int = 10) -> Plan:
    return PLAN.model_copy(update={"scenes": {scene: 1.0}, "recordings": recordings})


@pytest.fixture(scope="module")
def sources(world: World) -> list[Source]:
    return find_material(world.audio, [world.package], world.tones, seed=42)


@pytest.fixture(scope="module")
def recordings(sources: list[Source]) -> list[Recording]:
    return list(compose(sources, PLAN))


def test_every_fold_has_every_sound(sources: list[Source]) -> None:
    dealt = share_folds(sources, 5)
    assert {(dealt[source.group], source.sound) for source in sources} == {
        (fold, sound) for fold in range(5) for sound in SOUNDS
    }


def test_every_fold_has_its_share_of_a_family(sources: list[Source]) -> None:
    dealt = share_folds(sources, 5)
    invented = [dealt[source.group] for source in sources if family_of(source) == "invented"]
    assert [invented.count(fold) for fold in range(5)] == [8] * 5


def test_no_group_is_in_two_folds(recordings: list[Recording]) -> None:
    folds: dict[str, set[int | None]] = {}
    for recording in recordings:
        for row in recording.rows:
            folds.setdefault(row.group, set()).add(row.fold)
    assert all(len(found) == 1 for found in folds.values())


def test_recordings_are_whole_seconds_and_what_the_last_one_needs(recordings: list[Recording]) -> None:
    for recording in recordings:
        assert recording.samples.shape == (PLAN.recording_s * SAMPLE_RATE + LOOKAHEAD,)
        assert [row.second.start for row in recording.rows] == list(range(PLAN.recording_s))
        assert np.abs(recording.samples).max() <= 1
        assert {row.file for row in recording.rows} == {recording.conditions.file}
        assert {row.teacher for row in recording.rows} == {"construction"}


def test_at_full_gain_every_sound_is_heard_and_silence_is_soft(sources: list[Source]) -> None:
    full = PLAN.channel.model_copy(update={"gain_db": (-3.0, 0.0), "noise_below_db": (30.0, 50.0)})
    levels: dict[Sound, list[float]] = {sound: [] for sound in SOUNDS}
    for recording in compose(sources, PLAN.model_copy(update={"channel": full})):
        for row in recording.rows:
            if not row.second.ambiguous:
                part = recording.samples[row.second.start * SAMPLE_RATE :][:SAMPLE_RATE]
                levels[row.second.sound].append(float(np.sqrt(np.mean((part - part.mean()) ** 2))))
    assert all(len(found) > 20 for found in levels.values())
    assert np.median(levels[Sound.SILENCE]) < 0.2 * min(
        np.median(levels[sound]) for sound in SOUNDS if sound is not Sound.SILENCE
    )


def test_the_same_plan_composes_the_same_samples_in_whatever_order(
    sources: list[Source], recordings: list[Recording]
) -> None:
    cues = schedule(sources, PLAN)
    for index in (41, 7, 23):
        again = compose_recording(cues[index], PLAN)
        np.testing.assert_array_equal(again.samples, recordings[index].samples)
        assert again.rows == recordings[index].rows
        assert again.conditions == recordings[index].conditions


def test_another_seed_composes_others(sources: list[Source], recordings: list[Recording]) -> None:
    other = next(compose(sources, PLAN.model_copy(update={"seed": 43})))
    assert not np.array_equal(other.samples, recordings[0].samples)


@pytest.mark.parametrize("scene", [Scene.RINGING, Scene.SPEECH, Scene.MUSIC, Scene.SILENCE])
def test_a_scene_of_one_sound_holds_that_or_silence(sources: list[Source], scene: Scene) -> None:
    for recording in compose(sources, holding(scene)):
        assert {row.second.sound for row in recording.rows} <= {Sound(scene.value), Sound.SILENCE}


def test_sounds_in_turn_are_two(sources: list[Source]) -> None:
    for recording in compose(sources, holding(Scene.IN_TURN)):
        assert len({row.group for row in recording.rows}) == 2


def test_a_voice_that_is_much_louder_than_music_names_the_seconds(sources: list[Source]) -> None:
    plan = holding(Scene.VOICE_OVER_MUSIC, 20)
    loud = plan.voice_over_music.model_copy(update={"voice_db": (20.0, 20.0)})
    soft = plan.voice_over_music.model_copy(update={"voice_db": (-20.0, -20.0)})
    channel = plan.channel.model_copy(update={"gain_db": (-6.0, 0.0)})
    found = {}
    for name, rules in (("loud", loud), ("soft", soft)):
        made = compose(sources, plan.model_copy(update={"voice_over_music": rules, "channel": channel}))
        rows = [row for recording in made for row in recording.rows]
        found[name] = {sound: sum(row.second.sound is sound for row in rows) / len(rows) for sound in SOUNDS}
    assert found["loud"][Sound.SPEECH] > 0.6
    assert found["soft"][Sound.MUSIC] > 0.9


def test_the_conditions_say_how_loud_the_voice_is(sources: list[Source]) -> None:
    low, high = PLAN.voice_over_music.voice_db
    for recording in compose(sources, holding(Scene.VOICE_OVER_MUSIC)):
        assert recording.conditions.voice_db is not None
        assert low <= recording.conditions.voice_db <= high
        assert recording.conditions.scene is Scene.VOICE_OVER_MUSIC


def test_a_family_without_a_share_is_never_played(sources: list[Source]) -> None:
    plan = holding(Scene.RINGING, 30).model_copy(update={"families": {"invented": 0.0, "fax": 0.0}})
    groups = {row.group.partition("/")[0] for recording in compose(sources, plan) for row in recording.rows}
    assert "tone" in groups
    assert groups.isdisjoint({"invented", "fax"})


def test_every_tone_comes_once_before_any_comes_twice(sources: list[Source]) -> None:
    plan = holding(Scene.RINGING, 200).model_copy(update={"families": {"invented": 0.0}})
    fold = share_folds(sources, plan.folds)
    tones = [source for source in sources if isinstance(source, Tones) and family_of(source) == "tone"]
    played = [
        source for cue in schedule(sources, plan) for source in cue.sources if family_of(source) == "tone"
    ]
    for number in range(plan.folds):
        there = {(tone.group, p) for tone in tones for p in tone.patterns if fold[tone.group] == number}
        ours = [(s.group, s.patterns[0]) for s in played if isinstance(s, Tones) and fold[s.group] == number]
        counts = [ours.count(card) for card in there]
        assert not counts or max(counts) - min(counts) <= 1


def test_gain_is_drawn_from_its_range(sources: list[Source], recordings: list[Recording]) -> None:
    gains = [r.conditions.channel.gain_db for r in recordings if r.conditions.channel is not None]
    assert len(gains) == len(recordings)
    assert all(-40 <= gain <= 0 for gain in gains)
    assert min(gains) < -30


def test_a_quiet_line_can_never_be_heard() -> None:
    sound, on = Quiet("noise/pink", Noise.PINK).play(SAMPLE_RATE, np.random.default_rng(0))
    assert not on.any()
    assert 0 < np.sqrt(np.mean(sound**2)) < 0.02


def test_silence_is_as_soft_as_it_was_made_whatever_the_gain(sources: list[Source]) -> None:
    plan = holding(Scene.SILENCE, 10)
    level = plan.silence.model_copy(update={"level_dbfs": (-50.0, -50.0)})
    quiet = [replace(s, level_dbfs=level.level_dbfs) if isinstance(s, Quiet) else s for s in sources]
    for recording in compose(quiet, plan):
        assert recording.conditions.channel is not None
        assert recording.conditions.channel.gain_db == 0
