"""The piece of a call in which somebody speaks for longest."""

from dataclasses import replace

import pytest
from hypothesis import given

from agent.hearing.sound import Encoding
from agent.service.spoken import LONGEST_SECONDS, PAUSE_SECONDS, Spoken
from tests.verdict.heard import second, timelines

SECOND = Encoding.ULAW.bytes_per_second


def listened(letters: str, keep_seconds: float = 100.0) -> Spoken:
    """A call whose seconds sound like this; each second's audio is its number."""
    spoken = Spoken(Encoding.ULAW, keep_seconds)
    for number, letter in enumerate(letters):
        spoken.came(bytes([number]) * SECOND)
        spoken.judged([second(letter, float(number))])
    return spoken


@pytest.mark.parametrize(
    ("letters", "piece", "audio"),
    [
        ("", [], []),
        ("rr..mm", [], []),
        ("r..ssss", [3, 4, 5, 6], [3, 4, 5, 6]),
        ("ssmmsss", [4, 5, 6], [4, 5, 6]),
        ("sssrss", [0, 1, 2], [0, 1, 2]),
        ("ss.ss..s", [0, 1, 3, 4, 7], [0, 1, 2, 3, 4, 5, 6, 7]),
        ("ss...sss..", [5, 6, 7], [5, 6, 7]),
    ],
)
def test_pauses_belong_to_it_and_other_sounds_end_it(
    letters: str, piece: list[int], audio: list[int]
) -> None:
    spoken = listened(letters)
    assert list(spoken.starts) == piece
    assert spoken.audio == b"".join(bytes([number]) * SECOND for number in audio)


def test_without_leave_no_audio_is_kept() -> None:
    assert listened("ssss", 0.0).audio == b""
    assert list(listened("ssss", 0.0).starts) == [0, 1, 2, 3]


def test_audio_may_come_in_pieces_and_long_before_it_is_judged() -> None:
    spoken, audio = Spoken(Encoding.ULAW, 10.0), bytes(range(250)) * 100
    for start in range(0, len(audio), 1600):
        spoken.came(audio[start : start + 1600])
    spoken.judged([second("r"), second("s", 1.0)])
    assert spoken.audio == audio[SECOND : 2 * SECOND]


def test_lost_audio_begins_a_new_piece() -> None:
    spoken = Spoken(Encoding.ULAW)
    spoken.judged([replace(second("s", float(t)), after_gap=t == 2) for t in range(6)])
    assert list(spoken.starts) == [3, 4, 5]


@given(timelines("sm.", max_size=80))
def test_it_is_never_longer_than_it_may_be(letters: str) -> None:
    spoken = listened(letters, 5.0)
    assert len(spoken.starts) <= LONGEST_SECONDS
    assert len(spoken.audio) <= (5 + PAUSE_SECONDS) * SECOND
