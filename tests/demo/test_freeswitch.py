"""The lab's FreeSWITCH: calls that go through it, and what can be done to it."""

import asyncio
import re
from pathlib import Path

import pytest

from agent.demo.call import Provisional, Scenario
from agent.demo.caller import Caller
from agent.demo.carrier import Carrier
from agent.demo.freeswitch import LabFreeSwitch, prefix_from_environment
from agent.demo.lab import LabError, LabPorts, shipped_dialplan

pytestmark = pytest.mark.pbx

COUNTED = b"".join(bytes([n]) * 160 for n in range(100))
"""Two seconds in which every packet can be told from every other."""


def test_without_an_installation_the_way_to_one_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("FREESWITCH_PREFIX", raising=False)
    with pytest.raises(LabError, match=r"FREESWITCH_PREFIX is not set: name the folder"):
        prefix_from_environment()
    monkeypatch.setenv("FREESWITCH_PREFIX", str(tmp_path))
    assert prefix_from_environment() == tmp_path
    with pytest.raises(LabError, match=r"holds no bin/freeswitch: set FREESWITCH_PREFIX"):
        LabFreeSwitch(tmp_path, tmp_path)


def test_what_we_ship_is_what_the_lab_runs(freeswitch_prefix: Path, tmp_path: Path) -> None:
    lab = LabFreeSwitch(freeswitch_prefix, tmp_path / "lab", tap_folder=tmp_path / "taps")
    lab.configure()
    written = {path.name: path.read_text() for path in (lab.home / "conf").iterdir()}
    shipped = shipped_dialplan("freeswitch")
    assert written["earlymedia.xml"] == (shipped / "earlymedia.xml").read_text()
    assert f'name="password" value="{lab.password}"' in written["event_socket.conf.xml"]
    assert f'name="listen-port" value="{lab.ports.event_socket}"' in written["event_socket.conf.xml"]
    assert not re.search(r"@[A-Z_]+@|CHOOSE-A-PASSWORD", written["freeswitch.xml"])


async def test_early_media_reaches_the_caller_whole_and_in_order(freeswitch: LabFreeSwitch) -> None:
    async with (
        Carrier(port=freeswitch.ports.carrier) as carrier,
        Caller(pbx=("127.0.0.1", freeswitch.ports.sip)) as caller,
    ):
        carrier.scenarios["700"] = Scenario(audio=COUNTED, seconds=2.5, final=486)
        caller.dial("5700")
        assert await caller.final() == 486
        assert [response.status for response in caller.responses] == [100, 183, 486]
        assert COUNTED[10 * 160 : 90 * 160] in bytes(caller.audio)


async def test_a_consumed_leg_lets_the_caller_ring(freeswitch: LabFreeSwitch) -> None:
    async with (
        Carrier(port=freeswitch.ports.carrier) as carrier,
        Caller(pbx=("127.0.0.1", freeswitch.ports.sip)) as caller,
    ):
        carrier.scenarios["700"] = Scenario(audio=COUNTED, seconds=0.5, final=503)
        caller.dial("2700")
        assert await caller.final() == 503
        assert [(r.status, r.sdp) for r in caller.responses[:2]] == [(100, False), (180, False)]
        assert caller.packets == 0


async def test_a_forked_call_rings_both_and_the_answer_wins(freeswitch: LabFreeSwitch) -> None:
    async with (
        Carrier(port=freeswitch.ports.carrier) as carrier,
        Caller(pbx=("127.0.0.1", freeswitch.ports.sip)) as caller,
    ):
        carrier.scenarios["7001"] = Scenario(audio=COUNTED, loop=True, final=None)
        answers = Scenario(Provisional.RINGING, seconds=0.5, final=200, answered_seconds=0.3)
        carrier.scenarios["7002"] = answers
        caller.dial("3700")
        assert await caller.final() == 200
        assert (await carrier.ended("7001")).cancelled is not None
        assert (await carrier.ended("7002")).bye_sent is not None


async def test_killed_and_started_again(freeswitch: LabFreeSwitch) -> None:
    pid = freeswitch.pid
    await freeswitch.kill()
    assert not freeswitch.running
    with pytest.raises(LabError, match="FreeSWITCH does not run"):
        freeswitch.freeze()
    await freeswitch.start()
    assert freeswitch.pid != pid
    assert (await freeswitch.version()).startswith("1.")


async def test_a_second_lab_on_the_same_ports_is_refused(
    freeswitch: LabFreeSwitch, freeswitch_prefix: Path, tmp_path: Path
) -> None:
    with pytest.raises(LabError, match="is taken: does another lab run"):
        await LabFreeSwitch(freeswitch_prefix, tmp_path, ports=freeswitch.ports).__aenter__()


async def test_a_lab_that_does_not_come_up_says_where_to_look(
    freeswitch_prefix: Path, tmp_path: Path
) -> None:
    broken = LabFreeSwitch(freeswitch_prefix, tmp_path, ports=LabPorts.free(), tap_folder=tmp_path / "taps")
    broken.configure()
    (broken.home / "conf/freeswitch.xml").write_text("<document")
    with pytest.raises(LabError, match=r"did not come up: see console and freeswitch\.log"):
        await broken.start()
    assert not broken.running


async def test_a_wrong_password_is_not_let_in(freeswitch: LabFreeSwitch) -> None:
    session = freeswitch.dialer()
    session.password = "wrong"
    with pytest.raises(LabError, match="does not let us in: -ERR invalid"):
        async with session:
            await asyncio.sleep(0)
