"""Every recording finds its group, and what is no speech is left out."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from agent.hearing.pcm import SAMPLE_RATE
from agent.hearing.sound import Sound
from agent.train.corpus.material import Recordings, Source, Tones, find_material, read_attribution, read_pcm16
from agent.train.errors import MaterialError
from tests.train.conftest import World


@pytest.fixture(scope="module")
def sources(world: World) -> list[Source]:
    return find_material(world.audio, [world.package], world.tones, seed=1)


def test_material_is_found_in_the_same_order_each_time(world: World, sources: list[Source]) -> None:
    assert find_material(world.audio, [world.package], world.tones, seed=1) == sources


def test_another_seed_invents_other_tones(world: World, sources: list[Source]) -> None:
    others = find_material(world.audio, [world.package], world.tones, seed=2)
    changed = [a.group.partition("/")[0] for a, b in zip(sources, others, strict=True) if a != b]
    assert set(changed) == {"invented"}


def test_twins_of_two_countries_are_one_group(sources: list[Source]) -> None:
    [ringing] = [s for s in sources if isinstance(s, Tones) and s.group.startswith("tone/425")]
    assert {pattern.again[0].chord.hz for pattern in ringing.patterns} == {(425.0,), (430.0,)}


def test_a_package_of_music_on_hold_is_grouped_by_its_bands(world: World, tmp_path: Path) -> None:
    moh = tmp_path / "usr/share/asterisk/moh"
    moh.mkdir(parents=True)
    for name in ("band-one.flac", "band-two.flac", "other-song.flac"):
        (moh / name).write_bytes((world.audio / "music" / "song0.flac").read_bytes())
    found = find_material(world.audio, [tmp_path], world.tones, seed=1)
    assert {s.group for s in found if s.group.startswith("hold/")} == {"hold/band", "hold/other"}


def lasting(path: Path, seconds: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(int(seconds * SAMPLE_RATE)), SAMPLE_RATE)


def test_the_music_of_a_game_is_what_lasts_and_is_one_group(world: World, tmp_path: Path) -> None:
    game = tmp_path / "some-game-data"
    for name in ("music/menu.ogg", "music/fight.ogg", "sounds/animals/coyote.ogg"):
        lasting(game / name, 31)
    lasting(game / "sounds/shot.ogg", 2)
    (game / "music/again.ogg").symlink_to(game / "music/menu.ogg")
    found = find_material(world.audio, [], world.tones, seed=1, songs=[game])
    [songs] = [source for source in found if source.group.startswith("game/")]
    assert isinstance(songs, Recordings)
    assert (songs.sound, songs.group) == (Sound.MUSIC, "game/some-game-data")
    assert [path.name for path in songs.paths] == ["fight.ogg", "menu.ogg"]


def test_a_game_without_music_is_named(world: World, tmp_path: Path) -> None:
    lasting(tmp_path / "quiet/shot.wav", 2)
    with pytest.raises(MaterialError, match=r"quiet holds no recording of 30 s or more: leave it out"):
        find_material(world.audio, [], world.tones, seed=1, songs=[tmp_path / "quiet"])


def test_whoever_says_the_alphabet_of_a_language_is_one_voice(world: World, tmp_path: Path) -> None:
    for name in ("klettres/sr/alpha/a.wav", "klettres/sr@latin/alpha/a.wav", "ktuberling/sounds/sr/oko.wav"):
        lasting(tmp_path / "usr/share" / name, 1)
    found = find_material(world.audio, [tmp_path], world.tones, seed=1)
    [voice] = [source for source in found if source.group == "words/sr"]
    assert isinstance(voice, Recordings)
    assert len(voice.paths) == 3


def test_of_a_long_recording_the_middle_minute_is_taken(tmp_path: Path) -> None:
    ends = np.zeros(10 * SAMPLE_RATE)
    soundfile.write(tmp_path / "a.wav", np.concatenate((ends, np.full(60 * SAMPLE_RATE, 0.5), ends)), 8000)
    assert np.all(read_pcm16(tmp_path / "a.wav") == 16384)
    assert len(read_pcm16(tmp_path / "a.wav")) == 60 * SAMPLE_RATE


@pytest.mark.parametrize("sound", [Sound.SPEECH, Sound.MUSIC, Sound.RINGING])
def test_what_is_played_is_as_long_as_asked_and_of_normal_level(sources: list[Source], sound: Sound) -> None:
    rng = np.random.default_rng(0)
    for source in [s for s in sources if s.sound is sound][:6]:
        played, on = source.play(5 * SAMPLE_RATE + 1, rng)
        assert played.shape == on.shape == (5 * SAMPLE_RATE + 1,)
        if on.any():
            assert 20 * np.log10(np.sqrt(np.mean(played[on] ** 2))) == pytest.approx(-14, abs=0.1)


def test_pauses_between_prompts_cannot_be_heard(tmp_path: Path) -> None:
    half = np.concatenate((np.full(8000, 0.3), np.zeros(8000)))
    soundfile.write(tmp_path / "half.wav", half * np.sin(np.arange(16000) / 3), 16000)
    _, on = Recordings(Sound.SPEECH, "v/x", (tmp_path / "half.wav",)).play(
        8 * SAMPLE_RATE, np.random.default_rng(0)
    )
    assert 0.25 < on.mean() < 0.6


def test_without_any_song_there_is_no_corpus(world: World) -> None:
    with pytest.raises(MaterialError, match="no music was found"):
        find_material(None, [world.package], world.tones, seed=1)


def test_a_missing_folder_is_named(world: World, tmp_path: Path) -> None:
    with pytest.raises(MaterialError, match="nowhere/music holds no recording"):
        find_material(tmp_path / "nowhere", [], world.tones, seed=1)


def test_a_recording_of_a_few_samples_is_named(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "short.wav", np.ones(50) * 0.1, 8000)
    with pytest.raises(MaterialError, match=r"short\.wav is shorter than 20 ms"):
        read_pcm16(tmp_path / "short.wav")


def test_no_attribution_is_an_empty_one(tmp_path: Path) -> None:
    assert read_attribution(tmp_path / "ATTRIBUTION.csv") == []


def test_rendered_material_says_its_groups_itself(world: World, tmp_path: Path) -> None:
    for name in ("music/sung_ada-0.flac", "sounds/espeak_m1/en-0.flac"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes((world.audio / "music" / "song0.flac").read_bytes())
    (tmp_path / "ATTRIBUTION.csv").write_text(
        "file,title,artist,licence,source,group\n"
        "music/sung_ada-0.flac,x,y,z,,sung/ada\n"
        "sounds/espeak_m1/en-0.flac,x,y,z,,synthesiser/m1\n"
    )
    found = {source.group: source.sound for source in find_material(None, [tmp_path], world.tones, seed=1)}
    assert found["sung/ada"] is Sound.MUSIC
    assert found["synthesiser/m1"] is Sound.SPEECH


def test_standard_tones_have_families_of_their_own(sources: list[Source]) -> None:
    families = {source.group.partition("/")[0] for source in sources if source.sound is Sound.RINGING}
    assert families == {"tone", "sit", "fax", "invented"}


def test_stored_samples_are_mapped_not_read(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(1000, dtype=np.int16))
    stored = read_pcm16(tmp_path / "a.npy")
    assert isinstance(stored, np.memmap)
    np.testing.assert_array_equal(stored, np.arange(1000))
