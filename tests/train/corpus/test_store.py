"""Every recording is read once; what plays from the store is what would have been read."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from agent.hearing.sound import Sound
from agent.train.corpus.material import Recordings, Source, find_material
from agent.train.corpus.store import recordings_of, store
from agent.train.errors import MaterialError
from agent.train.parallel import Workers
from tests.train.conftest import World

HERE = Workers(jobs=1)


@pytest.fixture(scope="module")
def sources(world: World) -> list[Source]:
    return find_material(world.audio, [world.package], world.tones, seed=1)


def test_stored_recordings_play_as_if_they_were_read(sources: list[Source], tmp_path: Path) -> None:
    steps: list[None] = []
    stored = store(sources, tmp_path, HERE, lambda: steps.append(None))
    assert len(steps) == len(recordings_of(sources)) == 13
    assert stored.empty == ()
    for before, after in zip(sources, stored.sources, strict=True):
        played = [source.play(8000, np.random.default_rng(0)) for source in (before, after)]
        np.testing.assert_array_equal(played[0][0], played[1][0])
        np.testing.assert_array_equal(played[0][1], played[1][1])


def speaker(*paths: Path) -> Recordings:
    return Recordings(Sound.SPEECH, "prompts/Ada", paths)


def test_a_file_without_sound_is_left_out_and_named(world: World, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "nothing.wav", np.zeros(0), 8000)
    voice = world.audio / "speech" / "voice0.flac"
    (tmp_path / "store").mkdir()
    stored = store([speaker(voice, tmp_path / "nothing.wav")], tmp_path / "store", HERE)
    [source] = stored.sources
    assert isinstance(source, Recordings)
    assert len(source.paths) == 1
    assert stored.empty == (tmp_path / "nothing.wav",)


def test_a_speaker_of_nothing_is_named(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "short.wav", np.ones(50) * 0.1, 8000)
    (tmp_path / "store").mkdir()
    with pytest.raises(MaterialError, match=r"short\.wav is shorter than 20 ms: leave it out"):
        store([speaker(tmp_path / "short.wav")], tmp_path / "store", HERE)


def test_a_file_that_is_no_audio_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"no audio at all")
    (tmp_path / "store").mkdir()
    with pytest.raises(MaterialError, match=r"a\.wav: is no audio file that can be read"):
        store([speaker(tmp_path / "a.wav")], tmp_path / "store", HERE)
