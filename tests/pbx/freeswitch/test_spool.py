"""The folder through which recordings come, and what lies in it when."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.pbx.freeswitch import spool as spools
from agent.pbx.freeswitch.spool import Spool, SpoolError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "taps"


@pytest.fixture
def spool(folder: Path) -> Iterator[Spool]:
    before = open_files()
    spool = Spool(folder)
    spool.open()
    yield spool
    assert open_files() == before


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_native_recording_is_ready_for_either_codec(spool: Spool, folder: Path) -> None:
    recording = spool.native("b-leg")
    assert recording.path == f"{folder}/em-b-leg"
    assert names(folder) == [f"em-b-leg-{way}.{codec}" for way in ("in", "out") for codec in ("PCMA", "PCMU")]
    assert (folder / "em-b-leg-out.PCMA").readlink() == Path("/dev/null")
    recording.close()
    assert names(folder) == []


def test_freeswitch_may_write_whatever_our_umask(spool: Spool, folder: Path) -> None:
    old = os.umask(0o077)
    try:
        recording = spool.native("a")
    finally:
        os.umask(old)
    assert stat.S_IMODE((folder / "em-a-in.PCMU").stat().st_mode) == 0o660
    recording.close()


def test_what_was_taken_outlives_its_name(spool: Spool, folder: Path) -> None:
    recording = spool.linear("a")
    file = Path(recording.path)
    assert file.name == "em-a.r8"
    taken = recording.take(".r8")
    with file.open("wb", buffering=0) as writer:
        recording.close()
        recording.close()
        assert names(folder) == []
        writer.write(b"still heard")
    assert os.read(taken, 100) == b"still heard"
    os.close(taken)


def test_a_file_that_freeswitch_made_for_another_codec_goes_too(spool: Spool, folder: Path) -> None:
    recording, other = spool.native("a"), spool.native("a-in")
    (folder / "em-a-in.G722").touch()
    (folder / "em-a-out.G722").touch()
    recording.close()
    assert len(names(folder)) == 4
    assert all(name.startswith("em-a-in-") for name in names(folder))
    other.close()


@pytest.mark.parametrize("leg_id", ["1700000000.17", "a:b@c+d", "-", "x" * 128])
def test_any_id_of_a_leg_makes_a_name_without_a_dot(spool: Spool, leg_id: str) -> None:
    assert "." not in spool.path_of(leg_id)
    assert spool.path_of(leg_id) == spool.path_of(leg_id)
    assert spool.path_of(leg_id) != spool.path_of(leg_id + "0")
    spool.native(leg_id).close()


def test_what_an_agent_left_that_died_is_cleared(spool: Spool, folder: Path) -> None:
    left = spool.native("a")
    (folder / "somebody-elses").touch()
    spool.native("a").close()  # the same leg once more
    assert names(folder) == ["somebody-elses"]
    died = spool.native("b")
    Spool(folder).open()
    assert names(folder) == ["somebody-elses"]
    left.close()
    died.close()


@pytest.mark.parametrize(
    "folder", ["/run/a.b", "relative", "/run/a b", "/run/a,b", "/run/{a}", "/", "/a/../b"]
)
def test_a_folder_that_freeswitch_would_misread_is_refused(folder: str) -> None:
    with pytest.raises(ValueError, match=r"tap_folder: .* cannot be used, choose an absolute path"):
        Spool(Path(folder))


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    with pytest.raises(SpoolError) as caught:
        Spool(tmp_path / "no-such" / "taps").open()
    assert str(caught.value) == (
        f"{tmp_path}/no-such/taps cannot be used (No such file or directory): make it with systemd-tmpfiles "
        "as docs/freeswitch.md says, and let the agent write there."
    )


def test_a_folder_that_went_away_is_said(spool: Spool, folder: Path) -> None:
    folder.rmdir()
    with pytest.raises(SpoolError, match=r"takes no recording \(No such file"):
        spool.native("a")


def test_a_folder_that_is_nearly_full_is_left_alone(
    spool: Spool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spools, "MIN_FREE_BYTES", 1 << 60)
    with pytest.raises(SpoolError, match="MiB left: make room there"):
        spool.native("a")
    assert names(folder) == []


def test_something_in_the_way_leaves_nothing_open(spool: Spool, folder: Path) -> None:
    (folder / "em-a-in.PCMA").mkdir()  # not what an unlink takes away
    with pytest.raises(SpoolError, match=r"takes no recording \(File exists\)"):
        spool.native("a")
    assert names(folder) == ["em-a-in.PCMA"]
