"""How an AMI connection begins, breaks, comes back and ends: a scripted Asterisk and hostile bytes."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from agent.pbx.asterisk import ami
from agent.pbx.asterisk.ami import (
    AmiClient,
    AmiSettings,
    AmiUnavailableError,
)
from agent.pbx.lasting import ConnectionState
from tests.pbx.asterisk.scripted_ami import SECRET, ScriptedAsterisk, heard_by, settings
from tests.pbx.waiting import until

CERTIFICATE = Path(__file__).with_name("loopback.pem")
"""Key and self-signed certificate for 127.0.0.1, good for these tests only."""


async def test_a_wrong_secret_is_told_apart_and_never_shown(asterisk: ScriptedAsterisk) -> None:
    asterisk.secret = "another"
    client = AmiClient(settings(asterisk))
    with capture_logs() as logs:
        client.start()
        await until(lambda: len(asterisk.named("Login")) == 4)
        assert client.state is ConnectionState.REFUSED or "refuses the user" in client.problem
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
    await until(lambda: client.state is ConnectionState.UNREACHABLE)
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


async def test_one_whose_pong_is_late_is_alive_while_its_events_come(asterisk: ScriptedAsterisk) -> None:
    client = AmiClient(replace(settings(asterisk), ping_timeout_s=0.5))
    client.start()
    await until(lambda: client.connected)
    asterisk.answers.pop("ping")
    await until(lambda: asterisk.named("Ping"))
    for _ in range(75):
        asterisk.event("Event: VarSet")
        await asyncio.sleep(0.02)
    assert (client.connected, asterisk.logins) == (True, 1)
    await until(lambda: not client.connected)
    assert "did not answer Ping" in client.problem
    await client.stop()


async def test_one_that_accepts_but_says_nothing_is_given_up(asterisk: ScriptedAsterisk) -> None:
    asterisk.banner = b""
    asterisk.answers["login"] = lambda action: None
    client = AmiClient(settings(asterisk))
    client.start()
    await until(lambda: client.state is ConnectionState.UNREACHABLE)
    assert "nobody answered the login within 0.3 s" in client.problem
    await client.stop()


async def test_something_else_on_the_port_is_said(asterisk: ScriptedAsterisk) -> None:
    asterisk.banner = b"SSH-2.0-OpenSSH_9.2p1\r\n"
    client = AmiClient(settings(asterisk))
    client.start()
    await until(lambda: client.state is ConnectionState.UNREACHABLE)
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
    await until(lambda: client.state is ConnectionState.UNREACHABLE)
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
    await until(lambda: len(events) == 20_000, within_s=30)


async def test_a_flood_of_events_is_named(
    asterisk: ScriptedAsterisk, client: AmiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ami, "FLOOD_A_SECOND", 20)
    flood = "Asterisk sends a flood of events: see eventfilter= in manager.conf"
    with capture_logs() as logs:
        await until(lambda: len(asterisk.named("Ping")) >= 2)
        assert not [entry for entry in logs if entry["event"] == flood]
        for _ in range(100):
            asterisk.event("Event: VarSet")
        await until(lambda: any(entry["event"] == flood for entry in logs))


async def test_stopping_sends_what_was_said_before(asterisk: ScriptedAsterisk, client: AmiClient) -> None:
    client.send_nowait("Setvar", {"Variable": "X", "Value": "last"})
    await client.stop()
    assert [action["value"] for action in asterisk.named("Setvar")] == ["last"]
    assert client.state is ConnectionState.STOPPED


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
    assert (await client.action("Ping")).success
    await client.stop()


async def test_tls_with_a_stranger_is_refused(tls_asterisk: ScriptedAsterisk) -> None:
    client = tls(tls_asterisk)
    client.start()
    await until(lambda: client.state is ConnectionState.UNREACHABLE)
    assert "certificate verify failed" in client.problem
    assert not tls_asterisk.actions
    await client.stop()


async def test_tls_where_there_is_none_is_given_up(asterisk: ScriptedAsterisk) -> None:
    client = tls(asterisk)
    client.start()
    await until(lambda: client.state is ConnectionState.UNREACHABLE)
    assert not asterisk.actions
    await client.stop()


def test_a_ca_file_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"ca_file .*missing\.pem holds no certificates that can be read"):
        AmiClient(AmiSettings(tls=True, ca_file=tmp_path / "missing.pem"))
