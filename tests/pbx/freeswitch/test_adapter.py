"""The whole adapter against a scripted FreeSWITCH: real sockets, files that grow, and every trap."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agent.hearing.sound import Encoding, HeardSecond, Sound
from agent.pbx.freeswitch import adapter as adapters
from agent.pbx.freeswitch.adapter import FreeSwitchAdapter, FreeSwitchSettings
from agent.pbx.freeswitch.recorder import RecorderSettings, TapChoice
from agent.pbx.port import CarrierFinal, ChannelRef, Leg, Signal, Tap, TapKind
from agent.service.calls import Calls, Rules
from agent.verdict.policy import PRESETS, Policy, Preset
from agent.verdict.settling import Settling
from tests.pbx.freeswitch.scripted_event_socket import ScriptedFreeSwitch, settings
from tests.pbx.waiting import until
from tests.service.test_calls import Books, Paper

SETTLED_S = 0.15
"""Longer than an adapter takes to do what it does at once."""


class Ear:
    """A listener that writes down what it is told and keeps the taps."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.legs: dict[str, Leg] = {}
        self.taps: dict[str, Tap] = {}
        self.failed: dict[str, str] = {}
        self.finals: dict[str, CarrierFinal] = {}

    def leg_began(self, leg: Leg) -> None:
        self.told.append(("began", leg.id))
        self.legs[leg.id] = leg

    def leg_signalled(self, leg_id: str, signal: Signal) -> None:
        self.told.append((signal.value, leg_id))

    def tap_attached(self, leg_id: str, tap: Tap) -> None:
        self.told.append(("tapped", leg_id))
        self.taps[leg_id] = tap

    def tap_failed(self, leg_id: str, reason: str) -> None:
        self.failed[leg_id] = reason

    def leg_answered(self, leg_id: str) -> None:
        self.told.append(("answered", leg_id))
        if tap := self.taps.get(leg_id):
            tap.close()

    def connected(self) -> None: ...

    def leg_ended(self, leg_id: str, final: CarrierFinal, *, writable: bool = False) -> None:
        self.told.append(("ended", leg_id))
        self.finals[leg_id] = final
        if tap := self.taps.get(leg_id):
            tap.close()

    def fields_of(self, channel_id: str) -> Mapping[str, str]:
        return {}

    def settled(self, channel_id: str) -> bool:
        return True


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "taps"


def adapter_settings(
    freeswitch: ScriptedFreeSwitch, folder: Path, choice: TapChoice = TapChoice.AUTO
) -> FreeSwitchSettings:
    return FreeSwitchSettings(
        ("sofia/gateway/carrier*",), settings(freeswitch), RecorderSettings(folder, choice, limit_s=60)
    )


@pytest.fixture
async def adapter(freeswitch: ScriptedFreeSwitch, folder: Path, ear: Ear) -> AsyncIterator[FreeSwitchAdapter]:
    """An adapter that is connected and has taken stock."""
    adapter = FreeSwitchAdapter(adapter_settings(freeswitch, folder), ear)
    await adapter.start()
    await until(lambda: freeswitch.named("api show channels"))
    yield adapter
    await adapter.stop()


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


async def test_legs_of_other_trunks_are_left_alone_until_a_reload_names_them(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear
) -> None:
    freeswitch.early_media(freeswitch.dial("other", gateway="other"))
    freeswitch.early_media(freeswitch.dial("ours"))
    await until(lambda: ear.taps)
    assert list(ear.legs) == ["ours"]
    adapter.follow(("sofia/gateway/other",))
    freeswitch.early_media(freeswitch.dial("next", gateway="other"))
    await until(lambda: "next" in ear.taps)


async def test_a_lost_connection_loses_no_audio_of_a_leg_that_is_heard(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear
) -> None:
    leg = freeswitch.dial("b-leg")
    freeswitch.early_media(leg)
    await until(lambda: ear.taps)
    freeswitch.speak(leg, b"before ")
    freeswitch.hang_up()
    await until(lambda: not adapter.connected)
    assert adapter.problem
    freeswitch.speak(leg, b"after")
    await until(lambda: adapter.connected)
    assert ear.taps["b-leg"].read() == b"before after"
    await until(lambda: len(freeswitch.named("api show channels")) >= 2)
    assert [what for what, _ in ear.told] == ["began", "progress", "tapped"]


