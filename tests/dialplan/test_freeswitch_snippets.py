"""The shipped XML on a real FreeSWITCH, with no agent, or with one that a test plays itself."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from importlib import resources

import pytest

from agent.demo.call import Scenario
from agent.demo.caller import Caller
from agent.demo.carrier import Carrier
from agent.demo.event_socket import EventSocket
from agent.demo.freeswitch import LabFreeSwitch
from agent.demo.happenings import Happening
from agent.demo.lab import shipped_dialplan

pytestmark = pytest.mark.pbx

BRIDGED, CONSUMED, ROUTES, PROXIED, BYPASSED = "1", "2", "4", "8", "9"
"""First digit of the extension, see freeswitch.xml of the lab."""
AWAITED_SECONDS = 0.16
UNHURRIED = 0.2
"""A 183 within some milliseconds is too much for FreeSWITCH's proxy_media ("Missing local host")."""


class Bench:
    """Callers, a carrier, and what the dialer sees."""

    def __init__(self, lab: LabFreeSwitch, carrier: Carrier, dialer: EventSocket, opened: AsyncExitStack):
        self.lab, self.carrier, self.dialer, self._opened = lab, carrier, dialer, opened

    async def call(self, extension: str, scenario: Scenario) -> Caller:
        """Call in, to be dialled on as the first digit of the extension says."""
        self.carrier.scenarios[extension[1:]] = scenario
        caller = await self._opened.enter_async_context(Caller(pbx=("127.0.0.1", self.lab.ports.sip)))
        caller.dial(extension)
        return caller

    async def report(self, where: str = "after-dial") -> Happening:
        return await self.dialer.event("LabReport", lambda e: e.get("Where") == where)

    async def leg(self) -> Happening:
        return await self.dialer.event("CHANNEL_ORIGINATE", lambda e: e.get("sip_gateway_name") != "")


@pytest.fixture
async def bench(freeswitch: LabFreeSwitch) -> AsyncIterator[Bench]:
    async with (
        Carrier(port=freeswitch.ports.carrier) as carrier,
        freeswitch.dialer() as dialer,
        AsyncExitStack() as opened,
    ):
        yield Bench(freeswitch, carrier, await dialer.subscribe(), opened)


@pytest.mark.parametrize("way", [BRIDGED, CONSUMED, PROXIED, BYPASSED])
async def test_without_an_agent_the_caller_gets_the_carriers_code(bench: Bench, way: str) -> None:
    for final in (486, 404, 480, 408, 503, 603):
        caller = await bench.call(
            f"{way}700{final}", Scenario(wait_seconds=UNHURRIED, seconds=0.3, final=final)
        )
        assert await caller.final() == final
        sent = bench.carrier.calls_to(f"700{final}")[0].final_sent
        assert sent is not None
        assert caller.responses[-1].at - sent < 5 * AWAITED_SECONDS
    for report in bench.dialer.named("LabReport"):
        assert (report.get("EARLYMEDIA_STATUS"), report.get("EARLYMEDIA_OUTCOME")) == ("unavailable", "")


@pytest.mark.parametrize(("cause", "status"), [("1", 404), ("17", 486), ("34", 503), ("19", 480)])
async def test_a_final_cause_outdoes_the_carriers(bench: Bench, cause: str, status: int) -> None:
    caller = await bench.call(f"{CONSUMED}700", Scenario(audio=b"", seconds=1, final=603))
    asking = (await bench.leg()).get("Other-Leg-Unique-ID")
    final = f"EARLYMEDIA_CAUSE={cause};EARLYMEDIA_AGREEMENT=contradicts;EARLYMEDIA_STATUS=final"
    await bench.dialer.api(f"uuid_setvar_multi {asking} {final}")
    assert await caller.final() == status
    assert (await bench.report()).get("EARLYMEDIA_HANGUP_CAUSE") == cause


