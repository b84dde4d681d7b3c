"""What is written to a PBX travels together, and the end of a connection is told once."""

import asyncio

from agent.pbx.wire import Wire


class Line(asyncio.Transport):
    """Keeps what was written, packet by packet."""

    def __init__(self) -> None:
        super().__init__()
        self.packets: list[bytes] = []
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.packets.append(bytes(data))

    def abort(self) -> None:
        self.aborted = True


def connected() -> tuple[Wire, Line, list[str]]:
    told: list[str] = []
    wire, line = Wire(told.append), Line()
    wire.made(line)
    return wire, line, told


async def test_what_one_pass_of_the_event_loop_says_is_one_packet() -> None:
    wire, line, _ = connected()
    wire.write(b"a")
    wire.write(b"b")
    assert line.packets == []
    await asyncio.sleep(0)
    wire.write(b"c")
    await asyncio.sleep(0)
    assert line.packets == [b"ab", b"c"]


async def test_it_is_open_from_the_transport_to_the_loss() -> None:
    wire = Wire(lambda why: None)
    was_open = [wire.open]
    wire.made(Line())
    was_open.append(wire.open)
    wire.abort("enough")
    was_open.append(wire.open)
    assert was_open == [False, True, False]


async def test_an_abort_sends_what_was_said_before_and_tells_why() -> None:
    wire, line, told = connected()
    wire.write(b"last")
    wire.abort("enough")
    assert (line.packets, line.aborted) == ([b"last"], True)
    assert (told, wire.lost.result()) == (["enough"], "enough")


async def test_only_the_first_reason_is_told() -> None:
    wire, _, told = connected()
    wire.abort("enough")
    wire.gone("the network says so too")
    assert (told, wire.lost.result()) == (["enough"], "enough")


async def test_nothing_is_sent_after_the_loss() -> None:
    wire, line, _ = connected()
    wire.write(b"late")
    wire.gone("the other end went")
    await asyncio.sleep(0)
    assert line.packets == []


async def test_closing_waits_until_the_transport_is_gone() -> None:
    wire, line, told = connected()
    closing = asyncio.create_task(wire.close())
    await asyncio.sleep(0)
    assert line.aborted
    assert not closing.done()
    wire.gone("aborted")
    await closing
    assert told == ["we closed it"]


async def test_closing_what_was_never_connected_does_not_wait() -> None:
    told: list[str] = []
    await Wire(told.append).close()
    assert told == ["we closed it"]
