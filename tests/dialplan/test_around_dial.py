"""The snippets around a Dial(), with no agent, a stalled one, or one that a test plays itself."""

import asyncio
import socket

import pytest

from agent.demo.asterisk import LabAsterisk
from agent.demo.call import Provisional, Scenario
from agent.demo.caller import Caller
from agent.demo.carrier import Carrier
from agent.demo.dialer import Dialer
from tests.conftest import Call
from tests.dialplan.played_agent import (
    COUNTED,
    answering_syncs,
    applications,
    listened,
    tell,
    told,
)

pytestmark = pytest.mark.pbx


async def held(caller: Caller, carrier: Carrier) -> float:
    """Seconds from the carrier's final code to the caller's."""
    final_sent = (await carrier.ended("700")).final_sent
    assert final_sent is not None
    return caller.responses[-1].at - final_sent


@pytest.mark.parametrize(("extension", "final"), [("1700", 486), ("2700", 503), ("7700", 404), ("5700", 480)])
async def test_without_an_agent_a_dialled_call_ends_as_ever(
    carrier: Carrier, call: Call, dialer: Dialer, extension: str, final: int
) -> None:
    carrier.scenarios["700"] = Scenario(audio=COUNTED, seconds=1.0, final=final)
    caller = await call(extension)
    assert await caller.final() == final
    report = await dialer.report("after-dial")
    assert told(report) == ({} if extension == "5700" else {"EARLYMEDIA_STATUS": "unavailable"})
    assert told(await dialer.report("h")) == told(report)
    assert applications(dialer).isdisjoint({"AGI", "EAGI"})


async def test_without_an_agent_the_refusal_is_not_delayed(carrier: Carrier, call: Call) -> None:
    carrier.scenarios["700"] = Scenario(seconds=0.3, final=486)
    caller = await call("1700")
    await caller.final()
    assert await held(caller, carrier) < 0.25


