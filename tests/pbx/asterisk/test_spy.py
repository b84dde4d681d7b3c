"""A spy that does not notice the end of its leg holds the leg's channel, and is ended."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agent.pbx.asterisk import spy
from agent.pbx.asterisk.adapter import AsteriskAdapter, AsteriskSettings
from agent.pbx.asterisk.audiosocket_server import AudioSocketSettings
from agent.pbx.asterisk.shim_server import ShimSettings
from tests.pbx.asterisk.scripted_ami import ScriptedAsterisk, settings
from tests.pbx.freeswitch.ear import Ear
from tests.pbx.tape import Tape
from tests.pbx.waiting import until

ENDED = "the spy had not noticed that its leg is over: it was ended"
LEG = ("DestUniqueid: 1.2", "DestChannel: PJSIP/carrier-00000002")


@pytest.fixture
async def adapter(
    asterisk: ScriptedAsterisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AsteriskAdapter]:
    """An adapter that spies on one leg that is dialled."""
    monkeypatch.setattr(spy, "LET_GO_S", 0.1)
    asterisk.answers["originate"] = lambda action: "Response: Error\r\nMessage: Extension does not exist."
    asterisk.answers["getvar"] = lambda action: "Response: Success\r\nVariable: x\r\nValue: 0"
    adapter = AsteriskAdapter(
        AsteriskSettings(
            trunks=("PJSIP/carrier-*",),
            ami=settings(asterisk),
            audiosocket=AudioSocketSettings(port=0),
            shims=ShimSettings(tmp_path / "shim.sock", group=""),
        ),
        Ear(),
    )
    await adapter.start()
    await until(lambda: adapter.connected)
    asterisk.event(
        "Event: DialBegin", *LEG, "Uniqueid: 1.1", "Channel: PJSIP/caller-1", "DialString: 9@carrier"
    )
    await until(lambda: adapter.legs.get("1.2"))
    yield adapter
    await adapter.stop()


@pytest.mark.parametrize(
    "end",
    [
        ("Event: DialEnd", *LEG, "DialStatus: CHANUNAVAIL"),
        ("Event: DialEnd", *LEG, "DialStatus: CANCEL"),
        ("Event: HangupRequest", "Uniqueid: 1.2", "Channel: PJSIP/carrier-00000002", "Cause: 1"),
    ],
    ids=["refused", "given up", "hung up"],
)
async def test_one_that_holds_a_leg_that_is_over_is_ended(
    asterisk: ScriptedAsterisk, adapter: AsteriskAdapter, end: tuple[str, ...]
) -> None:
    tape = Tape()
    adapter.spy.attached("1.2", tape)
    with capture_logs() as logs:
        asterisk.event(*end)
        await until(lambda: tape.ended)
    assert ENDED in [log["event"] for log in logs]


async def test_one_whose_leg_ends_by_itself_is_left_alone(
    asterisk: ScriptedAsterisk, adapter: AsteriskAdapter
) -> None:
    adapter.spy.attached("1.2", Tape())
    with capture_logs() as logs:
        asterisk.event("Event: DialEnd", *LEG, "DialStatus: BUSY")
        asterisk.event("Event: Hangup", "Uniqueid: 1.2", "Cause: 17", "TechCause: SIP 486 Busy Here")
        await until(lambda: adapter.legs.get("1.2") is None)
        await asyncio.sleep(3 * spy.LET_GO_S)
    assert ENDED not in [log["event"] for log in logs]


async def test_an_answer_ends_no_spy(asterisk: ScriptedAsterisk, adapter: AsteriskAdapter) -> None:
    tape = Tape()
    adapter.spy.attached("1.2", tape)
    asterisk.answers["getvar"] = lambda action: "Response: Success\r\nVariable: x\r\nValue: SIP 183 Progress"
    asterisk.event("Event: DialEnd", *LEG, "DialStatus: ANSWER")
    await until(lambda: adapter.answers.is_up("1.2"))
    await asyncio.sleep(3 * spy.LET_GO_S)
    assert not tape.ended
