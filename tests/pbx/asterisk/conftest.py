"""Fixtures of the shim socket's tests."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.pbx.asterisk.shims import Agent, descriptors


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
