"""What a person said is never lost, and can be taken back."""

import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.hearing.sound import Sound
from agent.train.errors import MaterialError
from agent.train.labels.label_table import read_rows
from agent.train.review.reviewed import Reviewed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reviewed.csv"


def test_what_is_said_is_a_label_file_at_once(path: Path) -> None:
    Reviewed(path).label("a/b.flac", [3], Sound.SPEECH)
    (row,) = read_rows(path)
    assert (row.file, row.teacher) == ("a/b.flac", "reviewed")
    assert (row.second.start, row.second.sound, row.second.soft) == (3, Sound.SPEECH, (0, 1, 0, 0))
    assert (row.second.agreement, row.second.ambiguous) == (1.0, False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_later_session_goes_on(path: Path) -> None:
    Reviewed(path).label("a", [0, 1], Sound.MUSIC)
    later = Reviewed(path)
    later.label("b", [0], Sound.RINGING)
    assert len(later) == len(list(read_rows(path))) == 3
    assert later.sound("a", 1) is Sound.MUSIC
    assert later.sound("a", 2) is None
    assert later.undo() == ("b", 0)
    assert later.undo() is None  # what was said before is not this session's to take back
    assert len(list(read_rows(path))) == 2


def test_a_second_can_be_named_otherwise_and_not_at_all(path: Path) -> None:
    reviewed = Reviewed(path)
    reviewed.label("a", [0], Sound.MUSIC)
    reviewed.label("a", [0], Sound.SPEECH)
    assert [row.second.sound for row in read_rows(path)] == [Sound.SPEECH]
    reviewed.label("a", [0], None)
    assert list(read_rows(path)) == []
    assert [reviewed.undo(), reviewed.sound("a", 0)] == [("a", 0), Sound.SPEECH]
    assert [reviewed.undo(), reviewed.sound("a", 0)] == [("a", 0), Sound.MUSIC]
    assert [reviewed.undo(), reviewed.sound("a", 0)] == [("a", 0), None]


def test_a_whole_call_is_taken_back_at_once(path: Path) -> None:
    reviewed = Reviewed(path)
    reviewed.label("a", range(5, 9), Sound.MUSIC)
    reviewed.label("a", [], Sound.SPEECH)  # nothing was said: there is nothing to take back
    assert reviewed.undo() == ("a", 5)
    assert len(reviewed) == 0


def test_a_disk_that_is_full_changes_nothing(path: Path) -> None:
    reviewed = Reviewed(path)
    reviewed.label("a", [0], Sound.MUSIC)
    path.parent.rename(path.parent.with_name("away"))
    with pytest.raises(MaterialError, match="cannot be written"):
        reviewed.label("a", [1], Sound.MUSIC)
    with pytest.raises(MaterialError, match="cannot be written"):
        reviewed.undo()
    path.parent.with_name("away").rename(path.parent)
    assert reviewed.sound("a", 1) is None
    assert reviewed.undo() == ("a", 0)
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_not_understood_is_not_written_over(path: Path) -> None:
    path.write_text("somebody's letters\n1\n")
    with pytest.raises(MaterialError, match=r"reviewed\.csv"):
        Reviewed(path)
    assert path.read_text() == "somebody's letters\n1\n"


Said = tuple[str, list[int], Sound | None]
said = st.tuples(
    st.sampled_from(["a", 'b,"c"', "d/é"]),
    st.lists(st.integers(0, 5), max_size=3),
    st.none() | st.sampled_from(Sound),
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.lists(said, max_size=4), then=st.lists(said, max_size=4))
def test_whatever_was_said_can_be_taken_back_step_by_step(
    path: Path, first: list[Said], then: list[Said]
) -> None:
    path.unlink(missing_ok=True)
    begun = Reviewed(path)
    for file, starts, sound in first:
        begun.label(file, starts, sound)
    before = sorted(path.read_text().splitlines()) if path.exists() else []
    session = Reviewed(path)
    for file, starts, sound in then:
        session.label(file, starts, sound)
    while session.undo() is not None:
        pass
    after = sorted(path.read_text().splitlines()) if path.exists() else []
    assert [line for line in after if "reviewed" in line] == [line for line in before if "reviewed" in line]
