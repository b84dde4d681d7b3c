"""What `earlymedia classify` prints of a recording."""

from agent.recording.show import SHOWN_SECONDS, strip
from tests.verdict.heard import second


def test_a_second_is_the_letter_that_the_journal_has_for_it() -> None:
    timeline = "..r....r..sssmm"
    assert strip([second(letter) for letter in timeline]).plain == timeline


def test_a_long_recording_is_cut() -> None:
    assert strip([second("r")] * (SHOWN_SECONDS + 1)).plain == SHOWN_SECONDS * "r" + "…"
