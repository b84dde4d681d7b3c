"""The AMI client against a scripted Asterisk on a real loopback socket."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from agent.pbx.asterisk.ami import (
    AmiClient,
    AmiDeniedError,
    AmiEvent,
    AmiSettings,
    AmiState,
    AmiTimeoutError,
    AmiUnavailableError,
)

CERTIFICATE = Path(__file__).with_name("loopback.pem")
"""Key and self-signed certificate for 127.0.0.1, good for these tests only."""

SECRET = "s3cret-of-the-test"


class ScriptedAsterisk:
    """An Asterisk that says what a test tells it to: `answers` by the name of the action."""

    def __init__(self) -> None:
        self.secret = SECRET
        self.banner = b"Asterisk Call Manager/11.0.0\r\n"
        self.actions: list[dict[str, str]] = []
        """Every action that came, in order, over all connections."""
        self.logins = 0
        self.answers: dict[str, Callable[[dict[str, str]], str | None]] = {
            "login": self._login,
            "ping": lambda action: "Response: Success\r\nPing: Pong",
            "setvar": lambda action: "Response: Success\r\nMessage: Variable Set",
        }
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self.hang_up()
        await asyncio.sleep(0.01)

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def say(self, data: bytes) -> None:
        for writer in self._writers:
            writer.write(data)

    def event(self, *lines: str) -> None:
        self.say("\r\n".join([*lines, "", ""]).encode())

    def named(self, name: str) -> list[dict[str, str]]:
        return [action for action in self.actions if action["action"] == name]

    def _login(self, action: dict[str, str]) -> str:
        if action.get("secret") != self.secret:
            return "Response: Error\r\nMessage: Authentication failed"
        self.logins += 1
        return "Response: Success\r\nMessage: Authentication accepted"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        writer.write(self.banner)
        try:
            while True:
                block = await reader.readuntil(b"\r\n\r\n")
                pairs = [line.partition(": ") for line in block.decode().strip().split("\r\n")]
                action = {key.lower(): value for key, _, value in pairs}
                self.actions.append(action)
                script = self.answers.get(action["action"].lower())
                answer = script(action) if script else None
                if answer is not None:
                    first, _, rest = answer.partition("\r\n")
                    lines = [first, f"ActionID: {action['actionid']}", *([rest] if rest else []), "", ""]
                    writer.write("\r\n".join(lines).encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()


@pytest.fixture
async def asterisk() -> AsyncIterator[ScriptedAsterisk]:
    asterisk = ScriptedAsterisk()
    await asterisk.start()
    yield asterisk
    await asterisk.stop()


def settings(asterisk: ScriptedAsterisk) -> AmiSettings:
    return AmiSettings(
        port=asterisk.port,
        secret=SECRET,
        connect_timeout_s=0.3,
        action_timeout_s=0.5,
        ping_interval_s=0.1,
        ping_timeout_s=0.1,
        backoff_min_s=0.05,
        backoff_max_s=0.2,
        max_unanswered=100,
    )


@pytest.fixture
async def client(asterisk: ScriptedAsterisk) -> AsyncIterator[AmiClient]:
    """A client that is connected."""
    client = AmiClient(settings(asterisk))
    client.start()
    await until(lambda: client.connected)
    yield client
    await client.stop(drain_s=0)


async def until(condition: Callable[[], object], within_s: float = 3) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)


def heard_by(client: AmiClient) -> list[AmiEvent]:
    events: list[AmiEvent] = []
    client.on_event(events.append)
    return events


async def test_it_logs_in_and_tells(asterisk: ScriptedAsterisk) -> None:
    client = AmiClient(settings(asterisk))
    told: list[str] = []
    client.on_connected = lambda: told.append("connected")
    client.on_lost = lambda: told.append("lost")
    assert client.state is AmiState.STOPPED
    client.start()
    client.start()
    await until(lambda: client.connected)
    assert (client.state, client.problem, told) == (AmiState.CONNECTED, "", ["connected"])
    await client.stop()
    await client.stop()
    assert (client.state, told) == (AmiState.STOPPED, ["connected", "lost"])
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


async def test_variables_are_read_and_written(asterisk: ScriptedAsterisk, client: AmiClient) -> None:
    values = {"X": "7", "EMPTY": ""}
    asterisk.answers["getvar"] = lambda action: (
        f"Response: Success\r\nVariable: X\r\nValue: {values[action['variable']]}"
        if action["channel"] == "PJSIP/c-1"
        else "Response: Error\r\nMessage: No such channel"
    )
    assert await client.getvar("PJSIP/c-1", "X") == "7"
    assert await client.getvar("PJSIP/c-1", "EMPTY") == ""
    assert await client.getvar("PJSIP/gone", "X") is None
    assert await client.setvar("PJSIP/c-1", "X", "8")
    assert asterisk.named("Setvar")[0]["value"] == "8"


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


async def test_events_keep_repeated_headers_and_their_alphabet(
    asterisk: ScriptedAsterisk, client: AmiClient
) -> None:
    events = heard_by(client)
    data = "Event: Hangup\r\nChanVariable: A=ü\r\nChanVariable: B=\r\nCause: 17\r\n\r\n".encode()
    for byte in data:
        asterisk.say(bytes((byte,)))
        await asyncio.sleep(0.001)
    await until(lambda: events)
    (event,) = events
    assert event.name == "Hangup"
    assert event.headers.every("ChanVariable") == ("A=ü", "B=")
    assert event.headers["chanvariable"] == "A=ü"
    assert event.headers.every("none") == ()
    assert event.headers.get("Cause") == "17"


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


async def test_a_wrong_secret_is_told_apart_and_never_shown(asterisk: ScriptedAsterisk) -> None:
    asterisk.secret = "another"
    client = AmiClient(settings(asterisk))
    with capture_logs() as logs:
        client.start()
        await until(lambda: len(asterisk.named("Login")) == 4)
        assert client.state is AmiState.REFUSED or "refuses the user" in client.problem
        with pytest.raises(
            AmiUnavailableError, match=r"compare user name, secret and permit= with manager\.conf"
        ):
            await client.action("Ping")
    assert [entry["retry_s"] for entry in logs][:3] == [0.05, 0.1, 0.2]
    assert SECRET not in str(logs) + repr(client.settings) + client.problem
    asterisk.secret = SECRET
    await until(lambda: client.connected)
    await client.stop()


async def test_nobody_there_is_told_and_tried_again(asterisk: ScriptedAsterisk) -> None:
    await asterisk.stop()
    client = AmiClient(settings(asterisk))
    client.start()
    await until(lambda: client.state is AmiState.UNREACHABLE)
    assert f"127.0.0.1:{asterisk.port}" in client.problem
    with pytest.raises(AmiUnavailableError, match="No connection to Asterisk"):
        client.send_nowait("Setvar", {})
    await asterisk.start()
    await until(lambda: client.connected)
    await client.stop()


async def test_a_frozen_asterisk_is_noticed_and_replaced(
    asterisk: ScriptedAsterisk, client: AmiClient
) -> None:
    lost: list[bool] = []
    client.on_lost = lambda: lost.append(True)
    ping = asterisk.answers.pop("ping")
    await until(lambda: lost)
    asterisk.answers["ping"] = ping
    await until(lambda: client.connected)
    assert asterisk.logins == 2


async def test_one_that_accepts_but_says_nothing_is_given_up(asterisk: ScriptedAsterisk) -> None:
    asterisk.banner = b""
    asterisk.answers["login"] = lambda action: None
    client = AmiClient(settings(asterisk))
    client.start()
    await until(lambda: client.state is AmiState.UNREACHABLE)
    assert "nobody answered the login within 0.3 s" in client.problem
    await client.stop()


async def test_something_else_on_the_port_is_said(asterisk: ScriptedAsterisk) -> None:
    asterisk.banner = b"SSH-2.0-OpenSSH_9.2p1\r\n"
    client = AmiClient(settings(asterisk))
    client.start()
    await until(lambda: client.state is AmiState.UNREACHABLE)
    assert "what answers there is no Asterisk Manager Interface" in client.problem
    await client.stop()


async def test_nothing_of_before_is_sent_after_a_reconnect(
    asterisk: ScriptedAsterisk, client: AmiClient
) -> None:
    asterisk.answers["hangup"] = lambda action: None
    waiting = asyncio.create_task(client.action("Hangup", {"Channel": "PJSIP/c-1"}, timeout_s=5))
    await until(lambda: asterisk.named("Hangup"))
    asterisk.hang_up()
    with pytest.raises(AmiUnavailableError, match="lost before the reply"):
        await waiting
    with pytest.raises(AmiUnavailableError):
        client.send_nowait("Setvar", {"Channel": "PJSIP/c-1", "Variable": "X", "Value": "stale"})
    await until(lambda: client.connected)
    await client.drain(1)
    assert len(asterisk.named("Hangup")) == 1
    assert not asterisk.named("Setvar")


async def test_a_restart_of_asterisk_is_survived(asterisk: ScriptedAsterisk, client: AmiClient) -> None:
    events = heard_by(client)
    await asterisk.stop()
    await until(lambda: client.state is AmiState.UNREACHABLE)
    await asterisk.start()
    await until(lambda: client.connected)
    asterisk.event("Event: FullyBooted")
    await until(lambda: events)


@pytest.mark.parametrize(
    "hostile",
    [
        b"\xff\xfe\x00\r\n\r\n",
        b"\r\n" * 50,
        b"Event\r\n\r\n",
        b"Event: A\r\nEvent: B\r\n\r\n",
        b"Response: Success\r\nActionID: stranger\r\n\r\n",
        b"Response: Success\r\nActionID: \xff\r\n\r\n",
        b"Response: Follows\r\n\r\n",
        b"Response: Error\r\nActionID: a\r\nActionID: b\r\nMessage: x\r\nMessage: y\r\n\r\n",
        b": \r\n: : :\r\n\r\n",
    ],
)
async def test_hostile_bytes_harm_nothing(
    asterisk: ScriptedAsterisk, client: AmiClient, hostile: bytes
) -> None:
    events = heard_by(client)
    asterisk.say(hostile)
    asterisk.event("Event: Hangup")
    await until(lambda: any(event.name == "Hangup" for event in events))
    assert asterisk.logins == 1


async def test_an_endless_message_ends_the_connection(asterisk: ScriptedAsterisk, client: AmiClient) -> None:
    lost: list[bool] = []
    client.on_lost = lambda: lost.append(True)
    for _ in range(60):
        asterisk.say(b"x" * 10_000)
    await until(lambda: lost)


async def test_a_flood_of_events_is_heard_to_the_last(asterisk: ScriptedAsterisk, client: AmiClient) -> None:
    events = heard_by(client)
    asterisk.say(b"Event: Newexten\r\nUniqueid: 17.42\r\nChannel: PJSIP/c-1\r\n\r\n" * 20_000)
    await until(lambda: len(events) == 20_000, within_s=10)


async def test_stopping_sends_what_was_said_before(asterisk: ScriptedAsterisk, client: AmiClient) -> None:
    client.send_nowait("Setvar", {"Variable": "X", "Value": "last"})
    await client.stop()
    assert [action["value"] for action in asterisk.named("Setvar")] == ["last"]
    assert client.state is AmiState.STOPPED


@pytest.mark.parametrize("moment_s", [0.0, 0.001, 0.01, 0.1, 0.3])
async def test_stopping_really_stops_at_any_moment(asterisk: ScriptedAsterisk, moment_s: float) -> None:
    asterisk.secret = "another"
    client = AmiClient(settings(asterisk))
    client.start()
    await asyncio.sleep(moment_s)
    await client.stop()
    tries = len(asterisk.actions)
    await asyncio.sleep(0.3)
    assert len(asterisk.actions) == tries


async def test_stopping_does_not_wait_for_a_frozen_asterisk(
    asterisk: ScriptedAsterisk, client: AmiClient
) -> None:
    asterisk.answers.clear()
    async with asyncio.timeout(0.5):
        await client.stop(drain_s=0.05)


def tls(asterisk: ScriptedAsterisk, **changes: Any) -> AmiClient:
    return AmiClient(replace(settings(asterisk), tls=True, connect_timeout_s=1.0, **changes))


@pytest.fixture
async def tls_asterisk() -> AsyncIterator[ScriptedAsterisk]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    asterisk = ScriptedAsterisk()
    await asterisk.start(context)
    yield asterisk
    await asterisk.stop()


@pytest.mark.parametrize("trust", [{"ca_file": CERTIFICATE}, {"tls_verify": False}])
async def test_tls_with_a_certificate_that_is_trusted(
    tls_asterisk: ScriptedAsterisk, trust: dict[str, Any]
) -> None:
    client = tls(tls_asterisk, **trust)
    client.start()
    await until(lambda: client.connected)
    assert await client.setvar("PJSIP/c-1", "X", "1")
    await client.stop()


async def test_tls_with_a_stranger_is_refused(tls_asterisk: ScriptedAsterisk) -> None:
    client = tls(tls_asterisk)
    client.start()
    await until(lambda: client.state is AmiState.UNREACHABLE)
    assert "certificate verify failed" in client.problem
    assert not tls_asterisk.actions
    await client.stop()


async def test_tls_where_there_is_none_is_given_up(asterisk: ScriptedAsterisk) -> None:
    client = tls(asterisk)
    client.start()
    await until(lambda: client.state is AmiState.UNREACHABLE)
    assert not asterisk.actions
    await client.stop()


def test_a_ca_file_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"ca_file .*missing\.pem holds no certificates that can be read"):
        AmiClient(AmiSettings(tls=True, ca_file=tmp_path / "missing.pem"))
