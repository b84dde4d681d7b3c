"""Every way of placing a call, with everything that a carrier may play, on every PBX."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import pytest_asyncio

from agent.demo.agent import LabAgent
from agent.demo.asterisk import LabAsterisk
from agent.demo.call import Call
from agent.demo.freeswitch import LabFreeSwitch
from agent.demo.happenings import Happening
from agent.hearing.sound import Sound
from agent.pbx.port import TapKind
from agent.verdict import fields
from agent.verdict.policy import PRESETS, Policy, Preset
from tests.e2e.scenarios import ALL, ANSWERED, HEARD, UNHEARD, Case, PbxKind, Way
from tests.freeswitch_site import FreeSwitchSite, open_freeswitch_site
from tests.lab_fixtures import CallSite, Placed, SeenLeg, Site, agent_beside, journalled, open_site

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="session")]

TOLD = (
    fields.CLASS, fields.OUTCOME, fields.CONFIDENCE, fields.SIP_CODE, fields.CAUSE, fields.REDIAL,
    fields.REDIAL_AFTER, fields.SECONDS, fields.STATUS,
)  # fmt: skip
OWN_TAPS = {
    Way.OWN_EAGI: TapKind.EAGI,
    Way.OWN_EAGI_16K: TapKind.EAGI,
    Way.OWN_AUDIOSOCKET: TapKind.AUDIOSOCKET,
}
POLICY = Policy.of(PRESETS[Preset.DEFAULT])
UNASKED = (Way.DIAL_UNAWARE, Way.ORIGINATE, Way.ORIGINATE_EARLY, Way.PARK)
"""Ways by which no dialplan reads the verdict after the call."""
APART_S = 0.15
"""Calls begin, and so end, one after another: how soon a last word comes in a burst is for the benchmarks."""


@dataclass(frozen=True, slots=True)
class Over:
    """A call that is over, and what everybody says of it."""

    placed: Placed
    leg: SeenLeg
    carrier: Call
    journal: Mapping[str, Any]


def every(*cases: Case) -> pytest.MarkDecorator:
    """Run a test for each of these cases that its PBX can place."""
    return pytest.mark.every(cases)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test the cases that its PBX can place."""
    marker = metafunc.definition.get_closest_marker("every")
    if marker is not None:
        cases = [case for case in marker.args[0] if metafunc.cls.pbx.can(case.way)]
        metafunc.parametrize("case", cases, ids=lambda case: case.name)


async def all_over(pbx: PbxKind, site: CallSite, agent: LabAgent) -> Mapping[str, Over]:
    """Place all calls, many at a time, and wait until they are over; by the names of their cases."""

    async def one(turn: int, case: Case) -> Over:
        await asyncio.sleep(turn * APART_S)
        placed = await site.place(case.way, case.scenario(site.sounds))
        call = await site.ended(placed)
        leg = await site.leg(placed.number)
        return Over(placed, leg, call, await journalled(agent, leg))

    cases = [case for case in ALL if pbx.can(case.way)]
    calls = await asyncio.gather(*(one(turn, case) for turn, case in enumerate(cases)))
    await site.nobody_left()
    return dict(zip((case.name for case in cases), calls, strict=True))


