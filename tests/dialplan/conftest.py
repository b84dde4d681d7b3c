"""The agent's socket, for tests of the snippets on a real Asterisk."""

import socket
from collections.abc import AsyncIterator

import pytest

from agent.demo.asterisk import LabAsterisk


@pytest.fixture
async def agent(lab: LabAsterisk) -> AsyncIterator[socket.socket]:
    """The agent's socket, listening: who accepts on it plays the agent; until then it is stalled."""
    lab.agent_socket.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(lab.agent_socket))
        listener.listen(50)
        listener.setblocking(False)
        yield listener
    lab.agent_socket.unlink(missing_ok=True)