async def test_an_agent_that_starts_anew_takes_up_the_calls_that_are_in_early_media(
    freeswitch: ScriptedFreeSwitch, folder: Path, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapters, "LIST_LAG_S", 0.2)
    first = FreeSwitchAdapter(adapter_settings(freeswitch, folder), Ear())
    await first.start()
    await until(lambda: freeswitch.named("api show channels"))
    leg = freeswitch.dial("b-leg", dialer="a-leg")
    freeswitch.early_media(leg)
    await until(lambda: leg.recordings and not list(folder.iterdir()))
    freeswitch.hang_up()  # it dies: its recording goes on into a file without a name
    await first.stop()
    freeswitch.early_media(freeswitch.dial("young"))
    freeswitch.overlook = "young"
    freeswitch.answer(freeswitch.dial("talking"))
    freeswitch.dial("a-leg", direction="inbound", gateway="")
    freeswitch.dial("with a blank")

    second = FreeSwitchAdapter(adapter_settings(freeswitch, folder), ear)
    await second.start()
    await until(lambda: "b-leg" in ear.taps)
    freeswitch.speak(leg, b"heard again")
    assert ear.taps["b-leg"].read() == b"heard again"
    assert ear.legs["b-leg"].dialer == ChannelRef("a-leg", "sofia/internal")
    await until(lambda: "young" in ear.taps)
    assert set(ear.legs) == {"b-leg", "young"}
    assert not freeswitch.named("api uuid_dump talking")
    await second.stop()


async def test_a_restart_of_freeswitch_ends_what_it_took_along(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapters, "LIST_LAG_S", 0.05)
    freeswitch.early_media(freeswitch.dial("b-leg"))
    await until(lambda: ear.taps)
    await freeswitch.shut_down()
    await until(lambda: not adapter.connected)
    await freeswitch.start()
    await until(lambda: ear.finals)
    assert ear.finals["b-leg"] == CarrierFinal(seen=False)
    leg = freeswitch.dial("new")
    freeswitch.early_media(leg)
    await until(lambda: "new" in ear.taps)


async def test_an_answer_that_was_missed_is_found(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapters, "LIST_LAG_S", 0.05)
    freeswitch.fails.extend(["-ERR Cannot record session!\n"] * 10)
    leg = freeswitch.dial("b-leg")
    freeswitch.early_media(leg)
    await until(lambda: ear.failed)
    freeswitch.hang_up()
    await until(lambda: not adapter.connected)
    freeswitch.answer(leg)
    await until(lambda: ("answered", "b-leg") in ear.told)


@pytest.mark.parametrize("listed", ["", "-ERR no reply", "[]", '{"rows":[{}]}', '{"rows":3}', "[" * 100_000])
async def test_a_list_that_cannot_be_read_is_said_and_survived(
    freeswitch: ScriptedFreeSwitch, folder: Path, ear: Ear, listed: str
) -> None:
    freeswitch.api["show"] = lambda _: listed
    adapter = FreeSwitchAdapter(adapter_settings(freeswitch, folder), ear)
    with capture_logs() as logs:
        await adapter.start()
        await until(lambda: [entry for entry in logs if entry["event"] == "could not take stock"])
    freeswitch.early_media(freeswitch.dial("b-leg"))
    await until(lambda: ear.taps)
    await adapter.stop()


# What is handed back.


async def test_variables_are_set_on_the_channel_whatever_they_hold(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter
) -> None:
    leg = freeswitch.dial("b-leg")
    adapter.write(ChannelRef("b-leg", ""), {"EARLYMEDIA_OUTCOME": "it's; said", "EARLYMEDIA_STATUS": "final"})
    await adapter.client.drain(1)
    assert leg.variables["EARLYMEDIA_OUTCOME"] == "it's; said"
    assert leg.variables["EARLYMEDIA_STATUS"] == "final"
    adapter.write(ChannelRef("b-leg", ""), {"EARLYMEDIA_OUTCOME": ""})
    adapter.write(ChannelRef("b-leg", ""), {"EARLYMEDIA_STATUS": "a\n\napi fsctl shutdown"})
    await adapter.client.drain(1)
    assert "EARLYMEDIA_OUTCOME" not in leg.variables
    assert leg.variables["EARLYMEDIA_STATUS"] == "final"
    assert not freeswitch.named("api fsctl")


