"""A simulated caller: one inbound call to the PBX, and all that its phone would have seen and heard."""

import asyncio
import random
import time
from dataclasses import dataclass
from typing import Self

from agent.demo.rtp import HEADER, HEADER_BYTES, Datagrams
from agent.demo.sip import Media, Message, Payload, SipError, respond, uri_of


@dataclass(frozen=True, slots=True)
class Response:
    """A response to our INVITE."""

    at: float
    """Monotonic seconds."""
    status: int
    sdp: bool
    """Whether it carries a session description."""
    reason: str
    """Its Reason header, e.g. `Q.850;cause=17`."""


class Caller:
    """A SIP user agent client for one call; `async with` opens and closes its sockets."""

    def __init__(
        self, *, pbx: tuple[str, int] = ("127.0.0.1", 15060), user: str = "caller", host: str = "127.0.0.1"
    ) -> None:
        """Name the PBX's SIP address, and the user that the PBX knows us by."""
        self.pbx, self.user, self.host = pbx, user, host
        self.invited: float | None = None
        self.responses: list[Response] = []
        self.first_rtp: float | None = None
        self.audio = bytearray()
        """The payload of every RTP packet that came, in order of arrival."""
        self.packets = 0
        self.bye_reason: str | None = None
        """Reason header of the PBX's BYE, None until it comes."""
        self._final: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._over = asyncio.Event()
        self._call_id = f"{random.getrandbits(64):016x}"
        self._tag = f"{random.getrandbits(32):08x}"
        self._branch = f"z9hG4bK{random.getrandbits(60):x}"

    async def __aenter__(self) -> Self:
        """Open the sockets."""
        loop = asyncio.get_running_loop()
        self._sip, _ = await loop.create_datagram_endpoint(
            lambda: Datagrams(self._receive), local_addr=(self.host, 0)
        )
        self._rtp, _ = await loop.create_datagram_endpoint(
            lambda: Datagrams(self._hear), local_addr=(self.host, 0)
        )
        self._port: int = self._sip.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Give the call up, if it is still there, and close."""
        if self.invited is not None and not self._over.is_set():
            if self._final.done():
                self.hang_up()
            else:
                self.cancel()
        self._sip.close()
        self._rtp.close()

    def dial(self, number: str) -> None:
        """Send the INVITE."""
        self._uri = f"sip:{number}@{self.pbx[0]}:{self.pbx[1]}"
        self._to = f"<{self._uri}>"
        offer = Media(self.host, self._rtp.get_extra_info("sockname")[1], (Payload.PCMU, Payload.PCMA))
        self.invited = time.monotonic()
        self._request("INVITE", 1, self._branch, body=offer.encode())

    async def final(self, timeout_seconds: float = 30.0) -> int:
        """Wait for the final status. Raises TimeoutError."""
        return await asyncio.wait_for(asyncio.shield(self._final), timeout_seconds)

    async def over(self, timeout_seconds: float = 30.0) -> None:
        """Wait until the call is over: refused, cancelled, or hung up by either side. Raises TimeoutError."""
        await asyncio.wait_for(self._over.wait(), timeout_seconds)

    async def status(self, *statuses: int, timeout_seconds: float = 10.0) -> Response:
        """Wait for the first response with one of these status codes. Raises TimeoutError."""
        async with asyncio.timeout(timeout_seconds):
            while True:
                for response in self.responses:
                    if response.status in statuses:
                        return response
                await asyncio.sleep(0.01)

    def cancel(self) -> None:
        """Give up before the answer."""
        self._request("CANCEL", 1, self._branch)

    def hang_up(self) -> None:
        """Hang up after the answer."""
        self._request("BYE", 2, self._fresh_branch())
        self._over.set()

    def _receive(self, data: bytes, source: tuple[str, int]) -> None:
        try:
            message = Message.parse(data)
        except SipError:
            return
        if message.is_request:
            contact = f"sip:{self.user}@{self.host}:{self._port}"
            if message.method != "ACK":
                self._sip.sendto(respond(message, 200, tag=self._tag, contact=contact).encode(), source)
            if message.method == "BYE":
                self.bye_reason = message.get("reason")
                self._over.set()
        elif message.method == "INVITE":
            self._responded(message)

    def _responded(self, message: Message) -> None:
        response = Response(time.monotonic(), message.status, bool(message.body), message.get("reason"))
        if response.status < 200:
            self.responses.append(response)
            return
        self._to = message.get("to")
        if response.status < 300:
            self._uri = uri_of(message.get("contact")) or self._uri
        # The ACK of a refusal is part of the INVITE's transaction, that of an answer is one of its own.
        self._request("ACK", 1, self._branch if response.status >= 300 else self._fresh_branch())
        if not self._final.done():
            self.responses.append(response)
            self._final.set_result(response.status)
            if response.status >= 300:
                self._over.set()

    def _hear(self, data: bytes, _: tuple[str, int]) -> None:
        # Payload types from 72 to 95 are RTCP that went astray (RFC 5761, 4).
        if len(data) < HEADER_BYTES or HEADER.unpack_from(data)[1] & 0x7F not in tuple(Payload):
            return
        if self.first_rtp is None:
            self.first_rtp = time.monotonic()
        self.packets += 1
        self.audio += data[HEADER_BYTES:]

    def _fresh_branch(self) -> str:
        return f"z9hG4bK{random.getrandbits(60):x}"

    def _request(self, method: str, sequence: int, branch: str, body: bytes = b"") -> None:
        headers = [
            ("Via", f"SIP/2.0/UDP {self.host}:{self._port};branch={branch}"),
            ("Max-Forwards", "70"),
            ("From", f"<sip:{self.user}@{self.host}>;tag={self._tag}"),
            ("To", self._to),
            ("Call-ID", self._call_id),
            ("CSeq", f"{sequence} {method}"),
            ("Contact", f"<sip:{self.user}@{self.host}:{self._port}>"),
        ]
        if body:
            headers.append(("Content-Type", "application/sdp"))
        self._sip.sendto(Message(f"{method} {self._uri} SIP/2.0", tuple(headers), body).encode(), self.pbx)
