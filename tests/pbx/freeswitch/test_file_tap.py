"""A file that is read while it grows."""

import os
from pathlib import Path

import pytest

from agent.hearing.sound import Encoding
from agent.pbx.descriptor_tap import READ_BYTES
from agent.pbx.freeswitch.file_tap import FileTap
from agent.pbx.port import TapKind


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "recording"
    path.touch()
    return path


def tap_of(file: Path, encoding: Encoding = Encoding.ULAW, let_go: list[bool] | None = None) -> FileTap:
    closed = [] if let_go is None else let_go
    return FileTap(os.open(file, os.O_RDONLY), TapKind.RECORD_NATIVE, encoding, lambda: closed.append(True))


def test_its_end_is_no_end_of_the_leg(file: Path) -> None:
    tap = tap_of(file)
    with file.open("ab", buffering=0) as writer:
        for piece in (b"a", b"bc", b""):
            writer.write(piece)
            assert tap.read() == piece
    file.unlink()
    assert tap.read() == b""
    assert not tap.ended
    tap.close()


def test_a_backlog_is_read_in_bounded_pieces(file: Path) -> None:
    file.write_bytes(b"x" * (READ_BYTES + 1))
    tap = tap_of(file)
    assert (len(tap.read()), len(tap.read())) == (READ_BYTES, 1)
    tap.close()


def test_it_is_let_go_once(file: Path) -> None:
    let_go: list[bool] = []
    tap = tap_of(file, let_go=let_go)
    tap.close()
    tap.close()
    assert tap.ended
    assert tap.read() == b""
    assert let_go == [True]


def test_a_descriptor_that_cannot_be_read_ends_the_tap(file: Path) -> None:
    let_go: list[bool] = []
    tap = FileTap(
        os.open(file.parent, os.O_RDONLY), TapKind.RECORD_LINEAR, Encoding.SLIN8, lambda: let_go.append(True)
    )
    assert tap.read() == b""
    assert (tap.ended, let_go) == (True, [True])


@pytest.mark.parametrize(("encoding", "read"), [(Encoding.ULAW, b"\xff"), (Encoding.ALAW, b"\xd5")])
def test_what_freeswitch_fills_in_is_silence(file: Path, encoding: Encoding, read: bytes) -> None:
    speech = bytes(range(256)) * 2 + b"\xff" * 78 + b"\x00"
    file.write_bytes(speech[:480] + b"\xff" * 160 + b"\x00" + speech[480:])
    tap = tap_of(file, encoding)
    assert tap.read() == speech[:480] + read * 160 + b"\x00" + speech[480:]
    tap.close()
