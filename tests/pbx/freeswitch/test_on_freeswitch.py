"""The adapter against a real FreeSWITCH, sample by sample: what the carrier sends is what we hear."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray

from agent.demo.call import Scenario
from agent.demo.caller import Caller
from agent.demo.carrier import Carrier
from agent.demo.event_socket import EventSocket
from agent.demo.freeswitch import LabFreeSwitch
from agent.demo.g711 import encode_ulaw
from agent.hearing.pcm import Decoder
from agent.hearing.sound import Encoding
from agent.pbx.freeswitch.adapter import FreeSwitchAdapter, FreeSwitchSettings
from agent.pbx.freeswitch.client import EventSocketSettings
from agent.pbx.freeswitch.recorder import RecorderSettings, TapChoice
from agent.pbx.port import CarrierFinal, Tap, TapKind
from tests.pbx.freeswitch.ear import Ear
from tests.pbx.waiting import until

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="session")]

FRAMES = 150
LEVELS = np.linspace(-20_000, 20_000, FRAMES).astype(np.int16)
NUMBERED = encode_ulaw(np.repeat(LEVELS, 160))
"""Three seconds of frames of 20 ms, each as loud as the one before it or louder."""
PORTS = range(18_600, 18_640)
QUIETEST = 100 / 32768
"""Below it a frame is FreeSWITCH's own filling."""
ALAW_STEP = 1024 / 32768
"""The coarsest step of A-law, ITU-T G.711."""
PATIENCE_S = 20.0
NUMBERS = itertools.count(49302001)


class Notebook(Ear):
    """Keeps what every tap delivers, read as often as the service does it."""

    def __init__(self) -> None:
        super().__init__()
        self.audio: dict[str, bytearray] = {}
        self._reading: set[asyncio.Task[None]] = set()

    def tap_attached(self, leg_id: str, tap: Tap) -> None:
        super().tap_attached(leg_id, tap)
        audio = self.audio.setdefault(leg_id, bytearray())
        self._reading.add(asyncio.create_task(self._read(audio, tap)))

    async def _read(self, audio: bytearray, tap: Tap) -> None:
        while not tap.ended:
            audio += tap.read()
            await asyncio.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Bench:
    """A FreeSWITCH, its carrier and a dialer."""

    lab: LabFreeSwitch
    carrier: Carrier
    dialer: EventSocket

    def expect(self, scenario: Scenario) -> str:
        """Return a number at which the carrier does this."""
        number = str(next(NUMBERS))
        self.carrier.scenarios[number] = scenario
        return number

    def settings(self) -> FreeSwitchSettings:
        return FreeSwitchSettings(
            ("sofia/gateway/carrier*",),
            EventSocketSettings(
                port=self.lab.ports.event_socket, password=self.lab.password, backoff_min_s=0.2
            ),
            RecorderSettings(self.lab.tap_folder),
        )

    @asynccontextmanager
    async def listening(
        self, *, choice: TapChoice = TapChoice.AUTO, ports: range = range(0)
    ) -> AsyncIterator[tuple[FreeSwitchAdapter, Notebook]]:
        settings = self.settings()
        notebook = Notebook()
        adapter = FreeSwitchAdapter(
            replace(settings, recorder=replace(settings.recorder, choice=choice), unicast_ports=ports),
            notebook,
        )
        await adapter.start()
        try:
            await until(lambda: adapter.connected)
            await adapter.client.drain(5)
            yield adapter, notebook
        finally:
            await adapter.stop()

    @asynccontextmanager
    async def call(self, extension: str) -> AsyncIterator[Caller]:
        async with Caller(pbx=("127.0.0.1", self.lab.ports.sip)) as caller:
            caller.dial(extension)
            yield caller

    async def park(self, number: str) -> str:
        return await self.dialer.originate(
            f"sofia/gateway/carrier/{number}", "&park()", {"ignore_early_media": "false"}
        )


@pytest_asyncio.fixture(loop_scope="session")
async def bench(shared_freeswitch: LabFreeSwitch) -> AsyncIterator[Bench]:
    if not shared_freeswitch.running:
        await shared_freeswitch.start()
    async with (
        Carrier(port=shared_freeswitch.ports.carrier) as carrier,
        shared_freeswitch.dialer() as dialer,
    ):
        yield Bench(shared_freeswitch, carrier, dialer)
    await shared_freeswitch.command("hupall")


async def some(condition: Callable[[], object]) -> None:
    await until(condition, PATIENCE_S)


@pytest.mark.parametrize(
    ("prefix", "choice", "kind"),
    [
        ("1", TapChoice.AUTO, TapKind.RECORD_NATIVE),
        ("2", TapChoice.AUTO, TapKind.RECORD_NATIVE),
        ("7", TapChoice.AUTO, TapKind.RECORD_NATIVE),
        ("1", TapChoice.LINEAR, TapKind.RECORD_LINEAR),
        ("7", TapChoice.LINEAR, TapKind.RECORD_LINEAR),
    ],
    ids=["bridged", "consumed", "A-law", "linear", "linear A-law"],
)
async def test_a_recording_holds_every_frame(
    bench: Bench, prefix: str, choice: TapChoice, kind: TapKind
) -> None:
    number = bench.expect(Scenario(audio=NUMBERED, seconds=FRAMES * 0.02 + 0.5, final=486))
    async with bench.listening(choice=choice) as (_, heard), bench.call(prefix + number) as caller:
        await caller.final()
        await some(lambda: heard.finals)
        ((leg_id, tap),) = heard.taps.items()
        assert tap.kind is kind
        assert heard.finals[leg_id] == CarrierFinal(486, 17)
        assert_few_missing(heard.audio[leg_id], tap.encoding, most=3)
    assert list(bench.lab.tap_folder.iterdir()) == []


