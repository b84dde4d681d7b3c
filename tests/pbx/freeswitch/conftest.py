"""Fixtures of the tests of the event socket, and of the whole adapter."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.pbx.freeswitch.adapter import FreeSwitchAdapter
from agent.pbx.freeswitch.client import EventSocketClient
from tests.pbx.freeswitch.ear import Ear, adapter_settings
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


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "taps"


@pytest.fixture
async def adapter(freeswitch: ScriptedFreeSwitch, folder: Path, ear: Ear) -> AsyncIterator[FreeSwitchAdapter]:
    """An adapter that is connected and has taken stock."""
    adapter = FreeSwitchAdapter(adapter_settings(freeswitch, folder), ear)
    await adapter.start()
    await until(lambda: freeswitch.named("api show channels"))
    yield adapter
    await adapter.stop()
