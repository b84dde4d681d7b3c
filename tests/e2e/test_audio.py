"""Sample by sample: what the carrier sends is what every tap delivers through the agent's own adapter."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.demo.asterisk import LabAsterisk
from agent.demo.call import Scenario
from agent.demo.g711 import encode_ulaw
from agent.pbx.asterisk.adapter import AsteriskAdapter, AsteriskSettings
from agent.pbx.asterisk.ami import AmiSettings
from agent.pbx.asterisk.audiosocket_server import AudioSocketSettings
from agent.pbx.asterisk.fuse_process import OUTLIVE_SECONDS
from agent.pbx.asterisk.shim_server import ShimSettings
from agent.pbx.asterisk.spy import TapChoice
from agent.pbx.port import CarrierFinal, Leg, Signal, Tap
from tests.e2e.scenarios import Way
from tests.lab_fixtures import Site, until

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="session")]

FRAMES = 250
LEVELS = np.linspace(-20_000, 20_000, FRAMES).astype(np.int16)
NUMBERED = encode_ulaw(np.repeat(LEVELS, 160))
"""Five seconds of frames of 20 ms, each as loud as the one before it or louder."""


@dataclass(slots=True)
class Recorder:
    """Keeps what every tap delivers; an `agent.pbx.port.CallListener`."""

    audio: dict[str, bytearray] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    _reading: list[asyncio.Task[None]] = field(default_factory=list)

    def leg_began(self, leg: Leg) -> None: ...

    def leg_signalled(self, leg_id: str, signal: Signal) -> None: ...

    def leg_answered(self, leg_id: str) -> None: ...

    def tap_attached(self, leg_id: str, tap: Tap) -> None:
        self._reading.append(asyncio.create_task(self._read(self.audio.setdefault(leg_id, bytearray()), tap)))

    def tap_failed(self, leg_id: str, reason: str) -> None:
        self.failed[leg_id] = reason

    def connected(self) -> None: ...

    def leg_ended(self, leg_id: str, final: CarrierFinal, *, writable: bool = False) -> None:
        self.ended.add(leg_id)

    def fields_of(self, channel_id: str) -> Mapping[str, str]:
        return {}

    def settled(self, channel_id: str) -> bool:
        return True

    async def _read(self, audio: bytearray, tap: Tap) -> None:
        while not tap.ended:
            audio += tap.read()
            await asyncio.sleep(0.05)


@asynccontextmanager
async def listening(lab: LabAsterisk, tap: TapChoice) -> AsyncIterator[tuple[AsteriskAdapter, Recorder]]:
    recorder = Recorder()
    settings = AsteriskSettings(
        trunks=("PJSIP/carrier*-*",),
        ami=AmiSettings(port=lab.ports.ami, secret=lab.agent_secret),
        audiosocket=AudioSocketSettings(port=lab.ports.audiosocket),
        shims=ShimSettings(lab.agent_socket, group=""),
        tap=tap,
        token=lab.token,
    )
    adapter = AsteriskAdapter(settings, recorder)
    await adapter.start()
    try:
        await until(lambda: adapter.ami.connected)
        yield adapter, recorder
    finally:
        await adapter.stop()


@pytest.mark.parametrize("tap", [TapChoice.AUDIOSOCKET, TapChoice.EAGI])
async def test_hardly_a_frame_is_lost_where_the_leg_brings_its_tap_and_few_where_a_spy_comes(
    site: Site, tap: TapChoice
) -> None:
    sent = _frames(_decoded(NUMBERED))
    async with listening(site.lab, tap) as (_, recorder):
        ways = (Way.DIAL_UNAWARE, Way.OWN_EAGI, Way.OWN_AUDIOSOCKET)
        calls = [
            await site.place(way, Scenario(audio=NUMBERED, seconds=FRAMES * 0.02 + 0.5, final=486))
            for way in ways
        ]
        for placed in calls:
            await site.ended(placed)
        for placed in calls:
            leg = await site.leg(placed.number)
            got = _frames(np.frombuffer(bytes(recorder.audio[leg.id]), dtype="<i2"))
            # AudioSocket() itself loses a frame in 10,000; a spy comes some 120 ms late, and may stumble.
            _assert_few_missing(got, sent, most=2 if placed.way.brings_own_tap else 60)


@pytest.mark.parametrize("tap", [TapChoice.AUDIOSOCKET, TapChoice.EAGI])
async def test_a_spy_hears_what_a_network_held_up_and_let_go_in_bursts(site: Site, tap: TapChoice) -> None:
    burst = Scenario(audio=NUMBERED, packets_at_once=12, seconds=FRAMES * 0.02 + 1.0, final=486)
    async with listening(site.lab, tap) as (_, recorder):
        placed = await site.place(Way.DIAL_UNAWARE, burst)
        await site.ended(placed)
        leg = await site.leg(placed.number)
        got = _frames(np.frombuffer(bytes(recorder.audio[leg.id]), dtype="<i2"))
        _assert_few_missing(got, _frames(_decoded(NUMBERED)), most=60)


async def test_a_spy_whose_port_is_closed_harms_no_call_and_is_said(site: Site) -> None:
    async with listening(site.lab, TapChoice.AUDIOSOCKET) as (adapter, recorder):
        await until(lambda: not adapter.ami.unanswered)
        adapter.audiosocket.close()
        await asyncio.sleep(OUTLIVE_SECONDS + 0.5)  # until then who comes is turned away, not refused
        placed = await site.place(Way.DIAL_UNAWARE, Scenario(audio=NUMBERED, seconds=4, final=486))
        call, leg = await site.ended(placed), await site.leg(placed.number)
        assert placed.caller is not None
        assert [response.status for response in placed.caller.responses] == [100, 183, 486]
        assert placed.caller.packets >= 0.95 * call.packets_sent - 5
        assert "cannot reach 127.0.0.1" in recorder.failed[leg.id]
        await until(lambda: leg.id in recorder.ended)


def _assert_few_missing(got: NDArray[np.int16], sent: NDArray[np.int16], most: int) -> None:
    """Whole frames may be missing, so many of them at most: nothing is bent or out of order."""
    heard = got[np.any(got != 0, axis=1)]
    assert np.all(heard == heard[:, :1])
    assert set(heard[:, 0]) <= set(sent[:, 0])
    assert np.all(np.diff(heard[:, 0].astype(int)) >= 0)
    assert len(heard) >= FRAMES - most


def _frames(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    return samples[: len(samples) // 160 * 160].reshape(-1, 160)


def _decoded(ulaw: bytes) -> NDArray[np.int16]:
    """ITU-T G.711, by its own formula: Asterisk must agree, and so must we."""
    code = ~np.frombuffer(ulaw, dtype=np.uint8)
    magnitude = ((((code & 0x0F).astype(np.int32) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)
