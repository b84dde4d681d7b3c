"""The whole adapter against a scripted FreeSWITCH: whose legs it follows, and what it hands back."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agent.hearing.sound import HeardSecond, Sound
from agent.pbx.freeswitch import adapter as adapters
from agent.pbx.freeswitch.adapter import FreeSwitchAdapter
from agent.pbx.port import CarrierFinal, ChannelRef
from agent.service.calls import Calls, Rules
from agent.verdict.policy import PRESETS, Policy, Preset
from agent.verdict.settling import Settling
from tests.pbx.freeswitch.ear import Ear, adapter_settings
from tests.pbx.freeswitch.scripted_event_socket import ScriptedFreeSwitch
from tests.pbx.waiting import until
from tests.service.test_calls import Books, Paper


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
