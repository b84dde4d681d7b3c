"""How the pair of connections begins, breaks, comes back and ends, with hostile bytes too."""

import asyncio
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from agent.pbx.freeswitch.client import EventSocketClient
from agent.pbx.freeswitch.connection import UnansweredError, UnavailableError
from agent.pbx.freeswitch.protocol import Event, Reply
from agent.pbx.lasting import ConnectionState
from tests.pbx.freeswitch.scripted_event_socket import PASSWORD, ScriptedFreeSwitch, settings
from tests.pbx.waiting import until


async def test_a_wrong_password_is_told_apart_and_never_shown(freeswitch: ScriptedFreeSwitch) -> None:
    freeswitch.password = "another"
    client = EventSocketClient(settings(freeswitch))
    with capture_logs() as logs:
        client.start()
        await until(lambda: len(freeswitch.named("auth")) == 4)
        with pytest.raises(UnavailableError, match=r"refuses the password \(-ERR invalid\): compare it"):
            await client.api("uptime")
    assert client.problem.endswith("event_socket.conf.xml.")
    assert [entry["retry_s"] for entry in logs][:3] == [0.05, 0.1, 0.2]
    assert {entry["state"] for entry in logs} == {"refused"}
    assert PASSWORD not in str(logs) + repr(client.settings) + client.problem
    freeswitch.password = PASSWORD
    await until(lambda: client.connected)
    await client.stop()


async def test_an_access_list_that_turns_us_away_is_told_apart(freeswitch: ScriptedFreeSwitch) -> None:
    freeswitch.allowed = False
    client = EventSocketClient(settings(freeswitch))
    client.start()
    await until(lambda: client.state is ConnectionState.REFUSED)
    assert client.problem == (
        "FreeSWITCH's access list turns us away (Access Denied, go away.). "
        "Allow the agent's address in apply-inbound-acl of event_socket.conf.xml."
    )
    assert not freeswitch.commands
    await client.stop()


async def test_nobody_there_is_told_and_tried_again(freeswitch: ScriptedFreeSwitch) -> None:
    await freeswitch.stop()
    client = EventSocketClient(settings(freeswitch))
    client.start()
    await until(lambda: client.state is ConnectionState.UNREACHABLE)
    assert f"127.0.0.1:{freeswitch.port}" in client.problem
    with pytest.raises(UnavailableError, match="No connection to FreeSWITCH"):
        client.post_api("uptime")
    await freeswitch.start()
    await until(lambda: client.connected)
    assert client.problem == ""
    await client.stop()


@pytest.mark.parametrize(
    ("greeting", "why"),
    [
        (b"", "nobody answered the login within 0.3 s"),
        (b"SSH-2.0-OpenSSH_9.2p1\n\n", "what answers there is no event socket"),
        (b"Content-Type: command/reply\nReply-Text: +OK\n\n", "FreeSWITCH answered what nobody asked"),
    ],
)
async def test_something_else_on_the_port_is_said(
    freeswitch: ScriptedFreeSwitch, greeting: bytes, why: str
) -> None:
    freeswitch.greeting = greeting
    client = EventSocketClient(settings(freeswitch))
    client.start()
    await until(lambda: client.state is ConnectionState.UNREACHABLE)
    assert why in client.problem
    await client.stop()


async def test_answers_come_in_the_order_of_the_questions(
    freeswitch: ScriptedFreeSwitch, client: EventSocketClient
) -> None:
    freeswitch.dial("a", gateway="one")
    freeswitch.dial("b", gateway="two")
    asked = [client.getvar(uuid, "sip_gateway_name") for uuid in "abab"]
    asked.append(client.getvar("a", "unset"))
    asked.append(client.getvar("gone", "sip_gateway_name"))
    assert await asyncio.gather(*asked) == ["one", "two", "one", "two", "", ""]
    assert (await client.api("uuid_kill gone")) == Reply("-ERR No such channel!")


