"""The Unix socket to which the shims of the dialplan connect.

The agent says `+`, the shim says one line. `EAGI\\0arg...` brings the audio's descriptor
(SCM_RIGHTS) and then relays AGI; `SYNC\\0uniqueid\\0arg...` asks for the verdict and gets
`NAME=value` lines. An agent that is not ready closes without `+`, and the dialplan goes on.
"""

import asyncio
import fcntl
import grp
import os
import re
import socket
import stat
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from agent.pbx.asterisk.acceptor import BACKLOG, Acceptor
from agent.pbx.asterisk.eagi import EagiSession
from agent.pbx.asterisk.fuse_process import deserted
from agent.pbx.asterisk.refusals import Refusal, Refusals

log = structlog.get_logger(__name__)

MAX_INTRODUCTION_BYTES = 4096
SIGN_OF_LIFE_EVERY_S = 1.0
"""The shim of a session gives an agent up that sends nothing for three seconds."""
MAX_PATH_BYTES = 107
"""`sun_path` holds 108 bytes with its final zero (unix(7))."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LINE_BREAK = re.compile(r"[\x00\r\n]")


@dataclass(frozen=True, slots=True)
class ShimSettings:
    """Where the shims find the agent, and for how many there is room."""

    path: Path
    """The socket; Asterisk must be able to see it, also from within a container."""
    group: str = "asterisk"
    """Group that may connect, beside the agent's own user; empty for the agent's own group."""
    max_connections: int = 500
    handshake_timeout_s: float = 1.5
    """A shim has so long to introduce itself and to relay the channel's environment."""
    sync_timeout_s: float = 0.1
    """A verdict that is not there in this time is not waited for."""


@dataclass(slots=True)
class _Guest:
    """A shim that has not introduced itself yet."""

    connection: socket.socket
    deadline: asyncio.TimerHandle
    received: bytes = b""
    fds: list[int] = field(default_factory=list)


