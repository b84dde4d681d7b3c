"""Legs that a dialer parks, heard by datagrams over real sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agent.hearing.sound import Encoding
from agent.pbx.freeswitch import unicast as unicasts
from agent.pbx.freeswitch.adapter import FreeSwitchAdapter, FreeSwitchSettings
from agent.pbx.freeswitch.client import EventSocketClient
from agent.pbx.freeswitch.legs import LegBook
from agent.pbx.freeswitch.recorder import RecorderSettings
from agent.pbx.freeswitch.unicast import MOST_DATAGRAMS, DatagramTap, Unicast
from agent.pbx.port import TapKind
from tests.pbx.freeswitch.ear import Ear
from tests.pbx.freeswitch.scripted_event_socket import Channel, ScriptedFreeSwitch, settings
from tests.pbx.waiting import until

FRAME = b"\x01\x00" * 160


@pytest.fixture
def port() -> int:
    """A port that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def adapter(
    freeswitch: ScriptedFreeSwitch, tmp_path: Path, ear: Ear, port: int
) -> AsyncIterator[FreeSwitchAdapter]:
    adapter = FreeSwitchAdapter(
        FreeSwitchSettings(
            ("sofia/*",), settings(freeswitch), RecorderSettings(tmp_path / "taps"), range(port, port + 1)
        ),
        ear,
    )
    await adapter.start()
    await until(lambda: freeswitch.named("api show channels"))
    yield adapter
    await adapter.stop()


async def speak_on(freeswitch: ScriptedFreeSwitch, channel: Channel) -> None:
    """Speak every 20 ms, as FreeSWITCH does even of silence."""
    while channel.uuid in freeswitch.channels:
        freeswitch.speak(channel, FRAME)
        await asyncio.sleep(0.02)


@pytest.fixture
async def leg(freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter) -> AsyncIterator[Channel]:
    """A leg in early media that nobody has parked yet; its far end speaks."""
    channel = freeswitch.dial("leg")
    freeswitch.early_media(channel)
    speaking = asyncio.create_task(speak_on(freeswitch, channel))
    yield channel
    speaking.cancel()


async def test_a_parked_leg_is_heard_without_a_recording(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear, leg: Channel
) -> None:
    freeswitch.park(leg)
    await until(lambda: ear.taps)
    tap = ear.taps["leg"]
    assert (tap.kind, tap.encoding) == (TapKind.UNICAST, Encoding.SLIN8)
    await asyncio.sleep(0.1)
    heard = tap.read()
    assert len(heard) >= 3 * len(FRAME)
    assert set(heard) == set(FRAME)
    assert not freeswitch.named("api uuid_record")


async def test_after_the_answer_nothing_is_read_and_nobody_else_can(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear, leg: Channel
) -> None:
    freeswitch.park(leg)
    await until(lambda: ear.taps)
    assert leg.unicast is not None
    here = leg.unicast.getpeername()
    freeswitch.answer(leg)
    await until(lambda: ear.taps["leg"].ended)
    await asyncio.sleep(0.05)
    assert ear.taps["leg"].read() == b""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, pytest.raises(OSError, match="in use"):
        other.bind(here)  # FreeSWITCH still sends there
    freeswitch.end(leg, "NORMAL_CLEARING", sip=200, how="recv_bye")
    await until(lambda: ear.finals)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(here)


async def test_a_leg_that_nobody_parks_is_recorded(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear, leg: Channel
) -> None:
    await until(lambda: ear.taps)
    assert ear.taps["leg"].kind is TapKind.RECORD_NATIVE
    freeswitch.park(leg)  # later
    await adapter.client.drain(1)
    assert not freeswitch.named("sendmsg")


async def test_a_leg_that_is_unparked_is_recorded_from_then_on(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear, leg: Channel
) -> None:
    freeswitch.park(leg)
    await until(lambda: ear.taps)
    first = ear.taps["leg"]
    freeswitch.park(leg, parked=False)
    await until(lambda: ear.taps["leg"].kind is TapKind.RECORD_NATIVE)
    assert first.ended


async def test_a_port_that_is_taken_is_noticed_though_freeswitch_says_nothing(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear, leg: Channel, port: int
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", port))
        freeswitch.park(leg)
        await until(lambda: ear.taps)
    assert ear.taps["leg"].kind is TapKind.RECORD_NATIVE
    assert not ear.failed


async def test_when_all_ports_are_used_legs_are_recorded_and_each_is_used_again(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear, leg: Channel
) -> None:
    freeswitch.park(leg)
    await until(lambda: ear.taps)
    second = freeswitch.dial("second")
    freeswitch.early_media(second)
    freeswitch.park(second)
    await until(lambda: "second" in ear.taps)
    assert ear.taps["second"].kind is TapKind.RECORD_NATIVE
    freeswitch.end(leg, sip=486)
    await until(lambda: ear.finals)
    third = freeswitch.dial("third")
    freeswitch.early_media(third)
    speaking = asyncio.create_task(speak_on(freeswitch, third))
    freeswitch.park(third)
    await until(lambda: "third" in ear.taps)
    speaking.cancel()
    assert ear.taps["third"].kind is TapKind.UNICAST


async def test_a_leg_that_ends_before_it_sends_is_no_failure(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear
) -> None:
    channel = freeswitch.dial("mute")
    freeswitch.early_media(channel)
    freeswitch.park(channel)
    await until(lambda: freeswitch.named("sendmsg"))
    freeswitch.end(channel, sip=486)
    await until(lambda: ear.finals)
    await asyncio.sleep(0.4)
    assert (ear.taps, ear.failed) == ({}, {})


async def test_a_codec_of_another_rate_is_recorded(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear
) -> None:
    channel = freeswitch.dial("wide", codec="G722")
    freeswitch.early_media(channel)
    freeswitch.park(channel)
    await until(lambda: ear.taps)
    assert ear.taps["wide"].kind is TapKind.RECORD_LINEAR
    assert not freeswitch.named("sendmsg")


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ends[0].setblocking(False)
    yield ends
    for end in ends:
        end.close()


def test_a_backlog_is_read_in_bounded_pieces(pair: tuple[socket.socket, socket.socket]) -> None:
    receiving, sending = pair
    sending.setblocking(False)
    tap, sent = DatagramTap(receiving), 0
    try:
        while True:
            sending.send(FRAME)
            sent += 1
    except BlockingIOError:
        assert sent > 1
    assert tap.read() == FRAME * min(sent, MOST_DATAGRAMS)
    sending.send(FRAME)
    receiving.close()
    assert tap.ended
    assert tap.read() == b""


def test_ports_that_the_kernel_gives_away_are_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, freeswitch: ScriptedFreeSwitch, ear: Ear
) -> None:
    given = tmp_path / "range"
    given.write_text("32768\t60999\n")
    monkeypatch.setattr(unicasts, "EPHEMERAL_RANGE", given)
    client = EventSocketClient(settings(freeswitch))
    for ports, warned in ((range(28100, 28200), False), (range(32700, 32800), True), (range(0), False)):
        with capture_logs() as logs:
            Unicast(ports, client, LegBook([]), ear).start()
        assert bool(logs) is warned
