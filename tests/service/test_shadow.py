"""What a candidate makes of a call, and when nothing can be said."""

from dataclasses import replace

import pytest

from agent.hearing.sound import HeardSecond
from agent.pbx.port import CarrierFinal, Leg, Signal
from agent.service.call import Call
from agent.service.shadow import ShadowVerdict, shadow_verdict
from agent.verdict.outcome import Outcome
from agent.verdict.settling import Settling
from tests.pbx.tape import Tape

RINGING, SPEECH = (0.97, 0.01, 0.01, 0.01), (0.01, 0.97, 0.01, 0.01)


@pytest.fixture
def call() -> Call:
    call = Call(Leg("1.1", "PJSIP/carrier-00000001", "PJSIP/carrier", "1"), Settling(), began=0.0)
    call.signal(Signal.PROGRESS, 0.0)
    call.attach(Tape())
    return call


def seconds(count: int, first: int = 0) -> list[HeardSecond]:
    """The agent hears ringing, its candidate speech."""
    return [HeardSecond(float(first + n), RINGING, candidate_p=SPEECH) for n in range(count)]


def test_the_candidate_settles_by_the_same_rules_and_leaves_the_verdict_alone(call: Call) -> None:
    call.hear(seconds(4))
    call.hear([HeardSecond(4.0, RINGING, after_gap=True, candidate_p=SPEECH)])
    call.end(CarrierFinal(404, 1), 6.0)
    assert call.verdict.outcome is Outcome.RINGING
    candidate = shadow_verdict(call, "abc")
    assert candidate is not None
    assert (candidate.model, candidate.timeline) == ("abc", "ssss!s")
    assert candidate.verdict.outcome is Outcome.ANNOUNCEMENT
    assert candidate.verdict.final_at == 3.0


def test_an_answer_counts_for_both(call: Call) -> None:
    call.hear(seconds(2))
    call.answer()
    call.hear(seconds(3, first=2))  # heard after the answer: it counts for nobody
    call.end(CarrierFinal(None, 16), 6.0)
    assert _of(call).verdict.outcome is Outcome.ANSWERED
    assert _of(call).timeline == "ss"


def test_where_it_did_not_hear_every_second_nothing_is_said(call: Call) -> None:
    assert shadow_verdict(call, "abc") is None
    call.hear([replace(second, candidate_p=None) for second in seconds(2)])  # it came in the middle
    call.hear(seconds(2, first=2))
    call.end(CarrierFinal(404, 1), 6.0)
    assert shadow_verdict(call, "abc") is None


def test_where_a_tap_was_lost_in_between_nothing_is_said(call: Call) -> None:
    call.hear(seconds(2))
    assert call.tap is not None
    call.tap.close()
    call.attach(Tape())
    call.hear(seconds(2))
    call.end(CarrierFinal(404, 1), 6.0)
    assert call.evidence.seconds_heard == 4
    assert shadow_verdict(call, "abc") is None


def _of(call: Call) -> ShadowVerdict:
    verdict = shadow_verdict(call, "abc")
    assert verdict is not None
    return verdict
