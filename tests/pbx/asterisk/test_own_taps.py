"""Legs that bring their own tap, by AudioSocket or EAGI, on real sockets."""

from collections.abc import AsyncIterator
from contextlib import closing
from hashlib import md5

import pytest

from agent.hearing.sound import Encoding
from agent.pbx.asterisk.audiosocket import hello
from agent.pbx.asterisk.audiosocket_server import AudioSocketServer, AudioSocketSettings
from agent.pbx.asterisk.eagi import EagiSession
from agent.pbx.asterisk.own_taps import OwnTaps, stream_of
from agent.pbx.port import Leg, Tap, TapKind
from tests.pbx.asterisk.shims import Agent, Shim
from tests.pbx.asterisk.test_audiosocket_server import dial, is_closed
from tests.pbx.waiting import until

LEG = Leg("17.42", "PJSIP/carrier-01", "PJSIP/carrier", "030123")


class Adapter:
    """Who is told of taps and hang-ups."""

    def __init__(self, server: AudioSocketServer) -> None:
        self.server = server
        self.taps: list[Tap] = []
        self.hung_up: list[EagiSession] = []
        self.own_taps = OwnTaps(
            "s3cret",
            server,
            on_tap=lambda leg, tap: self.taps.append(tap),
            on_hangup=lambda leg, session: self.hung_up.append(session),
        )


@pytest.fixture
async def adapter() -> AsyncIterator[Adapter]:
    server = AudioSocketServer(AudioSocketSettings(port=0, handshake_timeout_s=0.2))
    await server.start()
    yield Adapter(server)
    server.close()


def test_a_stream_is_named_as_the_dialplan_names_it() -> None:
    assert stream_of("s3cret", "17.42").hex == md5(b"s3cret17.42").hexdigest()


async def test_a_leg_may_come_by_audiosocket_until_it_ends(adapter: Adapter) -> None:
    adapter.own_taps.expect(LEG)
    with closing(dial(adapter.server)) as client:
        client.sendall(hello(stream_of("s3cret", LEG.id)))
        await until(lambda: adapter.taps)
        assert (adapter.taps[0].kind, adapter.own_taps.has(LEG.id)) == (TapKind.AUDIOSOCKET, True)
        assert not adapter.own_taps.by_eagi(LEG.id)
    adapter.own_taps.forget(LEG.id)
    assert not adapter.own_taps.has(LEG.id)
    with closing(dial(adapter.server)) as client:
        client.sendall(hello(stream_of("s3cret", LEG.id)))
        assert await is_closed(client)


async def test_nobody_comes_by_another_token(adapter: Adapter) -> None:
    adapter.own_taps.expect(LEG)
    with closing(dial(adapter.server)) as client:
        client.sendall(hello(stream_of("guessed", LEG.id)))
        assert await is_closed(client)
    assert not adapter.taps


@pytest.mark.parametrize(
    ("args", "encoding"), [(b"\x009\0slin16", Encoding.SLIN16), (b"\x009", Encoding.SLIN8)]
)
async def test_a_leg_may_come_by_eagi(
    adapter: Adapter, agent: Agent, args: bytes, encoding: Encoding
) -> None:
    with closing(Shim(agent)) as shim:
        session = await shim.eagi(agent, args)
        adapter.own_taps.take(LEG, session)
        assert (adapter.taps[0].kind, adapter.taps[0].encoding) == (TapKind.EAGI, encoding)
        assert adapter.own_taps.by_eagi(LEG.id)
        session.close()
        assert not adapter.own_taps.by_eagi(LEG.id)


async def test_agi_is_spoken_to_a_channel_that_is_hung_up_and_to_no_other(
    adapter: Adapter, agent: Agent
) -> None:
    assert not adapter.own_taps.say(LEG.id, {"EARLYMEDIA_STATUS": "final"})
    with closing(Shim(agent)) as shim:
        adapter.own_taps.take(LEG, await shim.eagi(agent))
        assert not adapter.own_taps.say(LEG.id, {"EARLYMEDIA_STATUS": "listening"})
        shim.socket.sendall(b"HANGUP\n")
        await until(lambda: adapter.hung_up)
        assert adapter.own_taps.say(LEG.id, {"EARLYMEDIA_CAUSE": "17", "EARLYMEDIA_STATUS": "final"})
        assert await shim.receive() == b"SET VARIABLE EARLYMEDIA_CAUSE 17\n"


async def test_a_tap_that_ended_is_deserted_once_it_was_found_so_twice(
    adapter: Adapter, agent: Agent
) -> None:
    with closing(Shim(agent)) as shim:
        adapter.own_taps.take(LEG, await shim.eagi(agent))
        assert not adapter.own_taps.deserted(LEG.id)
        adapter.taps[0].close()
        assert [adapter.own_taps.deserted(LEG.id) for _ in range(3)] == [False, True, False]
        assert not adapter.own_taps.has(LEG.id)


async def test_a_leg_of_which_nothing_can_be_learned_is_let_go(adapter: Adapter, agent: Agent) -> None:
    with closing(Shim(agent)) as shim:
        session = await shim.eagi(agent)
        adapter.own_taps.take(LEG, session)
        adapter.own_taps.let_go(LEG)
        assert session.closed
