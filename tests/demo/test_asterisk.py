import pytest

from agent.demo.call import Scenario
from agent.demo.carrier import Carrier
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
