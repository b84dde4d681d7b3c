"""What a lab's client has seen, and how one waits for what it has not."""

import asyncio

import pytest

from agent.demo.happenings import Happening, Happenings
from agent.demo.lab import LabError


def hangup(uniqueid: str) -> Happening:
    return Happening(0.0, (("Event", "Hangup"), ("Uniqueid", uniqueid), ("ChanVariable", "A=1=2")))


def test_headers_are_found_whatever_their_case() -> None:
    event = hangup("1.1")
    assert (event.name, event.get("uniqueid"), event.get("Cause")) == ("Hangup", "1.1", "")
    assert event.all("CHANVARIABLE") == ["A=1=2"]
    assert event.variables() == {"A": "1=2"}


async def test_who_waits_is_woken_by_what_matches() -> None:
    seen = Happenings()
    waiting = asyncio.create_task(seen.event("Hangup", lambda e: e.get("Uniqueid") == "2.2"))
    for uniqueid in ("1.1", "2.2"):
        await seen.add(hangup(uniqueid))
    assert (await waiting).get("Uniqueid") == "2.2"
    assert [event.get("Uniqueid") for event in seen.named("Hangup")] == ["1.1", "2.2"]
    assert [event.get("Uniqueid") for event in seen.named("Hangup", first=1)] == ["2.2"]


async def test_who_waits_for_what_cannot_come_is_told_why() -> None:
    seen = Happenings()
    waiting = asyncio.create_task(seen.event("Hangup"))
    await asyncio.sleep(0)
    await seen.end("Asterisk closed the connection")
    for late in (waiting, seen.event("Hangup")):
        with pytest.raises(LabError, match="no event comes any more: Asterisk closed the connection"):
            await late
    await seen.add(hangup("1.1"))
    assert (await seen.event("Hangup")).get("Uniqueid") == "1.1"
