"""A call from its first INVITE to its end, as a PBX and an engine would tell it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from agent.announcements.announcement import Announcement
from agent.hearing.pcm import SAMPLE_RATE
from agent.hearing.sound import HeardSecond, Sound
from agent.pbx.port import CarrierFinal, ChannelRef, Leg, Signal, TapKind
from agent.service.call import Call
from agent.service.calls import KEPT_SECONDS, Calls, Rules
from agent.verdict.outcome import Outcome
from agent.verdict.policy import PRESETS, Decision, Policy, Preset, Redial
from agent.verdict.settling import Settling
from tests.pbx.tape import Tape

CALLER = ChannelRef("1.1", "PJSIP/caller-00000001")
LEG = Leg("1.2", "PJSIP/carrier-00000002", "PJSIP/carrier", "0301234567", dialer=CALLER)
SURE = {
    Sound.RINGING: (0.97, 0.01, 0.01, 0.01),
    Sound.SPEECH: (0.01, 0.97, 0.01, 0.01),
    Sound.SILENCE: (0.01, 0.01, 0.01, 0.97),
}


class Paper:
    """A PBX that only writes down what it is told, and a clock that tests turn."""

    def __init__(self) -> None:
        self.written: list[tuple[str, dict[str, str]]] = []
        self.announced: list[dict[str, str]] = []
        self.cuts: list[tuple[str, int]] = []
        self.ended: list[tuple[Call, Decision, bool]] = []
        self.now = 100.0

    def write(self, channel: ChannelRef, fields: Mapping[str, str]) -> None:
        self.written.append((channel.id, dict(fields)))

    def announce(self, leg: Leg, fields: Mapping[str, str]) -> None:
        self.announced.append(dict(fields))

    def cut(self, leg: Leg, q850: int) -> None:
        self.cuts.append((leg.id, q850))

    def stands_on(self, channel_id: str) -> dict[str, str]:
        """What a dialplan would read on a channel."""
        stands: dict[str, str] = {}
        for written_on, fields in self.written:
            if written_on == channel_id:
                stands |= fields
        return stands


class Books:
    """Books of which only the ends matter here."""

    def __init__(self, paper: Paper) -> None:
        self.paper = paper

    def began(self, call: Call) -> None: ...
    def tapped(self, call: Call) -> None: ...
    def came(self, call: Call, data: bytes) -> None: ...
    def cut(self, call: Call) -> None: ...
    def heard(self, call: Call, seconds: Sequence[HeardSecond]) -> None: ...
    def first_second(self, call: Call, delay_seconds: float) -> None: ...
    def ended(self, call: Call, decision: Decision, handed_back: bool) -> None:
        self.paper.ended.append((call, decision, handed_back))


def rules(*, writes: bool = True, cut: frozenset[Outcome] = frozenset()) -> Rules:
    policy = Policy.of(PRESETS[Preset.DEFAULT], cut=cut)
    return Rules(Settling(), lambda channel: policy, writes)


@pytest.fixture
def paper() -> Paper:
    return Paper()


@pytest.fixture
def calls(paper: Paper) -> Calls:
    return calls_by(rules(), paper)


def calls_by(judged_by: Rules, paper: Paper) -> Calls:
    calls = Calls(judged_by, Books(paper), clock=lambda: paper.now)
    calls.hand_back_to(paper)
    return calls


def hear(calls: Calls, sounds: Sequence[Sound], leg_id: str = LEG.id) -> None:
    call = next(call for call in calls.listening() if call.leg.id == leg_id)
    for sound in sounds:
        at = float(call.evidence.seconds_heard)
        calls.heard(call, [HeardSecond(at, SURE[sound])])


def say(calls: Calls, name: str) -> None:
    """Let the leg's next second be one in which a known announcement is recognised."""
    (call,) = calls.listening()
    at = float(call.evidence.seconds_heard)
    calls.heard(call, [HeardSecond(at, SURE[Sound.SPEECH], announcement=name)])