class CallsOn:
    """What must be so on every PBX."""

    pbx: ClassVar[PbxKind]
    tap: ClassVar[TapKind]
    """How legs are heard that do not hand over their audio themselves."""
    late_seconds: ClassVar[float]
    """Audio that such a tap may miss, at its beginning and at its end."""

    @pytest_asyncio.fixture(scope="class", loop_scope="session")
    @classmethod
    async def agent(cls, site: CallSite) -> AsyncIterator[LabAgent]:
        """An agent that hands its verdicts back."""
        async with agent_beside(site.lab) as agent:
            yield agent

    @pytest_asyncio.fixture(scope="class", loop_scope="session")
    @classmethod
    async def over(cls, site: CallSite, agent: LabAgent) -> Mapping[str, Over]:
        """All calls, by the names of their cases."""
        return await all_over(cls.pbx, site, agent)

    @every(*ALL)
    async def test_what_is_heard_settles_into_the_verdict(self, case: Case, over: Mapping[str, Over]) -> None:
        journal, outcome = over[case.name].journal, case.outcome_on(self.pbx)
        assert (journal["outcome"], journal["agreement"]) == (outcome, case.agreement), journal
        assert journal["carrier_sip_code"] == case.carrier.final

    @every(*ALL)
    async def test_one_event_tells_everything(
        self, case: Case, site: CallSite, over: Mapping[str, Over]
    ) -> None:
        leg, journal, outcome = over[case.name].leg, over[case.name].journal, case.outcome_on(self.pbx)
        event = await site.only_verdict(leg)
        assert site.leg_of(event) == leg
        assert event.get(fields.STATUS) == "final"
        assert event.get(fields.OUTCOME) == outcome
        assert event.get(fields.CLASS) == outcome.sound_class
        assert 0 <= float(event.get(fields.CONFIDENCE)) <= journal["confidence"] <= 1
        decision = POLICY.decide(outcome)
        assert event.get(fields.SIP_CODE) == _text(decision.sip_code)
        assert event.get(fields.CAUSE) == _text(decision.q850_cause)
        assert event.get(fields.REDIAL) == decision.redial
        assert event.get(fields.REDIAL_AFTER) == _text(decision.redial_after)
        assert float(event.get(fields.SECONDS)) == journal["final_at"]
        assert event.get(fields.CARRIER_SIP_CODE) == str(case.carrier.final)

    @every(*(case for case in HEARD + UNHEARD if case.way not in UNASKED))
    async def test_the_dialplan_reads_the_same_after_dial_and_in_h(
        self, case: Case, site: CallSite, over: Mapping[str, Over]
    ) -> None:
        leg = over[case.name].leg
        event = await site.only_verdict(leg)
        places = ("h",) if case.way.brings_own_tap else ("after-dial", "h")
        for place in places:
            report = await site.report(place, leg)
            if report.get(fields.STATUS) == "listening":  # the fuse of 100 ms blew: it reads what stood
                assert report.get(fields.OUTCOME) in (case.outcome_on(self.pbx), "unknown"), place
            else:
                assert _told(report) == _told(event), place
                assert report.get(fields.CARRIER_SIP_CODE) in ("", str(case.carrier.final)), place

    @every(*(case for case in HEARD if case.way is not Way.DIAL_UNAWARE))
    async def test_hangup_events_carry_the_verdict(
        self, case: Case, site: CallSite, over: Mapping[str, Over]
    ) -> None:
        leg = over[case.name].leg
        own = await site.left_behind(leg.id)
        assert own[fields.OUTCOME] == case.outcome  # a leg that is spied on dies with its last running value
        if case.way not in UNASKED:
            asking = await site.left_behind(leg.asking_id)
            read = await site.report("h", leg)
            assert asking[fields.OUTCOME] == case.outcome
            assert asking[fields.STATUS] == read.get(fields.STATUS)

    @every(*ALL)
    async def test_carrier_and_caller_notice_nothing(
        self, case: Case, site: CallSite, over: Mapping[str, Over]
    ) -> None:
        call, caller = over[case.name].carrier, over[case.name].placed.caller
        assert call.final_status == case.carrier.final
        assert call.cancelled is None
        if case.plays:
            assert call.packets_sent > 50 * case.carrier.seconds * 0.8
        if caller is None:
            return
        responses = [response.status for response in caller.responses]
        asks = case.way not in UNASKED and case.carrier.final != 200
        in_time = (
            asks and (await site.report("after-dial", over[case.name].leg)).get(fields.STATUS) == "final"
        )
        assert responses[-1] == (case.caller_gets if in_time else case.carrier.final)
        if case.plays and case.way is not Way.DIAL_FALSE_RINGING:
            assert caller.packets >= 0.95 * call.packets_sent - 10
        if case.way is Way.DIAL_FALSE_RINGING:
            assert (180, False) in [(response.status, response.sdp) for response in caller.responses]
            assert caller.packets == 0

    @every(*HEARD)
    async def test_hardly_any_audio_is_lost(self, case: Case, over: Mapping[str, Over]) -> None:
        journal = over[case.name].journal
        assert journal["tap"] == OWN_TAPS.get(case.way, self.tap)
        assert journal["dropped_seconds"] == 0
        sent = over[case.name].carrier.packets_sent * 0.02
        missed = sent - journal["audio_seconds"]
        # What came since the last tick before the end is not awaited.
        assert -0.1 <= missed <= (0.5 if case.way.brings_own_tap else self.late_seconds), (sent, journal)

    @every(*ANSWERED)
    async def test_nothing_is_judged_after_the_true_answer(
        self, case: Case, site: CallSite, over: Mapping[str, Over]
    ) -> None:
        seen = over[case.name]
        assert seen.carrier.first_rtp is not None
        assert seen.carrier.final_sent is not None
        early = seen.carrier.final_sent - seen.carrier.first_rtp
        assert seen.journal["audio_seconds"] <= early + 2.5
        assert "s" not in seen.journal["seconds"][: int(early)]
        assert len(seen.journal["seconds"]) < early + 2.5
        if case.way.brings_own_tap or case.way is Way.ORIGINATE_EARLY:
            await site.report("answered", seen.leg)  # the dialer's own context was entered

    async def test_nobody_can_read_a_number_from_log_or_journal(
        self, agent: LabAgent, over: Mapping[str, Over]
    ) -> None:
        numbers = [call.placed.number for call in over.values()]
        assert len({call.journal["number"] for call in over.values()}) == len(numbers)
        told = [str(line) for line in agent.journal()]
        told += [str(line) for line in agent.log() if line["level"] != "debug"]
        assert len(told) > len(numbers)
        assert not [number for number in numbers if any(number in line for line in told)]

    async def test_the_agent_had_nothing_to_complain_about(
        self, agent: LabAgent, over: Mapping[str, Over]
    ) -> None:
        assert over
        assert not [line for line in agent.log() if line["level"] in ("error", "critical")]


