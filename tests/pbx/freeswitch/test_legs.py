"""What FreeSWITCH's events say of outbound legs; headers as 1.10.12 sends them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.pbx.freeswitch.legs import (
    EVENTS,
    PARK_EVENTS,
    LegAnswered,
    LegBook,
    LegParked,
    LegSignalled,
    carrier_final,
    trunk_of,
)
from agent.pbx.freeswitch.protocol import Event
from agent.pbx.leg_events import LegBegan, LegEnded
from agent.pbx.port import CarrierFinal, ChannelRef, Leg, Signal

LEG = Leg(
    id="b-leg",
    channel="sofia/gateway/carrier",
    trunk="sofia/gateway/carrier",
    number="0301234567",
    dialer=ChannelRef("a-leg", "sofia/internal"),
    linked_id="a-leg",
)
BRIDGED = {
    "Unique-ID": "b-leg",
    "Call-Direction": "outbound",
    "Channel-Name": "sofia/external/0301234567",
    "Channel-Call-UUID": "a-leg",
    "Caller-Destination-Number": "0301234567",
    "Other-Type": "originator",
    "Other-Leg-Unique-ID": "a-leg",
    "Other-Leg-Channel-Name": "sofia/internal/1000@pbx.example",
    "variable_sip_gateway_name": "carrier",
}


def event(name: str, **changes: str) -> Event:
    return Event({**BRIDGED, "Event-Name": name, **{key.replace("_", "-"): v for key, v in changes.items()}})


@pytest.fixture
def book() -> LegBook:
    return LegBook(["sofia/gateway/carrier*"])


def test_a_bridged_leg_from_its_first_invite_to_its_end(book: LegBook) -> None:
    assert book.take(event("CHANNEL_ORIGINATE")) == (LegBegan(LEG),)
    assert book.take(event("CHANNEL_PROGRESS")) == (LegSignalled(LEG, Signal.RINGING),)
    assert book.take(event("CHANNEL_PROGRESS_MEDIA")) == (LegSignalled(LEG, Signal.PROGRESS),)
    assert book.unanswered("b-leg")
    assert book.take(event("CHANNEL_BRIDGE")) == ()  # comes with early media already
    assert book.take(event("CHANNEL_ANSWER")) == (LegAnswered(LEG),)
    assert book.lives("b-leg")
    assert not book.unanswered("b-leg")
    assert book.take(event("CHANNEL_ANSWER")) == ()
    assert book.take(event("CHANNEL_PROGRESS_MEDIA")) == ()
    ended = event("CHANNEL_HANGUP_COMPLETE")
    assert book.take(ended) == (LegEnded(LEG, CarrierFinal()),)
    assert book.take(ended) == ()
    assert len(book) == 0


def test_a_leg_that_nobody_dials_has_no_dialer(book: LegBook) -> None:
    alone = {k: v for k, v in BRIDGED.items() if not k.startswith(("Other-", "Channel-Call"))}
    (began,) = book.take(Event({**alone, "Event-Name": "CHANNEL_ORIGINATE"}))
    assert isinstance(began, LegBegan)
    assert (began.leg.dialer, began.leg.linked_id) == (None, "b-leg")


def test_an_event_that_was_missed_begins_the_leg_later(book: LegBook) -> None:
    assert book.take(event("CHANNEL_PROGRESS_MEDIA")) == (LegBegan(LEG), LegSignalled(LEG, Signal.PROGRESS))


@pytest.mark.parametrize(
    "changes",
    [
        {"Call-Direction": "inbound"},
        {"Unique-ID": ""},
        {"Unique-ID": "id of\nmore"},
        {"Unique-ID": "../../etc/passwd"},
        {"Unique-ID": "a b"},
        {"Unique-ID": "x" * 129},
        {"variable_sip_gateway_name": "other"},
    ],
)
def test_others_are_left_alone(book: LegBook, changes: dict[str, str]) -> None:
    for name in EVENTS:
        assert book.take(Event({**BRIDGED, "Event-Name": name, **changes})) == ()


@pytest.mark.parametrize(
    ("headers", "trunk"),
    [
        ({"variable_sip_gateway_name": "c", "Channel-Name": "sofia/external/030"}, "sofia/gateway/c"),
        ({"Channel-Name": "sofia/external/030@10.0.0.1"}, "sofia/external"),
        ({"Channel-Name": "sofia/external/sip:030@10.0.0.1/x"}, "sofia/external"),
        ({"Channel-Name": "loopback/030-a"}, "loopback"),
        ({}, ""),
    ],
)
def test_a_trunk_is_the_gateway_or_the_profile_and_never_the_number(
    headers: dict[str, str], trunk: str
) -> None:
    assert trunk_of(headers) == trunk


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("proxy_media", "true", "proxy_media=true keeps the audio from FreeSWITCH: unset it for this trunk"),
        ("bypass_media", "Yes", "bypass_media=true keeps the audio from FreeSWITCH: unset it for this trunk"),
        ("bypass_media", "false", ""),
        (
            "media_bug_answer_req",
            "1",
            "media_bug_answer_req=true lets nobody listen before the answer: unset it for this trunk",
        ),
        (
            "execute_on_record_start_2",
            "playback /beep.wav",
            "execute_on_record_start_2 would run for the agent's recording too: set it after the answer",
        ),
        (
            "record_post_process_exec_api",
            "system:mail",
            "record_post_process_exec_api would run for the agent's recording too: set it after the answer",
        ),
        ("record_seconds", "3", ""),
    ],
)
def test_a_leg_that_must_not_be_recorded_says_why(
    book: LegBook, variable: str, value: str, said: str
) -> None:
    media = Event({**BRIDGED, "Event-Name": "CHANNEL_PROGRESS_MEDIA", f"variable_{variable}": value})
    assert book.take(media)[1:] == (LegSignalled(LEG, Signal.PROGRESS, said),)


@pytest.mark.parametrize(
    ("variables", "final"),
    [
        ({"sip_term_status": "486", "hangup_cause_q850": "17"}, CarrierFinal(486, 17)),
        ({"sip_term_status": "503", "hangup_cause_q850": "34"}, CarrierFinal(503, 34)),
        ({"proto_specific_hangup_cause": "sip:404", "hangup_cause_q850": "1"}, CarrierFinal(404, 1)),
        # We cancelled: the 487 that follows is the answer to that and says nothing of the callee.
        (
            {"sip_hangup_disposition": "send_cancel", "sip_term_status": "487", "hangup_cause_q850": "17"},
            CarrierFinal(None, 17),
        ),
        ({"sip_hangup_disposition": "recv_bye", "sip_term_status": "200"}, CarrierFinal(200, None)),
        ({"sip_term_status": "180", "hangup_cause_q850": "0"}, CarrierFinal(None, None)),
        ({"sip_term_status": "4٨6", "hangup_cause_q850": "-1"}, CarrierFinal(None, None)),
        ({"originate_failed_cause": "USER_BUSY"}, CarrierFinal(None, None)),
    ],
)
def test_the_carriers_own_words(variables: dict[str, str], final: CarrierFinal) -> None:
    assert carrier_final({f"variable_{name}": value for name, value in variables.items()}) == final


def test_a_leg_older_than_we_is_taken_up_where_it_stands(book: LegBook) -> None:
    assert book.take(event("CHANNEL_DATA", Answer_State="ringing")) == (LegBegan(LEG),)
    assert book.take(event("CHANNEL_DATA", Answer_State="early")) == (LegSignalled(LEG, Signal.PROGRESS),)
    assert book.take(event("CHANNEL_DATA", Answer_State="answered")) == (LegAnswered(LEG),)
    talking = event("CHANNEL_DATA", Answer_State="answered", Unique_ID="another")
    assert book.take(talking) == ()  # its early media is over
    assert book.take(event("CHANNEL_DATA", Answer_State="hangup")) == ()


def test_a_leg_is_parked_until_it_is_not(book: LegBook) -> None:
    assert book.take(event("CHANNEL_PARK")) == ()  # nobody's
    book.take(event("CHANNEL_ORIGINATE"))
    assert book.take(event("CHANNEL_PARK")) == (LegParked(LEG, True),)
    assert book.parked("b-leg")
    assert book.take(event("CHANNEL_UNPARK")) == (LegParked(LEG, False),)
    assert not book.parked("b-leg")


def test_legs_that_are_gone_are_dropped(book: LegBook) -> None:
    book.take(event("CHANNEL_ORIGINATE"))
    assert book.drop(["nobody"]) == ()
    assert book.drop(["b-leg", "nobody"]) == (LegEnded(LEG, CarrierFinal(seen=False)),)
    assert book.all() == ()


NAMES = st.sampled_from([*EVENTS, *PARK_EVENTS, "CHANNEL_DATA", "HEARTBEAT", ""])
HEADERS = st.dictionaries(
    st.sampled_from([*BRIDGED, "Answer-State", "variable_sip_term_status"]), st.text(max_size=5)
)


@given(st.lists(st.tuples(NAMES, HEADERS), max_size=12))
def test_a_leg_is_begun_before_anything_else_and_ended_once(told: list[tuple[str, dict[str, str]]]) -> None:
    book, alive = LegBook(["*"]), set[str]()
    for name, headers in told:
        for found in book.take(Event({**BRIDGED, "Event-Name": name, **headers})):
            assert (found.leg.id in alive) is not isinstance(found, LegBegan)
            (alive.remove if isinstance(found, LegEnded) else alive.add)(found.leg.id)
    assert {leg.id for leg in book.all()} == alive
