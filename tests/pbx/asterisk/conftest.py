"""Fixtures of the tests of the shim socket and of the manager interface."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agent.pbx.asterisk.ami import AmiClient
from tests.pbx.asterisk.scripted_ami import ScriptedAsterisk, settings
from tests.pbx.asterisk.shims import Agent, descriptors
from tests.pbx.waiting import until


@pytest.fixture
def no_descriptor_is_leaked() -> Iterator[None]:
    before = descriptors()
    yield
    assert descriptors() == before


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Agent]:
    agent = Agent(tmp_path / "shim.sock", max_connections=3)
    agent.server.start()
    yield agent
    await agent.server.close()


@pytest.fixture
async def asterisk() -> AsyncIterator[ScriptedAsterisk]:
    asterisk = ScriptedAsterisk()
    await asterisk.start()
    yield asterisk
    await asterisk.stop()


@pytest.fixture
async def client(asterisk: ScriptedAsterisk) -> AsyncIterator[AmiClient]:
    """A client that is connected."""
    client = AmiClient(settings(asterisk))
    client.start()
    await until(lambda: client.connected)
    yield client
    await client.stop(drain_s=0)
