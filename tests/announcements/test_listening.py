"""A live agent listens with the library as it is now."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agent.announcements.announcement import Announcement
from agent.announcements.library import Library
from agent.announcements.listening import Shelf, listen
from agent.hearing.pcm import Samples
from tests.hearing.speech import speech


def test_a_change_by_another_process_is_seen_without_restart(library: Library) -> None:
    with Library(library.file) as ours:
        shelf = Shelf(ours)
        assert not shelf.refresh()
        library.add(Announcement(name="vacant"), [speech(1)])
        assert shelf.refresh()
        assert [heard.outcome for heard in listen(shelf.snapshot, speech(1))] == ["announcement:vacant"]
        assert not shelf.refresh()


def test_a_library_that_breaks_leaves_what_was_known(library: Library) -> None:
    library.add(Announcement(name="vacant"), [speech(1)])
    shelf = Shelf(library)
    library.database.execute("DROP TABLE change")
    assert not shelf.refresh()
    assert "cannot be used" in shelf.problem
    assert listen(shelf.snapshot, speech(1))


@pytest.mark.parametrize(("trunk", "expected"), [("a", ["x", "y"]), ("b", ["y"]), (None, ["x", "y"])])
def test_an_announcement_of_one_trunk_is_not_heard_on_another(
    library: Library, trunk: str | None, expected: list[str]
) -> None:
    library.add_all([(Announcement(name="x", trunk="a"), [speech(1)]), (Announcement(name="y"), [speech(2)])])
    heard = listen(library.snapshot(), np.concatenate((speech(1), speech(2))), trunk)
    assert [one.announcement.name for one in heard] == expected


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrays(np.float32, st.integers(0, 40_000), elements=st.floats(-1, 1, width=32)))
def test_any_audio_is_listened_to(library: Library, recording: Samples) -> None:
    library.add(Announcement(name="vacant"), [speech(1)])
    assert listen(library.snapshot(), recording) == []