async def test_datagrams_of_a_parked_leg_hold_every_frame(bench: Bench) -> None:
    number = bench.expect(Scenario(audio=NUMBERED, seconds=FRAMES * 0.02 + 0.5, final=486))
    async with bench.listening(ports=PORTS) as (_, heard):
        leg_id = await bench.park(number)
        await some(lambda: heard.finals)
        assert heard.taps[leg_id].kind is TapKind.UNICAST
        assert_few_missing(heard.audio[leg_id], Encoding.SLIN8, most=5)


async def test_the_answer_stops_our_recording_and_leaves_the_pbxs_own(bench: Bench) -> None:
    number = bench.expect(Scenario(audio=NUMBERED, seconds=1.5, final=200, answered_seconds=None))
    own = bench.lab.home / "the-pbxs-own.r8"
    async with bench.listening() as (adapter, heard):
        leg_id = await bench.park(number)
        await some(lambda: heard.taps)
        assert (await bench.dialer.api(f"uuid_record {leg_id} start {own} 60")).startswith("+OK")
        assert (await bench.dialer.api(f"uuid_buglist {leg_id}")).count("<function>session_record") == 2
        await some(lambda: ("answered", leg_id) in heard.told)
        await adapter.client.drain(5)
        bugs = await bench.dialer.api(f"uuid_buglist {leg_id}")
        assert bugs.count("<function>session_record") == 1
        assert str(own) in bugs
        await bench.dialer.api(f"uuid_kill {leg_id}")
        await some(lambda: heard.finals)


async def test_a_leg_is_cut_with_the_cause_that_was_meant(bench: Bench) -> None:
    number = bench.expect(Scenario(audio=NUMBERED, seconds=30, final=486))
    async with bench.listening() as (adapter, heard), bench.call(f"5{number}") as caller:
        await some(lambda: heard.taps)
        (leg,) = heard.legs.values()
        adapter.cut(leg, 1)
        assert await caller.final() == 404
        await some(lambda: heard.finals)
        assert heard.finals[leg.id] == CarrierFinal(None, 1)
    (call,) = bench.carrier.calls_to(number)
    assert call.cancelled is not None


async def test_an_agent_that_comes_later_takes_up_what_it_finds(bench: Bench) -> None:
    number = bench.expect(Scenario(audio=NUMBERED, seconds=8, final=486))
    async with bench.call(f"5{number}"):
        async with bench.listening() as (adapter, first):
            await some(lambda: first.taps)
            (leg,) = first.legs.values()
            adapter.legs.drop(
                [leg.id]
            )  # it forgets the leg and so lets its recording run on, as one that is killed
        async with bench.listening() as (_, second):
            await some(lambda: second.taps)
            assert second.legs[leg.id] == leg
            await some(lambda: len(second.audio[leg.id]) > 4000)
            bugs = await bench.dialer.api(f"uuid_buglist {leg.id}")
            assert bugs.count("<function>session_record") == 1
    assert list(bench.lab.tap_folder.iterdir()) == []


async def test_variables_arrive_whatever_they_hold(bench: Bench) -> None:
    number = bench.expect(Scenario(audio=NUMBERED, seconds=5, final=486))
    values = {"EARLYMEDIA_A": "it's; a=b, \\n \\ 'x", "EARLYMEDIA_B": " é ", "EARLYMEDIA_C": "last"}
    async with bench.listening() as (adapter, heard):
        leg_id = await bench.park(number)
        await some(lambda: heard.taps)
        adapter.write(heard.legs[leg_id].ref, values)
        await adapter.client.drain(5)
        for name, value in values.items():
            assert await bench.dialer.api(f"uuid_getvar {leg_id} {name}") == value
        adapter.write(heard.legs[leg_id].ref, {"EARLYMEDIA_C": ""})
        await adapter.client.drain(5)
        assert await bench.dialer.api(f"uuid_getvar {leg_id} EARLYMEDIA_C") == "_undef_"


def assert_few_missing(audio: bytearray, encoding: Encoding, most: int) -> None:
    """Whole frames may be missing, so many at most: nothing is out of order, nor bent but by A-law.

    A busy machine attaches late: what came before is not counted, but for half a second at most.
    """
    sent, got = frames(NUMBERED, Encoding.ULAW), frames(bytes(audio), encoding)
    heard = got[np.any(np.abs(got) > QUIETEST, axis=1)]
    assert np.all(heard == heard[:, :1])
    assert np.all(np.diff(heard[:, 0]) >= 0)
    assert np.abs(heard[:, :1] - sent[:, 0]).min(axis=1).max() < ALAW_STEP
    before = int(np.count_nonzero(sent[:, 0] < heard[0, 0] - ALAW_STEP))
    assert before <= 25
    assert len(heard) >= len(sent) - before - most


def frames(audio: bytes, encoding: Encoding) -> NDArray[np.float32]:
    samples = Decoder(encoding).decode(audio)
    return samples[: len(samples) // 160 * 160].reshape(-1, 160)
