"""What a soak makes of what it is told of its calls."""

import pytest

from agent.demo.happenings import Happening
from benchmarks.soak_calls import WAYS, Book, Leg, Plan


def begun(number: str, leg_id: str, channel: str = "PJSIP/carrier-00000001") -> Happening:
    return event("DialBegin", DestUniqueid=leg_id, DestChannel=channel, DialString=f"{number}@carrier")


def verdict(leg_id: str, outcome: str) -> Happening:
    return event("UserEvent", UserEvent="EarlyMediaVerdict", Uniqueid=leg_id, EARLYMEDIA_OUTCOME=outcome)


def event(name: str, **headers: str) -> Happening:
    return Happening(0.0, (("Event", name), *headers.items()))


def line(leg_id: str, outcome: str, seconds: float) -> dict[str, object]:
    return {"leg": leg_id, "outcome": outcome, "audio_seconds": seconds, "dropped_seconds": 0.0}


def number_of(outcome: str) -> str:
    return next(number for number in map(str, range(1000)) if Plan.of(number).outcome == outcome)


def told(number: str, events: list[str], lines: list[str], seconds: float = 20.0) -> Leg:
    book = Book()
    book.take(begun(number, "17.1"))
    for outcome in events:
        book.take(verdict("17.1", outcome))
    for outcome in lines:
        book.take_line(line("17.1", outcome, seconds))
    assert book.strangers == 0
    return book.by_number[number]


def test_a_number_always_means_the_same_call_and_numbers_differ() -> None:
    plans = [Plan.of(str(number)) for number in range(300)]
    assert plans == [Plan.of(str(number)) for number in range(300)]
    assert {plan.way for plan in plans} == set(WAYS)
    assert {plan.outcome for plan in plans} >= {"answered", "ringing", "announcement", "busy", "no_audio"}


def test_one_right_verdict() -> None:
    leg = told(number_of("busy"), ["busy"], ["busy"])
    assert leg.told_once
    assert not leg.wrong
    assert not leg.left_open


@pytest.mark.parametrize(
    ("events", "lines"),
    [(["busy"], []), ([], ["busy"]), (["busy"] * 2, ["busy"] * 2), (["busy"], ["ringing"])],
)
def test_a_verdict_missing_twice_or_told_in_two_ways_is_seen(events: list[str], lines: list[str]) -> None:
    leg = told(number_of("busy"), events, lines)
    assert not leg.told_once or len(leg.lines) != 1


def test_a_wrong_verdict_and_one_that_stays_open_are_seen() -> None:
    assert told(number_of("busy"), ["ringing"], ["ringing"]).wrong
    unknown = told(number_of("busy"), ["unknown"], ["unknown"])
    assert not unknown.wrong
    assert unknown.left_open


def test_a_wrong_verdict_after_two_seconds_is_a_hasty_one() -> None:
    leg = told(number_of("busy"), ["ringing"], ["ringing"], seconds=2.0)
    assert leg.hasty
    assert not leg.wrong


def test_a_verdict_on_no_call_is_a_strangers() -> None:
    book = Book()
    book.take(begun("7", "17.2", channel="AudioSocket/127.0.0.1:9092-00000001"))
    book.take(verdict("17.2", "busy"))
    assert book.strangers == 1
