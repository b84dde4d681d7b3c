"""The variables as a dialplan reads them."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from agent.verdict.fields import Status, changed, fields
from agent.verdict.outcome import Outcome
from agent.verdict.policy import PRESETS, Decision, Policy, Preset, Redial
from agent.verdict.settle import Verdict

POLICY = Policy.of(PRESETS[Preset.DEFAULT])


def running(confidence: float) -> Verdict:
    return Verdict(Outcome.RINGING, confidence, False, None, "")


FINAL = Verdict(Outcome.ANNOUNCEMENT, 0.967, True, 7.0, "7 s heard: 7 speech")


def test_a_running_verdict_tells_what_is_heard_and_no_decision() -> None:
    assert fields(Status.LISTENING, running(0.88), POLICY.decide(Outcome.RINGING)) == {
        "EARLYMEDIA_CLASS": "ringing",
        "EARLYMEDIA_OUTCOME": "ringing",
        "EARLYMEDIA_CONFIDENCE": "0.85",
        "EARLYMEDIA_STATUS": "listening",
    }


def test_a_final_verdict_tells_everything() -> None:
    assert fields(Status.FINAL, FINAL, POLICY.decide(Outcome.ANNOUNCEMENT), 503) == {
        "EARLYMEDIA_CLASS": "speech",
        "EARLYMEDIA_OUTCOME": "announcement",
        "EARLYMEDIA_CONFIDENCE": "0.96",
        "EARLYMEDIA_SIP_CODE": "480",
        "EARLYMEDIA_CAUSE": "31",
        "EARLYMEDIA_REDIAL": "later",
        "EARLYMEDIA_REDIAL_AFTER": "3600",
        "EARLYMEDIA_SECONDS": "7",
        "EARLYMEDIA_CARRIER_SIP_CODE": "503",
        "EARLYMEDIA_AGREEMENT": "adds_detail",
        "EARLYMEDIA_STATUS": "final",
    }


def test_a_known_announcement_is_told_by_its_name() -> None:
    known = replace(FINAL, announcement="vacant")
    assert fields(Status.FINAL, known)["EARLYMEDIA_OUTCOME"] == "announcement:vacant"


def test_a_provisional_code_leaves_the_cause_empty() -> None:
    told = fields(Status.FINAL, FINAL, Decision(180, None, Redial.LATER, 60))
    assert (told["EARLYMEDIA_SIP_CODE"], told["EARLYMEDIA_CAUSE"]) == ("180", "")


def test_what_the_carrier_decides_is_left_empty() -> None:
    told = fields(Status.FINAL, FINAL, POLICY.decide(Outcome.SILENCE))
    assert (told["EARLYMEDIA_SIP_CODE"], told["EARLYMEDIA_CAUSE"]) == ("", "")


def test_who_cannot_listen_says_nothing_else() -> None:
    assert fields(Status.UNAVAILABLE) == {"EARLYMEDIA_STATUS": "unavailable"}


@given(st.floats(0.0, 1.0))
def test_a_running_confidence_never_overstates_and_moves_in_steps(confidence: float) -> None:
    told = float(fields(Status.LISTENING, running(confidence))["EARLYMEDIA_CONFIDENCE"])
    assert told <= confidence + 1e-9
    assert confidence - told < 0.05 + 1e-9
    assert round(told * 20) == round(told * 20, 6)


@given(st.sampled_from(Status), st.floats(0.0, 1.0), st.none() | st.integers(200, 699))
def test_the_status_is_written_last(status: Status, confidence: float, code: int | None) -> None:
    told = fields(status, running(confidence), POLICY.decide(Outcome.RINGING), code)
    assert list(told)[-1] == "EARLYMEDIA_STATUS"


def test_only_what_changed_is_written() -> None:
    before = fields(Status.LISTENING, running(0.70))
    assert changed(before, fields(Status.LISTENING, running(0.72))) == {}
    assert changed(before, fields(Status.LISTENING, running(0.80))) == {"EARLYMEDIA_CONFIDENCE": "0.80"}
    assert changed({}, before) == before


names = st.text("ABC", min_size=1, max_size=3)
told_fields = st.dictionaries(names, st.text(max_size=3))


@given(told_fields, told_fields)
def test_writing_the_changes_makes_the_old_say_what_the_new_says(
    old: dict[str, str], new: dict[str, str]
) -> None:
    news = changed(old, new)
    written = {**old, **news}
    assert all(written[name] == value for name, value in new.items())
    assert list(news) == [name for name in new if name in news]
