"""A dialer of the lab: places calls through FreeSWITCH's event socket, and keeps every event that it sees.

It is a client of its own, so that what the agent's client makes of FreeSWITCH is never judged by itself.
"""

import asyncio
import contextlib
import json
import time
import uuid
from collections import deque
from collections.abc import Mapping
from typing import Self

from agent.demo.happenings import Happening, Happenings
from agent.demo.lab import LabError

EVENTS = (
    "CHANNEL_ORIGINATE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_ANSWER CHANNEL_HANGUP_COMPLETE "
    "BACKGROUND_JOB CUSTOM earlymedia::verdict LabReport"
)
LARGEST_LINE_BYTES = 1 << 20


class EventSocket(Happenings):
    """A session of the event socket; `async with` opens and closes it."""

    def __init__(self, port: int, password: str) -> None:
        """Name the port on 127.0.0.1."""
        super().__init__()
        self.port, self.password = port, password
        self._replies: deque[asyncio.Future[str]] = deque()

    async def __aenter__(self) -> Self:
        """Connect and log in. Raises `LabError` if FreeSWITCH refuses, OSError if it is not there."""
        self._reader, self._writer = await asyncio.open_connection(
            "127.0.0.1", self.port, limit=LARGEST_LINE_BYTES
        )
        self._listening = asyncio.create_task(self._listen())
        reply = await self.send(f"auth {self.password}")
        if not reply.startswith("+OK"):
            await self.__aexit__()
            raise LabError(f"FreeSWITCH does not let us in: {reply or 'it closed the connection'}")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect."""
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def subscribe(self) -> Self:
        """Ask for the events that tests look at."""
        await self.send(f"event json {EVENTS}")
        return self

    async def send(self, command: str) -> str:
        """Send a command and return its reply. Raises TimeoutError after ten seconds."""
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._replies.append(future)
        self._writer.write(f"{command}\n\n".encode())
        return await asyncio.wait_for(future, 10.0)

    async def api(self, command: str) -> str:
        """Run a command of the command line interface and return what it prints."""
        return await self.send(f"api {command}")

    async def originate(self, to: str, then: str, variables: Mapping[str, str]) -> str:
        """Place a call in the background; returns the uuid of its channel.

        `to` is a dial string, `then` what it runs: `&park()` or `exten XML context`.
        """
        channel_id = str(uuid.uuid4())
        told = {"origination_uuid": channel_id, **variables}
        braces = ",".join(f"{name}='{value}'" for name, value in told.items())
        await self.send(f"bgapi originate {{{braces}}}{to} {then}")
        return channel_id

    async def _listen(self) -> None:
        try:
            while head := await self._reader.readuntil(b"\n\n"):
                headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
                body = await self._reader.readexactly(int(headers.get("Content-Length", "0")))
                await self._take(headers, body.decode("utf-8", "replace"))
        except (asyncio.IncompleteReadError, OSError):
            for reply in self._replies:
                reply.set_result("")
            await self.end("FreeSWITCH closed the connection")

    async def _take(self, headers: Mapping[str, str], body: str) -> None:
        match headers.get("Content-Type"):
            case "command/reply":
                self._reply(headers.get("Reply-Text", ""))
            case "api/response":
                self._reply(body)
            case "text/event-json":
                told = json.loads(body)
                named = tuple((key.removeprefix("variable_"), str(value)) for key, value in told.items())
                await self.add(Happening(time.monotonic(), named))

    def _reply(self, text: str) -> None:
        future = self._replies.popleft()
        if not future.done():
            future.set_result(text)
