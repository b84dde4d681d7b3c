"""The AudioSocket listener against real clients on loopback: expected, unknown, slow, hostile, too many."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from agent.hearing.sound import Encoding
from agent.pbx.asterisk.audiosocket import hello
from agent.pbx.asterisk.audiosocket_server import AudioSocketServer, AudioSocketSettings
from agent.pbx.asterisk.refusals import Refusal
from agent.pbx.asterisk.taps import AudioSocketTap
from agent.pbx.port import TapKind
from tests.pbx.waiting import until

SPY = TapKind.SPY_AUDIOSOCKET
FRAME = b"\x10\x01\x40" + b"ab" * 160


def settings(**changes: object) -> AudioSocketSettings:
    return AudioSocketSettings(port=0, handshake_timeout_s=0.2, **changes)  # type: ignore[arg-type]


@pytest.fixture
async def server() -> AsyncIterator[AudioSocketServer]:
    server = AudioSocketServer(settings(max_connections=3))
    await server.start()
    yield server
    server.close()


def dial(server: AudioSocketServer) -> socket.socket:
    host, _, port = server.address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=2)


async def is_closed(client: socket.socket) -> bool:
    """The other end closed the connection, politely or not."""
    try:
        return await asyncio.to_thread(client.recv, 1) == b""
    except ConnectionResetError:
        return True


async def attach(server: AudioSocketServer, stream: UUID) -> tuple[socket.socket, AudioSocketTap]:
    taps: list[AudioSocketTap] = []
    server.expect(stream, taps.append, kind=SPY)
    client = dial(server)
    client.sendall(hello(stream))
    await until(lambda: taps)
    return client, taps[0]


async def test_an_expected_stream_becomes_a_tap(server: AudioSocketServer) -> None:
    client, tap = await attach(server, uuid4())
    with closing(client):
        assert (tap.kind, tap.encoding, tap.ended, tap.read()) == (SPY, Encoding.SLIN8, False, b"")
        client.sendall(FRAME * 50)
        await asyncio.sleep(0.05)
        assert tap.read() == FRAME[3:] * 50
        assert tap.read() == b""


async def test_audio_that_came_with_the_uuid_is_not_lost(server: AudioSocketServer) -> None:
    stream = uuid4()
    taps: list[AudioSocketTap] = []
    server.expect(stream, taps.append, kind=SPY)
    with closing(dial(server)) as client:
        client.sendall(hello(stream) + FRAME * 3)
        await until(lambda: taps)
        assert taps[0].read() == FRAME[3:] * 3


async def test_a_uuid_may_come_in_pieces(server: AudioSocketServer) -> None:
    stream = uuid4()
    taps: list[AudioSocketTap] = []
    server.expect(stream, taps.append, kind=SPY)
    with closing(dial(server)) as client:
        for byte in hello(stream):
            client.send(bytes((byte,)))
            await asyncio.sleep(0.002)
        await until(lambda: taps)


async def test_a_stream_that_came_first_is_waited_for(server: AudioSocketServer) -> None:
    stream = uuid4()
    strangers: list[UUID] = []
    taps: list[AudioSocketTap] = []
    server.on_stranger = strangers.append
    with closing(dial(server)) as client:
        client.sendall(hello(stream) + FRAME)
        await until(lambda: strangers)
        server.expect(stream, taps.append, kind=TapKind.AUDIOSOCKET)
        assert strangers == [stream]
        assert taps[0].read() == FRAME[3:]
        await asyncio.sleep(0.3)  # its handshake time-out must not close the tap
        assert not taps[0].ended


async def test_a_stranger_may_be_expected_by_its_own_announcement(server: AudioSocketServer) -> None:
    taps: list[AudioSocketTap] = []
    server.on_stranger = lambda stream: server.expect(stream, taps.append, kind=TapKind.AUDIOSOCKET)
    with closing(dial(server)) as client:
        client.sendall(hello(uuid4()))
        await until(lambda: taps)


async def test_an_unknown_stream_is_sent_away_after_its_grace(server: AudioSocketServer) -> None:
    with closing(dial(server)) as client:
        client.sendall(hello(uuid4()))
        assert await is_closed(client)
    assert server.refusals.count == {Refusal.UNKNOWN: 1}
    assert server.connections == 0


async def test_a_stream_is_expected_once(server: AudioSocketServer) -> None:
    stream = uuid4()
    first, tap = await attach(server, stream)
    with closing(first), closing(dial(server)) as second:
        second.sendall(hello(stream))
        assert await is_closed(second)
        assert not tap.ended
    assert server.refusals.count == {Refusal.UNKNOWN: 1}


async def test_two_strangers_of_one_name_are_not_kept(server: AudioSocketServer) -> None:
    stream = uuid4()
    with closing(dial(server)) as first, closing(dial(server)) as second:
        first.sendall(hello(stream))
        second.sendall(hello(stream))
        assert await is_closed(second)
        assert await is_closed(first)
    assert server.refusals.count == {Refusal.UNKNOWN: 2}


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.0\r\n\r\n", FRAME, b"\x00\x00\x00", bytes(100_000)])
async def test_what_is_no_audiosocket_is_closed_at_once(server: AudioSocketServer, garbage: bytes) -> None:
    with closing(dial(server)) as client:
        client.sendall(garbage)
        assert await is_closed(client)
    assert server.refusals.count == {Refusal.MALFORMED: 1}


async def test_one_that_says_nothing_is_closed(server: AudioSocketServer) -> None:
    with closing(dial(server)) as client:
        client.sendall(hello(uuid4())[:10])
        assert await is_closed(client)
    assert server.refusals.count == {Refusal.TOO_SLOW: 1}


async def test_one_that_leaves_is_forgotten(server: AudioSocketServer) -> None:
    dial(server).close()
    await until(lambda: server.refusals.count == {Refusal.GONE: 1})
    assert server.connections == 0


async def test_too_many_are_refused_and_room_is_made_again(server: AudioSocketServer) -> None:
    attached = [await attach(server, uuid4()) for _ in range(3)]
    with closing(dial(server)) as fourth:
        assert await is_closed(fourth)
    assert server.refusals.count == {Refusal.TOO_MANY: 1}
    attached[0][1].close()
    client, tap = await attach(server, uuid4())
    assert not tap.ended
    for open_client in (client, *(client for client, _ in attached)):
        open_client.close()


async def test_a_stream_that_does_not_come_expires(server: AudioSocketServer) -> None:
    stream = uuid4()
    expired: list[bool] = []
    taps: list[AudioSocketTap] = []
    server.expect(stream, taps.append, kind=SPY, ttl_s=0.05, on_expired=lambda: expired.append(True))
    await until(lambda: expired)
    with closing(dial(server)) as client:
        client.sendall(hello(stream))
        assert await is_closed(client)
    assert not taps


async def test_a_stream_can_be_forgotten(server: AudioSocketServer) -> None:
    stream = uuid4()
    server.expect(stream, lambda tap: pytest.fail("it was forgotten"), kind=SPY)
    server.forget(stream)
    server.forget(stream)
    with closing(dial(server)) as client:
        client.sendall(hello(stream))
        assert await is_closed(client)


async def test_expecting_twice_is_an_error(server: AudioSocketServer) -> None:
    stream = uuid4()
    server.expect(stream, lambda tap: None, kind=SPY)
    with pytest.raises(ValueError, match="expected already"):
        server.expect(stream, lambda tap: None, kind=SPY)


async def test_a_tap_ends_when_asterisk_hangs_up(server: AudioSocketServer) -> None:
    client, tap = await attach(server, uuid4())
    client.sendall(FRAME)
    client.close()
    await asyncio.sleep(0.02)
    assert tap.read() == FRAME[3:]
    assert tap.read() == b""
    assert tap.ended
    assert server.connections == 0


async def test_a_tap_ends_when_the_stream_is_broken(server: AudioSocketServer) -> None:
    client, tap = await attach(server, uuid4())
    with closing(client):
        client.sendall(FRAME + b"\x42\x00\x00" + FRAME)
        await asyncio.sleep(0.02)
        assert tap.read() == FRAME[3:]
        assert tap.ended
        assert tap.fault == "0x42 is no kind of AudioSocket message."
        assert await is_closed(client)


async def test_letting_go_closes_the_connection(server: AudioSocketServer) -> None:
    client, tap = await attach(server, uuid4())
    with closing(client):
        tap.close()
        tap.close()
        assert tap.ended
        assert tap.read() == b""
        assert await is_closed(client)


async def test_a_listener_that_fails_costs_its_own_tap_only(server: AudioSocketServer) -> None:
    stream = uuid4()

    def fail(tap: AudioSocketTap) -> None:
        raise RuntimeError("no")

    server.expect(stream, fail, kind=SPY)
    with closing(dial(server)) as client, capture_logs() as logs:
        client.sendall(hello(stream))
        assert await is_closed(client)
    assert [entry["event"] for entry in logs] == ["AudioSocket callback failed"]
    client, tap = await attach(server, uuid4())
    client.close()
    assert not tap.ended


async def test_what_nobody_reads_is_bounded_and_harms_nobody(server: AudioSocketServer) -> None:
    client, tap = await attach(server, uuid4())
    with closing(client):
        client.setblocking(False)
        sent = 0
        try:
            while sent < 100_000_000:
                sent += client.send(FRAME * 100)
        except BlockingIOError:
            pass
        assert 100_000 < sent < 10_000_000
        heard = 0
        for _ in range(200):
            heard += len(tap.read())
            await asyncio.sleep(0.002)
        assert heard == pytest.approx(sent * 320 / 323, abs=320)


async def test_closing_leaves_nothing_open() -> None:
    server = AudioSocketServer(settings())
    await server.start()
    client, tap = await attach(server, uuid4())
    with closing(client), closing(dial(server)) as silent, closing(dial(server)) as stranger:
        stranger.sendall(hello(uuid4()))
        server.expect(uuid4(), lambda tap: None, kind=SPY)
        await until(lambda: server.connections == 3)
        server.close()
        server.close()
        assert tap.ended
        assert server.connections == 0
        assert await is_closed(silent)


async def test_who_comes_after_the_end_is_turned_away_and_then_the_port_is_free() -> None:
    """Never refused while a PBX may be on the way, and the next server waits for its turn."""
    first = AudioSocketServer(settings())
    await first.start()
    first.close()
    with closing(dial(first)) as late:
        assert await is_closed(late)
    port = int(first.address.rpartition(":")[2])
    second = AudioSocketServer(replace(settings(), port=port))
    await second.start()
    client, tap = await attach(second, uuid4())
    with closing(client):
        assert not tap.ended
    second.close()


async def test_a_flood_of_refusals_is_counted_but_not_logged() -> None:
    server = AudioSocketServer(settings())
    await server.start()
    with capture_logs() as logs:
        for _ in range(100):
            with closing(dial(server)) as client:
                client.sendall(b"GET / HTTP/1.0")
                assert await is_closed(client)
    server.close()
    assert server.refusals.count == {Refusal.MALFORMED: 100}
    assert len(logs) == 1


async def test_a_taken_port_is_said_in_one_sentence(server: AudioSocketServer) -> None:
    port = int(server.address.rpartition(":")[2])
    second = AudioSocketServer(AudioSocketSettings(port=port))
    with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1:{port} .* choose another port"):
        await second.start()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_only_loopback_unless_allowed(host: str) -> None:
    with pytest.raises(ValueError, match=r"where others can reach it: use 127\.0\.0\.1, or set allow_remote"):
        AudioSocketServer(AudioSocketSettings(host=host))
    AudioSocketServer(AudioSocketSettings(host=host, allow_remote=True))


def test_a_name_is_no_address() -> None:
    with pytest.raises(ValueError, match=r"must be an IP address such as 127\.0\.0\.1, not 'pbx'"):
        AudioSocketServer(AudioSocketSettings(host="pbx"))
