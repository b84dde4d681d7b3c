"""Heard against said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.verdict.agreement import Agreement, agreement
from agent.verdict.outcome import Outcome

AGREES, CONTRADICTS, ADDS, NONE = (
    Agreement.AGREES,
    Agreement.CONTRADICTS,
    Agreement.ADDS_DETAIL,
    Agreement.NONE,
)


@pytest.mark.parametrize(
    ("outcome", "code", "expected"),
    [
        (Outcome.RINGING, 480, AGREES),
        (Outcome.RINGING, 408, AGREES),
        (Outcome.RINGING, 486, CONTRADICTS),
        (Outcome.RINGING, 404, CONTRADICTS),
        (Outcome.RINGING, 603, ADDS),
        (Outcome.RINGING, 503, ADDS),
        (Outcome.MUSIC, 480, AGREES),
        (Outcome.MUSIC, 410, CONTRADICTS),
        (Outcome.ANNOUNCEMENT, 480, ADDS),
        (Outcome.ANNOUNCEMENT, 500, ADDS),
        (Outcome.ANNOUNCEMENT, 503, ADDS),
        (Outcome.ANNOUNCEMENT, 487, ADDS),
        (Outcome.ANNOUNCEMENT, 603, ADDS),
        (Outcome.ANNOUNCEMENT, 408, ADDS),
        (Outcome.ANNOUNCEMENT, 404, NONE),
        (Outcome.ANNOUNCEMENT, 486, NONE),
        (Outcome.BUSY, 486, AGREES),
        (Outcome.BUSY, 600, AGREES),
        (Outcome.BUSY, 480, ADDS),
        (Outcome.BUSY, 503, ADDS),
        (Outcome.BUSY, 404, CONTRADICTS),
        (Outcome.CONGESTION, 503, AGREES),
        (Outcome.CONGESTION, 486, CONTRADICTS),
        (Outcome.CONGESTION, 480, ADDS),
        (Outcome.SIT_VACANT, 404, AGREES),
        (Outcome.SIT_VACANT, 480, ADDS),
        (Outcome.SIT_VACANT, 486, CONTRADICTS),
        (Outcome.NUMBER_UNOBTAINABLE, 604, AGREES),
        (Outcome.SIT_NO_CIRCUIT, 404, CONTRADICTS),
        (Outcome.FAX_OR_MODEM, 404, CONTRADICTS),
        (Outcome.FAX_OR_MODEM, 480, ADDS),
        (Outcome.ANSWERED, 200, AGREES),
        (Outcome.ANSWERED, None, NONE),
        (Outcome.RINGING, 200, NONE),
        (Outcome.RINGING, None, NONE),
        (Outcome.RINGING, 183, NONE),
    ],
)
def test_table(outcome: Outcome, code: int | None, expected: Agreement) -> None:
    assert agreement(outcome, code) is expected


@given(
    st.sampled_from([Outcome.SILENCE, Outcome.NO_AUDIO, Outcome.UNKNOWN]), st.none() | st.integers(100, 699)
)
def test_who_heard_nothing_has_no_say(outcome: Outcome, code: int | None) -> None:
    assert agreement(outcome, code) is NONE


@given(
    st.sampled_from([o for o in Outcome if o is not Outcome.ANSWERED]), st.sampled_from([480, 487, 500, 603])
)
def test_a_code_that_carriers_send_for_anything_contradicts_nothing(outcome: Outcome, code: int) -> None:
    assert agreement(outcome, code) is not CONTRADICTS
