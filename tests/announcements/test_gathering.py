"""Unknown announcements gather themselves across calls, until somebody names them."""

import pytest

from agent.announcements.announcement import Announcement
from agent.announcements.database import LibraryError
from agent.announcements.gathering import Gathering, Limits, Sighting, candidates, name
from agent.announcements.library import Library, to_pcm16
from agent.announcements.listening import listen
from agent.hearing.known import Known
from agent.hearing.recognition import Recollection, recognise
from agent.hearing.tape import Fingerprint
from tests.hearing.speech import noisy, seconds_of, spectra, speech

NOTHING = Known.of([])


def call(announcement: int, offset: int = 0, seed: int = 0, end: int | None = None) -> Fingerprint:
    """What a call collects that plays an announcement, or some samples of it, that nobody knows."""
    recollection = Recollection()
    sound = noisy(speech(announcement, 7.0)[offset:end], 20.0, seed)
    for at, mel in enumerate(seconds_of(spectra(sound))):
        recognise(NOTHING, [(recollection, float(at), mel)])
        recollection.collect()
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


def test_of_two_pieces_of_one_announcement_a_whole_one_makes_no_third(library: Library) -> None:
    gathering = Gathering(library)
    pieces = {
        gathering.heard(call(1, end=28_000), "t", 404, 1.0, None),
        gathering.heard(call(1, 28_000), "t", 404, 2.0, None),
    }
    assert len(pieces) == 2
    assert {gathering.heard(call(1, seed=seed), "t", 404, 3.0, None) for seed in range(3)} <= pieces


def test_it_goes_on_after_a_restart(library: Library) -> None:
    Gathering(library).heard(call(1), "a", 480, 1.0, None)
    Gathering(library).heard(call(1, 999, 1), "b", 480, 2.0, None)
    (candidate,) = candidates(library, 2)
    assert {sighting.trunk for sighting in candidate.sightings} == {"a", "b"}


def test_one_command_makes_a_candidate_known(library: Library) -> None:
    gathering = Gathering(library, Limits(excerpt_seconds=5.0))
    for now in (1.0, 2.0):
        number = gathering.heard(call(1), "carrier", 404, now, speech(1, 7.0))
    name(library, number, Announcement(name="vacant", q850_cause=1))
    assert [heard.outcome for heard in listen(library.snapshot(), speech(1, 7.0))] == ["announcement:vacant"]
    assert candidates(library, 1) == []
    assert library.shelved()[0].seconds == 5.0


def test_nothing_that_was_said_is_kept_unless_it_is_asked_for(library: Library) -> None:
    for gathering in (Gathering(library), Gathering(library)):
        number = gathering.heard(call(1), "carrier", 404, 1.0, speech(1, 7.0))
    assert not candidates(library, 1)[0].excerpt
    assert library.database.execute("SELECT count(pcm) FROM unknown").fetchone() == (0,)
    with pytest.raises(LibraryError, match="allow excerpts in the configuration"):
        name(library, number, Announcement(name="vacant"))
    with pytest.raises(LibraryError, match="there is no candidate 77"):
        name(library, 77, Announcement(name="vacant"))


def test_the_rarest_and_oldest_make_room(library: Library) -> None:
    gathering = Gathering(library, Limits(most_unknown=3))
    gathering.heard(call(1), "t", 404, 1.0, None)
    gathering.heard(call(1), "t", 404, 2.0, None)
    for other in range(2, 6):
        gathering.heard(call(other), "t", 404, float(other + 1), None)
    left = candidates(library, 1)
    assert [candidate.calls for candidate in left] == [2, 1, 1]
    assert [candidate.first_seen for candidate in left] == [1.0, 6.0, 5.0]
    gathering.heard(call(2), "t", 404, 9.0, None)
    assert candidates(library, 1)[1].last_seen == 9.0, "what was forgotten begins anew"


def test_a_refused_name_keeps_the_candidate(library: Library) -> None:
    gathering = Gathering(library, Limits(excerpt_seconds=5.0))
    library.add(Announcement(name="known"), [speech(1, 7.0)])
    for _ in range(2):
        number = gathering.heard(call(1), "t", 404, 1.0, speech(1, 7.0))
    with pytest.raises(LibraryError, match="already known as 'known'"):
        name(library, number, Announcement(name="other"))
    assert [candidate.number for candidate in candidates(library, 1)] == [number]


def test_of_many_excerpts_the_longest_of_the_most_frequent_are_kept(library: Library) -> None:
    gathering = Gathering(library, Limits(excerpt_seconds=5.0, excerpts=1))

    def excerpts() -> list[tuple[int, float]]:
        query = "SELECT calls, length(pcm) / 16000.0 FROM unknown WHERE pcm IS NOT NULL"
        return library.database.execute(query).fetchall()

    gathering.heard(call(1), "t", 404, 1.0, speech(1))
    assert excerpts() == [], "what one call alone has played may be somebody's own greeting"
    for seconds in (3.0, 7.0, 4.0):
        gathering.heard(call(1), "t", 404, 2.0, speech(1, seconds))
    assert excerpts() == [(4, 5.0)]
    for calls in range(1, 6):
        gathering.heard(call(2), "t", 404, 3.0, speech(2, 3.0))
        assert excerpts() == ([(4, 5.0)] if calls <= 4 else [(5, 3.0)])


def test_what_no_call_has_played_for_long_is_forgotten(library: Library) -> None:
    gathering = Gathering(library, Limits(forget_after_seconds=100.0))
    gathering.heard(call(1), "t", 404, 1.0, None)
    gathering.heard(call(2), "t", 404, 90.0, None)
    gathering.tidy(150.0)
    assert [candidate.first_seen for candidate in candidates(library, 1)] == [90.0]
    assert library.database.execute("SELECT count(*) FROM sighting").fetchone() == (1,)


def test_what_is_forgotten_is_gone_from_the_file(library: Library) -> None:
    gathering = Gathering(library, Limits(excerpt_seconds=5.0, forget_after_seconds=100.0))
    said = to_pcm16(speech(1, 5.0))[40_000:40_400]
    for _ in range(2):
        gathering.heard(call(1), "t", 404, 1.0, speech(1, 5.0))
    gathering.tidy(50.0)
    library.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert said in library.file.read_bytes()
    gathering.tidy(150.0)
    library.close()
    assert said not in library.file.read_bytes()
