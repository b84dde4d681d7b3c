"""The protocols against the real Asterisk of the lab: what it says is what we understand."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from uuid import uuid4

import pytest

from agent.demo.asterisk import LabAsterisk
from agent.demo.call import Scenario
from agent.demo.carrier import Carrier
from agent.hearing.sound import Encoding
from agent.pbx.asterisk.ami import (
    AmiClient,
    AmiDeniedError,
    AmiSettings,
    AmiUnavailableError,
)
from agent.pbx.asterisk.ami_message import MAX_HEADERS, MAX_LINE_BYTES
from agent.pbx.asterisk.audiosocket_server import AudioSocketServer, AudioSocketSettings
from agent.pbx.asterisk.eagi import EagiClosedError, EagiSession
from agent.pbx.asterisk.shim_server import ShimServer, ShimSettings
from agent.pbx.asterisk.spy import SPY_OPTIONS
from agent.pbx.asterisk.taps import AudioSocketTap
from agent.pbx.lasting import ConnectionState
from agent.pbx.port import TapKind
from tests.conftest import Call
from tests.pbx import waiting

pytestmark = pytest.mark.pbx


until = partial(waiting.until, within_s=10)


def settings(lab: LabAsterisk) -> AmiSettings:
    return AmiSettings(
        port=lab.ports.ami,
        username="dialer",
        secret=lab.dialer_secret,
        ping_interval_s=0.3,
        ping_timeout_s=0.5,
        backoff_min_s=0.2,
        backoff_max_s=0.5,
    )


@pytest.fixture
async def ami(lab: LabAsterisk) -> AsyncIterator[AmiClient]:
    async for client in connected(settings(lab)):
        yield client


async def connected(settings: AmiSettings) -> AsyncIterator[AmiClient]:
    client = AmiClient(settings)
    client.start()
    await until(lambda: client.connected)
    yield client
    await client.stop()


async def waiting_channel(ami: AmiClient, **more: str | list[str]) -> str:
    """Make a channel that is dialled but never answered, and return its name."""
    names: dict[str, str] = {}
    ami.on_event(
        lambda event: names.update({event.headers.get("Uniqueid", ""): event.headers.get("Channel", "")})
    )
    channel_id = f"wait-{uuid4()}"
    originate = {"Channel": "Local/wait@bare/n", "Application": "Wait", "Data": "60", "ChannelId": channel_id}
    ami.send_nowait("Originate", {**originate, **more})
    await until(lambda: channel_id in names)
    return names[channel_id]


@pytest.fixture
async def channel(ami: AmiClient) -> str:
    return await waiting_channel(ami)


async def test_variables_come_back_as_they_were_set(ami: AmiClient, channel: str) -> None:
    assert await ami.getvar(channel, "X") == ""
    for value in ("1", 'announcement: größer, (a) "b" \\ ${c}', "x" * (MAX_LINE_BYTES - len("Value: "))):
        assert (await ami.action("Setvar", {"Channel": channel, "Variable": "X", "Value": value})).success
        assert await ami.getvar(channel, "X") == value
    assert await ami.getvar("PJSIP/gone-1", "X") is None
    gone = {"Channel": "PJSIP/gone-1", "Variable": "X", "Value": "1"}
    assert not (await ami.action("Setvar", gone)).success


async def test_a_batch_of_variables_is_set_in_order(ami: AmiClient, channel: str) -> None:
    for number in range(200):
        ami.send_nowait("Setvar", {"Channel": channel, "Variable": "X", "Value": str(number)})
    ami.send_nowait("Setvar", {"Channel": "PJSIP/gone-1", "Variable": "X", "Value": "1"})
    await ami.drain(5)
    assert await ami.getvar(channel, "X") == "199"
    assert dict(ami.rejected) == {"No such channel": 1}
    assert ami.unanswered == 0


async def test_as_many_headers_as_we_allow_do_arrive(ami: AmiClient) -> None:
    variables = [f"V{number}=x" for number in range(MAX_HEADERS - 7)]
    channel = await waiting_channel(ami, Variable=variables)
    assert await ami.getvar(channel, variables[-1].partition("=")[0]) == "x"


async def test_a_failed_originate_is_no_success(ami: AmiClient) -> None:
    reply = await ami.action("Originate", {"Channel": "Nothing/x", "Application": "Wait", "Data": "1"})
    assert not reply.success
    assert reply.events[0].headers["Response"] == "Failure"


async def test_living_channels_are_a_list(ami: AmiClient, channel: str) -> None:
    reply = await ami.action("Status")
    assert channel in {event.headers.get("Channel") for event in reply.events}


async def test_the_agents_own_rights_are_found_out(lab: LabAsterisk) -> None:
    async for client in connected(replace(settings(lab), username="earlymedia", secret=lab.agent_secret)):
        with pytest.raises(AmiDeniedError, match="no right to Command"):
            await client.action("Command", {"Command": "core show version"})
        assert client.denied == {"Command"}


async def test_a_wrong_secret_is_told_apart(lab: LabAsterisk) -> None:
    client = AmiClient(replace(settings(lab), secret="wrong"))
    client.start()
    await until(lambda: client.state is ConnectionState.REFUSED)
    assert "Authentication failed" in client.problem
    await client.stop()


async def test_tls_is_spoken(lab: LabAsterisk) -> None:
    certificate = lab.home / "conf" / "ami.crt"
    tls = replace(settings(lab), port=lab.ports.ami_tls, tls=True, ca_file=certificate)
    async for client in connected(tls):
        assert (await client.action("Ping")).headers["Ping"] == "Pong"
    stranger = AmiClient(replace(tls, ca_file=None))
    stranger.start()
    await until(lambda: stranger.state is ConnectionState.UNREACHABLE)
    assert "certificate verify failed" in stranger.problem
    await stranger.stop()


async def test_a_frozen_asterisk_is_noticed_and_nothing_stale_reaches_it(
    lab: LabAsterisk, ami: AmiClient, channel: str
) -> None:
    lab.freeze()
    await until(lambda: not ami.connected)
    with pytest.raises(AmiUnavailableError):
        ami.send_nowait("Hangup", {"Channel": channel})
    lab.thaw()
    await until(lambda: ami.connected)
    assert await ami.getvar(channel, "X") == ""


async def test_a_restarted_asterisk_is_found_again(lab: LabAsterisk, ami: AmiClient) -> None:
    await lab.stop()
    await until(lambda: ami.state is ConnectionState.UNREACHABLE)
    await lab.start()
    await until(lambda: ami.connected)
    assert (await ami.action("Ping")).success


@pytest.mark.parametrize(("encoding", "codec"), [(Encoding.SLIN8, "slin"), (Encoding.SLIN16, "slin16")])
async def test_early_media_comes_through_audiosocket_at_either_rate(
    ami: AmiClient, carrier: Carrier, call: Call, encoding: Encoding, codec: str
) -> None:
    server = AudioSocketServer(AudioSocketSettings(port=0))
    await server.start()
    legs: list[str] = []
    ami.on_event(
        lambda event: (
            legs.append(event.headers["DestChannel"])
            if (event.name, event.headers.get("DialStatus")) == ("DialState", "PROGRESS")
            else None
        )
    )
    taps: list[AudioSocketTap] = []
    stream = uuid4()
    server.expect(stream, taps.append, kind=TapKind.SPY_AUDIOSOCKET, encoding=encoding)
    carrier.scenarios["700"] = Scenario(audio=bytes(range(1, 161)) * 150, seconds=3, final=486)
    caller = await call("5700")
    await until(lambda: legs)
    ami.send_nowait(
        "Originate",
        {
            "Channel": f"AudioSocket/{server.address}/{stream}/c({codec})",
            "Application": "ChanSpy",
            "Data": f"{legs[0]},{SPY_OPTIONS}",
        },
    )
    await until(lambda: taps)
    heard = bytearray()
    async with asyncio.timeout(10):
        while not taps[0].ended:
            heard += taps[0].read()
            await asyncio.sleep(0.1)
    assert taps[0].fault == ""
    assert 2 < len(heard) / encoding.bytes_per_second < 3.2
    assert any(heard)
    assert await caller.final() == 486
    server.close()


@pytest.fixture
async def sessions(lab: LabAsterisk) -> AsyncIterator[list[EagiSession]]:
    """EAGI sessions of the real shim."""

    async def no_verdict(unique_id: str, args: tuple[str, ...]) -> dict[str, str]:
        return {"EARLYMEDIA_STATUS": f"for {unique_id}"}

    sessions: list[EagiSession] = []
    server = ShimServer(ShimSettings(lab.agent_socket, group=""), on_eagi=sessions.append, on_sync=no_verdict)
    server.start()
    if os.geteuid() == 0:
        lab.agent_socket.chmod(0o666)  # Asterisk may run as another user there
    yield sessions
    await server.close()


async def eagi(ami: AmiClient, sessions: list[EagiSession]) -> EagiSession:
    await ami.action(
        "Originate", {"Channel": "Local/tap@earlymedia-spy/n", "Application": "Wait", "Data": "60"}
    )
    await until(lambda: sessions)
    return sessions[0]


async def test_agi_commands_arrive_as_they_were_meant(ami: AmiClient, sessions: list[EagiSession]) -> None:
    session = await eagi(ami, sessions)
    assert session.args == ("tap",)
    assert session.environment.channel.startswith("Local/tap@earlymedia-spy-")
    assert session.environment.unique_id
    for value in ("plain", "two words", "", 'a "quoted" word', '"', "\\", "back\\slash \\", "größer (x) y"):
        assert (await session.command("SET", "VARIABLE", "X", value)).code == 200
        assert (await session.command("GET", "VARIABLE", "X")).value == value
    assert (await session.command("NO SUCH")).code == 510
    assert (await session.command("GET", "VARIABLE")).code == 520
    assert (await session.command("GET", "VARIABLE", "UNSET")).result == "0"
    assert await ami.getvar(session.environment.channel, "X") == "größer (x) y"
    session.close()


async def test_a_hangup_leaves_time_for_last_words_on_the_dead_channel(
    ami: AmiClient, sessions: list[EagiSession]
) -> None:
    session = await eagi(ami, sessions)
    tap = session.listen(TapKind.SPY_EAGI)
    hung_up = asyncio.Event()
    session.on_hangup = hung_up.set
    await ami.action("Hangup", {"Channel": session.environment.channel})
    async with asyncio.timeout(2):
        await hung_up.wait()
    assert (await session.command("CHANNEL", "STATUS")).code == 511
    assert (await session.command("SET", "VARIABLE", "X", "last")).code == 200
    await until(lambda: session.closed, within_s=1)
    assert tap.ended
    with pytest.raises(EagiClosedError):
        await session.command("GET", "VARIABLE", "X")
