"""Fixtures of the tests of the event socket."""

from collections.abc import AsyncIterator

import pytest

from agent.pbx.freeswitch.client import EventSocketClient
from tests.pbx.freeswitch.scripted_event_socket import ScriptedFreeSwitch, settings
from tests.pbx.waiting import until


@pytest.fixture
async def freeswitch() -> AsyncIterator[ScriptedFreeSwitch]:
    freeswitch = ScriptedFreeSwitch()
    await freeswitch.start()
    yield freeswitch
    await freeswitch.stop()


@pytest.fixture
async def client(freeswitch: ScriptedFreeSwitch) -> AsyncIterator[EventSocketClient]:
    """A client that is connected."""
    client = EventSocketClient(settings(freeswitch))
    client.start()
    await until(lambda: client.connected)
    yield client
    await client.stop(drain_s=0)