def listen_to(calls: Calls, leg: Leg = LEG) -> Tape:
    tape = Tape()
    calls.leg_began(leg)
    calls.leg_signalled(leg.id, Signal.PROGRESS)
    calls.tap_attached(leg.id, tape)
    return tape


def test_an_announcement_is_final_before_the_carrier_speaks(calls: Calls, paper: Paper) -> None:
    listen_to(calls)
    assert paper.stands_on(CALLER.id)["EARLYMEDIA_STATUS"] == "listening"
    hear(calls, [Sound.SILENCE, *[Sound.SPEECH] * 3])
    for channel in (LEG.id, CALLER.id):
        stands = paper.stands_on(channel)
        assert stands["EARLYMEDIA_STATUS"] == "final"
        assert stands["EARLYMEDIA_OUTCOME"] == "announcement"
        assert stands["EARLYMEDIA_CAUSE"] == "31"
        assert stands["EARLYMEDIA_SECONDS"] == "4"


def test_status_is_always_written_last(calls: Calls, paper: Paper) -> None:
    listen_to(calls)
    hear(calls, [Sound.SPEECH] * 5)
    for _, fields in paper.written:
        if "EARLYMEDIA_STATUS" in fields:
            assert list(fields)[-1] == "EARLYMEDIA_STATUS"


def test_nothing_is_written_twice(calls: Calls, paper: Paper) -> None:
    listen_to(calls)
    hear(calls, [Sound.RINGING] * 30)
    for channel in (LEG.id, CALLER.id):
        stands: dict[str, str] = {}
        for written_on, fields in paper.written:
            if written_on == channel:
                assert all(stands.get(name) != value for name, value in fields.items())
                stands |= fields


def test_ringing_becomes_final_with_the_end_only(calls: Calls, paper: Paper) -> None:
    tape = listen_to(calls)
    hear(calls, [Sound.RINGING, Sound.SILENCE] * 8)
    assert paper.stands_on(CALLER.id)["EARLYMEDIA_STATUS"] == "listening"
    calls.leg_ended(LEG.id, CarrierFinal(486, 17))
    stands = paper.stands_on(CALLER.id)
    assert (stands["EARLYMEDIA_STATUS"], stands["EARLYMEDIA_OUTCOME"]) == ("final", "ringing")
    assert stands["EARLYMEDIA_CARRIER_SIP_CODE"] == "486"
    assert tape.ended
    assert paper.announced == [dict(calls.fields_of(LEG.id))]


def test_a_dead_channel_is_not_written_to_unless_it_can_be(calls: Calls, paper: Paper) -> None:
    listen_to(calls)
    before = len([1 for channel, _ in paper.written if channel == LEG.id])
    calls.leg_ended(LEG.id, CarrierFinal(486, 17))
    assert len([1 for channel, _ in paper.written if channel == LEG.id]) == before
    listen_to(calls, other := Leg("1.3", "PJSIP/carrier-00000003", "PJSIP/carrier", "1"))
    calls.leg_ended(other.id, CarrierFinal(486, 17), writable=True)
    assert paper.stands_on(other.id)["EARLYMEDIA_STATUS"] == "final"


def test_nothing_counts_after_the_answer(calls: Calls, paper: Paper) -> None:
    tape = listen_to(calls)
    hear(calls, [Sound.RINGING] * 2)
    calls.leg_answered(LEG.id)
    assert tape.ended
    assert list(calls.listening()) == []
    calls.leg_ended(LEG.id, CarrierFinal(None, 16))
    ((call, decision, _),) = paper.ended
    assert call.verdict.outcome is Outcome.ANSWERED
    assert decision.redial.value == "no"


def test_a_leg_that_nobody_heard_stays_unavailable(calls: Calls, paper: Paper) -> None:
    calls.leg_began(LEG)
    calls.leg_signalled(LEG.id, Signal.PROGRESS)
    calls.tap_failed(LEG.id, "no way to listen")
    calls.leg_ended(LEG.id, CarrierFinal(480, 19))
    assert paper.stands_on(CALLER.id) == {"EARLYMEDIA_STATUS": "unavailable"}
    assert paper.announced == []
    assert len(paper.ended) == 1


