"""An Asterisk of the manager interface that says what a test tells it to, on a real loopback socket."""

import asyncio
import ssl
from collections.abc import Callable

from agent.pbx.asterisk.ami import AmiClient, AmiEvent, AmiSettings

SECRET = "s3cret-of-the-test"


class ScriptedAsterisk:
    """An Asterisk that says what a test tells it to: `answers` by the name of the action."""

    def __init__(self) -> None:
        self.secret = SECRET
        self.banner = b"Asterisk Call Manager/11.0.0\r\n"
        self.actions: list[dict[str, str]] = []
        """Every action that came, in order, over all connections."""
        self.logins = 0
        self.answers: dict[str, Callable[[dict[str, str]], str | None]] = {
            "login": self._login,
            "ping": lambda action: "Response: Success\r\nPing: Pong",
            "setvar": lambda action: "Response: Success\r\nMessage: Variable Set",
        }
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self.hang_up()
        await asyncio.sleep(0.01)

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def say(self, data: bytes) -> None:
        for writer in self._writers:
            writer.write(data)

    def event(self, *lines: str) -> None:
        self.say("\r\n".join([*lines, "", ""]).encode())

    def named(self, name: str) -> list[dict[str, str]]:
        return [action for action in self.actions if action["action"] == name]

    def _login(self, action: dict[str, str]) -> str:
        if action.get("secret") != self.secret:
            return "Response: Error\r\nMessage: Authentication failed"
        self.logins += 1
        return "Response: Success\r\nMessage: Authentication accepted"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        writer.write(self.banner)
        try:
            while True:
                block = await reader.readuntil(b"\r\n\r\n")
                pairs = [line.partition(": ") for line in block.decode().strip().split("\r\n")]
                action = {key.lower(): value for key, _, value in pairs}
                self.actions.append(action)
                script = self.answers.get(action["action"].lower())
                answer = script(action) if script else None
                if answer is not None:
                    first, _, rest = answer.partition("\r\n")
                    lines = [first, f"ActionID: {action['actionid']}", *([rest] if rest else []), "", ""]
                    writer.write("\r\n".join(lines).encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()


def settings(asterisk: ScriptedAsterisk) -> AmiSettings:
    return AmiSettings(
        port=asterisk.port,
        secret=SECRET,
        connect_timeout_s=0.3,
        action_timeout_s=0.5,
        ping_interval_s=0.1,
        ping_timeout_s=0.1,
        backoff_min_s=0.05,
        backoff_max_s=0.2,
        max_unanswered=100,
    )


async def until(condition: Callable[[], object], within_s: float = 3) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)


def heard_by(client: AmiClient) -> list[AmiEvent]:
    events: list[AmiEvent] = []
    client.on_event(events.append)
    return events