async def test_an_agent_that_has_not_said_that_it_listens_is_awaited_for_a_moment_only(
    agent: socket.socket, carrier: Carrier, call: Call, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(seconds=0.3, final=486)
    caller = await call("1700")
    assert await caller.final() == 486
    assert await held(caller, carrier) < 0.25
    assert told(await dialer.report("h")) == {"EARLYMEDIA_STATUS": "unavailable"}
    assert "AGI" not in applications(dialer)


async def test_the_last_word_of_an_agent_that_listens_is_awaited_and_its_cause_returned(
    agent: socket.socket, carrier: Carrier, call: Call, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(seconds=0.5, final=480)
    caller = await call("1700")
    channel = await listened(dialer)
    await carrier.ended("700")
    await asyncio.sleep(0.1)
    await tell(
        dialer, channel, OUTCOME="number_unobtainable", CAUSE="1", AGREEMENT="adds_detail", STATUS="final"
    )
    assert await caller.final() == 404
    report = await dialer.report("after-dial")
    assert (report.get("HangupCause"), report.get("LabCause")) == ("19", "1")
    assert told(report)["EARLYMEDIA_OUTCOME"] == "number_unobtainable"
    assert told(await dialer.report("h")) == told(report)
    assert "AGI" not in applications(dialer)


async def test_an_agent_that_is_late_holds_the_caller_a_third_of_a_second_and_is_not_asked(
    agent: socket.socket, carrier: Carrier, call: Call, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(seconds=0.5, final=486)
    caller = await call("1700")
    await listened(dialer)
    assert await caller.final() == 486
    assert 0.3 < await held(caller, carrier) < 1.0
    assert told(await dialer.report("h")) == {"EARLYMEDIA_STATUS": "listening"}
    assert "AGI" not in applications(dialer)


async def test_an_agent_that_is_gone_is_not_waited_for(
    agent: socket.socket, lab: LabAsterisk, carrier: Carrier, call: Call, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(seconds=0.5, final=486)
    caller = await call("1700")
    await listened(dialer)
    lab.agent_socket.unlink()
    assert await caller.final() == 486
    assert await held(caller, carrier) < 0.25
    assert "AGI" not in applications(dialer)


@pytest.mark.parametrize(
    "words",
    [
        {"CAUSE": "1", "AGREEMENT": "contradicts"},
        {"CAUSE": "", "AGREEMENT": "contradicts", "STATUS": "final"},
        {"CAUSE": "1", "STATUS": "unavailable"},
    ],
    ids=["not final", "no cause", "unavailable"],
)
async def test_what_is_not_final_or_has_no_cause_decides_nothing(
    agent: socket.socket, carrier: Carrier, call: Call, dialer: Dialer, words: dict[str, str]
) -> None:
    carrier.scenarios["700"] = Scenario(seconds=0.5, final=480)
    caller = await call("1700")
    await tell(dialer, await listened(dialer), **words)
    assert await caller.final() == 480


async def test_a_call_that_was_answered_keeps_its_own_cause(
    agent: socket.socket, carrier: Carrier, call: Call, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(seconds=0.5, final=200, answered_seconds=0.3)
    await call("8700")
    await tell(dialer, await listened(dialer), CAUSE="1", AGREEMENT="none", STATUS="final")
    report = await dialer.report("after-dial")
    assert (report.get("DialStatus"), report.get("LabCause")) == ("ANSWER", "16")


async def test_a_dial_that_times_out_leaves_no_cause_and_asterisk_nothing_to_complain_of(
    agent: socket.socket, lab: LabAsterisk, carrier: Carrier, call: Call, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(audio=COUNTED, loop=True, final=None)
    caller = await call("6700")
    await tell(dialer, await listened(dialer), STATUS="final")
    report = await dialer.report("after-dial")
    assert report.get("DialStatus") == "NOANSWER"
    await caller.final()
    assert "Invalid cause" not in lab.log()


async def test_values_with_quotes_arrive_as_they_are(
    agent: socket.socket, carrier: Carrier, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(Provisional.TRYING, seconds=0.1, final=200, answered_seconds=None)
    outcome = r'announcement:the "new" \ number, 5; é ${X} $[1+1]'
    async with answering_syncs(agent, f"EARLYMEDIA_OUTCOME={outcome}\n".encode()):
        await dialer.originate("PJSIP/700@carrier", "bare", exten="sync")
        channel = (await dialer.event("LabSynced")).get("Channel")
    got = await dialer.action("Getvar", Channel=channel, Variable="EARLYMEDIA_OUTCOME")
    assert got.get("Value") == outcome


async def test_a_caller_that_gives_up_is_asked_about_in_h(
    agent: socket.socket, carrier: Carrier, call: Call, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(audio=COUNTED, loop=True, final=None)
    async with answering_syncs(agent, b"EARLYMEDIA_STATUS=final\n") as questions:
        caller = await call("1700")
        await caller.status(183)
        await listened(dialer)
        await asyncio.sleep(0.3)
        caller.cancel()
        report = await dialer.report("h")
    assert told(report) == {"EARLYMEDIA_STATUS": "final"}
    assert questions == [b"SYNC\0" + report.get("Uniqueid").encode() + b"\n"]
    assert (await carrier.ended("700")).cancelled is not None


async def test_in_h_an_agent_that_never_listened_is_not_asked(
    agent: socket.socket, carrier: Carrier, call: Call, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(audio=COUNTED, loop=True, final=None)
    caller = await call("1700")
    await caller.status(183)
    caller.cancel()
    assert told(await dialer.report("h")) == {"EARLYMEDIA_STATUS": "unavailable"}
    assert "AGI" not in applications(dialer)


async def test_a_stalled_agent_holds_h_a_tenth_of_a_second(
    agent: socket.socket, carrier: Carrier, call: Call, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(audio=COUNTED, loop=True, final=None)
    caller = await call("1700")
    await caller.status(183)
    await listened(dialer)
    await asyncio.sleep(0.3)
    caller.cancel()
    report = await dialer.report("h")
    assert told(report) == {"EARLYMEDIA_STATUS": "listening"}
    cancelled = (await carrier.ended("700")).cancelled
    assert cancelled is not None
    assert report.at - cancelled < 0.35


async def test_a_caller_that_gives_up_while_the_last_word_is_awaited_is_asked_about_in_h(
    agent: socket.socket, carrier: Carrier, call: Call, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(seconds=0.5, final=486)
    async with answering_syncs(agent, b"EARLYMEDIA_STATUS=final\n") as questions:
        caller = await call("1700")
        await listened(dialer)
        await dialer.event("Newexten", lambda e: e.get("Application") == "Wait")
        caller.cancel()
        report = await dialer.report("h")
    assert told(report) == {"EARLYMEDIA_STATUS": "final"}
    assert questions == [b"SYNC\0" + report.get("Uniqueid").encode() + b"\n"]


async def test_at_whatever_moment_a_caller_gives_up_its_own_h_runs(
    agent: socket.socket, carrier: Carrier, call: Call, dialer: Dialer
) -> None:
    async def give_up(number: str, seconds_after_the_refusal: float) -> None:
        carrier.scenarios[number] = Scenario(seconds=0.5, final=486)
        caller = await call("1" + number)
        begun = await dialer.event("DialBegin", lambda e: e.get("DialString").startswith(number))
        await tell(dialer, begun.get("Channel"), STATUS="listening")
        await carrier.ended(number)
        await asyncio.sleep(seconds_after_the_refusal)
        caller.cancel()
        await dialer.report("h", uniqueid=begun.get("Uniqueid"))

    await asyncio.gather(*(give_up(f"70{n:02}", n / 100) for n in range(40)))


async def test_a_second_attempt_forgets_the_first(
    agent: socket.socket, carrier: Carrier, call: Call, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(seconds=0.5, final=503)
    await call("4700")
    channel = await listened(dialer)
    await tell(dialer, channel, OUTCOME="congestion", CAUSE="34", AGREEMENT="agrees", STATUS="final")
    assert told(await dialer.report("first-attempt"))["EARLYMEDIA_OUTCOME"] == "congestion"
    assert told(await dialer.report("after-dial")) == {"EARLYMEDIA_STATUS": "unavailable"}
    assert len(carrier.calls_to("700")) == 2