class ShimServer:
    """Accepts the shims and hands them on as EAGI sessions and questions for a verdict."""

    def __init__(
        self,
        settings: ShimSettings,
        *,
        on_eagi: Callable[[EagiSession], None],
        on_sync: Callable[[str, tuple[str, ...]], Awaitable[Mapping[str, str]]],
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        """Serve the shims: `on_eagi` gets a session whose environment is known, `on_sync` a channel's
        Uniqueid and further arguments and returns the variables to set. While `ready` says no,
        shims are sent home at once.
        """
        self.settings = settings
        self.refusals = Refusals("shim socket")
        self._on_eagi = on_eagi
        self._on_sync = on_sync
        self._ready = ready
        self._acceptor: Acceptor | None = None
        self._guests: dict[socket.socket, _Guest] = {}
        self._sessions: dict[EagiSession, asyncio.TimerHandle] = {}
        self._questions: dict[asyncio.Task[None], socket.socket] = {}

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return len(self._guests) + len(self._sessions) + len(self._questions)

    def start(self) -> None:
        """Listen; raises OSError, in one sentence, where the socket cannot be made."""
        self._acceptor = Acceptor(_listen(self.settings), self._accepted)
        self._give_sign_of_life()

    async def close(self) -> None:
        """Stop listening, end every session, and remove the socket."""
        if self._acceptor is not None:
            self._acceptor.close()
            self._acceptor = None
            self._sign_of_life.cancel()
            self.settings.path.unlink(missing_ok=True)
        for guest in tuple(self._guests.values()):
            self._dismiss(guest)
        for session in tuple(self._sessions):
            session.abort()
        questions = tuple(self._questions)
        for question in questions:
            question.cancel()
        await asyncio.gather(*questions, return_exceptions=True)

    def _give_sign_of_life(self) -> None:
        for session in tuple(self._sessions):
            session.give_sign_of_life()
        self._sign_of_life = asyncio.get_running_loop().call_later(
            SIGN_OF_LIFE_EVERY_S, self._give_sign_of_life
        )

    def _accepted(self, connection: socket.socket) -> None:
        if not self._ready():
            self.refusals.add(Refusal.NOT_READY)
        elif self.connections >= self.settings.max_connections:
            self.refusals.add(Refusal.TOO_MANY, f"{self.settings.max_connections} are open")
        else:
            try:
                connection.send(b"+")
            except OSError:
                self.refusals.add(Refusal.GONE)
            else:
                self._welcome(connection)
                return
        connection.close()

    def _welcome(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.call_later(self.settings.handshake_timeout_s, self._late, connection)
        self._guests[connection] = guest = _Guest(connection, deadline)
        loop.add_reader(connection, self._introduce, guest)

    def _introduce(self, guest: _Guest) -> None:
        """Read the line and the descriptor that comes with it; nothing is relayed before the line's end."""
        room = MAX_INTRODUCTION_BYTES - len(guest.received)
        try:
            # Room for two descriptors: one too many is seen, and the kernel closes any beyond.
            data, fds, _, _ = socket.recv_fds(guest.connection, room, 2, socket.MSG_CMSG_CLOEXEC)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data, fds = b"", []
        guest.fds += fds
        guest.received += data
        if not data:
            self._refuse(guest, Refusal.GONE)
        elif len(guest.fds) > 1:
            self._refuse(guest, Refusal.MALFORMED, "it passed more than one file descriptor")
        elif b"\n" in guest.received:
            self._introduced(guest)
        elif len(guest.received) >= MAX_INTRODUCTION_BYTES:
            self._refuse(guest, Refusal.MALFORMED, f"its first line exceeds {MAX_INTRODUCTION_BYTES} bytes")

    def _introduced(self, guest: _Guest) -> None:
        line, _, relayed = guest.received.partition(b"\n")
        kind, *args = line.decode(errors="replace").split("\0")
        match kind:
            case "EAGI" if not guest.fds:
                self._refuse(guest, Refusal.MALFORMED, "it passed no audio: run it with EAGI(), not AGI()")
            case "EAGI" if not _is_readable_pipe(guest.fds[0]):
                self._refuse(guest, Refusal.MALFORMED, "its file descriptor is not the read end of a pipe")
            case "EAGI":
                self._release(guest)
                session = EagiSession(
                    guest.connection, tuple(args), guest.fds[0], self._environment_known, self._session_closed
                )
                late = asyncio.get_running_loop().call_at(
                    guest.deadline.when(), self._without_environment, session
                )
                self._sessions[session] = late
                session.receive(relayed)
            case "SYNC" if args and not guest.fds:
                self._release(guest)
                question = asyncio.create_task(self._answer(guest.connection, args[0], tuple(args[1:])))
                self._questions[question] = guest.connection
                question.add_done_callback(self._answered)
            case _:
                self._refuse(guest, Refusal.MALFORMED, f"its first line is {line[:80]!r}")

    def _environment_known(self, session: EagiSession) -> None:
        self._sessions[session].cancel()
        try:
            self._on_eagi(session)
        except Exception:  # whatever a listener does, the channel must be let go
            log.exception("EAGI callback failed")
            self.refusals.add(Refusal.FAILED)
            session.abort()

    def _without_environment(self, session: EagiSession) -> None:
        self.refusals.add(Refusal.TOO_SLOW, "no AGI environment")
        session.abort()

    def _session_closed(self, session: EagiSession) -> None:
        self._sessions.pop(session).cancel()

    async def _answer(self, connection: socket.socket, unique_id: str, args: tuple[str, ...]) -> None:
        try:
            async with asyncio.timeout(self.settings.sync_timeout_s):
                fields = await self._on_sync(unique_id, args)
            connection.send(_variables(fields))  # less than a socket's buffer, or not at all
        except TimeoutError:
            self.refusals.add(Refusal.LATE)
        except OSError:
            self.refusals.add(Refusal.GONE)
        except Exception:
            log.exception("sync callback failed")
            self.refusals.add(Refusal.FAILED)

    def _answered(self, question: asyncio.Task[None]) -> None:
        self._questions.pop(question).close()

    def _late(self, connection: socket.socket) -> None:
        self._refuse(self._guests[connection], Refusal.TOO_SLOW)

    def _refuse(self, guest: _Guest, reason: Refusal, detail: str = "") -> None:
        self.refusals.add(reason, detail)
        self._dismiss(guest)

    def _dismiss(self, guest: _Guest) -> None:
        self._release(guest)
        guest.connection.close()
        for fd in guest.fds:
            os.close(fd)

    def _release(self, guest: _Guest) -> None:
        guest.deadline.cancel()
        asyncio.get_running_loop().remove_reader(guest.connection)
        del self._guests[guest.connection]


def _is_readable_pipe(fd: int) -> bool:
    """Say whether audio can be read from it without ever blocking: no file, no terminal, no write end."""
    return (
        stat.S_ISFIFO(os.fstat(fd).st_mode) and fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
    )


def _variables(fields: Mapping[str, str]) -> bytes:
    """Format the answer to a question; raises ValueError for what would not arrive as it was meant."""
    for name, value in fields.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a channel variable.")
        if _LINE_BREAK.search(value):
            raise ValueError(f"The value of {name} holds a line break: {value!r}.")
    return "".join(f"{name}={value}\n" for name, value in fields.items()).encode()


def _listen(settings: ShimSettings) -> socket.socket:
    path = settings.path
    if len(os.fsencode(path)) > MAX_PATH_BYTES:
        raise OSError(
            f"The shim socket's path {path} is longer than {MAX_PATH_BYTES} bytes: choose a shorter one."
        )
    _clear(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(str(path))
        _give_to_group(path, settings.group)
        path.chmod(0o660)
        listening.listen(BACKLOG)  # only now can anyone connect
    except OSError as error:
        listening.close()
        raise OSError(
            error.errno,
            f"The shim socket {path} cannot be made ({error.strerror}): "
            f"its folder must exist and be writable by the agent.",
        ) from None
    return listening


def _clear(path: Path) -> None:
    """Remove the socket of an agent that is gone; raises OSError where something else is in the way."""
    if not path.exists():
        return
    if not path.is_socket():
        raise OSError(f"The shim socket's path {path} is taken by something that is no socket: move it away.")
    if deserted(str(path)):
        path.unlink(missing_ok=True)
    elif path.exists():
        raise OSError(f"Another agent listens on the shim socket {path}: stop it, or choose another path.")


def _give_to_group(path: Path, group: str) -> None:
    if not group:
        return
    try:
        os.chown(path, -1, grp.getgrnam(group).gr_gid)
    except KeyError:
        log.warning("the shim socket's group does not exist: Asterisk may not reach the agent", group=group)
    except PermissionError:
        log.warning(
            "the agent may not give the shim socket to the group: make its user a member of it", group=group
        )
