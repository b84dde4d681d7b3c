"""Strangers at the AudioSocket port while fifty calls are up: no call notices, nobody takes its place."""

import asyncio
import contextlib
import random
import resource
import socket
from collections.abc import Iterator
from uuid import UUID

import pytest

from agent.pbx.asterisk.audiosocket import hello
from tests.faults.fleet import (
    FIFTY,
    Experience,
    agent_under_fault,
    assert_unhurt,
    assert_verdicts_right,
    experiences,
    hears_the_next_call,
    launch,
    listened,
)
from tests.lab_fixtures import Site

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="session")]

CONNECTIONS, GUESSES, GUESSES_AT_ONCE = 10_000, 2_000, 200


async def test_ten_thousand_connections_and_guessed_streams(
    site: Site, without_agent: list[Experience]
) -> None:
    async with agent_under_fault(site) as agent:
        fleet = await launch(site, FIFTY)
        await listened(agent, fleet)
        with many_descriptors(), contextlib.ExitStack() as strangers:
            port = site.lab.ports.audiosocket
            await connect(port, CONNECTIONS, strangers)
            guessing = asyncio.create_task(guess(port, strangers))
            assert_unhurt(await experiences(site, fleet), without_agent)
            await guessing
        reasons = {line["reason"] for line in agent.events("connection refused")}
        assert reasons >= {"too many connections", "nobody expects it"}
        assert not agent.events("the fuse of AudioSocket is gone: it is replaced")
        await hears_the_next_call(site)
        await assert_verdicts_right(site, fleet)
    await site.nobody_left()


async def guess(port: int, strangers: contextlib.ExitStack) -> None:
    """Guess again and again, for no guess is heard before those are gone who said nothing."""
    for _ in range(GUESSES // GUESSES_AT_ONCE):
        for stranger in await connect(port, GUESSES_AT_ONCE, strangers):
            with contextlib.suppress(OSError):
                stranger.send(hello(UUID(int=random.getrandbits(128))) + bytes(323))
        await asyncio.sleep(1.0)


async def connect(port: int, count: int, strangers: contextlib.ExitStack) -> list[socket.socket]:
    """Connect so many times, as fast as it goes, and stay."""
    connected = []
    for number in range(count):
        stranger = strangers.enter_context(socket.socket())
        stranger.setblocking(False)
        stranger.connect_ex(("127.0.0.1", port))
        connected.append(stranger)
        if number % 100 == 0:
            await asyncio.sleep(0)  # we are the carrier too
    return connected


@contextlib.contextmanager
def many_descriptors() -> Iterator[None]:
    """Let this process have as many descriptors as the machine allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