@pytest.mark.parametrize(
    "stands", ["EARLYMEDIA_CAUSE=1;EARLYMEDIA_STATUS=listening", "EARLYMEDIA_STATUS=final"]
)
async def test_what_is_not_final_or_has_no_cause_keeps_the_carriers(bench: Bench, stands: str) -> None:
    caller = await bench.call(f"{BRIDGED}700", Scenario(audio=b"", seconds=1, final=486))
    asking = (await bench.leg()).get("Other-Leg-Unique-ID")
    await bench.dialer.api(f"uuid_setvar_multi {asking} {stands}")
    assert await caller.final() == 486
    assert (await bench.report()).get("EARLYMEDIA_HANGUP_CAUSE") == "USER_BUSY"


async def test_a_last_word_that_comes_while_it_is_awaited_counts(bench: Bench) -> None:
    caller = await bench.call(f"{BRIDGED}700", Scenario(audio=b"", seconds=1, final=486))
    leg = await bench.leg()
    await bench.dialer.event("CHANNEL_HANGUP_COMPLETE", lambda e: e.get("Unique-ID") == leg.get("Unique-ID"))
    final = "EARLYMEDIA_CAUSE=1;EARLYMEDIA_AGREEMENT=contradicts;EARLYMEDIA_STATUS=final"
    await bench.dialer.api(f"uuid_setvar_multi {leg.get('Other-Leg-Unique-ID')} {final}")
    assert await caller.final() == 404


async def test_the_next_attempt_forgets_what_the_first_was_told(bench: Bench) -> None:
    caller = await bench.call(f"{ROUTES}700", Scenario(audio=b"", seconds=1, final=503))
    asking = (await bench.leg()).get("Other-Leg-Unique-ID")
    final = "EARLYMEDIA_CAUSE=1;EARLYMEDIA_OUTCOME=announcement;EARLYMEDIA_STATUS=final"
    await bench.dialer.api(f"uuid_setvar_multi {asking} {final}")
    assert (await bench.report("first-attempt")).get("EARLYMEDIA_HANGUP_CAUSE") == "1"
    assert await caller.final() == 503
    after = await bench.report()
    assert (after.get("EARLYMEDIA_STATUS"), after.get("EARLYMEDIA_OUTCOME")) == ("unavailable", "")


async def test_an_originated_call_reaches_its_extension_at_the_answer_only(bench: Bench) -> None:
    bench.carrier.scenarios["700"] = Scenario(audio=b"", seconds=1.5, final=200, answered_seconds=0.5)
    await _originate(bench, EARLYMEDIA_NEXT="answered XML answered")
    report = await bench.report("answered")
    answered = (await bench.carrier.ended("700")).final_sent
    assert answered is not None
    assert report.at >= answered


async def test_an_originated_call_rings_no_longer_than_asked(bench: Bench) -> None:
    bench.carrier.scenarios["700"] = Scenario(audio=b"", final=None)
    leg = await _originate(bench, EARLYMEDIA_NEXT="answered XML answered", EARLYMEDIA_RING_SECONDS="2")
    call = await bench.carrier.ended("700")
    assert call.cancelled is not None
    assert 1 < call.cancelled - call.invited < 10
    gone = await bench.dialer.event("CHANNEL_HANGUP_COMPLETE", lambda e: e.get("Unique-ID") == leg)
    assert gone.get("Hangup-Cause") == "NO_ANSWER"


def test_the_examples_are_what_the_lab_runs() -> None:
    head = (shipped_dialplan("freeswitch") / "earlymedia.xml").read_text().partition("-->")[0]
    example = re.findall(r'<action application="(\w+)" data="([^"]*)"', head.partition("The lines")[0])
    assert ("bridge", "sofia/gateway/carrier/$1") in example
    lab = re.sub(r"\s+", " ", _lab_configuration())
    for application, data in example:
        line = data.replace("sofia/gateway/carrier/$1", "${lab_route}")
        assert f'<action application="{application}" data="{line}"/>' in lab


def _lab_configuration() -> str:
    return (resources.files("agent.demo") / "freeswitch-conf" / "freeswitch.xml").read_text()


async def _originate(bench: Bench, **variables: str) -> str:
    told = {"ignore_early_media": "false", **variables}
    return await bench.dialer.originate(
        "sofia/gateway/carrier/700", "earlymedia-originate XML earlymedia", told
    )
