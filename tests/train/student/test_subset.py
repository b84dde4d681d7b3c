"""Fewer seconds, but of everything."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.sound import SOUNDS, Sound
from agent.train.labels.label_table import Row, write_rows
from agent.train.labels.labelling import LabelledSecond
from agent.train.student.examples import find_source, read_examples
from agent.train.student.subset import Tally


def tally(*recordings: tuple[str, str, Sound, int], reviewed: frozenset[str] = frozenset()) -> Tally:
    counted = Tally()
    for name, group, sound, seconds in recordings:
        for _ in range(seconds):
            counted.add(name, group, sound, first=name in reviewed)
    return counted


CALLS = [(f"call-{n:03}", "carrier/large", Sound.RINGING, 10) for n in range(100)]


def test_a_small_group_is_not_drowned_by_a_large_one() -> None:
    counted = tally(*CALLS, ("song", "carrier/small", Sound.MUSIC, 10))
    assert len(chosen := counted.draw(50, seed=42)) == 5
    assert "song" in chosen


def test_a_rare_sound_of_a_group_takes_its_turn() -> None:
    counted = tally(*CALLS, ("voice", "carrier/large", Sound.SPEECH, 10))
    assert "voice" in counted.draw(20, seed=42)


def test_sounds_take_turns_where_every_recording_is_its_own_group() -> None:
    alone = [(name, name, sound, seconds) for name, _, sound, seconds in CALLS]
    songs = [(f"song-{n}", f"song-{n}", Sound.MUSIC, 10) for n in range(5)]
    chosen = tally(*alone, *songs).draw(100, seed=42)
    assert sorted(name for name in chosen if name.startswith("song")) == [f"song-{n}" for n in range(5)]
    assert len(chosen) == 10


def test_what_a_person_has_listened_to_comes_first() -> None:
    reviewed = frozenset({"call-007", "call-011", "call-099"})
    assert tally(*CALLS, reviewed=reviewed).draw(30, seed=42) == reviewed


def test_a_recording_that_does_not_fit_any_more_is_passed_over() -> None:
    counted = tally(("long", "a", Sound.SPEECH, 50), ("short", "b", Sound.SPEECH, 5))
    assert counted.draw(20, seed=42) == {"short"}


def test_the_lot_depends_on_the_seed_alone() -> None:
    forth, back = tally(*CALLS).draw(100, seed=1), tally(*reversed(CALLS)).draw(100, seed=1)
    assert forth == back
    assert forth != tally(*CALLS).draw(100, seed=2)


recordings = st.lists(
    st.tuples(
        st.text("abcdef", min_size=3, max_size=6),
        st.sampled_from("xyz"),
        st.sampled_from(SOUNDS),
        st.integers(1, 9),
    ),
    unique_by=lambda recording: recording[0],
    max_size=40,
)


@given(recordings, st.integers(0, 400))
def test_never_more_than_wanted_and_never_a_whole_turn_less(
    known: list[tuple[str, str, Sound, int]], most: int
) -> None:
    seconds = {name: length for name, _, _, length in known}
    chosen = tally(*known).draw(most, seed=0)
    total = sum(seconds[name] for name in chosen)
    assert total <= most
    assert all(seconds[name] > most - total for name in seconds.keys() - chosen)


def test_examples_are_read_of_drawn_recordings_only(tmp_path: Path) -> None:
    rows = [
        Row(f"{sound}/{n:02}.wav", LabelledSecond(second, sound, (1.0, 0.0, 0.0, 0.0), 1.0, False), "yamnet")
        for sound in SOUNDS
        for n in range(20 if sound is Sound.RINGING else 4)
        for second in range(5)
    ]
    rows = [replace(row, group=row.file.removesuffix(".wav")) for row in rows]
    write_rows(tmp_path / "labels.csv", rows, ".csv")
    source = find_source(tmp_path)
    assert len(read_examples([source])) == 160
    few = read_examples([source], most_seconds=60, seed=42)
    assert len(few) == 60
    assert len(set(few.file)) == 12
    assert all(few.file.count(file) == 5 for file in few.file)
    assert set(few.truth.tolist()) == {0, 1, 2, 3}
    assert few.file == read_examples([source], most_seconds=60, seed=42).file
    assert few.file != read_examples([source], most_seconds=60, seed=43).file