def test_a_leg_without_early_media_is_final_and_says_nothing(calls: Calls, paper: Paper) -> None:
    calls.leg_began(LEG)
    calls.leg_signalled(LEG.id, Signal.RINGING)
    calls.leg_ended(LEG.id, CarrierFinal(486, 17))
    stands = paper.stands_on(CALLER.id)
    assert (stands["EARLYMEDIA_STATUS"], stands["EARLYMEDIA_OUTCOME"]) == ("final", "unknown")
    assert stands["EARLYMEDIA_CAUSE"] == ""


def test_early_media_without_audio_is_named_after_a_while(calls: Calls, paper: Paper) -> None:
    listen_to(calls)
    calls.tick()
    assert paper.stands_on(LEG.id)["EARLYMEDIA_OUTCOME"] == "unknown"
    paper.now += 5.0
    calls.tick()
    assert paper.stands_on(LEG.id)["EARLYMEDIA_OUTCOME"] == "no_audio"


def test_the_legs_own_tap_replaces_a_spy_and_never_the_reverse(calls: Calls) -> None:
    spy = listen_to(calls)
    hear(calls, [Sound.SPEECH] * 2)
    calls.tap_attached(LEG.id, own := Tape(TapKind.EAGI))
    assert spy.ended
    assert not own.ended
    (call,) = calls.listening()
    assert call.evidence.seconds_heard == 0  # the own tap holds those seconds too
    calls.tap_attached(LEG.id, late := Tape())
    assert late.ended
    assert call.tap is own


def test_a_tap_of_an_unknown_leg_is_closed(calls: Calls) -> None:
    calls.tap_attached("9.9", tape := Tape())
    assert tape.ended


def test_shadow_mode_writes_nothing_and_keeps_the_books(paper: Paper) -> None:
    calls = calls_by(rules(writes=False, cut=frozenset({Outcome.ANNOUNCEMENT})), paper)
    listen_to(calls)
    hear(calls, [Sound.SPEECH] * 5)
    assert calls.fields_of(CALLER.id) == {}
    calls.leg_ended(LEG.id, CarrierFinal(404, 1))
    assert (paper.written, paper.announced, paper.cuts) == ([], [], [])
    ((call, _, handed_back),) = paper.ended
    assert call.verdict.outcome is Outcome.ANNOUNCEMENT
    assert not handed_back


def test_a_known_announcement_goes_by_its_own_rule_and_takes_the_place_of_any(paper: Paper) -> None:
    vacant = Announcement(name="vacant", q850_cause=1, redial=Redial.NO)
    known = replace(rules(cut=frozenset({Outcome.ANNOUNCEMENT})), announcement_of={"vacant": vacant}.get)
    calls = calls_by(known, paper)
    listen_to(calls)
    say(calls, "vacant")
    stands = paper.stands_on(CALLER.id)
    assert stands["EARLYMEDIA_OUTCOME"] == "announcement:vacant"
    assert stands["EARLYMEDIA_CLASS"] == "speech"
    assert (stands["EARLYMEDIA_SIP_CODE"], stands["EARLYMEDIA_CAUSE"]) == ("404", "1")
    assert (stands["EARLYMEDIA_REDIAL"], stands["EARLYMEDIA_REDIAL_AFTER"]) == ("no", "")
    assert paper.cuts == [(LEG.id, 1)]
    calls.leg_ended(LEG.id, CarrierFinal(480))
    ((_, decision, _),) = paper.ended
    assert (decision.q850_cause, decision.redial) == (1, Redial.NO)


def test_an_announcement_that_was_removed_meanwhile_is_any(paper: Paper) -> None:
    calls = calls_by(rules(), paper)
    listen_to(calls)
    say(calls, "removed")
    stands = paper.stands_on(CALLER.id)
    assert (stands["EARLYMEDIA_OUTCOME"], stands["EARLYMEDIA_CAUSE"]) == ("announcement:removed", "31")


