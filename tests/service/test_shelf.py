"""A folder that never grows beyond its limits and never shows half a recording."""

import os
import stat
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.hearing.sound import Encoding
from agent.service.kept import KeptCall, wav_header
from agent.service.shelf import LONGEST_SECONDS, Limits, Shelf
from tests.service.test_kept import CALL

SECOND = bytes(range(256)) * 62 + bytes(128)
"""A second of slin8."""
HEADER = len(wav_header(Encoding.SLIN8, 0))


def limits(folder: Path, *, max_bytes: int = 10**9, max_age_seconds: float = 1e12) -> Limits:
    return Limits(folder, max_bytes, max_age_seconds)


def keep(shelf: Shelf, name: str, seconds: int = 2, cut_bytes: int = 0) -> bool:
    shelf.begin(name, Encoding.SLIN8)
    for _ in range(seconds):
        shelf.write(name, SECOND)
    return shelf.finish(name, CALL, cut_bytes)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_recording_is_what_was_received_and_a_line_about_it(tmp_path: Path) -> None:
    shelf = Shelf(limits(tmp_path / "kept"))
    assert keep(shelf, "one", 3)
    assert names(tmp_path / "kept") == ["one.json", "one.wav"]
    content = (tmp_path / "kept/one.wav").read_bytes()
    assert content == wav_header(Encoding.SLIN8, 3 * 16_000) + 3 * SECOND
    (line,) = (tmp_path / "kept/one.json").read_text().splitlines()
    assert KeptCall.model_validate_json(line) == CALL


def test_others_than_owner_and_group_see_nothing_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        keep(Shelf(limits(tmp_path / "kept")), "one")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o750
    for path in (tmp_path / "kept").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_while_it_grows_it_has_no_name_that_others_look_for(tmp_path: Path) -> None:
    shelf = Shelf(limits(tmp_path))
    shelf.begin("one", Encoding.SLIN8)
    shelf.write("one", SECOND)
    assert names(tmp_path) == ["one.part"]
    shelf.discard("one")
    assert names(tmp_path) == []
    assert not shelf.finish("one", CALL)


def test_the_end_can_be_cut_off(tmp_path: Path) -> None:
    assert keep(Shelf(limits(tmp_path)), "one", 5, cut_bytes=2 * 16_000)
    assert (tmp_path / "one.wav").stat().st_size == HEADER + 3 * 16_000


@pytest.mark.parametrize(("seconds", "cut_bytes"), [(0, 0), (2, 24_000), (1, 160_000)])
def test_less_than_a_second_is_not_worth_keeping(tmp_path: Path, seconds: int, cut_bytes: int) -> None:
    assert not keep(Shelf(limits(tmp_path)), "one", seconds, cut_bytes)
    assert names(tmp_path) == []


def test_g711_of_an_odd_length_is_padded(tmp_path: Path) -> None:
    shelf = Shelf(limits(tmp_path))
    shelf.begin("one", Encoding.ULAW)
    shelf.write("one", bytes(8001))
    shelf.finish("one", CALL)
    content = (tmp_path / "one.wav").read_bytes()
    assert content == wav_header(Encoding.ULAW, 8001) + bytes(8002)


def test_the_oldest_make_room(tmp_path: Path) -> None:
    shelf = Shelf(limits(tmp_path, max_bytes=3 * (HEADER + 2 * 16_000)))
    for name in ("a", "b", "c", "d", "e"):
        keep(shelf, name)
    assert names(tmp_path) == ["c.json", "c.wav", "d.json", "d.wav", "e.json", "e.wav"]


def test_what_an_earlier_run_has_left_counts(tmp_path: Path) -> None:
    for name in ("a", "b"):
        keep(Shelf(limits(tmp_path)), name)
        os.utime(tmp_path / f"{name}.wav", (1000.0, 1000.0 + (name == "b")))
    keep(Shelf(limits(tmp_path, max_bytes=2 * (HEADER + 2 * 16_000))), "c")
    assert names(tmp_path) == ["b.json", "b.wav", "c.json", "c.wav"]


def test_pieces_that_a_crash_has_left_are_removed(tmp_path: Path) -> None:
    (tmp_path / "torn.part").write_bytes(b"RIFF")
    (tmp_path / "nameless.wav").write_bytes(b"RIFF")
    (tmp_path / "nameless.line").write_bytes(b"{")
    (tmp_path / "README").write_text("not ours")
    Shelf(limits(tmp_path)).tidy()
    assert names(tmp_path) == ["README"]