async def test_one_connection_tells_and_the_other_is_told(freeswitch: ScriptedFreeSwitch) -> None:
    client = EventSocketClient(
        replace(
            settings(freeswitch),
            subscriptions=("event json CHANNEL_ANSWER", "filter Call-Direction outbound"),
        )
    )
    told: list[Event] = []
    client.on_event = told.append
    client.start()
    await until(lambda: freeswitch.named("filter"))
    freeswitch.answer(freeswitch.dial("inbound", direction="inbound"))
    freeswitch.answer(freeswitch.dial("outbound"))
    await until(lambda: told)
    assert [(event.name, event.headers["Unique-ID"]) for event in told] == [("CHANNEL_ANSWER", "outbound")]
    assert freeswitch.logins == 2
    await client.stop()


async def test_a_listener_that_raises_harms_nobody(freeswitch: ScriptedFreeSwitch) -> None:
    client = EventSocketClient(replace(settings(freeswitch), subscriptions=("event json CHANNEL_ANSWER",)))
    told: list[str] = []

    def listen(event: Event) -> None:
        told.append(event.headers["Unique-ID"])
        raise RuntimeError("a fault of the listener's own")

    client.on_event = listen
    client.start()
    await until(lambda: freeswitch.named("event"))
    for uuid in ("a", "b"):
        freeswitch.answer(freeswitch.dial(uuid))
    await until(lambda: told == ["a", "b"])
    assert client.connected
    await client.stop()


async def test_a_subscription_that_is_refused_is_said(freeswitch: ScriptedFreeSwitch) -> None:
    client = EventSocketClient(replace(settings(freeswitch), subscriptions=("api uuid_kill nobody",)))
    client.start()
    await until(lambda: client.state is ConnectionState.REFUSED)
    assert "refuses 'api uuid_kill nobody' (-ERR No such channel!)" in client.problem
    await client.stop()


async def test_a_frozen_freeswitch_is_noticed_and_replaced(
    freeswitch: ScriptedFreeSwitch, client: EventSocketClient
) -> None:
    lost: list[bool] = []
    client.on_lost = lambda: lost.append(True)
    freeswitch.frozen = True
    await until(lambda: lost)
    freeswitch.frozen = False
    await until(lambda: client.connected)
    assert freeswitch.logins == 4


async def patient(freeswitch: ScriptedFreeSwitch) -> EventSocketClient:
    """A client that is told of answers, and awaits a pong for half a second."""
    client = EventSocketClient(
        replace(settings(freeswitch), subscriptions=("event json CHANNEL_ANSWER",), ping_timeout_s=0.5)
    )
    client.start()
    await until(lambda: freeswitch.named("event"))
    return client


async def test_one_whose_pong_is_late_is_alive_while_its_events_come(freeswitch: ScriptedFreeSwitch) -> None:
    client = await patient(freeswitch)
    channel = freeswitch.dial("a")
    freeswitch.mute.add(freeswitch.writers[0])
    for _ in range(75):
        freeswitch.answer(channel)
        await asyncio.sleep(0.02)
    assert (client.connected, freeswitch.logins) == (True, 2)
    await until(lambda: not client.connected)
    assert "did not answer api" in client.problem
    await client.stop()


async def test_events_do_not_hide_that_commands_are_not_done(freeswitch: ScriptedFreeSwitch) -> None:
    client = await patient(freeswitch)
    channel = freeswitch.dial("a")
    freeswitch.mute |= {*freeswitch.writers}
    for _ in range(75):
        freeswitch.answer(channel)
        await asyncio.sleep(0.02)
        if not client.connected:
            break
    assert "did not answer api" in client.problem
    await client.stop()


async def test_an_answer_that_does_not_come_is_not_awaited_for_ever(
    freeswitch: ScriptedFreeSwitch, client: EventSocketClient
) -> None:
    freeswitch.frozen = True
    with pytest.raises(UnansweredError, match=r"did not answer uuid_getvar within 0\.05 s"):
        await client.api("uuid_getvar a b", timeout_s=0.05)


