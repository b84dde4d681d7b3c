"""A simulated carrier: answers INVITEs as the scenario of the dialled number says, and plays early media.

Every call leaves a `Call` that tells when what happened, in monotonic seconds, so that a test sees what a
real carrier would have seen: whether, when and with which Reason a call was cancelled, say.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Self

from agent.demo.call import Call, Provisional, Scenario
from agent.demo.rtp import Datagrams, Pump, Stream, open_socket
from agent.demo.sip import Media, Message, Payload, SipError, respond, uri_of

RESEND_SECONDS = (0.5, 1.0, 2.0, 4.0, 4.0)
"""A final response is repeated until it is acknowledged (timer G of RFC 3261)."""


class Carrier:
    """A SIP user agent server with one scenario for each number; `async with` opens and closes it."""

    def __init__(
        self,
        scenarios: Mapping[str, Scenario] | None = None,
        *,
        fallback: Callable[[str], Scenario] | None = None,
        host: str = "127.0.0.1",
        port: int = 15070,
    ) -> None:
        """Numbers without a scenario ask `fallback`, and get a 404 at once where there is none."""
        self.scenarios = dict(scenarios or {})
        self.fallback = fallback or (lambda _: Scenario(Provisional.TRYING, seconds=0.0, final=404))
        self.host, self.port = host, port
        self.calls: list[Call] = []
        self.pump = Pump()
        self._dialogs: dict[str, _Dialog] = {}
        self._arrived = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Listen. Raises OSError where the port is taken."""
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(
            lambda: Datagrams(self.receive), local_addr=(self.host, self.port)
        )
        self.port = self.transport.get_extra_info("sockname")[1]
        self.spawn(self.pump.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Fall silent at once, in the middle of whatever calls there are."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for dialog in self._dialogs.values():
            dialog.end()
        self.transport.close()

    def calls_to(self, number: str) -> list[Call]:
        """Return the calls to a number, oldest first."""
        return [call for call in self.calls if call.number == number]

    async def call_to(self, number: str, *, nth: int = 0, timeout_seconds: float = 10.0) -> Call:
        """Wait for the (nth) call to a number. Raises TimeoutError."""
        try:
            async with asyncio.timeout(timeout_seconds), self._arrived:
                await self._arrived.wait_for(lambda: len(self.calls_to(number)) > nth)
                return self.calls_to(number)[nth]
        except TimeoutError:
            raise TimeoutError(f"call {number} had not come after {timeout_seconds:g} s") from None

    async def ended(self, number: str, *, nth: int = 0, timeout_seconds: float = 30.0) -> Call:
        """Wait until the (nth) call to a number is over. Raises TimeoutError."""
        call = await self.call_to(number, nth=nth, timeout_seconds=timeout_seconds)
        try:
            async with asyncio.timeout(timeout_seconds):
                await call.ended.wait()
        except TimeoutError:
            raise TimeoutError(f"call {number} had not ended after {timeout_seconds:g} s") from None
        return call

    def forget(self, call: Call) -> None:
        """Let go of a call that is over and whose answers are no longer repeated."""
        self.calls.remove(call)
        del self._dialogs[call.call_id]

    def spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run something for as long as the carrier is open."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def receive(self, data: bytes, source: tuple[str, int]) -> None:
        """Take one datagram; what is no SIP message is dropped, as a carrier does."""
        with contextlib.suppress(SipError):
            message = Message.parse(data)
            if message.is_request:
                self._request(message, source)

    def _request(self, request: Message, source: tuple[str, int]) -> None:
        dialog = self._dialogs.get(request.get("call-id"))
        if dialog is not None:
            dialog.receive(request)
        elif request.method == "INVITE":
            number = request.user
            scenario = self.scenarios.get(number) or self.fallback(number)
            dialog = _Dialog(self, request, source, scenario)
            self._dialogs[request.get("call-id")] = dialog
            self.calls.append(dialog.call)
            self.spawn(self._tell_arrival())
            dialog.task = self.spawn(dialog.run())
        elif request.method != "ACK":
            status = 200 if request.method == "OPTIONS" else 481
            answer = respond(request, status, tag="carrier", contact=f"sip:carrier@{self.host}:{self.port}")
            self.transport.sendto(answer.encode(), source)

    async def _tell_arrival(self) -> None:
        async with self._arrived:
            self._arrived.notify_all()


class _Dialog:
    """One call: the server side of its INVITE transaction and of its dialog."""

    def __init__(
        self, carrier: Carrier, invite: Message, source: tuple[str, int], scenario: Scenario
    ) -> None:
        self.carrier, self.invite, self.source, self.scenario = carrier, invite, source, scenario
        self.call = Call(invite.user, invite.get("call-id"), time.monotonic())
        self.tag = f"{random.getrandbits(32):08x}"
        self.task: asyncio.Task[None] | None = None
        self.answer_sdp = b""
        self.last: Message | None = None
        self.acknowledged = asyncio.Event()

    async def run(self) -> None:
        """Play the scenario to its end; an offer that we cannot take is refused."""
        try:
            await self.play(self.scenario)
        except SipError:
            await self.final(488)

    async def play(self, scenario: Scenario) -> None:
        """Do what the scenario says, when it says."""
        self.respond(100)
        await asyncio.sleep(scenario.wait_seconds)
        self.provisional(scenario.first)
        if scenario.then is not None:
            await asyncio.sleep(scenario.then_wait_seconds)
            self.provisional(scenario.then)
        await asyncio.sleep(scenario.seconds)
        if scenario.final is None:
            return
        if scenario.final == 200:
            await self.answer()
        else:
            await self.final(scenario.final)

    def provisional(self, provisional: Provisional) -> None:
        """Send a provisional response, and open early media if it carries a session description."""
        if provisional is Provisional.TRYING:
            return
        self.respond(provisional.status, self.open_media() if provisional.opens_media else b"")
        self.call.provisionals.append((time.monotonic(), provisional.status))

    def open_media(self) -> bytes:
        """Start the stream towards the offer, once, and return our session description."""
        if not self.answer_sdp:
            offer = Media.parse(self.invite.body)
            payload = choose_payload(offer, self.scenario.payload)
            sock = open_socket(self.carrier.host, offer)
            self.call.stream = Stream(
                sock,
                payload,
                self.scenario.audio or b"",
                self.scenario.loop,
                self.scenario.packets_each_20_ms,
                self.scenario.packets_at_once,
                self.scenario.stops_after_seconds,
            )
            if self.scenario.audio is not None:
                self.carrier.pump.streams.add(self.call.stream)
            self.answer_sdp = Media(self.carrier.host, sock.getsockname()[1], (payload,)).encode()
        return self.answer_sdp

    async def answer(self) -> None:
        """Answer, play on, and hang up when it is time."""
        sdp = self.open_media()
        stream = self.call.stream
        if stream is not None and self.scenario.answer_audio is not None:
            stream.play(self.scenario.answer_audio, loop=self.scenario.loop)
            self.carrier.pump.streams.add(stream)
        answered = time.monotonic()
        await self.final(200, sdp)
        if self.scenario.answered_seconds is not None:
            await asyncio.sleep(answered + self.scenario.answered_seconds - time.monotonic())
            self.hang_up()

    async def final(self, status: int, sdp: bytes = b"") -> None:
        """Send a final response until it is acknowledged; anything but an answer ends the call."""
        reason = self.scenario.reason if status == self.scenario.final else ""
        self.respond(status, sdp, [("Reason", reason)] if reason else [])
        self.call.final_status, self.call.final_sent = status, time.monotonic()
        if status >= 300:
            self.end()
        for seconds in RESEND_SECONDS:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.acknowledged.wait(), seconds)
                return
            self.repeat()

    def receive(self, request: Message) -> None:
        """Take a request within the call."""
        now, call = time.monotonic(), self.call
        match request.method:
            case "INVITE":
                self.repeat()
            case "ACK":
                call.acknowledged = call.acknowledged or now
                self.acknowledged.set()
            case "CANCEL":
                self.send(respond(request, 200, tag=self.tag, contact=self.contact))
                if call.final_status is None and call.cancelled is None:
                    call.cancelled, call.cancel_reason = now, request.get("reason")
                    self.restart(self.final(487))
            case "BYE":
                self.send(respond(request, 200, tag=self.tag, contact=self.contact))
                call.bye_received, call.bye_reason = call.bye_received or now, request.get("reason")
                self.restart(None)
                self.end()
            case _:
                self.send(respond(request, 200, tag=self.tag, contact=self.contact))

    def hang_up(self) -> None:
        """Send the carrier's BYE."""
        invite, here = self.invite, f"{self.carrier.host}:{self.carrier.port}"
        headers = (
            ("Via", f"SIP/2.0/UDP {here};branch=z9hG4bK{random.getrandbits(60):x}"),
            ("Max-Forwards", "70"),
            ("From", f"{invite.get('to')};tag={self.tag}"),
            ("To", invite.get("from")),
            ("Call-ID", invite.get("call-id")),
            ("CSeq", "1 BYE"),
        )
        self.send(Message(f"BYE {uri_of(invite.get('contact'))} SIP/2.0", headers))
        self.call.bye_sent = time.monotonic()
        self.end()

    def end(self) -> None:
        """Stop the stream; what was sent can be read from the call."""
        stream = self.call.stream
        if stream is not None:
            self.carrier.pump.streams.discard(stream)
            stream.sock.close()
        self.call.ended.set()

    def restart(self, work: Coroutine[None, None, None] | None) -> None:
        """Leave the scenario, and go on with something else."""
        if self.task is not None:
            self.task.cancel()
        self.task = self.carrier.spawn(work) if work is not None else None

    @property
    def contact(self) -> str:
        """Our URI."""
        return f"sip:carrier@{self.carrier.host}:{self.carrier.port}"

    def respond(self, status: int, sdp: bytes = b"", extra: list[tuple[str, str]] | None = None) -> None:
        """Answer the INVITE."""
        self.last = respond(
            self.invite, status, tag=self.tag, contact=self.contact, body=sdp, extra=extra or ()
        )
        self.send(self.last)

    def repeat(self) -> None:
        """Send the latest answer to the INVITE again."""
        if self.last is not None:
            self.send(self.last)

    def send(self, message: Message) -> None:
        """Send to where the INVITE came from."""
        self.carrier.transport.sendto(message.encode(), self.source)


def choose_payload(offer: Media, wanted: Payload) -> Payload:
    """Return the codec of choice if it is offered, else the first of ours. Raises `SipError` if none is."""
    for payload in (wanted, *offer.payloads):
        if payload in offer.payloads and payload in tuple(Payload):
            return Payload(payload)
    raise SipError("neither mu-law nor A-law is offered")