def test_a_call_whose_attempts_are_spent_is_not_called_again_whatever_it_plays(paper: Paper) -> None:
    soon = Announcement(name="busy", q850_cause=17, redial=Redial.YES, redial_after_seconds=60)
    calls = calls_by(replace(rules(), announcement_of={"busy": soon}.get), paper)
    listen_to(calls)
    next(iter(calls.listening())).spent = True
    say(calls, "busy")
    assert paper.stands_on(CALLER.id)["EARLYMEDIA_REDIAL"] == "no"


def test_a_leg_is_cut_once_and_only_for_what_was_configured(paper: Paper) -> None:
    calls = calls_by(rules(cut=frozenset({Outcome.ANNOUNCEMENT})), paper)
    listen_to(calls)
    hear(calls, [Sound.RINGING] * 10)
    assert paper.cuts == []
    hear(calls, [Sound.SPEECH] * 10)
    assert paper.cuts == [(LEG.id, 31)]


def test_a_spent_budget_means_no_redial(calls: Calls) -> None:
    listen_to(calls)
    (call,) = calls.listening()
    call.spent = True
    hear(calls, [Sound.SPEECH] * 4)
    assert calls.fields_of(LEG.id)["EARLYMEDIA_REDIAL"] == "no"


class TestForks:
    """Several legs that one channel dials."""

    OTHER = Leg("1.3", "PJSIP/carrier-00000003", "PJSIP/carrier", "0307654321", dialer=CALLER)

    def test_a_leg_that_still_rings_speaks_for_the_call(self, calls: Calls, paper: Paper) -> None:
        listen_to(calls)
        listen_to(calls, self.OTHER)
        hear(calls, [Sound.SPEECH] * 4)
        hear(calls, [Sound.RINGING] * 4, self.OTHER.id)
        assert paper.stands_on(CALLER.id)["EARLYMEDIA_STATUS"] == "listening"
        assert paper.stands_on(CALLER.id)["EARLYMEDIA_OUTCOME"] == "ringing"
        assert paper.stands_on(LEG.id)["EARLYMEDIA_STATUS"] == "final"

    def test_when_all_have_ended_the_surest_speaks(self, calls: Calls, paper: Paper) -> None:
        listen_to(calls)
        listen_to(calls, self.OTHER)
        hear(calls, [Sound.SPEECH] * 6)
        hear(calls, [Sound.RINGING], self.OTHER.id)
        assert not calls.settled(CALLER.id)
        calls.leg_ended(LEG.id, CarrierFinal(404, 1))
        calls.leg_ended(self.OTHER.id, CarrierFinal(480, 19))
        assert calls.settled(CALLER.id)
        assert paper.stands_on(CALLER.id)["EARLYMEDIA_OUTCOME"] == "announcement"
        assert paper.stands_on(CALLER.id)["EARLYMEDIA_CARRIER_SIP_CODE"] == "404"

    def test_the_next_route_leaves_nothing_of_the_one_before(self, calls: Calls, paper: Paper) -> None:
        listen_to(calls)
        hear(calls, [Sound.SPEECH] * 4)
        calls.leg_ended(LEG.id, CarrierFinal(404, 1))
        listen_to(calls, self.OTHER)
        stands = paper.stands_on(CALLER.id)
        assert stands.pop("EARLYMEDIA_STATUS") == "listening"
        assert stands.pop("EARLYMEDIA_OUTCOME") == "unknown"
        assert stands["EARLYMEDIA_CAUSE"] == stands["EARLYMEDIA_CARRIER_SIP_CODE"] == ""

    def test_the_next_route_says_everything_again(self, calls: Calls, paper: Paper) -> None:
        """A dialplan that presets the variables before each Dial() must not miss what did not change."""
        calls.leg_began(LEG)
        calls.leg_ended(LEG.id, CarrierFinal(486, 17))
        first = paper.stands_on(CALLER.id)
        paper.written.clear()
        calls.leg_began(self.OTHER)
        calls.leg_ended(self.OTHER.id, CarrierFinal(486, 17))
        assert paper.stands_on(CALLER.id) == first


