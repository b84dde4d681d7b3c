"""A shim server and shims to connect to it, for the tests of both ends of a session."""

import asyncio
import os
import socket
from collections.abc import Mapping
from pathlib import Path

from agent.pbx.asterisk.eagi import EagiSession
from agent.pbx.asterisk.shim_server import ShimServer, ShimSettings
from tests.pbx.waiting import until

ENVIRONMENT = b"agi_channel: PJSIP/carrier-01\nagi_uniqueid: 17.42\nagi_enhanced: 1.0\n\n"


class Agent:
    """A shim server and what it told."""

    def __init__(self, path: Path, **changes: object) -> None:
        self.sessions: list[EagiSession] = []
        self.hung_up: list[EagiSession] = []
        self.questions: list[tuple[str, tuple[str, ...]]] = []
        self.answer: Mapping[str, str] | Exception = {
            "EARLYMEDIA_CLASS": "speech",
            "EARLYMEDIA_STATUS": "final",
        }
        self.thinks_s = 0.0
        self.ready = True
        settings = ShimSettings(path, group="", handshake_timeout_s=0.2, **changes)  # type: ignore[arg-type]
        self.server = ShimServer(settings, on_eagi=self.took, on_sync=self.asked, ready=lambda: self.ready)

    def took(self, session: EagiSession) -> None:
        self.sessions.append(session)
        session.on_hangup = lambda: self.hung_up.append(session)

    async def asked(self, unique_id: str, args: tuple[str, ...]) -> Mapping[str, str]:
        self.questions.append((unique_id, args))
        await asyncio.sleep(self.thinks_s)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class Shim:
    """The shim's side of the socket, with Asterisk's end of the audio pipe."""

    def __init__(self, agent: Agent) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(2)
        self.socket.connect(str(agent.server.settings.path))
        self.read_end, self.write_end = os.pipe()

    def close(self) -> None:
        self.socket.close()
        for fd in (self.read_end, self.write_end):
            if fd >= 0:
                os.close(fd)

    async def line(self, data: bytes, *fds: int) -> None:
        """Wait for the agent's `+` and introduce oneself."""
        assert await self.receive(1) == b"+"
        socket.send_fds(self.socket, [data], list(fds))

    async def receive(self, size: int = 65536) -> bytes:
        try:
            return await asyncio.to_thread(self.socket.recv, size)
        except ConnectionResetError:
            return b""

    async def eagi(self, agent: Agent, args: bytes = b"") -> EagiSession:
        """Become a session."""
        known = len(agent.sessions)
        await self.line(b"EAGI" + args + b"\n", self.read_end)
        self.socket.sendall(ENVIRONMENT)
        await until(lambda: len(agent.sessions) > known)
        return agent.sessions[-1]
