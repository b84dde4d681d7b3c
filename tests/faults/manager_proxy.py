"""A wire between the agent and Asterisk's manager interface that can be cut, held, slowed and spoilt."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self


class ManagerProxy:
    """Passes every connection on; `async with` listens, on a port of its own."""

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self.delay_s = 0.0
        """What is said either way arrives so much later."""
        self.dead = False
        """Nothing is passed on, and nobody is told."""
        self._target_port = target_port
        self._agents: list[asyncio.StreamWriter] = []
        self._pumps: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def cut(self) -> None:
        """End every connection at once."""
        for agent in self._agents:
            agent.transport.abort()
        for pump in self._pumps:
            pump.cancel()

    async def say(self, data: bytes) -> None:
        """Say something to the agent that Asterisk never said, and wait until it is on its way.

        The agent may hang up meanwhile.
        """
        for agent in tuple(self._agents):
            with suppress(ConnectionError):
                agent.write(data)
                await agent.drain()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        self._agents.append(writer)
        pumps = [
            asyncio.create_task(self._pump(reader, there_writer)),
            asyncio.create_task(self._pump(there_reader, writer)),
        ]
        self._pumps.update(pumps)
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
            self._pumps.discard(pump)
        self._agents.remove(writer)
        for end in (writer, there_writer):
            end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while data := await reader.read(65536):
            if not self.dead:
                loop.call_later(self.delay_s, writer.write, data)
