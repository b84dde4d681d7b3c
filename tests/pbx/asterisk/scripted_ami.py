"""An Asterisk of the manager interface that says what a test tells it to, on a real loopback socket."""

import asyncio
from collections.abc import Callable

from agent.pbx.asterisk.ami import AmiClient, AmiEvent, AmiSettings
from tests.pbx.scripted_server import ScriptedServer

SECRET = "s3cret-of-the-test"


class ScriptedAsterisk(ScriptedServer):
    """An Asterisk that says what a test tells it to: `answers` by the name of the action."""

    command_end = b"\r\n\r\n"

    def __init__(self) -> None:
        super().__init__()
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

    def event(self, *lines: str) -> None:
        self.say("\r\n".join([*lines, "", ""]).encode())

    def named(self, name: str) -> list[dict[str, str]]:
        return [action for action in self.actions if action["action"] == name]

    def _login(self, action: dict[str, str]) -> str:
        if action.get("secret") != self.secret:
            return "Response: Error\r\nMessage: Authentication failed"
        self.logins += 1
        return "Response: Success\r\nMessage: Authentication accepted"

    def greet(self, writer: asyncio.StreamWriter) -> bool:
        writer.write(self.banner)
        return True

    def take(self, command: str, writer: asyncio.StreamWriter) -> None:
        pairs = [line.partition(": ") for line in command.split("\r\n")]
        action = {key.lower(): value for key, _, value in pairs}
        self.actions.append(action)
        script = self.answers.get(action["action"].lower())
        answer = script(action) if script else None
        if answer is not None:
            first, _, rest = answer.partition("\r\n")
            lines = [first, f"ActionID: {action['actionid']}", *([rest] if rest else []), "", ""]
            writer.write("\r\n".join(lines).encode())


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


def heard_by(client: AmiClient) -> list[AmiEvent]:
    events: list[AmiEvent] = []
    client.on_event(events.append)
    return events
