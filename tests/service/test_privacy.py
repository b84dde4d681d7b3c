"""Numbers are kept as keyed hashes and shown by two digits."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.service.privacy import KEY_BYTES, KeyFileError, NumberKey, masked


def test_a_key_is_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "number.key"
    first = NumberKey.at(path).digest("0123456789")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_size == KEY_BYTES
    assert NumberKey.at(path).digest("0123456789") == first
    assert [file.name for file in tmp_path.iterdir()] == ["number.key"]


def test_another_installation_hashes_otherwise(tmp_path: Path) -> None:
    assert NumberKey.at(tmp_path / "a").digest("0123456789") != NumberKey.at(tmp_path / "b").digest(
        "0123456789"
    )


def test_threads_that_start_at_once_agree_on_the_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        digests = list(threads.map(lambda _: NumberKey.at(tmp_path / "key").digest("123"), range(64)))
    assert len(set(digests)) == 1


def test_a_digest_is_that_of_rfc_2104() -> None:
    # RFC 4231, test case 2.
    assert NumberKey(b"Jefe").digest("what do ya want for nothing?") == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


def test_no_number_has_no_digest() -> None:
    assert NumberKey(b"key").digest("") == ""


def test_a_damaged_key_file_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(KeyFileError, match=r"key holds 5 bytes instead of 32: restore it"):
        NumberKey.at(tmp_path / "key")


def test_a_folder_that_is_not_there_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"cannot be read or made \(No such file or directory\)"):
        NumberKey.at(tmp_path / "missing" / "key")


@pytest.mark.parametrize(
    ("number", "shown"), [("+4915112345678", "…78"), ("12345", "…45"), ("1234", "…"), ("", "…")]
)
def test_a_number_is_shown_by_its_last_two_digits(number: str, shown: str) -> None:
    assert masked(number) == shown


@given(st.text("0123456789", min_size=5))
def test_no_more_of_a_number_is_ever_shown(number: str) -> None:
    assert masked(number) == "…" + number[-2:]