async def test_nothing_of_before_is_sent_after_a_reconnect(
    freeswitch: ScriptedFreeSwitch, client: EventSocketClient
) -> None:
    freeswitch.frozen = True
    waiting = asyncio.create_task(client.api("uuid_kill a USER_BUSY", timeout_s=5))
    await until(lambda: freeswitch.named("api uuid_kill"))
    freeswitch.hang_up()
    with pytest.raises(UnavailableError, match="lost before the reply"):
        await waiting
    with pytest.raises(UnavailableError):
        client.post_api("uuid_setvar_multi a X=stale")
    freeswitch.frozen = False
    await until(lambda: client.connected)
    await client.drain(1)
    assert len(freeswitch.named("api uuid_kill")) == 1
    assert not freeswitch.named("api uuid_setvar_multi")


async def test_a_restart_of_freeswitch_is_survived(
    freeswitch: ScriptedFreeSwitch, client: EventSocketClient
) -> None:
    with capture_logs() as logs:
        await freeswitch.shut_down()
        await until(lambda: client.state is ConnectionState.UNREACHABLE)
        assert "Disconnected, goodbye." in str(logs) + client.problem
    await freeswitch.start()
    await until(lambda: client.connected)


async def test_the_loss_of_either_connection_ends_both(
    freeswitch: ScriptedFreeSwitch, client: EventSocketClient
) -> None:
    lost: list[bool] = []
    client.on_lost = lambda: lost.append(True)
    next(iter(freeswitch.writers)).transport.abort()
    await until(lambda: lost)
    await until(lambda: client.connected)
    assert freeswitch.logins == 4


async def test_too_much_that_is_unanswered_is_refused(
    freeswitch: ScriptedFreeSwitch, client: EventSocketClient
) -> None:
    freeswitch.frozen = True
    while client.unanswered < client.settings.max_unanswered:
        client.post_api("uptime")
    with pytest.raises(UnavailableError, match="has left 100 commands unanswered"):
        client.post_api("uptime")


async def test_rejections_are_counted_by_their_words(
    freeswitch: ScriptedFreeSwitch, client: EventSocketClient
) -> None:
    client.post_api("uuid_setvar_multi gone A=1")
    await client.drain(1)
    assert client.rejected == {"-ERR No such channel!": 1}


async def test_an_event_with_a_unique_id_would_be_lost_and_is_refused(client: EventSocketClient) -> None:
    with pytest.raises(ValueError, match="would reach no listener"):
        client.post_event("earlymedia::verdict", {"unique-ID": "a"})


@pytest.mark.parametrize(
    "hostile",
    [
        b"\xff\xfe\x00\n\n",
        b"Content-Length: 99999999\n\n",
        b"Content-Type: text/event-json\nContent-Length: 2\n\n[]",
        b"Content-Type: api/response\n\n",
        b"x" * 100_000,
    ],
)
async def test_hostile_bytes_end_the_connections_and_nothing_else(
    freeswitch: ScriptedFreeSwitch, client: EventSocketClient, hostile: bytes
) -> None:
    lost: list[bool] = []
    client.on_lost = lambda: lost.append(True)
    freeswitch.say(hostile)
    await until(lambda: lost)
    await until(lambda: client.connected)
    assert (await client.api("uptime")).ok


async def test_stopping_sends_what_was_said_before(
    freeswitch: ScriptedFreeSwitch, client: EventSocketClient
) -> None:
    leg = freeswitch.dial("a")
    client.post_api("uuid_setvar_multi a X=last")
    await client.stop()
    assert leg.variables["X"] == "last"
    assert client.state is ConnectionState.STOPPED


@pytest.mark.parametrize("moment_s", [0.0, 0.001, 0.01, 0.1, 0.3])
async def test_stopping_really_stops_at_any_moment(freeswitch: ScriptedFreeSwitch, moment_s: float) -> None:
    freeswitch.password = "another"
    client = EventSocketClient(settings(freeswitch))
    client.start()
    await asyncio.sleep(moment_s)
    await client.stop()
    tries = len(freeswitch.commands)
    await asyncio.sleep(0.3)
    assert len(freeswitch.commands) == tries


async def test_stopping_does_not_wait_for_a_frozen_freeswitch(
    freeswitch: ScriptedFreeSwitch, client: EventSocketClient
) -> None:
    freeswitch.frozen = True
    async with asyncio.timeout(0.5):
        await client.stop(drain_s=0.05)
