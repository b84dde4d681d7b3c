"""What a recognised announcement adds to a call's evidence."""

import pytest

from agent.hearing.tone_table import ToneKind
from agent.hearing.tones import ToneEvent
from agent.verdict.outcome import Outcome
from agent.verdict.settle import settle
from tests.verdict.heard import evidence_of, second


def sit(kind: ToneKind) -> ToneEvent:
    return ToneEvent(kind, 1.1, 0.1, "950 Hz 0.33 s", 0.9)


def test_a_known_announcement_is_final_at_once_whatever_rang_before() -> None:
    evidence = evidence_of("r....r....ss")
    evidence.hear_announcement("vacant")
    verdict = settle(evidence)
    assert (verdict.outcome, verdict.spelled) == (Outcome.ANNOUNCEMENT, "announcement:vacant")
    assert (verdict.final, verdict.final_at) == (True, 12.0)


def test_a_final_announcement_still_gains_its_name() -> None:
    evidence = evidence_of("r")
    evidence.hear_tone(sit(ToneKind.RINGING))
    for _ in range(6):
        evidence.hear(second("s"))
    settled = settle(evidence)
    assert settled.final
    evidence.hear(second("s"))
    evidence.hear_announcement("vacant")
    verdict = settle(evidence)
    assert (verdict.spelled, verdict.final_at) == ("announcement:vacant", settled.final_at)


def test_a_sit_that_only_says_that_an_announcement_follows_gives_way_to_it() -> None:
    evidence = evidence_of("r")
    evidence.hear_tone(sit(ToneKind.SIT_OTHER))
    evidence.hear(second("s"))
    evidence.hear_announcement("vacant")
    assert settle(evidence).spelled == "announcement:vacant"


@pytest.mark.parametrize("kind", [ToneKind.SIT_VACANT, ToneKind.SIT_REORDER, ToneKind.BUSY])
def test_a_tone_that_says_why_stands(kind: ToneKind) -> None:
    evidence = evidence_of("r")
    evidence.hear_tone(sit(kind))
    evidence.hear(second("s"))
    evidence.hear_announcement("vacant")
    assert settle(evidence).spelled == kind.value


def test_the_first_name_stands() -> None:
    evidence = evidence_of("sss")
    evidence.hear_announcement("vacant")
    evidence.hear_announcement("barred")
    assert settle(evidence).announcement == "vacant"


def test_an_answer_outdoes_a_known_announcement() -> None:
    evidence = evidence_of("sss")
    evidence.hear_announcement("vacant")
    evidence.answer()
    verdict = settle(evidence)
    assert (verdict.outcome, verdict.announcement) == (Outcome.ANSWERED, None)
