"""The events are those that Asterisk 22.10 sent for real calls, cut down to what matters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.pbx.asterisk.legs import (
    LegBook,
    LegFailed,
    LegHungUp,
    LegMaybeAnswered,
    LegSignalled,
    carrier_final,
    number_of,
    sip_code_of,
    trunk_of,
)
from agent.pbx.leg_events import LegBegan, LegEnded
from agent.pbx.port import CarrierFinal, ChannelRef, Leg, Signal

DIAL_BEGIN = {
    "Channel": "PJSIP/caller-00000001",
    "Uniqueid": "1700000000.1",
    "DestChannel": "PJSIP/carrier-00000002",
    "DestUniqueid": "1700000000.2",
    "DestLinkedid": "1700000000.1",
    "DialString": "0404486@carrier",
}
LEG = Leg(
    id="1700000000.2",
    channel="PJSIP/carrier-00000002",
    trunk="PJSIP/carrier",
    number="0404486",
    dialer=ChannelRef("1700000000.1", "PJSIP/caller-00000001"),
    linked_id="1700000000.1",
)


def dest(**more: str) -> dict[str, str]:
    return {"DestChannel": LEG.channel, "DestUniqueid": LEG.id, **more}


@pytest.fixture
def book() -> LegBook:
    return LegBook(["PJSIP/carrier-*"])


def test_a_dialled_call_from_first_invite_to_final_code(book: LegBook) -> None:
    assert book.take("DialBegin", DIAL_BEGIN) == (LegBegan(LEG),)
    assert book.take("DialState", dest(DialStatus="RINGING")) == (LegSignalled(LEG, Signal.RINGING),)
    assert book.take("DialState", dest(DialStatus="PROGRESS")) == (LegSignalled(LEG, Signal.PROGRESS),)
    hangup = {"Uniqueid": LEG.id, "Cause": "17", "TechCause": "486"}
    assert book.take("HangupRequest", hangup) == (LegHungUp(LEG, CarrierFinal(486, 17)),)
    assert book.take("Hangup", hangup) == (LegEnded(LEG, CarrierFinal(486, 17)),)
    assert len(book) == 0


def test_an_originate_has_no_dialer(book: LegBook) -> None:
    alone = {k: v for k, v in DIAL_BEGIN.items() if k.startswith(("Dest", "Dial"))}
    (began,) = book.take("DialBegin", alone)
    assert isinstance(began, LegBegan)
    assert began.leg.dialer is None


def test_up_only_may_be_the_answer(book: LegBook) -> None:
    book.take("DialBegin", DIAL_BEGIN)
    up = {"Uniqueid": LEG.id, "ChannelState": "6"}
    assert book.take("Newstate", up) == (LegMaybeAnswered(LEG),)
    assert book.take("DialEnd", dest(DialStatus="ANSWER")) == (LegMaybeAnswered(LEG),)


@pytest.mark.parametrize("status", ["BUSY", "CANCEL", "CHANUNAVAIL", "CONGESTION", "NOANSWER"])
def test_a_leg_that_is_not_answered_has_failed(book: LegBook, status: str) -> None:
    book.take("DialBegin", DIAL_BEGIN)
    assert book.take("DialEnd", dest(DialStatus=status)) == (LegFailed(LEG),)
    assert book.take("DialEnd", dest(DialStatus="GOTO")) == ()


def test_a_call_that_began_before_we_did_is_found_at_its_next_signal(book: LegBook) -> None:
    events = book.take("DialState", {**DIAL_BEGIN, "DialStatus": "PROGRESS"})
    assert [type(e) for e in events] == [LegBegan, LegSignalled]


def test_other_channels_and_our_own_helpers_are_left_alone(book: LegBook) -> None:
    assert book.take("DialBegin", {**DIAL_BEGIN, "DestChannel": "PJSIP/desk-phone-00000003"}) == ()
    assert book.take("DialBegin", {**DIAL_BEGIN, "DestUniqueid": "emtap-1.2"}) == ()
    assert book.take("Hangup", {"Uniqueid": "1.99"}) == ()


def test_after_a_lost_connection_who_lives_stays_and_who_is_up_may_be_answered(
    book: LegBook,
) -> None:
    book.take("DialBegin", DIAL_BEGIN)
    assert book.catch_up([{"Uniqueid": LEG.id, "ChannelState": "4"}]) == ()
    assert book.catch_up([{"Uniqueid": LEG.id, "ChannelState": "6"}, {}]) == (LegMaybeAnswered(LEG),)
    assert book.catch_up([]) == (LegEnded(LEG, CarrierFinal(seen=False)),)


def test_a_leg_may_come_by_its_own_eagi(book: LegBook) -> None:
    (began,) = book.adopt(ChannelRef("9.1", "PJSIP/carrier-0000000a"), "0123")
    assert began == LegBegan(Leg("9.1", "PJSIP/carrier-0000000a", "PJSIP/carrier", "0123"))
    assert book.adopt(ChannelRef("9.1", "PJSIP/carrier-0000000a"), "0123") == ()
    assert book.adopt(ChannelRef("9.2", "SIP/else-1"), "0123") == ()


@pytest.mark.parametrize(
    ("hangup", "final"),
    [
        ({"Cause": "17", "TechCause": "486"}, CarrierFinal(486, 17)),
        ({"Cause": "16", "TechCause": "183"}, CarrierFinal(None, 16)),  # we cut it: no final code came
        ({"Cause": "0"}, CarrierFinal(None, None)),
        ({"Cause": "x", "TechCause": "SIP"}, CarrierFinal(None, None)),
    ],
)
def test_what_a_hangup_says_of_the_carrier(
    book: LegBook, hangup: dict[str, str], final: CarrierFinal
) -> None:
    book.take("DialBegin", DIAL_BEGIN)
    assert book.take("HangupRequest", {"Uniqueid": LEG.id, **hangup}) == (LegHungUp(LEG, final),)
    assert book.take("Hangup", {"Uniqueid": LEG.id, **hangup}) == (LegEnded(LEG, final),)


def test_a_leg_that_the_caller_or_we_ended_has_no_code_of_the_carrier(book: LegBook) -> None:
    book.take("DialBegin", DIAL_BEGIN)
    made_up = {"Uniqueid": LEG.id, "Cause": "127", "TechCause": "500"}
    assert book.take("Hangup", made_up) == (LegEnded(LEG, CarrierFinal(None, 127)),)


@pytest.mark.parametrize(
    ("dial_string", "number"),
    [
        ("0404486@carrier", "0404486"),
        ("carrier/sip:0404486@192.0.2.1:5060", "0404486"),
        ("carrier/0404486", "0404486"),
        ("", ""),
    ],
)
def test_number_of(dial_string: str, number: str) -> None:
    assert number_of(dial_string) == number


def test_trunk_of_keeps_dashes_of_the_endpoint() -> None:
    assert trunk_of("PJSIP/carrier-east-00000002") == "PJSIP/carrier-east"
    assert trunk_of("odd") == "odd"


def test_sip_code_of() -> None:
    assert sip_code_of("SIP 486 Busy Here") == 486
    assert sip_code_of("") is None
    assert sip_code_of("SIP") is None
    assert sip_code_of("SIP " + "9" * 5000) is None


def test_a_code_of_thousands_of_digits_says_nothing() -> None:
    digits = "4" * 5000
    assert carrier_final({"TechCause": digits, "Cause": digits}) == CarrierFinal(None, None)


@given(
    st.sampled_from(["DialBegin", "DialState", "DialEnd", "Newstate", "Hangup", "Other"]),
    st.dictionaries(
        st.sampled_from([*DIAL_BEGIN, "DialStatus", "ChannelState", "Cause", "TechCause"]), st.text()
    ),
)
def test_no_event_can_break_the_book(name: str, headers: dict[str, str]) -> None:
    LegBook(["*"]).take(name, headers)