async def test_the_verdict_event_names_its_leg_without_a_unique_id(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear
) -> None:
    freeswitch.dial("b-leg", dialer="a-leg")
    await until(lambda: ear.legs)
    adapter.announce(ear.legs["b-leg"], {"EARLYMEDIA_OUTCOME": "busy"})
    await adapter.client.drain(1)
    assert freeswitch.named("sendevent") == [
        "sendevent CUSTOM\nEvent-Subclass: earlymedia::verdict\nLeg-UUID: b-leg\nDialer-UUID: a-leg\n"
        "Call-UUID: a-leg\nChannel: sofia/gateway/carrier\nEARLYMEDIA_OUTCOME: busy"
    ]


@pytest.mark.parametrize(("q850", "cause"), [(17, 17), (1, 1), (5, 31)])
async def test_a_leg_is_cut_with_a_cause_that_freeswitch_knows(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear, q850: int, cause: int
) -> None:
    leg = freeswitch.dial("b-leg")
    freeswitch.early_media(leg)
    await until(lambda: ear.taps)
    adapter.cut(ear.legs["b-leg"], q850)
    await until(lambda: ear.finals)
    assert ear.finals["b-leg"] == CarrierFinal(
        None, cause
    )  # not NORMAL_CLEARING, and nothing of the carrier's


async def test_an_answered_leg_is_never_cut(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear
) -> None:
    leg = freeswitch.dial("b-leg")
    freeswitch.answer(leg)
    await until(lambda: ("answered", "b-leg") in ear.told)
    adapter.cut(ear.legs["b-leg"], 17)
    await adapter.client.drain(1)
    assert not freeswitch.named("api uuid_kill")


async def test_nothing_is_handed_back_while_there_is_no_connection(
    freeswitch: ScriptedFreeSwitch, adapter: FreeSwitchAdapter, ear: Ear
) -> None:
    freeswitch.dial("b-leg")
    await until(lambda: ear.legs)
    freeswitch.hang_up()
    await until(lambda: not adapter.connected)
    adapter.write(ChannelRef("b-leg", ""), {"EARLYMEDIA_STATUS": "stale"})
    adapter.cut(ear.legs["b-leg"], 17)
    adapter.announce(ear.legs["b-leg"], {})
    await until(lambda: adapter.connected)
    await adapter.client.drain(1)
    for command in ("api uuid_setvar", "api uuid_kill", "sendevent"):
        assert not freeswitch.named(command)


async def test_both_legs_carry_the_verdict_while_the_call_lives(
    freeswitch: ScriptedFreeSwitch, folder: Path
) -> None:
    policy = Policy.of(PRESETS[Preset.DEFAULT])
    calls = Calls(Rules(Settling(), lambda channel: policy, writes=True), Books(Paper()))
    adapter = FreeSwitchAdapter(adapter_settings(freeswitch, folder), calls)
    calls.hand_back_to(adapter)
    await adapter.start()
    await until(lambda: freeswitch.named("api show channels"))
    caller = freeswitch.dial("a-leg", direction="inbound", gateway="")
    leg = freeswitch.dial("b-leg", dialer="a-leg")
    freeswitch.early_media(leg)
    await until(lambda: list(calls.listening()))
    (call,) = calls.listening()
    calls.heard(call, [HeardSecond(float(second), (0.97, 0.01, 0.01, 0.01)) for second in range(4)])
    await until(lambda: caller.variables.get("EARLYMEDIA_OUTCOME") == "ringing")
    for channel in (caller, leg):
        assert channel.variables["EARLYMEDIA_CLASS"] == Sound.RINGING
        assert channel.variables["EARLYMEDIA_STATUS"] == "listening"
    freeswitch.end(leg, sip=486)
    await until(lambda: caller.variables["EARLYMEDIA_STATUS"] == "final")
    assert caller.variables["EARLYMEDIA_CARRIER_SIP_CODE"] == "486"
    assert caller.variables["EARLYMEDIA_AGREEMENT"] == "contradicts"
    (event,) = freeswitch.named("sendevent")
    assert "EARLYMEDIA_STATUS: final" in event
    await adapter.stop()
