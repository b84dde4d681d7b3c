"""What strangers were taken for: written, read, and told apart by one digest."""

import contextlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.sound import SOUNDS, Sound
from agent.train.errors import MaterialError
from agent.train.student.strangers import COLUMNS, Strangers, read_strangers, write_strangers


def some() -> Strangers:
    return Strangers(
        file=("a/1.flac", "a/1.flac", 'b, "2".wav'),
        start=np.array([0, 1, 0]),
        group=("voices/Ada", "voices/Ada", "songs/Bert"),
        fold=np.array([0, 0, 1]),
        truth=np.array([1, 3, 2]),
        ambiguous=np.array([False, True, False]),
        p=np.array([[0.125, 0.75, 0.125, 0.0], [0.25, 0.25, 0.0, 0.5], [0.5, 0.0, 0.5, 0.0]]),
        soft=np.array([[0.0, 1.0, 0.0, 0.0], [0.0, 0.5, 0.0, 0.5], [0.0, 0.25, 1.0, 0.0]]),
        teacher=("construction", "construction", "yamnet"),
    )


def equal(one: Strangers, other: Strangers) -> bool:
    return all(np.array_equal(getattr(one, column), getattr(other, column)) for column in Strangers.__slots__)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write_strangers(tmp_path / "s.csv", some())
    assert equal(read_strangers(tmp_path / "s.csv"), some())
    head, first, *_ = (tmp_path / "s.csv").read_text().splitlines()
    assert head == ",".join(COLUMNS)
    assert first == "a/1.flac,0,voices/Ada,0,speech,0,0.125,0.75,0.125,0,0,1,0,0,construction"


def test_the_verdict_is_the_most_probable_sound() -> None:
    assert [SOUNDS[i] for i in some().verdict] == [Sound.SPEECH, Sound.SILENCE, Sound.RINGING]


def test_some_of_them_can_be_looked_at() -> None:
    clear = some().where(~some().ambiguous)
    assert clear.file == ("a/1.flac", 'b, "2".wav')
    assert clear.teacher == ("construction", "yamnet")
    np.testing.assert_array_equal(clear.p, some().p[[0, 2]])


def test_the_same_test_set_has_the_same_digest_whoever_judged_it_and_in_whatever_order() -> None:
    one = some()
    backwards = replace(
        one, file=one.file[::-1], start=one.start[::-1], truth=one.truth[::-1], fold=one.fold[::-1]
    )
    assert backwards.test_set == some().test_set
    assert replace(some(), p=some().p[::-1]).test_set == some().test_set
    assert replace(some(), truth=np.array([1, 3, 0])).test_set != some().test_set
    assert replace(some(), fold=np.array([1, 1, 0])).test_set != some().test_set


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a,0,g,0,purring,0,1,0,0,0,1,0,0,0,t", "row 2 is not understood ('purring' is not a valid Sound)"),
        ("a,0,g,0,music,0,1,0,0,nan,1,0,0,0,t", "p_silence lies from 0 to 1"),
        ("a,0,g,0,music,0,1,1,0,0,1,0,0,0,t", "add up to 1"),
        ("a,0,g,,music,0,1,0,0,0,1,0,0,0,t", "row 2 is not understood"),
        ("a,0,g,0,music", "row 2 is not understood"),
        ("", "is empty"),
    ],
)
def test_a_bad_table_is_named_by_its_fault(row: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text(",".join(COLUMNS) + "\n" + row)
    with pytest.raises(MaterialError) as caught:
        read_strangers(tmp_path / "s.csv")
    assert said in str(caught.value)
    assert "earlymedia train fit" in str(caught.value)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(MaterialError, match=r"s\.csv cannot be read \(No such file"):
        read_strangers(tmp_path / "s.csv")


@given(text=st.text())
def test_any_text_is_a_table_or_a_material_error(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("any") / "s.csv"
    path.write_text(",".join(COLUMNS) + "\n" + text, encoding="utf-8", newline="", errors="surrogatepass")
    with contextlib.suppress(MaterialError):  # anything else fails the test
        read_strangers(path)
