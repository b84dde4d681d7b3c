"""A corpus is whole or it is not there."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from agent.hearing.pcm import SAMPLE_RATE
from agent.train.corpus.folder import (
    Excluded,
    Material,
    Origin,
    beside,
    read_origin,
    write_audio,
    write_origin,
)
from agent.train.errors import MaterialError

ORIGIN = Origin(
    seed=7,
    recordings=1,
    materials=(Material(what="songs", by="Ada", licence="CC0 1.0"),),
    plan_sha256="abc",
    plan={"seed": 7},
    tone_sets=172,
    excluded_tones=(Excluded(country="Testland", tone="bell", reason="inaudible"),),
)


def test_the_origin_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_origin(tmp_path, ORIGIN)
    assert read_origin(tmp_path) == ORIGIN


def test_audio_is_kept_to_the_last_bit(tmp_path: Path) -> None:
    samples = (np.arange(-32768, 32768, 7) / 32768).astype(np.float32)
    write_audio(tmp_path, "own1/a b.flac", samples)
    back, rate = soundfile.read(tmp_path / "audio" / "own1" / "a b.flac", dtype="float32")
    assert rate == SAMPLE_RATE
    np.testing.assert_array_equal(back, samples)


def test_a_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    with beside(tmp_path / "new") as draft:
        (draft / "a").write_text("a")
        assert not (tmp_path / "new").exists()
    assert [path.name for path in tmp_path.rglob("*")] == ["new", "a"]


def test_a_fault_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail() -> None:
        with beside(tmp_path / "new") as draft:
            (draft / "a").write_text("a")
            raise MaterialError("a voice is missing")

    with pytest.raises(MaterialError, match="a voice is missing"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(MaterialError, match=r"file/new cannot be written .*: choose another folder"),
        beside(tmp_path / "file" / "new"),
    ):
        pass


@pytest.mark.parametrize("text", ["", "{}", '{"seed": 1}'])
def test_a_damaged_origin_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "corpus.json").write_text(text)
    with pytest.raises(MaterialError, match=r"corpus\.json is missing or damaged"):
        read_origin(tmp_path)


def test_audio_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "audio").write_text("")
    with pytest.raises(MaterialError, match=r"audio/a\.flac cannot be written .*: choose another folder"):
        write_audio(tmp_path, "a.flac", np.zeros(160, np.float32))
