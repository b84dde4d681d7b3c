"""A dialer of the lab: places calls through Asterisk's manager interface, and keeps every event that it sees.

It is a client of its own, so that what the agent's client makes of Asterisk is never judged by itself.
"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Mapping
from typing import Self

from agent.demo.happenings import Happening, Happenings
from agent.demo.lab import LabError

ACTION_SECONDS = 5.0
"""What is not answered in this time is given up."""


class Dialer(Happenings):
    """A logged-in manager session; `async with` opens and closes it."""

    def __init__(self, port: int, user: str, secret: str) -> None:
        """Name the port on 127.0.0.1, and whom to log in as."""
        super().__init__()
        self.port, self.user, self.secret = port, user, secret
        self._responses: dict[str, asyncio.Future[Happening]] = {}
        self._ids = itertools.count(1)

    async def __aenter__(self) -> Self:
        """Connect and log in. Raises `LabError` if Asterisk refuses."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        await self._reader.readline()
        self._listening = asyncio.create_task(self._listen())
        response = await self.action("Login", Username=self.user, Secret=self.secret)
        if response.get("Response") != "Success":
            await self.__aexit__()
            raise LabError(f"Asterisk does not let {self.user} in: {response.get('Message')}")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect."""
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def action(
        self, name: str, variables: Mapping[str, str] | None = None, /, **headers: str
    ) -> Happening:
        """Send an action and return its response. Raises TimeoutError after `ACTION_SECONDS`."""
        action_id = f"lab-{next(self._ids)}"
        lines = [f"Action: {name}", f"ActionID: {action_id}"]
        lines += [f"{key}: {value}" for key, value in headers.items()]
        lines += [f"Variable: {key}={value}" for key, value in (variables or {}).items()]
        future = self._responses[action_id] = asyncio.get_running_loop().create_future()
        self._writer.write("\r\n".join([*lines, "", ""]).encode())
        try:
            return await asyncio.wait_for(future, ACTION_SECONDS)
        except TimeoutError:
            raise TimeoutError(f"Asterisk did not answer {name} within {ACTION_SECONDS:g} s") from None
        finally:
            del self._responses[action_id]

    async def originate(
        self,
        channel: str,
        context: str,
        *,
        exten: str = "s",
        early_media: bool = False,
        channel_id: str = "",
        timeout_seconds: float = 60.0,
        variables: Mapping[str, str] | None = None,
    ) -> str:
        """Place a call that runs `context` when it is answered (with `early_media`, at the 183 already).

        Returns the Uniqueid of its channel. Raises `LabError` if Asterisk refuses the action.
        """
        channel_id = channel_id or f"lab-{time.time():.3f}-{next(self._ids)}"
        headers = {"EarlyMedia": "true"} if early_media else {}
        # Of a Local channel, OtherChannelId names the second half, or it would take a name of its own.
        if channel.startswith("Local/"):
            headers["OtherChannelId"] = f"{channel_id}-2"
        response = await self.action(
            "Originate", variables, Channel=channel, Context=context, Exten=exten, Priority="1",
            ChannelId=channel_id, Timeout=str(round(timeout_seconds * 1000)), Async="true", **headers,
        )  # fmt: skip
        if response.get("Response") != "Success":
            raise LabError(f"Asterisk refuses to call {channel}: {response.get('Message')}")
        return channel_id

    async def report(self, where: str, *, uniqueid: str = "", timeout_seconds: float = 30.0) -> Happening:
        """Return what the lab's dialplan reads `after-dial`, in `h` or at `answered`; see extensions.conf."""
        return await self.event(
            "LabReport",
            lambda e: e.get("Where") == where and uniqueid in ("", e.get("Uniqueid")),
            timeout_seconds=timeout_seconds,
        )

    async def _listen(self) -> None:
        headers: list[tuple[str, str]] = []
        over = "Asterisk closed the connection"
        try:
            while line := await self._reader.readline():
                key, colon, value = line.decode("utf-8", "replace").rstrip("\r\n").partition(":")
                if colon:
                    headers.append((key, value.strip()))
                elif headers:
                    happening = Happening(time.monotonic(), tuple(headers))
                    headers = []
                    await self._take(happening)
        except (OSError, ValueError) as error:  # a reset, or a line without end
            over = str(error)
        await self.end(over)

    async def _take(self, happening: Happening) -> None:
        # OriginateResponse is an event that has a Response too.
        if not happening.get("Event"):
            future = self._responses.get(happening.get("ActionID"))
            if future is not None and not future.done():
                future.set_result(happening)
            return
        await self.add(happening)
