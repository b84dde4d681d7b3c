"""Groups and recordings are dealt to folds whole, and every fold has its share of every sound."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.sound import SOUNDS
from agent.train.errors import MaterialError
from agent.train.student.folds import FOLDS, deal


def world(groups_a_sound: int, seconds: int = 6) -> tuple[list[str], list[str], np.ndarray]:
    """Every group is one recording of one sound."""
    truth = np.repeat(np.arange(4), groups_a_sound * seconds)
    groups = [f"{SOUNDS[t]}/{i // seconds % groups_a_sound}" for i, t in enumerate(truth)]
    return [f"{group}.wav" for group in groups], groups, truth


def test_every_fold_has_its_share_of_every_sound() -> None:
    files, groups, truth = world(groups_a_sound=10)
    folds = deal(files, groups, [None] * len(files), truth)
    for sound in range(4):
        assert np.bincount(folds[truth == sound]).tolist() == [12] * FOLDS


def test_the_same_seconds_are_dealt_alike_every_time() -> None:
    files, groups, truth = world(groups_a_sound=7)
    given = [None] * len(files)
    np.testing.assert_array_equal(deal(files, groups, given, truth), deal(files, groups, given, truth))


@given(data=st.data())
def test_no_group_and_no_recording_is_ever_torn(data: st.DataObject) -> None:
    n = data.draw(st.integers(8, 60))
    files = [f"{i}.wav" for i in data.draw(st.lists(st.integers(0, 20), min_size=n, max_size=n))]
    groups = [f"g/{i}" for i in data.draw(st.lists(st.integers(0, 20), min_size=n, max_size=n))]
    truth = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    try:
        folds = deal(files, groups, [None] * n, truth)
    except MaterialError:
        return
    for names in (files, groups):
        for name in set(names):
            assert len({folds[i] for i in range(n) if names[i] == name}) == 1
    assert all(len(np.unique(folds[truth == sound])) >= 2 for sound in np.unique(truth))


def test_folds_that_are_given_stay_and_what_goes_with_them_follows() -> None:
    files, groups, truth = world(groups_a_sound=5)
    given: list[int | None] = [None] * len(files)
    for index, group in enumerate(groups):
        if group.endswith("/0"):
            given[index] = 7
            break
    folds = deal(files, groups, given, truth)
    assert {int(folds[i]) for i, group in enumerate(groups) if group == "ringing/0"} == {7}
    assert all(fold == 7 or 0 <= fold < FOLDS for fold in folds)


def test_a_group_in_two_folds_is_refused() -> None:
    files, groups, truth = world(groups_a_sound=2)
    given: list[int | None] = [index % 2 for index in range(len(files))]
    with pytest.raises(MaterialError, match="folds 0 and 1 share the group ringing/0 or the recording"):
        deal(files, groups, given, truth)


def test_a_sound_of_one_group_cannot_be_judged() -> None:
    files, groups, truth = world(groups_a_sound=3)
    groups = ["songs/only" if group.startswith("music") else group for group in groups]
    with pytest.raises(MaterialError, match=r"all seconds of music .* \(songs/only\): add recordings"):
        deal(files, groups, [None] * len(files), truth)
