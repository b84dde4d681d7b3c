"""Recordings are listened to as calls are."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agent.announcements.announcement import Announcement
from agent.announcements.library import Library
from agent.announcements.listening import listen
from agent.hearing.pcm import Samples
from tests.hearing.speech import speech


@pytest.mark.parametrize(("trunk", "expected"), [("a", ["x", "y"]), ("b", ["y"]), (None, ["x", "y"])])
def test_an_announcement_of_one_trunk_is_not_heard_on_another(
    library: Library, trunk: str | None, expected: list[str]
) -> None:
    library.add_all([(Announcement(name="x", trunk="a"), [speech(1)]), (Announcement(name="y"), [speech(2)])])
    heard = listen(library.snapshot(), np.concatenate((speech(1), speech(2))), trunk)
    assert [one.announcement.name for one in heard] == expected


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrays(np.float32, st.integers(0, 40_000), elements=st.floats(-1, 1, width=32)))
def test_any_audio_is_listened_to(library: Library, recording: Samples) -> None:
    library.add(Announcement(name="vacant"), [speech(1)])
    assert listen(library.snapshot(), recording) == []
