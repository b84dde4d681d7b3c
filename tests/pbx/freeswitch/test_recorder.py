"""What the whole adapter records of a scripted FreeSWITCH: real sockets, files that grow, and every trap."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from agent.hearing.sound import Encoding
from agent.pbx.freeswitch.adapter import FreeSwitchAdapter
from agent.pbx.freeswitch.recorder import TapChoice
from agent.pbx.port import CarrierFinal, ChannelRef, TapKind
from tests.pbx.freeswitch.ear import Ear, adapter_settings
from tests.pbx.freeswitch.scripted_event_socket import ScriptedFreeSwitch, settings
from tests.pbx.waiting import until

SETTLED_S = 0.15
"""Longer than an adapter takes to do what it does at once."""


async def test_a_bridged_leg_is_heard_from_its_first_sample(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear, folder: Path
) -> None:
    leg = freeswitch.dial("b-leg", dialer="a-leg")
    freeswitch.ring(leg)
    freeswitch.early_media(leg)
    await until(lambda: leg.recordings)
    freeswitch.speak(leg, b"\xff\x7f" * 80)
    await until(lambda: ear.taps)
    tap = ear.taps["b-leg"]
    assert (tap.kind, tap.encoding) == (TapKind.RECORD_NATIVE, Encoding.ULAW)
    assert tap.read() == b"\xff\x7f" * 80
    assert tap.read() == b""
    assert not tap.ended
    freeswitch.speak(leg, b"more")
    assert tap.read() == b"more"
    assert list(folder.iterdir()) == []
    assert list(leg.recordings) == [f"{folder}/em-b-leg"]
    assert ear.legs["b-leg"].dialer == ChannelRef("a-leg", "sofia/internal")
    freeswitch.end(leg, sip=486)
    await until(lambda: ear.finals)
    assert ear.finals["b-leg"] == CarrierFinal(486, 17)
    assert [what for what, _ in ear.told] == ["began", "ringing", "progress", "tapped", "ended"]
    assert ear.taps["b-leg"].ended
    await adapter.client.drain(1)
    assert not [command for command in freeswitch.named("api uuid_record") if " stop " in command]


async def test_the_command_is_what_was_proven(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear, folder: Path
) -> None:
    freeswitch.early_media(freeswitch.dial("b-leg"))
    await until(lambda: ear.taps)
    (sent,) = freeswitch.named("api uuid_record")
    assert sent.startswith(f"api uuid_record b-leg start {folder}/em-b-leg 60 {{RECORD_READ_ONLY=true,")
    # A PBX that hangs up where its own recordings fail must not do so where ours does.
    assert "RECORD_HANGUP_ON_ERROR=false" in sent
    assert "enable_file_write_buffering=false" in sent


async def test_the_answer_stops_our_recording_and_no_other(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear, folder: Path, tmp_path: Path
) -> None:
    leg = freeswitch.dial("b-leg")
    freeswitch.early_media(leg)
    await until(lambda: ear.taps)
    own = f"{tmp_path}/the-pbxs-own.r8"
    assert freeswitch.api["uuid_record"](f"b-leg start {own} 60 RECORD_READ_ONLY=true") == "+OK Success\n"
    freeswitch.answer(leg)
    await until(lambda: list(leg.recordings) == [own])
    assert freeswitch.named("api uuid_record")[-1] == f"api uuid_record b-leg stop {folder}/em-b-leg"


async def test_early_media_before_its_codec_is_tried_again(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear
) -> None:
    freeswitch.fails.extend(["-ERR Cannot record session!\n"] * 3)
    leg = freeswitch.dial("b-leg", codec="PCMA")
    freeswitch.early_media(leg, codec_known=False)
    asyncio.get_running_loop().call_later(0.1, freeswitch.negotiate, leg)
    await until(lambda: ear.taps)
    assert ear.taps["b-leg"].encoding is Encoding.ALAW
    assert len(freeswitch.named("api uuid_record")) == 4
    assert not ear.failed


async def test_what_never_works_is_given_up_and_said(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear, folder: Path
) -> None:
    freeswitch.fails.extend(["-ERR Cannot record session!\n"] * 99)
    freeswitch.early_media(freeswitch.dial("b-leg"))
    await until(lambda: ear.failed)
    assert ear.failed["b-leg"] == "FreeSWITCH does not record it (-ERR Cannot record session!)"
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("variable", ["proxy_media", "bypass_media"])
@pytest.mark.parametrize("on", ["a-leg", "b-leg"])
async def test_a_leg_whose_media_passes_by_is_never_touched(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear, variable: str, on: str
) -> None:
    freeswitch.dial("a-leg", direction="inbound")
    leg = freeswitch.dial("b-leg", dialer="a-leg", codec="PROXY")
    freeswitch.channels[on].variables[variable] = "true"
    freeswitch.early_media(leg)
    await until(lambda: ear.failed)
    assert ear.failed["b-leg"].startswith(f"{variable}=true keeps the audio from FreeSWITCH")
    assert not freeswitch.named("api uuid_record")


@pytest.mark.parametrize(
    "variable", ["media_bug_answer_req", "execute_on_record_start", "api_on_record_stop"]
)
async def test_a_leg_whose_pbx_would_act_on_our_recording_is_not_recorded(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear, variable: str
) -> None:
    leg = freeswitch.dial("b-leg")
    leg.variables[variable] = "true"
    freeswitch.early_media(leg)
    await until(lambda: ear.failed)
    assert variable in ear.failed["b-leg"]
    assert not freeswitch.named("api uuid_record")


@pytest.mark.parametrize("choice", TapChoice)
async def test_a_profile_that_proxies_costs_the_tap_and_never_the_call(
    freeswitch: ScriptedFreeSwitch, folder: Path, ear: Ear, choice: TapChoice
) -> None:
    adapter = FreeSwitchAdapter(adapter_settings(freeswitch, folder, choice), ear)
    await adapter.start()
    await until(lambda: freeswitch.named("api show channels"))
    leg = freeswitch.dial("b-leg", codec="PROXY")
    freeswitch.early_media(leg, codec_known=choice is not TapChoice.LINEAR)
    asyncio.get_running_loop().call_later(0.05, freeswitch.negotiate, leg)
    await until(lambda: ear.failed)
    assert "only passes through FreeSWITCH" in ear.failed["b-leg"]
    assert freeswitch.channels["b-leg"] is leg
    assert not [command for command in freeswitch.named("api uuid_record") if ".r8" in command]
    await adapter.stop()


async def test_another_codec_is_decoded_by_freeswitch(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear, folder: Path
) -> None:
    leg = freeswitch.dial("b-leg", codec="G722")
    freeswitch.early_media(leg)
    await until(lambda: ear.taps)
    tap = ear.taps["b-leg"]
    assert (tap.kind, tap.encoding) == (TapKind.RECORD_LINEAR, Encoding.SLIN8)
    freeswitch.speak(leg, b"\x01\x00" * 160)
    assert tap.read() == b"\x01\x00" * 160
    assert list(leg.recordings) == [f"{folder}/em-b-leg.r8"]
    assert "record_sample_rate=8000" in freeswitch.named("api uuid_record")[-1]
    assert list(folder.iterdir()) == []


async def test_an_admin_may_want_native_or_nothing(
    freeswitch: ScriptedFreeSwitch, folder: Path, ear: Ear
) -> None:
    adapter = FreeSwitchAdapter(adapter_settings(freeswitch, folder, TapChoice.NATIVE), ear)
    await adapter.start()
    await until(lambda: freeswitch.named("api show channels"))
    leg = freeswitch.dial("b-leg", codec="opus")
    freeswitch.early_media(leg)
    await until(lambda: ear.failed)
    assert ear.failed["b-leg"] == "its codec opus is not read as it is: set freeswitch.tap: auto"
    assert not leg.recordings
    await adapter.stop()


async def test_a_leg_that_ends_while_we_attach_leaves_nothing_and_is_no_failure(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear, folder: Path
) -> None:
    freeswitch.fails.extend(["-ERR Cannot record session!\n"] * 2)
    leg = freeswitch.dial("b-leg")
    freeswitch.early_media(leg)
    await until(lambda: not freeswitch.fails)
    freeswitch.end(leg, sip=486)
    await until(lambda: ear.finals)
    await asyncio.sleep(SETTLED_S)
    assert list(folder.iterdir()) == []
    assert (ear.failed, ear.taps) == ({}, {})


async def test_an_agent_that_stops_half_way_stops_what_it_began(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear, folder: Path
) -> None:
    leg = freeswitch.dial("b-leg")
    freeswitch.early_media(leg, codec_known=False)  # so that it still asks for the codec
    await until(lambda: leg.recordings)
    await adapter.stop()
    assert not leg.recordings
    assert list(folder.iterdir()) == []


async def test_a_recording_that_begins_when_nobody_awaits_it_any_more_leaves_nothing(
    freeswitch: ScriptedFreeSwitch, folder: Path, ear: Ear
) -> None:
    patient = replace(settings(freeswitch), command_timeout_s=0.1, ping_timeout_s=5.0)
    adapter = FreeSwitchAdapter(replace(adapter_settings(freeswitch, folder), event_socket=patient), ear)
    await adapter.start()
    await until(lambda: freeswitch.named("api show channels"))
    leg = freeswitch.dial("b-leg")
    freeswitch.stuck_at = "api uuid_record"
    freeswitch.early_media(leg)
    await until(lambda: ear.failed)
    assert ear.failed["b-leg"] == "FreeSWITCH did not answer uuid_record within 0.1 s."
    freeswitch.catch_up()  # it begins, in files of its own, and reads that it is to stop
    await adapter.client.drain(1)
    assert not leg.recordings
    freeswitch.end(leg, sip=486)
    await until(lambda: ear.finals)
    assert list(folder.iterdir()) == []
    await adapter.stop()


async def test_a_full_disk_costs_the_tap_and_never_the_call(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear, folder: Path
) -> None:
    folder.rmdir()
    freeswitch.early_media(freeswitch.dial("b-leg"))
    await until(lambda: ear.failed)
    assert ear.failed["b-leg"].startswith(f"{folder} takes no recording (No such file or directory)")
    assert not freeswitch.named("api uuid_record")
