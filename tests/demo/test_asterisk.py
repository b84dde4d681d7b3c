"""The lab's Asterisk: calls that go through it, and what can be done to it."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from agent.demo.asterisk import LabAsterisk
from agent.demo.call import Provisional, Scenario
from agent.demo.carrier import Carrier
from agent.demo.dialer import Dialer
from agent.demo.lab import LabError, LabPorts
from tests.conftest import Call

pytestmark = pytest.mark.pbx

COUNTED = b"".join(bytes([n]) * 160 for n in range(100))
"""Two seconds in which every packet can be told from every other."""


async def test_early_media_reaches_the_caller_whole_and_in_order(carrier: Carrier, call: Call) -> None:
    carrier.scenarios["700"] = Scenario(audio=COUNTED, seconds=2.5, final=486)
    caller = await call("5700")
    assert await caller.final() == 486
    assert [r.status for r in caller.responses] == [100, 183, 486]
    assert bytes(caller.audio[: len(COUNTED)]) == COUNTED
    assert (await carrier.ended("700")).packets_sent == pytest.approx(125, abs=3)


async def test_false_ringing_keeps_early_media_from_the_caller(carrier: Carrier, call: Call) -> None:
    carrier.scenarios["700"] = Scenario(audio=COUNTED, seconds=0.5, final=503)
    caller = await call("2700")
    assert await caller.final() == 503
    assert [(r.status, r.sdp) for r in caller.responses[:2]] == [(100, False), (180, False)]
    assert caller.packets == 0


async def test_a_forked_call_rings_both_and_the_answer_wins(
    carrier: Carrier, call: Call, dialer: Dialer
) -> None:
    carrier.scenarios["7001"] = Scenario(audio=COUNTED, loop=True, final=None)
    carrier.scenarios["7002"] = Scenario(Provisional.RINGING, seconds=0.5, final=200, answered_seconds=0.3)
    caller = await call("3700")
    assert await caller.final() == 200
    assert (await carrier.ended("7001")).cancelled is not None
    assert (await carrier.ended("7002")).bye_sent is not None
    await caller.over()
    assert (await dialer.report("h")).get("DialStatus") == "ANSWER"


async def test_a_caller_that_hangs_up_after_the_answer(carrier: Carrier, call: Call) -> None:
    carrier.scenarios["700"] = Scenario(audio=COUNTED, seconds=0.3, final=200, answered_seconds=None)
    caller = await call("1700")
    await caller.final()
    await asyncio.sleep(0.2)
    caller.hang_up()
    assert (await carrier.ended("700")).bye_received is not None


async def test_the_alaw_trunk_speaks_alaw(carrier: Carrier, call: Call) -> None:
    carrier.scenarios["700"] = Scenario(audio=COUNTED, seconds=0.5, final=486)
    caller = await call("7700")
    await caller.final()
    stream = (await carrier.ended("700")).stream
    assert stream is not None
    assert stream.payload.name == "PCMA"
    assert caller.packets > 15


async def test_a_local_dialer_hears_of_the_refusal(
    lab: LabAsterisk, carrier: Carrier, dialer: Dialer
) -> None:
    carrier.scenarios["700"] = Scenario(seconds=0.3, final=603)
    before = len(lab.call_records())
    await dialer.originate("Local/700@outbound/n", "answered")
    report = await dialer.report("after-dial")
    assert report.get("TechCause") == "SIP 603 Decline"
    response = await dialer.event("OriginateResponse")
    assert response.get("Response") == "Failure"
    await dialer.event("Hangup", lambda e: e.get("Channel").startswith("PJSIP/"))
    await asyncio.sleep(0.3)
    assert "PJSIP/carrier" in {r.dstchannel.split("-")[0] for r in lab.call_records()[before:]}


async def test_hangup_events_carry_the_variables(carrier: Carrier, call: Call, dialer: Dialer) -> None:
    carrier.scenarios["700"] = Scenario(seconds=0.2, final=486)
    await call("1700")
    hangup = await dialer.event("Hangup", lambda e: e.get("Channel").startswith("PJSIP/caller"))
    assert hangup.variables()["EARLYMEDIA_STATUS"] == "unavailable"


async def test_frozen_it_says_nothing_and_thawed_it_goes_on(
    lab: LabAsterisk, carrier: Carrier, call: Call
) -> None:
    carrier.scenarios["700"] = Scenario(seconds=0.2, final=486)
    lab.freeze()
    caller = await call("1700")
    await asyncio.sleep(0.4)
    assert (caller.responses, carrier.calls) == ([], [])
    lab.thaw()
    assert await caller.final() == 486


async def test_killed_and_started_again(lab: LabAsterisk, carrier: Carrier, call: Call) -> None:
    carrier.scenarios["700"] = Scenario(audio=COUNTED, seconds=0.2, final=486)
    pid = lab.pid
    await lab.kill()
    assert not lab.running
    with pytest.raises(LabError, match="Asterisk does not run"):
        lab.freeze()
    await lab.start()
    assert lab.pid != pid
    assert await (await call("1700")).final() == 486


async def test_stopped_it_leaves_nothing_running(lab: LabAsterisk) -> None:
    began = time.monotonic()
    await lab.stop()
    assert time.monotonic() - began < 4
    assert not lab.running
    lab.ports.require_free()
    await lab.start()


async def test_a_second_lab_on_the_same_ports_is_refused(chroot: Path, lab: LabAsterisk) -> None:
    with pytest.raises(LabError, match=f"another lab runs in .*/lab/{lab.ports.sip}"):
        await LabAsterisk(chroot, ports=lab.ports).__aenter__()
    assert await lab.version()


async def test_a_lab_that_does_not_come_up_says_where_to_look(chroot: Path) -> None:
    broken = LabAsterisk(chroot, ports=LabPorts.free())
    broken.configure()
    (broken.home / "conf/modules.conf").write_text("[modules]\nrequire=no_such_module.so\n")
    with pytest.raises(LabError, match="did not come up: see console"):
        await broken.start()
    assert not broken.running


async def test_audiosocket_can_be_left_out(lab: LabAsterisk, lab_without_audiosocket: LabAsterisk) -> None:
    assert "res_agi.so" in await lab_without_audiosocket.command("module show like res_agi")
    assert "0 modules loaded" in await lab_without_audiosocket.command("module show like audiosocket")
    assert lab.ports != lab_without_audiosocket.ports


async def test_nothing_but_the_labs_own_folder_is_written(chroot: Path, lab: LabAsterisk) -> None:
    since = (lab.home / "conf/asterisk.conf").stat().st_mtime
    written = [
        Path(folder, name)
        for folder, _, names in os.walk(chroot)
        if not Path(folder).is_relative_to(chroot / "lab")
        and not Path(folder).is_relative_to(chroot / "proc")
        for name in names
        if Path(folder, name).lstat().st_mtime > since
    ]
    assert [path for path in written if not path.is_char_device()] == []
