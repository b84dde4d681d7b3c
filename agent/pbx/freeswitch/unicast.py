"""Listening to a parked leg: FreeSWITCH sends its audio in datagrams, which costs it less than a recording.

Only while a leg executes `park` does FreeSWITCH send anything; elsewhere it answers +OK and is silent. It is
just as silent where its own port is taken, so the ports must be reserved: outside the range that the kernel
gives away. Unlike a recording this cannot be stopped before the leg is unparked, and FreeSWITCH plays into
the call whatever reaches its port (switch_ivr.c). So our socket stays open, unread, until the leg ends:
nobody else can take its port and hear on. And it is off unless ports are configured.
"""

import asyncio
import socket
from collections import deque
from contextlib import suppress
from pathlib import Path

import structlog

from agent.hearing.sound import Encoding
from agent.pbx.freeswitch.client import EventSocketClient
from agent.pbx.freeswitch.connection import EventSocketError
from agent.pbx.freeswitch.legs import LegBook
from agent.pbx.freeswitch.recorder import CODEC
from agent.pbx.freeswitch.spool import NATIVE
from agent.pbx.port import CallListener, Leg, TapKind

log = structlog.get_logger(__name__)

LOOPBACK = "127.0.0.1"
PARKED_WITHIN_S = 0.1
"""A leg that a dialer parks is parked so soon after its early media was announced."""
LOOK_S = 0.02
"""FreeSWITCH sends so often, even of silence ..."""
FIRST_DATAGRAM_LOOKS = 15
"""... so where nothing has come in so many times, nothing will."""
DATAGRAM_BYTES = 2048
MOST_DATAGRAMS = 200
"""Taken by one read: 4 s; a longer backlog takes more ticks."""
EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


class DatagramTap:
    """The datagrams of one leg; satisfies `agent.pbx.port.Tap`. The socket is not its own."""

    kind = TapKind.UNICAST
    encoding = Encoding.SLIN8

    def __init__(self, receiving: socket.socket) -> None:
        """Read from a connected, non-blocking socket until told to stop."""
        self._socket = receiving
        self._closed = False

    @property
    def ended(self) -> bool:
        """We let go, or the leg ended."""
        return self._closed or self._socket.fileno() < 0

    def read(self) -> bytes:
        """Return the audio that has come since the last read; never block or raise."""
        datagrams: list[bytes] = []
        if not self.ended:
            with suppress(OSError):  # there is no more for now
                for _ in range(MOST_DATAGRAMS):
                    datagrams.append(self._socket.recv(DATAGRAM_BYTES))  # noqa: PERF401  the error ends it
        return b"".join(datagrams)

    def close(self) -> None:
        """Read no more; harmless to call twice."""
        self._closed = True


class Unicast:
    """Attaches to parked legs, one reserved port of FreeSWITCH's for each."""

    def __init__(
        self, ports: range, client: EventSocketClient, legs: LegBook, listener: CallListener
    ) -> None:
        """Let FreeSWITCH send from these ports; taps of `legs` go to `listener`."""
        self._ports = ports
        self._free = deque(ports)
        self._client = client
        self._legs = legs
        self._listener = listener
        self._waiting: dict[str, asyncio.Event] = {}
        """Legs that may be parked in a moment."""
        self._used: dict[str, tuple[socket.socket, int]] = {}
        self._taps: dict[str, DatagramTap] = {}

    def start(self) -> None:
        """Say so where the ports are not reserved."""
        first, last = (int(number) for number in EPHEMERAL_RANGE.read_text().split())
        if self._ports and self._ports[0] <= last and self._ports[-1] >= first:
            log.warning(
                "freeswitch.unicast_ports lie where the kernel gives ports away", first=first, last=last
            )

    def listens(self, leg_id: str) -> bool:
        """Say whether a leg is listened to."""
        return leg_id in self._taps

    async def attach(self, leg: Leg) -> bool:
        """Listen to a leg of 8 kHz that is parked at once; say whether it is heard."""
        if leg.id in self._used or leg.id in self._waiting or not self._free:
            return False
        try:
            if not await self._is_parked(leg) or await self._client.getvar(leg.id, CODEC) not in NATIVE:
                return False
            return await self._attach(leg)
        except (EventSocketError, OSError) as error:
            log.debug("unicast failed", call=leg.id, reason=str(error))
            return False

    async def _is_parked(self, leg: Leg) -> bool:
        if self._legs.parked(leg.id):
            return True
        parked = self._waiting[leg.id] = asyncio.Event()
        try:
            async with asyncio.timeout(PARKED_WITHIN_S):
                return await parked.wait()
        except TimeoutError:
            return False
        finally:
            del self._waiting[leg.id]

    async def _attach(self, leg: Leg) -> bool:
        receiving = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        port = self._free.popleft()  # the one that has rested longest
        self._used[leg.id] = (receiving, port)
        receiving.setblocking(False)
        receiving.bind((LOOPBACK, 0))
        receiving.connect((LOOPBACK, port))  # takes datagrams from there only
        reply = await self._client.send_message(
            leg.id,
            {
                "call-command": "unicast",
                "local-ip": LOOPBACK,
                "local-port": str(port),
                "remote-ip": LOOPBACK,
                "remote-port": str(receiving.getsockname()[1]),
                "transport": "udp",
            },
        )
        if not reply.ok or not await _sends(receiving):
            log.debug("unicast sends nothing", call=leg.id, port=port, reply=reply.text)
            return False
        tap = self._taps[leg.id] = DatagramTap(receiving)
        self._listener.tap_attached(leg.id, tap)
        return True

    def parked(self, leg_id: str) -> None:
        """Take note that FreeSWITCH has parked a leg."""
        if waiting := self._waiting.get(leg_id):
            waiting.set()

    def unparked(self, leg_id: str) -> bool:
        """Take note that FreeSWITCH sends no more; say whether the leg was heard until now."""
        if tap := self._taps.pop(leg_id, None):
            tap.close()
        return tap is not None

    def release(self, leg_id: str) -> None:
        """Give the port of a leg that ended to the next one."""
        self.unparked(leg_id)
        if used := self._used.pop(leg_id, None):
            receiving, port = used
            receiving.close()
            self._free.append(port)

    def close(self) -> None:
        """Let go of everything."""
        for leg_id in tuple(self._used):
            self.release(leg_id)


async def _sends(receiving: socket.socket) -> bool:
    """Wait for the first datagram, and leave it where it is."""
    for _ in range(FIRST_DATAGRAM_LOOKS):
        with suppress(OSError):  # nothing has come, or the leg has ended
            if receiving.recv(1, socket.MSG_PEEK):
                return True
        await asyncio.sleep(LOOK_S)
    return False
