"""The label file, as CSV and as Parquet."""

import contextlib
import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.sound import Sound
from agent.train.errors import MaterialError
from agent.train.labels.label_table import COLUMNS, Row, read_rows, refuse_ending, write_rows
from agent.train.labels.labelling import LabelledSecond

THESIS = "file,start_time,hard_target,soft_speech,soft_music,soft_ringing,soft_silence"
ROWS = [
    Row("in/a.wav", LabelledSecond(0, Sound.RINGING, (0.75, 0.5, 0.25, 0.0), 1.0, False), "yamnet"),
    Row('a, "b".wav', LabelledSecond(1, Sound.SILENCE, (0.0, 0.0, 0.125, 1.0), 0.5, True), "yamnet"),
    Row(
        "c.flac", LabelledSecond(2, Sound.MUSIC, (0.0, 0.0, 1.0, 0.0), 1.0, False), "construction",
        "songs/Ada", 3, 0.5,
    ),
]  # fmt: skip


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_what_is_written_is_read_again(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"labels{ending}"
    assert write_rows(path, iter(ROWS), ending) == 3
    assert list(read_rows(path)) == ROWS


def test_the_columns_of_the_thesis_come_first(tmp_path: Path) -> None:
    write_rows(tmp_path / "l.csv", ROWS, ".csv")
    write_rows(tmp_path / "l.parquet", ROWS, ".parquet")
    with (tmp_path / "l.csv").open(newline="") as file:
        head, first, *_ = csv.reader(file)
    assert ",".join(head).startswith(THESIS + ",agreement,ambiguous,teacher")
    assert first == ["in/a.wav", "0", "ringing", "0.5", "0.25", "0.75", "0", "1", "0", "yamnet", "", "", "1"]
    assert tuple(pq.read_schema(tmp_path / "l.parquet").names) == COLUMNS == tuple(head)


def test_a_file_of_the_thesis_itself_is_read(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text(f"{THESIS}\na.wav,3.0,Speech,0.9,0.1,0,0\n")
    (row,) = read_rows(tmp_path / "l.csv")
    assert row == Row("a.wav", LabelledSecond(3, Sound.SPEECH, (0.0, 0.9, 0.1, 0.0), 1.0, False), "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{THESIS}\na.wav,0,purring,0,0,0,0\n", "row 2 is not understood ('purring' is not a valid Sound)"),
        (f"{THESIS}\na.wav,0,music,0,0,0,0\na.wav,x,music,0,0,0,0\n", "row 3 is not understood"),
        (f"{THESIS}\na.wav,0,music,0,7,0,0\n", "soft targets lie from 0 to 1"),
        (f"{THESIS}\na.wav,0,music,0,nan,0,0\n", "soft targets lie from 0 to 1"),
        (f"{THESIS}\na.wav,-1,music,0,0,0,0\n", "a second starts at 0 or later"),
        (f"{THESIS},weight\na.wav,0,music,0,0,0,0,0\n", "a weight lies above 0, unlike '0'"),
        (f"{THESIS},weight\na.wav,0,music,0,0,0,0,nan\n", "a weight lies above 0"),
        (f"{THESIS},fold\na.wav,0,music,0,0,0,0,1.5\n", "a fold is a whole number from 0 on, not '1.5'"),
        (f'{THESIS},fold\na.wav,0,music,0,0,0,0,".5\n"\n', r"a fold is a whole number from 0 on, not '.5\n'"),
        (f"{THESIS},fold\na.wav,0,music,0,0,0,0,-1\n", "a fold is a whole number from 0 on"),
        (f"{THESIS}\n{'a' * 200_000},0,music,0,0,0,0\n", "row 2 is not understood (field larger"),
        (f"{THESIS}\na.wav,0,music\n", "row 2 is not understood"),
        (f"{THESIS},agreement\na.wav,0,music,0,1,0,0,5\n", "an agreement lies from 0 to 1, unlike 5"),
        (
            "soft_speech,soft_music,soft_ringing,soft_silence,file,start_time,hard_target\n0,1,0,0,a.wav,0\n",
            "row 2 is not understood ('none' is not a valid Sound)",
        ),
        ("file,start_time\na.wav,0\n", "has no column 'soft_ringing'"),
    ],
)
def test_a_bad_label_file_is_named_by_its_fault(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text(text)
    with pytest.raises(MaterialError) as caught:
        list(read_rows(tmp_path / "l.csv"))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["none.csv", "none.parquet"])
def test_a_missing_label_file_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(MaterialError, match="make it with `earlymedia train label`"):
        list(read_rows(tmp_path / name))


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "l.parquet").write_text(THESIS)
    with pytest.raises(MaterialError, match="is not understood"):
        list(read_rows(tmp_path / "l.parquet"))


def test_other_endings_are_refused() -> None:
    with pytest.raises(MaterialError, match=r"should end in .csv or .parquet"):
        refuse_ending(Path("labels.txt"))


@given(text=st.text())
def test_any_text_makes_rows_or_a_material_error(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("any") / "l.csv"
    path.write_text(THESIS + "\n" + text, encoding="utf-8", newline="", errors="surrogatepass")
    with contextlib.suppress(MaterialError):  # anything else fails the test
        list(read_rows(path))
