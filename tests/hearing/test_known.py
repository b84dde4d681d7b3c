"""What can be recognised: whose each recording is, and which of them a trunk may play."""

from agent.hearing.known import Known, Title
from agent.hearing.tape import Fingerprint
from tests.hearing.speech import spectra, speech

TWO_SECONDS = Fingerprint.of(spectra(speech(1, 2.0)))


def known(*titles: Title) -> Known:
    return Known.of([(owner, TWO_SECONDS) for owner in range(len(titles))], titles)


def test_an_announcement_may_have_several_recordings_and_its_number_for_a_name() -> None:
    of_three = Known.of([(0, TWO_SECONDS), (2, TWO_SECONDS), (0, TWO_SECONDS)])
    assert of_three.owners.tolist() == [0, 2, 0]
    assert [title.name for title in of_three.announcements] == ["0", "1", "2"]


def test_nothing_is_known_of_no_recordings() -> None:
    nothing = Known.of([])
    assert (nothing.owners.size, nothing.announcements) == (0, ())


def test_a_trunk_may_play_its_own_and_what_is_anybody_s() -> None:
    library = known(Title("theirs", "a"), Title("ours", "b"), Title("anybody's"))
    allowed = library.allowed("b")
    assert allowed is not None
    assert allowed.tolist() == [False, True, True]


def test_a_call_without_a_trunk_may_play_all_of_them() -> None:
    assert known(Title("theirs", "a"), Title("anybody's")).allowed(None) is None


def test_where_no_announcement_is_a_trunk_s_own_all_may_be_played() -> None:
    assert known(Title("one"), Title("other")).allowed("a") is None