def test_giving_up_says_so_where_no_final_verdict_stands(calls: Calls, paper: Paper) -> None:
    other = Leg("1.3", "PJSIP/carrier-00000003", "PJSIP/carrier", "1")
    listen_to(calls)
    listen_to(calls, other)
    hear(calls, [Sound.SPEECH] * 4)
    hear(calls, [Sound.RINGING] * 4, other.id)
    calls.give_up()
    assert paper.stands_on(LEG.id)["EARLYMEDIA_STATUS"] == "final"
    assert paper.stands_on(other.id)["EARLYMEDIA_STATUS"] == "unavailable"
    assert list(calls.listening()) == []


def test_after_a_lost_connection_everything_that_stands_is_said_again(calls: Calls, paper: Paper) -> None:
    listen_to(calls)
    hear(calls, [Sound.RINGING] * 4)
    stood = paper.stands_on(CALLER.id)
    paper.written.clear()
    calls.connected()
    assert paper.stands_on(CALLER.id) == paper.stands_on(LEG.id) == stood
    calls.leg_ended(LEG.id, CarrierFinal(480, 19))
    paper.written.clear()
    calls.connected()
    assert paper.written == []


def test_a_leg_that_ended_unseen_may_have_been_answered_so_nothing_is_claimed(
    calls: Calls, paper: Paper
) -> None:
    listen_to(calls)
    hear(calls, [Sound.RINGING] * 4)
    calls.leg_ended(LEG.id, CarrierFinal(seen=False))
    assert paper.announced[-1]["EARLYMEDIA_OUTCOME"] == "unknown"
    assert paper.announced[-1]["EARLYMEDIA_CAUSE"] == ""


def test_a_leg_whose_answer_nobody_saw_was_answered_where_its_code_says_so(
    calls: Calls, paper: Paper
) -> None:
    listen_to(calls)
    hear(calls, [Sound.RINGING] * 4)
    calls.leg_ended(LEG.id, CarrierFinal(200, 16))
    assert paper.announced[-1]["EARLYMEDIA_OUTCOME"] == "answered"
    assert paper.announced[-1]["EARLYMEDIA_REDIAL"] == "no"


def test_ended_calls_are_forgotten_after_a_while(calls: Calls, paper: Paper) -> None:
    listen_to(calls)
    calls.leg_ended(LEG.id, CarrierFinal(480, 19))
    assert calls.fields_of(CALLER.id)
    paper.now += KEPT_SECONDS + 1
    calls.tick()
    assert calls.fields_of(CALLER.id) == {}
    assert calls.settled(CALLER.id)


def test_what_hearing_remembers_of_a_call_is_let_go_at_its_end(calls: Calls) -> None:
    listen_to(calls)
    (call,) = calls.listening()
    stream = call.stream
    assert stream is not None
    hear(calls, [Sound.RINGING] * 3)
    stream.samples_heard = 3 * SAMPLE_RATE
    calls.leg_ended(LEG.id, CarrierFinal(480, 19))
    assert (call.stream, call.in_shadow, call.audio_seconds) == (None, [], 3.0)


def test_what_hearing_remembers_of_a_call_is_let_go_at_the_answer(calls: Calls) -> None:
    listen_to(calls)
    (call,) = calls.listening()
    stream = call.stream
    assert stream is not None
    hear(calls, [Sound.SPEECH])
    stream.samples_heard = SAMPLE_RATE
    calls.leg_answered(LEG.id)
    assert (call.stream, call.audio_seconds) == (None, 1.0)


def test_what_is_told_of_unknown_legs_is_ignored(calls: Calls, paper: Paper) -> None:
    calls.leg_signalled("9.9", Signal.PROGRESS)
    calls.tap_failed("9.9", "why not")
    calls.leg_answered("9.9")
    calls.leg_ended("9.9", CarrierFinal())
    assert paper.ended == []
