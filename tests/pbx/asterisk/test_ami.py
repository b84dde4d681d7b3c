"""What the AMI client says and is told, against a scripted Asterisk on a real loopback socket."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from agent.pbx.asterisk.ami import (
    AmiClient,
    AmiDeniedError,
    AmiEvent,
    AmiTimeoutError,
    AmiUnavailableError,
)
from agent.pbx.lasting import ConnectionState
from tests.pbx.asterisk.scripted_ami import ScriptedAsterisk, heard_by, settings
from tests.pbx.waiting import until


async def test_it_logs_in_and_tells(asterisk: ScriptedAsterisk) -> None:
    client = AmiClient(settings(asterisk))
    told: list[str] = []
    client.on_connected = lambda: told.append("connected")
    client.on_lost = lambda: told.append("lost")
    assert client.state is ConnectionState.STOPPED
    client.start()
    client.start()
    await until(lambda: client.connected)
    assert (client.state, client.problem, told) == (ConnectionState.CONNECTED, "", ["connected"])
    await client.stop()
    await client.stop()
    assert (client.state, told) == (ConnectionState.STOPPED, ["connected", "lost"])
    assert asterisk.logins == 1


async def test_an_action_gets_its_reply(asterisk: ScriptedAsterisk, client: AmiClient) -> None:
    asterisk.answers["coresettings"] = lambda action: "Response: Success\r\nAsteriskVersion: 22.10.1"
    reply = await client.action("CoreSettings")
    assert reply.success
    assert reply.headers["asteriskversion"] == "22.10.1"


async def test_an_error_is_a_reply_too(asterisk: ScriptedAsterisk, client: AmiClient) -> None:
    asterisk.answers["hangup"] = lambda action: "Response: Error\r\nMessage: No such channel"
    reply = await client.action("Hangup", {"Channel": "PJSIP/gone"})
    assert (reply.success, reply.message) == (False, "No such channel")


async def test_variables_are_read(asterisk: ScriptedAsterisk, client: AmiClient) -> None:
    values = {"X": "7", "EMPTY": ""}
    asterisk.answers["getvar"] = lambda action: (
        f"Response: Success\r\nVariable: X\r\nValue: {values[action['variable']]}"
        if action["channel"] == "PJSIP/c-1"
        else "Response: Error\r\nMessage: No such channel"
    )
    assert await client.getvar("PJSIP/c-1", "X") == "7"
    assert await client.getvar("PJSIP/c-1", "EMPTY") == ""
    assert await client.getvar("PJSIP/gone", "X") is None


async def test_a_list_is_one_reply(asterisk: ScriptedAsterisk, client: AmiClient) -> None:
    def channels(action: dict[str, str]) -> str:
        asterisk.event("Event: Newchannel", "Channel: PJSIP/other")
        item = f"Event: CoreShowChannel\r\nActionID: {action['actionid']}\r\nUniqueid: "
        done = f"Event: CoreShowChannelsComplete\r\nActionID: {action['actionid']}\r\nEventList: Complete"
        start = "Response: Success\r\nEventList: start\r\nMessage: Channels will follow"
        return f"{start}\r\n\r\n{item}1\r\n\r\n{item}2\r\n\r\n{done}"

    asterisk.answers["coreshowchannels"] = channels
    events = heard_by(client)
    reply = await client.action("CoreShowChannels")
    assert [event.headers.get("Uniqueid") for event in reply.events] == ["1", "2", None]
    assert events[0].name == "Newchannel"


@pytest.mark.parametrize(("outcome", "success"), [("Success", True), ("Failure", False)])
async def test_an_originate_is_answered_by_its_response_which_our_listeners_hear_too(
    asterisk: ScriptedAsterisk, client: AmiClient, outcome: str, success: bool
) -> None:
    def originate(action: dict[str, str]) -> str:
        asyncio.get_running_loop().call_later(
            0.02,
            asterisk.event,
            "Event: OriginateResponse",
            f"ActionID: {action['actionid']}",
            f"Response: {outcome}",
            "Reason: 8",
        )
        return "Response: Success\r\nMessage: Originate successfully queued"

    asterisk.answers["originate"] = originate
    events = heard_by(client)
    reply = await client.action("Originate", {"Channel": "AudioSocket/x", "async": "false"})
    assert reply.success is success
    assert reply.events[0].headers["Reason"] == "8"
    assert [event.name for event in events] == ["OriginateResponse"]
    assert [action["async"] for action in asterisk.named("Originate")] == ["true"]


async def test_an_originate_that_nobody_awaits_does_not_hold_up_the_rest(
    asterisk: ScriptedAsterisk, client: AmiClient
) -> None:
    client.send_nowait("Originate", {"Channel": "Local/x"})
    client.send_nowait("originate", {"Channel": "Local/x", "ASYNC": "false"})
    await client.drain(1)
    assert [action["async"] for action in asterisk.actions if "async" in action] == ["true", "true"]


async def test_an_event_before_the_reply_is_not_taken_for_it(
    asterisk: ScriptedAsterisk, client: AmiClient
) -> None:
    def user_event(action: dict[str, str]) -> str:
        asterisk.event("Event: UserEvent", f"ActionID: {action['actionid']}", "UserEvent: EarlyMediaVerdict")
        return "Response: Success\r\nMessage: Event Sent"

    asterisk.answers["userevent"] = user_event
    events = heard_by(client)
    reply = await client.action("UserEvent", {"UserEvent": "EarlyMediaVerdict"})
    assert reply.message == "Event Sent"
    assert [event.headers["UserEvent"] for event in events] == ["EarlyMediaVerdict"]


async def test_an_answer_that_is_queued_without_async_does_no_harm(
    asterisk: ScriptedAsterisk, client: AmiClient
) -> None:
    asterisk.answers["redirect"] = lambda action: "Response: Success\r\nMessage: Redirect successfully queued"
    assert (await client.action("Redirect")).success


async def test_events_keep_repeated_headers_and_their_alphabet(asterisk: ScriptedAsterisk) -> None:
    client = AmiClient(replace(settings(asterisk), ping_interval_s=60))  # no pong comes in the middle
    client.start()
    await until(lambda: client.connected)
    events = heard_by(client)
    data = "Event: Hangup\r\nChanVariable: A=ü\r\nChanVariable: B=\r\nCause: 17\r\n\r\n".encode()
    for start in range(0, len(data), 8):  # cuts the ü
        asterisk.say(data[start : start + 8])
        await asyncio.sleep(0.001)
    await until(lambda: events)
    (event,) = events
    assert event.name == "Hangup"
    assert event.headers.every("ChanVariable") == ("A=ü", "B=")
    assert event.headers["chanvariable"] == "A=ü"
    assert event.headers.every("none") == ()
    assert event.headers.get("Cause") == "17"
    await client.stop()


async def test_a_listener_that_fails_harms_neither_connection_nor_others(
    asterisk: ScriptedAsterisk, client: AmiClient
) -> None:
    def fail(event: AmiEvent) -> None:
        raise RuntimeError("no")

    client.on_event(fail)
    events = heard_by(client)
    with capture_logs() as logs:
        asterisk.event("Event: Newchannel")
        asterisk.event("Event: Hangup")
        await until(lambda: len(events) == 2)
    assert [entry["event"] for entry in logs] == ["AMI callback failed"] * 2
    assert client.connected
    assert asterisk.logins == 1


async def test_an_event_that_comes_with_the_login_finds_a_client_that_can_act(
    asterisk: ScriptedAsterisk,
) -> None:
    asterisk.answers["login"] = lambda action: (
        "Response: Success\r\n\r\nEvent: DialState\r\nDialStatus: PROGRESS"
    )
    client = AmiClient(settings(asterisk))
    order: list[str] = []
    client.on_connected = lambda: order.append("connected")
    client.on_event(lambda event: order.append(event.name))
    client.on_event(lambda event: client.send_nowait("Setvar", {"Variable": "X", "Value": "1"}))
    client.start()
    await until(lambda: asterisk.named("Setvar"))
    assert order == ["connected", "DialState"]
    await client.stop()


async def test_a_missing_right_is_an_error_of_its_own_and_said_once(
    asterisk: ScriptedAsterisk, client: AmiClient
) -> None:
    asterisk.answers["userevent"] = lambda action: "Response: Error\r\nMessage: Permission denied"
    with capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(AmiDeniedError, match=r"no right to UserEvent: see write= in manager\.conf"):
                await client.action("UserEvent", {"UserEvent": "X"})
            client.send_nowait("UserEvent", {"UserEvent": "X"})
        await client.drain(1)
    assert [entry["log_level"] for entry in logs].count("warning") == 1
    assert client.denied == {"UserEvent"}


async def test_what_is_sent_without_waiting_arrives_in_order_and_is_settled(
    asterisk: ScriptedAsterisk, client: AmiClient
) -> None:
    for number in range(90):
        client.send_nowait("Setvar", {"Channel": "PJSIP/c-1", "Variable": "X", "Value": str(number)})
    assert client.unanswered >= 90
    await client.drain(1)
    await asyncio.sleep(0)
    assert [action["value"] for action in asterisk.named("Setvar")] == [str(number) for number in range(90)]
    assert client.unanswered == 0


async def test_rejections_of_what_nobody_awaits_are_counted(
    asterisk: ScriptedAsterisk, client: AmiClient
) -> None:
    asterisk.answers["setvar"] = lambda action: "Response: Error\r\nMessage: No such channel"
    client.send_nowait("Setvar", {"Channel": "PJSIP/gone", "Variable": "X", "Value": "1"})
    await client.drain(1)
    assert client.rejected == {"No such channel": 1}


async def test_a_good_reply_is_no_rejection_whatever_the_order_of_its_lines(
    asterisk: ScriptedAsterisk, client: AmiClient
) -> None:
    asterisk.answers["setvar"] = lambda action: asterisk.event(
        "Message: Variable Set", f"ActionID: {action['actionid']}", "Response: Success"
    )
    client.send_nowait("Setvar", {"Variable": "X", "Value": "1"})
    await client.drain(1)
    await asyncio.sleep(0)
    assert not client.rejected
    assert client.unanswered == 0


async def test_no_more_is_sent_than_asterisk_answers(asterisk: ScriptedAsterisk, client: AmiClient) -> None:
    asterisk.answers["setvar"] = lambda action: None
    while client.unanswered < 100:
        client.send_nowait("Setvar", {"Variable": "X", "Value": "1"})
    with pytest.raises(AmiUnavailableError, match="has left 100 AMI actions unanswered"):
        client.send_nowait("Setvar", {"Variable": "X", "Value": "1"})


async def test_an_action_without_a_reply_times_out_and_is_forgotten(
    asterisk: ScriptedAsterisk, client: AmiClient
) -> None:
    with pytest.raises(AmiTimeoutError, match=r"did not answer Status within 0\.05 s"):
        await client.action("Status", timeout_s=0.05)
    await asyncio.sleep(0)
    action_id = asterisk.named("Status")[0]["actionid"]
    asterisk.event("Response: Success", f"ActionID: {action_id}")
    await client.drain(1)
    assert client.connected


@pytest.mark.parametrize(
    "fields",
    [
        {"Variable": "X\r\nAction: Command"},
        {"Variable": "X\n"},
        {"Variable": "X\0"},
        {"Variable": ["fine", "not\rfine"]},
        {"Vari\r\nable": "X"},
        {"Two words": "X"},
        {"Variable:": "X"},
        {"": "X"},
        {"ActionID": "7"},
        {"action": "Command"},
        {"Variable": "x" * 1000},
        {"Variable": "ü" * 500},
        {"Variable": ["x"] * 130},
    ],
)
async def test_nothing_can_be_forged_or_cut(
    asterisk: ScriptedAsterisk, client: AmiClient, fields: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="AMI action 'Setvar'"):
        client.send_nowait("Setvar", fields)
    with pytest.raises(ValueError, match="AMI action 'Setvar'"):
        await client.action("Setvar", fields)
    with pytest.raises(ValueError, match="line break"):
        client.send_nowait("Setvar\r\nX: 1", {})
    await client.drain(1)
    assert not asterisk.named("Setvar")