class TestOnAsterisk(CallsOn):
    """Through helper channels that spy, and through the legs' own applications."""

    pbx = PbxKind.ASTERISK
    tap = TapKind.SPY_AUDIOSOCKET
    late_seconds = 3.0

    @pytest_asyncio.fixture(scope="class", loop_scope="session")
    @classmethod
    async def site(cls, shared_lab: LabAsterisk) -> AsyncIterator[Site]:
        async with open_site(shared_lab) as site:
            yield site

    @pytest.mark.parametrize("place", ["after-dial", "h"])
    async def test_the_last_word_reaches_the_dialplan(
        self, place: str, site: Site, over: Mapping[str, Over]
    ) -> None:
        """How often it is in time is measured on a quiet machine: benchmarks/live.py."""
        asking = {call.leg.asking_id for call in over.values() if call.placed.way not in UNASKED}
        reports = list(
            site.dialer.named("LabReport", lambda e: e.get("Where") == place and e.get("Uniqueid") in asking)
        )
        assert [report for report in reports if report.get(fields.CARRIER_SIP_CODE)]

    async def test_a_dialplan_without_a_sync_point_reads_what_stood(
        self, site: Site, over: Mapping[str, Over]
    ) -> None:
        report = await site.report("after-dial", over["unaware dialplan"].leg)
        assert report.get(fields.CLASS) == Sound.RINGING
        assert report.get(fields.STATUS) == "listening"
        assert report.get(fields.CAUSE) == ""

    async def test_helper_channels_leave_no_records_and_are_known_by_their_ids(
        self, site: Site, over: Mapping[str, Over]
    ) -> None:
        helpers = {
            event.get("Uniqueid")
            for event in site.dialer.named("Newchannel")
            if event.get("Channel").startswith("AudioSocket/")
        }
        spied = [call.leg.id for call in over.values() if call.journal["tap"] == TapKind.SPY_AUDIOSOCKET]
        assert helpers >= {f"emtap-{leg_id}" for leg_id in spied}
        assert all(helper.startswith("emtap-") for helper in helpers)
        records = site.lab.call_records()
        assert len(records) >= len(over)
        ours = tuple(f"{prefix}-{call.leg.id}" for call in over.values() for prefix in ("emtap", "emtap2"))
        assert not [record for record in records if record.uniqueid.startswith(ours)]
        assert not [record for record in records if record.uniqueid in helpers]


class TestOnFreeSwitch(CallsOn):
    """Through recordings of the legs that FreeSWITCH makes for the agent."""

    pbx = PbxKind.FREESWITCH
    tap = TapKind.RECORD_NATIVE
    late_seconds = 0.8

    @pytest_asyncio.fixture(scope="class", loop_scope="session")
    @classmethod
    async def site(cls, shared_freeswitch: LabFreeSwitch, chroot: Path) -> AsyncIterator[FreeSwitchSite]:
        async with open_freeswitch_site(shared_freeswitch, chroot) as site:
            yield site


def _told(happening: Happening) -> dict[str, str]:
    return {name: happening.get(name) for name in TOLD}


def _text(number: int | None) -> str:
    return "" if number is None else str(number)
