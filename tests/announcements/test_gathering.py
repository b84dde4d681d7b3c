"""Unknown announcements gather themselves across calls, until somebody names them."""

import pytest

from agent.announcements.announcement import Announcement
from agent.announcements.database import LibraryError
from agent.announcements.gathering import Gathering, Limits, Sighting, candidates, name
from agent.announcements.library import Library
from agent.announcements.listening import listen
from agent.hearing.recognition import Known, Recollection, recognise
from agent.hearing.tape import Fingerprint
from tests.hearing.speech import noisy, seconds_of, spectra, speech

NOTHING = Known.of([])


def call(announcement: int, offset: int = 0, seed: int = 0) -> Fingerprint:
    """What a call collects that plays an announcement nobody knows."""
    recollection = Recollection()
    sound = noisy(speech(announcement, 7.0)[offset:], 20.0, seed)
    for at, mel in enumerate(seconds_of(spectra(sound))):
        recognise(NOTHING, [(recollection, float(at), mel)])
    return recollection.collected()


def test_calls_with_the_same_announcement_become_one_candidate(library: Library) -> None:
    gathering = Gathering(library)
    for index in range(6):
        gathering.heard(call(1, 700 * index, index), "carrier", 404 if index else None, 1000.0 + index, None)
    gathering.heard(call(2), "carrier", 404, 1100.0, None)
    (candidate,) = candidates(library, 5)
    assert candidate.calls == 6
    assert (candidate.first_seen, candidate.last_seen) == (1000.0, 1005.0)
    assert candidate.sightings == (Sighting("carrier", 404, 5), Sighting("carrier", None, 1))
    assert len(candidates(library, 1)) == 2


def test_it_goes_on_after_a_restart(library: Library) -> None:
    Gathering(library).heard(call(1), "a", 480, 1.0, None)
    Gathering(library).heard(call(1, 999, 1), "b", 480, 2.0, None)
    (candidate,) = candidates(library, 2)
    assert {sighting.trunk for sighting in candidate.sightings} == {"a", "b"}


def test_one_command_makes_a_candidate_known(library: Library) -> None:
    gathering = Gathering(library, Limits(excerpt_seconds=5.0))
    number = gathering.heard(call(1), "carrier", 404, 1.0, speech(1, 7.0))
    name(library, number, Announcement(name="vacant", q850_cause=1))
    assert [heard.outcome for heard in listen(library.snapshot(), speech(1, 7.0))] == ["announcement:vacant"]
    assert candidates(library, 1) == []
    assert library.shelved()[0].seconds == 5.0


def test_nothing_that_was_said_is_kept_unless_it_is_asked_for(library: Library) -> None:
    number = Gathering(library).heard(call(1), "carrier", 404, 1.0, speech(1, 7.0))
    assert not candidates(library, 1)[0].excerpt
    assert library.database.execute("SELECT count(pcm) FROM unknown").fetchone() == (0,)
    with pytest.raises(LibraryError, match="allow excerpts in the configuration"):
        name(library, number, Announcement(name="vacant"))
    with pytest.raises(LibraryError, match="there is no candidate 77"):
        name(library, 77, Announcement(name="vacant"))


def test_the_rarest_and_oldest_make_room(library: Library) -> None:
    gathering = Gathering(library, Limits(most_unknown=3, excerpt_seconds=3.0, excerpts=2))
    gathering.heard(call(1), "t", 404, 1.0, speech(1))
    gathering.heard(call(1), "t", 404, 2.0, speech(1))
    for other in range(2, 6):
        gathering.heard(call(other), "t", 404, float(other + 1), speech(other))
    left = candidates(library, 1)
    assert [candidate.calls for candidate in left] == [2, 1, 1]
    assert [candidate.first_seen for candidate in left] == [1.0, 6.0, 5.0]
    assert sum(candidate.excerpt for candidate in left) <= 2
    gathering.heard(call(2), "t", 404, 9.0, None)
    assert candidates(library, 1)[1].last_seen == 9.0, "what was forgotten begins anew"


def test_a_refused_name_keeps_the_candidate(library: Library) -> None:
    library.add(Announcement(name="known"), [speech(1, 7.0)])
    number = Gathering(library, Limits(excerpt_seconds=5.0)).heard(call(1), "t", 404, 1.0, speech(1, 7.0))
    with pytest.raises(LibraryError, match="already known as 'known'"):
        name(library, number, Announcement(name="other"))
    assert [candidate.number for candidate in candidates(library, 1)] == [number]
