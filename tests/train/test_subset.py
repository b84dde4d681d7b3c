"""Fewer seconds, but of everything."""

from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.sound import SOUNDS, Sound
from agent.train.subset import Tally


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
