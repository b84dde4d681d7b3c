"""Label files become examples: who outranks whom, where recordings lie, and what belongs together."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from agent.hearing.sound import SOUNDS, Sound
from agent.train.errors import MaterialError
from agent.train.labels.label_table import Row, write_rows
from agent.train.labels.labelling import LabelledSecond
from agent.train.student.examples import Examples, find_source, read_examples

Soft = tuple[float, float, float, float]
CERTAIN: dict[Sound, Soft] = {
    Sound.RINGING: (1.0, 0.0, 0.0, 0.0),
    Sound.SPEECH: (0.0, 1.0, 0.0, 0.0),
    Sound.MUSIC: (0.0, 0.0, 1.0, 0.0),
    Sound.SILENCE: (0.0, 0.0, 0.0, 1.0),
}


def row(
    file: str, start: int, sound: Sound, teacher: str = "yamnet", soft: Soft | None = None, **more: object
) -> Row:
    second = LabelledSecond(start, sound, soft or CERTAIN[sound], 1.0, bool(more.pop("ambiguous", False)))
    return Row(file, second, teacher, **more)  # type: ignore[arg-type]


def every_sound(*, group: str = "", copies: int = 2) -> list[Row]:
    return [
        row(f"{sound}{copy}.wav", 0, sound, group=group and f"{group}/{sound}{copy}")
        for sound in SOUNDS
        for copy in range(copies)
    ]


def labelled(folder: Path, rows: Sequence[Row], name: str = "labels.csv") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "audio").mkdir(exist_ok=True)
    write_rows(folder / name, rows, Path(name).suffix)
    return folder / name


def examples(*paths: Path) -> Examples:
    return read_examples([find_source(path) for path in paths])


def test_every_second_is_an_example_in_order_of_its_recording(tmp_path: Path) -> None:
    read = examples(labelled(tmp_path / "a", [row("z.wav", 1, Sound.MUSIC), *every_sound()]))
    assert read.file[-1] == "z.wav"
    assert list(read.file) == sorted(read.file)
    assert [SOUNDS[i] for i in read.truth[:2]] == [Sound.MUSIC, Sound.MUSIC]
    assert read.root == (tmp_path / "a" / "audio").resolve()


def test_who_listened_outranks_who_composed_and_both_outrank_teachers(tmp_path: Path) -> None:
    doubt: Soft = (0.25, 0.5, 0.25, 0.0)
    taught = labelled(
        tmp_path / "a", [*every_sound(), row("x.wav", 0, Sound.SPEECH, soft=doubt)], "taught.csv"
    )
    composed = labelled(
        tmp_path / "a", [row("x.wav", 0, Sound.MUSIC, "construction", group="songs/Ada", fold=3)], "made.csv"
    )
    heard = labelled(tmp_path / "a", [row("x.wav", 0, Sound.RINGING, "reviewed", weight=5.0)], "reviewed.csv")
    for order in ((taught, composed, heard), (heard, composed, taught)):
        read = examples(*order)
        x = read.where(np.array([file == "x.wav" for file in read.file]))
        assert [SOUNDS[i] for i in x.truth] == [Sound.RINGING]
        assert x.teacher == ("reviewed",)
        assert x.soft.tolist() == [list(doubt)]
        assert (x.group, x.fold.tolist(), x.weight.tolist()) == (("songs/Ada",), [3], [5.0])


def test_among_equals_the_last_one_counts(tmp_path: Path) -> None:
    first = labelled(tmp_path / "a", [*every_sound(), row("x.wav", 0, Sound.SPEECH)], "1.csv")
    second = labelled(tmp_path / "a", [row("x.wav", 0, Sound.SILENCE)], "2.csv")
    assert SOUNDS[examples(first, second).truth[-1]] is Sound.SILENCE
    assert SOUNDS[examples(second, first).truth[-1]] is Sound.SPEECH


def test_a_folder_is_a_group_and_a_recording_without_one_stands_for_itself(tmp_path: Path) -> None:
    rows = [row("carrier/1/a.wav", 0, Sound.MUSIC), row("carrier/2.wav", 0, Sound.MUSIC), *every_sound()]
    read = examples(labelled(tmp_path / "a", rows))
    assert read.group[:2] == ("folder/carrier", "folder/carrier")
    assert read.group[2] == "file/music0.wav"


def test_recordings_of_two_folders_are_told_apart_by_their_common_one(tmp_path: Path) -> None:
    read = examples(
        labelled(tmp_path / "a", every_sound()), labelled(tmp_path / "b", every_sound(group="mine"))
    )
    assert read.root == tmp_path.resolve()
    assert len(read) == 16
    assert read.file[0] == "a/audio/music0.wav"
    assert {read.group[0], read.group[8]} == {"file/a/audio/music0.wav", "mine/music0"}
    assert all((read.root / file).parent.is_dir() for file in read.file)


def test_recordings_lie_where_one_says_or_beside_the_label_file(tmp_path: Path) -> None:
    path = labelled(tmp_path / "a", every_sound())
    assert find_source(path).audio == tmp_path / "a" / "audio"
    assert find_source(tmp_path / "a") == find_source(path)
    (tmp_path / "a" / "audio").rmdir()
    assert find_source(path).audio == tmp_path / "a"
    assert find_source(path, tmp_path).audio == tmp_path
    with pytest.raises(MaterialError, match="nowhere is no folder"):
        find_source(path, tmp_path / "nowhere")


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(MaterialError, match=r"holds no labels\.csv: make one with"):
        find_source(tmp_path)


def test_a_label_file_without_rows_is_named(tmp_path: Path) -> None:
    with pytest.raises(MaterialError, match=r"labels\.csv holds no labelled second"):
        examples(labelled(tmp_path / "a", []))


def test_a_sound_that_is_missing_is_named(tmp_path: Path) -> None:
    rows = [each for each in every_sound() if each.second.sound not in (Sound.MUSIC, Sound.SILENCE)]
    with pytest.raises(MaterialError, match="no second is labelled music or silence"):
        examples(labelled(tmp_path / "a", rows))
