"""The carrier and the caller, talking to each other with no Asterisk between them."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from agent.demo.call import Provisional, Scenario
from agent.demo.caller import Caller
from agent.demo.carrier import Carrier
from agent.demo.g711 import ULAW_TO_ALAW
from agent.demo.sip import Payload

COUNTED = b"".join(bytes([n]) * 160 for n in range(25))
"""Half a second in which every packet can be told from every other."""


@pytest.fixture
async def carrier() -> AsyncIterator[Carrier]:
    async with Carrier(port=0) as carrier:
        yield carrier


@pytest.fixture
async def caller(carrier: Carrier) -> AsyncIterator[Caller]:
    async with Caller(pbx=("127.0.0.1", carrier.port)) as caller:
        yield caller


def statuses(caller: Caller) -> list[tuple[int, bool]]:
    return [(response.status, response.sdp) for response in caller.responses]


async def test_early_media_then_busy(carrier: Carrier, caller: Caller) -> None:
    carrier.scenarios["1"] = Scenario(audio=COUNTED, seconds=0.5, final=486, reason="Q.850;cause=17")
    caller.dial("1")
    assert await caller.final() == 486
    assert statuses(caller) == [(100, False), (183, True), (486, False)]
    assert caller.responses[-1].reason == "Q.850;cause=17"
    call = await carrier.ended("1")
    assert (call.final_status, call.cancelled, call.bye_received) == (486, None, None)
    assert call.final_sent is not None
    assert call.first_rtp is not None
    assert call.final_sent - call.invited == pytest.approx(0.5, abs=0.1)
    assert call.packets_sent == pytest.approx(25, abs=3)
    assert bytes(caller.audio[: 20 * 160]) == COUNTED[: 20 * 160]


@pytest.mark.parametrize(
    ("first", "response"),
    [
        (Provisional.RINGING, (180, False)),
        (Provisional.RINGING_SDP, (180, True)),
        (Provisional.PROGRESS, (183, False)),
        (Provisional.PROGRESS_SDP, (183, True)),
    ],
)
async def test_every_provisional_response(
    carrier: Carrier, caller: Caller, first: Provisional, response: tuple[int, bool]
) -> None:
    carrier.scenarios["1"] = Scenario(first, audio=COUNTED, seconds=0.2, final=404)
    caller.dial("1")
    assert await caller.final() == 404
    assert statuses(caller) == [(100, False), response, (404, False)]
    assert (caller.packets > 0) == first.opens_media


async def test_trying_alone_and_no_rtp_at_all(carrier: Carrier, caller: Caller) -> None:
    carrier.scenarios["1"] = Scenario(Provisional.TRYING, seconds=0.1, final=503)
    caller.dial("1")
    assert await caller.final() == 503
    assert statuses(caller) == [(100, False), (503, False)]
    assert (await carrier.ended("1")).first_rtp is None


async def test_session_description_without_rtp(carrier: Carrier, caller: Caller) -> None:
    carrier.scenarios["1"] = Scenario(audio=None, seconds=0.2, final=480)
    caller.dial("1")
    assert await caller.final() == 480
    assert (caller.packets, (await carrier.ended("1")).packets_sent) == (0, 0)


async def test_ringing_before_early_media(carrier: Carrier, caller: Caller) -> None:
    carrier.scenarios["1"] = Scenario(
        Provisional.RINGING,
        wait_seconds=0.1,
        then=Provisional.PROGRESS_SDP,
        then_wait_seconds=0.3,
        audio=COUNTED,
        seconds=0.2,
    )
    caller.dial("1")
    await caller.final()
    assert statuses(caller) == [(100, False), (180, False), (183, True), (486, False)]
    call = await carrier.ended("1")
    assert [at - call.invited for at, _ in call.provisionals] == pytest.approx([0.1, 0.4], abs=0.08)


async def test_answer_goes_on_with_the_same_audio_and_the_carrier_hangs_up(
    carrier: Carrier, caller: Caller
) -> None:
    carrier.scenarios["1"] = Scenario(audio=COUNTED, seconds=0.2, final=200, answered_seconds=0.2)
    caller.dial("1")
    assert await caller.final() == 200
    await caller.over()
    assert caller.bye_reason == ""
    assert bytes(caller.audio[: 18 * 160]) == COUNTED[: 18 * 160]
    call = await carrier.ended("1")
    assert call.bye_sent is not None
    assert call.acknowledged is not None


async def test_answer_with_other_audio_and_the_caller_hangs_up(carrier: Carrier, caller: Caller) -> None:
    carrier.scenarios["1"] = Scenario(
        audio=b"\x11" * 800,
        seconds=0.2,
        final=200,
        answer_audio=b"\x22" * 160,
        loop=True,
        answered_seconds=None,
    )
    caller.dial("1")
    await caller.final()
    await asyncio.sleep(0.2)
    caller.hang_up()
    call = await carrier.ended("1")
    assert call.bye_received is not None
    assert caller.audio[0] == 0x11
    assert caller.audio[-1] == 0x22
    sent = call.packets_sent
    await asyncio.sleep(0.1)
    assert call.packets_sent == sent


async def test_cancel_ends_the_call_with_487(carrier: Carrier, caller: Caller) -> None:
    carrier.scenarios["1"] = Scenario(audio=COUNTED, loop=True, final=None)
    caller.dial("1")
    await caller.status(183)
    caller.cancel()
    assert await caller.final() == 487
    call = await carrier.ended("1")
    assert call.cancelled is not None
    assert (call.final_status, call.cancel_reason) == (487, "")


async def test_audio_is_looped_or_followed_by_silence(carrier: Carrier) -> None:
    short = b"\x11" * 100 + b"\x22" * 100
    async with (
        Caller(pbx=("127.0.0.1", carrier.port)) as looped,
        Caller(pbx=("127.0.0.1", carrier.port)) as once,
    ):
        carrier.scenarios["1"] = Scenario(audio=short, loop=True, seconds=0.3)
        carrier.scenarios["2"] = Scenario(audio=short, seconds=0.3)
        looped.dial("1")
        once.dial("2")
        await asyncio.gather(looped.final(), once.final())
    assert bytes(looped.audio[:1000]) == short * 5
    assert bytes(once.audio[:1000]) == short + b"\xff" * 800


async def test_alaw_where_it_is_wanted(carrier: Carrier, caller: Caller) -> None:
    carrier.scenarios["1"] = Scenario(audio=COUNTED, seconds=0.2, payload=Payload.PCMA)
    caller.dial("1")
    await caller.final()
    assert bytes(caller.audio[:800]) == COUNTED.translate(ULAW_TO_ALAW)[:800]


async def test_numbers_without_a_scenario(carrier: Carrier, caller: Caller) -> None:
    caller.dial("nobody")
    assert await caller.final() == 404
    async with Caller(pbx=("127.0.0.1", carrier.port)) as other:
        carrier.fallback = lambda number: Scenario(seconds=0.0, final=int(number))
        other.dial("603")
        assert await other.final() == 603


async def test_a_repeated_invite_is_one_call_and_an_unacknowledged_final_is_repeated(
    carrier: Carrier,
) -> None:
    carrier.scenarios["1"] = Scenario(Provisional.TRYING, seconds=0.0, final=486)
    invite = (
        b"INVITE sip:1@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\n"
        b"From: <sip:a@b>;tag=1\r\nTo: <sip:1@127.0.0.1>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n"
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.setblocking(False)
        phone.connect(("127.0.0.1", carrier.port))
        phone.send(invite)
        await asyncio.sleep(0.1)
        phone.send(invite)
        await asyncio.sleep(0.6)
        lines = []
        while True:
            try:
                lines.append(phone.recv(2000).split(b"\r\n")[0])
            except BlockingIOError:
                break
    assert lines == [b"SIP/2.0 100 Trying", *[b"SIP/2.0 486 Busy Here"] * 3]
    assert len(carrier.calls) == 1


async def test_an_offer_without_our_codecs_is_refused(carrier: Carrier) -> None:
    body = b"c=IN IP4 127.0.0.1\r\nm=audio 20010 RTP/AVP 9 18\r\n"
    invite = (
        b"INVITE sip:1@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\n"
        b"From: <sip:a@b>;tag=1\r\nTo: <sip:1@127.0.0.1>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n"
    )
    carrier.scenarios["1"] = Scenario()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.settimeout(2)
        phone.connect(("127.0.0.1", carrier.port))
        phone.send(invite + body)
        lines = [(await asyncio.to_thread(phone.recv, 2000)).split(b"\r\n")[0] for _ in range(2)]
    assert lines == [b"SIP/2.0 100 Trying", b"SIP/2.0 488 Not Acceptable Here"]


async def test_garbage_and_strangers_do_not_disturb(carrier: Carrier, caller: Caller) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.connect(("127.0.0.1", carrier.port))
        stranger.send(b"\xff\x00garbage")
        stranger.send(
            b"BYE sip:1@x SIP/2.0\r\nVia: x\r\nFrom: x\r\nTo: x\r\nCall-ID: nobody\r\nCSeq: 1 BYE\r\n\r\n"
        )
        stranger.settimeout(2)
        assert (await asyncio.to_thread(stranger.recv, 2000)).startswith(b"SIP/2.0 481 ")
    caller.dial("nobody")
    assert await caller.final() == 404


async def test_waiting_for_a_call_that_never_comes(carrier: Carrier) -> None:
    with pytest.raises(TimeoutError):
        await carrier.call_to("1", timeout_seconds=0.05)


async def test_two_hundred_calls_keep_their_pace_and_lose_nothing(carrier: Carrier) -> None:
    carrier.fallback = lambda _: Scenario(audio=COUNTED, loop=True, seconds=3.0, final=486)
    began, cpu = time.monotonic(), time.process_time()
    async with AsyncExitStack() as stack:
        callers = []
        for number in range(200):
            caller = await stack.enter_async_context(Caller(pbx=("127.0.0.1", carrier.port)))
            caller.dial(str(number))
            callers.append(caller)
        assert await asyncio.gather(*(caller.final() for caller in callers)) == [486] * 200
    seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    sent = sum(call.packets_sent for call in carrier.calls)
    assert sent == pytest.approx(200 * 150, rel=0.03)
    assert sum(caller.packets for caller in callers) == sent
    # Carrier and callers together; a busy machine may be slow, but not burn more.
    assert cpu / seconds < 0.9