def test_what_is_too_old_goes(tmp_path: Path) -> None:
    shelf = Shelf(limits(tmp_path))
    keep(shelf, "old")
    keep(shelf, "new")
    os.utime(tmp_path / "old.wav", (time.time() - 100, time.time() - 100))
    Shelf(limits(tmp_path, max_age_seconds=50)).tidy()
    assert names(tmp_path) == ["new.json", "new.wav"]


def test_other_limits_take_effect_at_once(tmp_path: Path) -> None:
    shelf = Shelf(limits(tmp_path / "one"))
    keep(shelf, "a")
    shelf.begin("b", Encoding.SLIN8)
    shelf.write("b", 2 * SECOND)
    shelf.move(limits(tmp_path / "two"))
    assert shelf.finish("b", CALL)  # it stays where it began
    keep(shelf, "c")
    assert names(tmp_path / "one") == ["a.json", "a.wav", "b.json", "b.wav"]
    assert names(tmp_path / "two") == ["c.json", "c.wav"]
    shelf.move(limits(tmp_path / "two", max_bytes=1))
    assert names(tmp_path / "two") == []


def test_a_folder_that_cannot_be_made_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    shelf = Shelf(limits(tmp_path / "file"))
    with pytest.raises(OSError, match="exists"):
        shelf.begin("one", Encoding.SLIN8)
    shelf.write("one", SECOND)
    assert not shelf.finish("one", CALL)


def test_a_link_in_its_way_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    shelf = Shelf(limits(folder))
    shelf.tidy()
    (folder / "one.part").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        shelf.begin("one", Encoding.SLIN8)
    assert not (tmp_path / "elsewhere").exists()


def test_a_clear_shelf_has_nothing_half_done(tmp_path: Path) -> None:
    shelf = Shelf(limits(tmp_path))
    keep(shelf, "whole")
    shelf.begin("half", Encoding.SLIN8)
    shelf.clear()
    assert names(tmp_path) == ["whole.json", "whole.wav"]


def test_what_came_out_of_g711_takes_half_the_room(tmp_path: Path) -> None:
    shelf = Shelf(limits(tmp_path))
    shelf.begin("one", Encoding.SLIN8)
    shelf.write("one", bytes(3 * 16_000))
    shelf.finish("one", CALL, cut_bytes=16_000)
    assert (tmp_path / "one.wav").read_bytes() == wav_header(Encoding.ULAW, 16_000) + 16_000 * b"\xff"


def test_nobody_is_recorded_for_hours(tmp_path: Path) -> None:
    shelf = Shelf(limits(tmp_path))
    shelf.begin("one", Encoding.SLIN8)
    for _ in range(11):
        shelf.write("one", 60 * SECOND)
    shelf.finish("one", CALL)
    assert (tmp_path / "one.wav").stat().st_size == HEADER + round(LONGEST_SECONDS) * 16_000


names_of_calls = st.sampled_from(["a", "b", "c"])
moves = st.one_of(
    st.tuples(st.just("begin"), names_of_calls, st.sampled_from(Encoding)),
    st.tuples(st.just("write"), names_of_calls, st.integers(0, 5)),
    st.tuples(st.just("finish"), names_of_calls, st.integers(0, 40_000)),
    st.tuples(st.just("discard"), names_of_calls, st.none()),
    st.tuples(st.just("move"), st.sampled_from(["one", "two"]), st.integers(1, 200_000)),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(moves, max_size=30))
def test_whatever_calls_do_no_limit_is_exceeded_and_nothing_is_half(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, object]]
) -> None:
    root = tmp_path_factory.mktemp("shelf")
    shelf, most, begun = Shelf(limits(root / "one", max_bytes=100_000)), 100_000, 0
    names_now: dict[str, str] = {}
    for what, who, how in steps:
        if what == "begin" and who not in names_now:
            begun += 1
            names_now[who] = f"{begun:03d}{who}"
            shelf.begin(names_now[who], Encoding(str(how)))
        elif what == "write" and who in names_now:
            shelf.write(names_now[who], SECOND[: 4 * int(str(how))] + int(str(how)) * SECOND)
        elif what == "finish" and who in names_now:
            shelf.finish(names_now.pop(who), CALL, int(str(how)))
        elif what == "discard" and who in names_now:
            shelf.discard(names_now.pop(who))
        elif what == "move":
            most = int(str(how))
            shelf.move(limits(root / who, max_bytes=most))
        whole = list(shelf.limits.folder.glob("*.wav"))
        assert sum(path.stat().st_size for path in whole) <= most
        assert {path.stem for path in whole} == {path.stem for path in shelf.limits.folder.glob("*.json")}
    shelf.clear()
    assert {path.suffix for path in root.rglob("*.*")} <= {".wav", ".json"}
