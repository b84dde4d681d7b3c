"""The sound behind labelled seconds, and the corpus that it lies in."""

import io
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from agent.hearing.sound import Sound
from agent.train.errors import MaterialError
from agent.train.evaluation.evaluate_audio import (
    AudioFolders,
    draw_seconds,
    find_conditions,
    surroundings,
    wav,
)
from agent.train.student.strangers import Strangers
from tests.train.seconds import strangers


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two corpora beside each other, each with a recording of three seconds: 0.1, 0.2, 0.3 throughout."""
    for name, codec in (("one", "gsm"), ("two", "ulaw")):
        (tmp_path / name / "audio").mkdir(parents=True)
        levels = np.repeat([0.1, 0.2, 0.3], 8000)
        soundfile.write(tmp_path / name / "audio" / "a.flac", levels, 8000)
        (tmp_path / name / "recordings.csv").write_text(f"file,codec\na.flac,{codec}\n")
    return tmp_path


def judged(*files: str) -> Strangers:
    truth = np.arange(len(files)) % 4
    return replace(strangers(np.eye(4)[truth], truth), file=files, start=np.arange(len(files)))


def test_a_corpus_is_where_its_audio_is(folder: Path) -> None:
    assert AudioFolders.of([folder / "one"]).find("a.flac") == folder / "one" / "audio" / "a.flac"
    assert AudioFolders.of([folder]).find("two/audio/a.flac") == folder / "two" / "audio" / "a.flac"
    assert AudioFolders.of([folder]).find("a.flac") is None
    with pytest.raises(MaterialError, match="is no folder"):
        AudioFolders.of([folder / "three"])


def test_conditions_are_found_from_a_corpus_and_from_above_several(folder: Path) -> None:
    one = find_conditions(["a.flac", "b.flac"], AudioFolders.of([folder / "one"]))
    assert one is not None
    assert one.of == {"a.flac": ("gsm",)}
    both = find_conditions(["one/audio/a.flac", "two/audio/a.flac"], AudioFolders.of([folder]))
    assert both is not None
    assert both.of == {"one/audio/a.flac": ("gsm",), "two/audio/a.flac": ("ulaw",)}


def test_without_a_table_nothing_is_known(folder: Path) -> None:
    (folder / "one" / "recordings.csv").unlink()
    assert find_conditions(["a.flac"], AudioFolders.of([folder / "one"])) is None
    assert find_conditions(["a.flac"], AudioFolders.of([])) is None


def test_a_second_is_drawn_with_the_beginning_of_the_next(folder: Path) -> None:
    drawn = draw_seconds(judged("a.flac"), AudioFolders.of([folder / "one"]), of_each=2)
    (ringing,) = drawn[Sound.RINGING]
    assert ringing.shape == (8387,)
    np.testing.assert_allclose(ringing[[0, 7999, 8000, 8386]], [0.1, 0.1, 0.2, 0.2], atol=1e-4)
    assert drawn[Sound.SPEECH] == []


def test_the_last_second_is_followed_by_nothing(folder: Path) -> None:
    last = replace(judged("a.flac"), start=np.array([2]))
    (second,) = draw_seconds(last, AudioFolders.of([folder / "one"]), of_each=1)[Sound.RINGING]
    np.testing.assert_allclose(second[[7999, 8000]], [0.3, 0.0], atol=1e-4)


def test_mixed_seconds_are_not_drawn(folder: Path) -> None:
    mixed = replace(judged("a.flac"), ambiguous=np.array([True]))
    assert not any(draw_seconds(mixed, AudioFolders.of([folder / "one"]), of_each=1).values())


def test_a_damaged_recording_is_named(folder: Path) -> None:
    (folder / "one" / "audio" / "a.flac").write_bytes(b"no audio")
    with pytest.raises(MaterialError, match=r"a\.flac: is no audio file"):
        AudioFolders.of([folder / "one"]).read("a.flac")


def test_a_second_is_cut_out_with_what_is_around_it() -> None:
    samples = np.repeat(np.arange(5, dtype=np.float32), 8000)
    cut, first = surroundings(samples, 2)
    assert (first, sorted(set(cut.tolist()))) == (1, [1, 2, 3])
    cut, first = surroundings(samples, 0)
    assert (first, sorted(set(cut.tolist()))) == (0, [0, 1])
    cut, first = surroundings(samples, 4)
    assert (first, sorted(set(cut.tolist()))) == (3, [3, 4])


def test_a_page_can_play_it() -> None:
    with wave.open(io.BytesIO(wav(np.array([0.0, 0.5, -1.0, 2.0], np.float32)))) as file:
        assert (file.getframerate(), file.getnchannels()) == (8000, 1)
        assert np.frombuffer(file.readframes(4), "<i2").tolist() == [0, 16384, -32768, 32767]
