"""The shell of a scripted PBX: a real loopback socket on which commands come and anything may be said."""

import asyncio
import ssl
from abc import ABC, abstractmethod


class ScriptedServer(ABC):
    """Listens on a port of its own, keeps it over a restart, and takes what comes apart into commands."""

    command_end: bytes

    def __init__(self) -> None:
        self.port = 0
        self.writers: list[asyncio.StreamWriter] = []
        """Open connections, the oldest first."""
        self._server: asyncio.Server | None = None

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=1 << 20, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self.hang_up()
        await asyncio.sleep(0.01)

    def hang_up(self) -> None:
        """Cut every connection."""
        for writer in self.writers:
            writer.transport.abort()

    def say(self, data: bytes) -> None:
        """Say the same on every connection."""
        for writer in self.writers:
            writer.write(data)

    @abstractmethod
    def greet(self, writer: asyncio.StreamWriter) -> bool:
        """Say what is said to who connects; True if it may stay."""

    @abstractmethod
    def take(self, command: str, writer: asyncio.StreamWriter) -> None:
        """Take one command, without its end."""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            stays = self.greet(writer)
            while stays:
                command = await reader.readuntil(self.command_end)
                self.take(command.decode().rstrip("\r\n"), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.writers.remove(writer)
            writer.close()
