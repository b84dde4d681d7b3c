"""What every connection to a PBX does with its transport, whatever it says there."""

import asyncio
from collections.abc import Callable


class Wire:
    """The transport of one TCP connection, from its making to its loss: what is written and why it ended."""

    def __init__(self, on_lost: Callable[[str], None]) -> None:
        """Tell `on_lost` once, at the moment of the loss, with a clause that says why."""
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[str] = loop.create_future()
        """Done when the connection is gone, with a clause that says why."""
        self._gone: asyncio.Future[None] = loop.create_future()
        self._on_lost = on_lost
        self._outbox: list[bytes] = []
        self._transport: asyncio.Transport | None = None

    @property
    def open(self) -> bool:
        """What is written now can reach the other end."""
        return self._transport is not None and not self.lost.done()

    def made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport from the event loop."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def gone(self, why: str) -> None:
        """Take note that the transport is gone."""
        self._transport = None
        self._gone.set_result(None)
        self._end(why)

    def write(self, data: bytes) -> None:
        """Send with all else that this pass of the event loop has to say: one packet, not hundreds."""
        if not self._outbox:
            asyncio.get_running_loop().call_soon(self._flush)
        self._outbox.append(data)

    def abort(self, why: str) -> None:
        """Send what is still to be sent, as far as it goes without waiting, and end the connection."""
        if self._transport is not None:
            self._flush()
            self._transport.abort()  # a polite close would wait for a peer that may be frozen
        self._end(why)

    async def close(self) -> None:
        """Abort, and wait until the transport is gone."""
        self.abort("we closed it")
        if self._transport is not None:
            await asyncio.wait([self._gone])

    def _flush(self) -> None:
        if self._outbox and self._transport is not None:
            self._transport.write(b"".join(self._outbox))
        self._outbox.clear()

    def _end(self, why: str) -> None:
        if self.lost.done():
            return
        self.lost.set_result(why)
        self._outbox.clear()
        self._on_lost(why)
