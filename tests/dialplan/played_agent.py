"""An agent that a test plays itself, and what the dialplan then does and tells."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator

from agent.demo.dialer import Dialer
from agent.demo.happenings import Happening

COUNTED = b"".join(bytes([n]) * 160 for n in range(100))
"""Two seconds in which every packet can be told from every other."""


async def accept(listener: socket.socket) -> socket.socket:
    connection, _ = await asyncio.wait_for(asyncio.get_running_loop().sock_accept(listener), 5)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_sendall(connection, b"+")
    return connection


async def receive(connection: socket.socket) -> bytes:
    return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(connection, 4096), 5)


@contextlib.asynccontextmanager
async def answering_syncs(listener: socket.socket, answer: bytes) -> AsyncIterator[list[bytes]]:
    """Answer whoever asks meanwhile, and give the questions."""
    questions: list[bytes] = []

    async def answer_all() -> None:
        while True:
            with await accept(listener) as connection:
                questions.append(await receive(connection))
                await asyncio.get_running_loop().sock_sendall(connection, answer)

    answering = asyncio.create_task(answer_all())
    try:
        yield questions
    finally:
        answering.cancel()


async def listened(dialer: Dialer) -> str:
    """Say that the agent listens, to the channel that dials, and return its name."""
    channel = (await dialer.event("DialBegin")).get("Channel")
    await tell(dialer, channel, STATUS="listening")
    return channel


async def tell(dialer: Dialer, channel: str, **fields: str) -> None:
    """Set variables as the agent does."""
    for name, value in fields.items():
        await dialer.action("Setvar", Channel=channel, Variable=f"EARLYMEDIA_{name}", Value=value)


def originate_pattern_a(dialer: Dialer, number: str, **variables: str) -> "asyncio.Future[str]":
    context = variables.pop("context", "earlymedia-originate")
    return asyncio.ensure_future(
        dialer.originate(
            f"PJSIP/{number}@carrier",
            context,
            early_media=True,
            variables={"EARLYMEDIA_NUMBER": number, "EARLYMEDIA_NEXT_CONTEXT": "answered", **variables},
        )
    )


def applications(dialer: Dialer) -> set[str]:
    """Every application that the dialplan has run."""
    run = {event.get("Application") for event in dialer.named("Newexten")}
    assert run
    return run


def told(report: Happening) -> dict[str, str]:
    return {key: value for key, value in report.headers if key.startswith("EARLYMEDIA_") and value}


def recv_fds(connection: socket.socket) -> tuple[bytes, list[int], int, object]:
    connection.settimeout(5)
    try:
        return socket.recv_fds(connection, 4096, 4)
    finally:
        connection.setblocking(False)


def read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except BlockingIOError:
        return b""


def read_line(connection: socket.socket) -> bytes | None:
    try:
        return connection.recv(100)
    except BlockingIOError:
        return None
