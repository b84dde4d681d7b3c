"""A FreeSWITCH of the event socket on a real loopback socket, which does what 1.10.12 was seen to do.

Recordings are real files that it opens by the path it is told, truncates, and writes to when a test `speak`s.
"""

import asyncio
import json
import os
import socket
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from agent.pbx.freeswitch.causes import FREESWITCH_NAMES
from agent.pbx.freeswitch.client import EventSocketSettings
from tests.pbx.scripted_server import ScriptedServer

PASSWORD = "pa55word-of-the-test"
CORE = "0f000000-0000-4000-8000-00000000000f"
CAUSES = {name: q850 for q850, name in FREESWITCH_NAMES.items()}
NO_CHANNEL = "-ERR No such channel!\n"


@dataclass(eq=False)
class Channel:
    """One channel, as FreeSWITCH keeps it."""

    uuid: str
    direction: str = "outbound"
    name: str = "sofia/external/0301234567"
    number: str = "0301234567"
    codec: str = "PCMU"
    dialer: str = ""
    state: str = "ringing"
    variables: dict[str, str] = field(default_factory=dict)
    recordings: dict[str, list[int]] = field(default_factory=dict)
    """Open files by the path of the recording."""
    parked: bool = False
    unicast: socket.socket | None = None
    """Sends from its reserved port while the channel is parked."""

    def data(self, event: str) -> dict[str, str]:
        told = {
            "Event-Name": event,
            "Core-UUID": CORE,
            "Unique-ID": self.uuid,
            "Call-Direction": self.direction,
            "Channel-Name": self.name,
            "Channel-Call-UUID": self.dialer or self.uuid,
            "Caller-Destination-Number": self.number,
            "Answer-State": self.state,
        }
        if self.dialer:
            told |= {
                "Other-Type": "originator",
                "Other-Leg-Unique-ID": self.dialer,
                "Other-Leg-Channel-Name": "sofia/internal/1000@pbx",
            }
        return told | {f"variable_{name}": value for name, value in self.variables.items()}


class ScriptedFreeSwitch(ScriptedServer):
    """Listens, answers, and tells of calls that a test makes up."""

    command_end = b"\n\n"

    def __init__(self) -> None:
        super().__init__()
        self.password = PASSWORD
        self.allowed = True
        """The access list lets the agent in."""
        self.greeting = b"Content-Type: auth/request\n\n"
        self.frozen = False
        """Says nothing any more, but keeps its connections."""
        self.mute: set[asyncio.StreamWriter] = set()
        """Connections on which no command is answered any more; events go on."""
        self.stuck_at = ""
        """A command that begins so is not done before `catch_up`, nor is any that follows it."""
        self._stuck: list[tuple[str, asyncio.StreamWriter]] = []
        self.commands: list[str] = []
        """Every command that came, in order, headers and all."""
        self.channels: dict[str, Channel] = {}
        self.overlook = ""
        """A channel that is too young for the next list of channels."""
        self.fails: deque[str] = deque()
        """What the next attempts to record answer instead of being tried."""
        self.logins = 0
        self._events: defaultdict[asyncio.StreamWriter, set[str]] = defaultdict(set)
        """Names of the events that each connection wants."""
        self._filters: defaultdict[asyncio.StreamWriter, list[tuple[str, str]]] = defaultdict(list)
        self.api: dict[str, Callable[[str], str]] = {
            "uptime": lambda _: "0",
            "show": lambda _: self._show(),
            "uuid_dump": lambda line: self._dump(line.split()[0]),
            "uuid_getvar": lambda line: self._getvar(*line.split()),
            "uuid_kill": lambda line: self._kill(*line.split()),
            "uuid_record": lambda line: self._record(*line.split()),
            "uuid_setvar_multi": self._setvar_multi,
        }

    # Its life.

    async def stop(self) -> None:
        for channel in list(self.channels.values()):
            self._close(channel)
        self.channels.clear()
        await super().stop()

    async def shut_down(self) -> None:
        """Say good-bye as FreeSWITCH does when it is stopped, and stop."""
        words = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
        self.say(f"Content-Type: text/disconnect-notice\nContent-Length: {len(words)}\n\n{words}".encode())
        await asyncio.sleep(0.02)
        await self.stop()

    def catch_up(self) -> None:
        self.stuck_at, stuck, self._stuck = "", self._stuck, []
        for command, writer in stuck:
            self._obey(command, writer)

    def named(self, name: str) -> list[str]:
        """Return the commands that begin so."""
        return [command for command in self.commands if command.startswith(name)]

    # Its calls.

    def dial(
        self,
        uuid: str,
        *,
        gateway: str = "carrier",
        direction: str = "outbound",
        dialer: str = "",
        codec: str = "PCMU",
    ) -> Channel:
        """Begin an outbound leg, or another channel."""
        channel = self.channels[uuid] = Channel(uuid, direction=direction, dialer=dialer, codec=codec)
        if gateway:
            channel.variables["sip_gateway_name"] = gateway
        self.tell(channel, "CHANNEL_ORIGINATE")
        return channel

    def ring(self, channel: Channel) -> None:
        self.tell(channel, "CHANNEL_PROGRESS")

    def early_media(self, channel: Channel, *, codec_known: bool = True) -> None:
        channel.state = "early"
        if codec_known:
            self.negotiate(channel)
        self.tell(channel, "CHANNEL_PROGRESS_MEDIA")

    def negotiate(self, channel: Channel) -> None:
        channel.variables["rtp_use_codec_name"] = channel.codec

    def speak(self, channel: Channel, audio: bytes) -> None:
        """Let the far end be heard: every recording of the channel grows."""
        for files in channel.recordings.values():
            os.write(files[0], audio)
        if channel.unicast is not None and channel.parked:
            channel.unicast.send(audio)

    def park(self, channel: Channel, *, parked: bool = True) -> None:
        channel.parked = parked
        self.tell(channel, "CHANNEL_PARK" if parked else "CHANNEL_UNPARK")

    def answer(self, channel: Channel) -> None:
        channel.state = "answered"
        self.tell(channel, "CHANNEL_ANSWER")

    def end(
        self, channel: Channel, cause: str = "USER_BUSY", *, sip: int | None = None, how: str = "recv_refuse"
    ) -> None:
        """End a leg; `sip` is the carrier's final code, None where it gave none."""
        self._close(channel)
        del self.channels[channel.uuid]
        channel.state = "hangup"
        told = {
            "hangup_cause": cause,
            "hangup_cause_q850": str(CAUSES[cause]),
            "sip_hangup_disposition": how,
        }
        if sip is not None:
            told |= {"sip_term_status": str(sip), "proto_specific_hangup_cause": f"sip:{sip}"}
        channel.variables |= told
        self.tell(channel, "CHANNEL_HANGUP_COMPLETE")

    def tell(self, channel: Channel, event: str) -> None:
        """Send an event of a channel, one header twice as FreeSWITCH does it at the end of a call."""
        data = channel.data(event)
        pairs = [*data.items(), ("Call-Direction", data["Call-Direction"])]
        body = "{" + ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in pairs) + "}"
        message = f"Content-Length: {len(body.encode())}\nContent-Type: text/event-json\n\n{body}"
        for writer in self.writers:
            filters = self._filters[writer]
            passes = not filters or any(data.get(name) == value for name, value in filters)
            if passes and event in self._events[writer]:
                writer.write(message.encode())

    # Its commands.

    def _show(self) -> str:
        rows = [
            {
                "uuid": channel.uuid,
                "direction": channel.direction,
                "callstate": "ACTIVE" if channel.state == "answered" else channel.state.upper(),
            }
            for channel in self.channels.values()
            if channel.uuid != self.overlook
        ]
        self.overlook = ""
        return json.dumps({"row_count": len(rows), **({"rows": rows} if rows else {})})

    def _dump(self, uuid: str) -> str:
        channel = self.channels.get(uuid)
        return json.dumps(channel.data("CHANNEL_DATA")) if channel else NO_CHANNEL

    def _getvar(self, uuid: str, variable: str) -> str:
        channel = self.channels.get(uuid)
        return channel.variables.get(variable, "_undef_") if channel else NO_CHANNEL

    def _setvar_multi(self, line: str) -> str:
        uuid, _, assignments = line.partition(" ")
        channel = self.channels.get(uuid)
        if channel is None:
            return NO_CHANNEL + "-USAGE: <uuid> <var>=<value>;<var>=<value>...\n"
        for assignment in separated(assignments):
            name, _, value = assignment.partition("=")
            channel.variables.pop(name, None)
            if value:
                channel.variables[name] = value
        return "+OK\n"

    def _kill(self, uuid: str, cause: str = "NORMAL_CLEARING") -> str:
        channel = self.channels.get(uuid)
        if channel is None:
            return NO_CHANNEL
        self.end(channel, cause if cause in CAUSES else "NORMAL_CLEARING", how="send_cancel")
        return "+OK\n"

    def _record(self, uuid: str, action: str, path: str, limit: str = "", variables: str = "") -> str:
        channel = self.channels.get(uuid)
        if channel is None:
            return "-ERR Cannot locate session!\n"
        if action == "stop":
            assert path != "all"
            return "+OK Success\n" if self._close(channel, path) else "-ERR Cannot stop record session!\n"
        if self.fails:
            return self.fails.popleft()
        assert int(limit) > 0
        assert "RECORD_READ_ONLY=true" in variables
        if path in channel.recordings:  # "Already recording", says its log
            return "+OK Success\n"
        if channel.variables.get("rtp_use_codec_name", channel.codec) == "PROXY":
            if "." in path:  # not what one wants
                self.end(channel, "INCOMPATIBLE_DESTINATION", how="send_cancel")
            return "-ERR Cannot record session!\n"
        names = [path] if "." in path else [f"{path}-in.{channel.codec}", f"{path}-out.{channel.codec}"]
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        channel.recordings[path] = [os.open(name, flags, 0o600) for name in names]
        return "+OK Success\n"

    def _close(self, channel: Channel, path: str = "") -> bool:
        """End one recording of a channel, or all that it sends."""
        if channel.unicast is not None and not path:
            channel.unicast.close()
        paths = [path] if path else list(channel.recordings)
        ended = [channel.recordings.pop(path) for path in paths if path in channel.recordings]
        for files in ended:
            for descriptor in files:
                os.close(descriptor)
        return bool(ended)

    def _message(self, uuid: str, *lines: str) -> None:
        """Begin to send; what cannot be is not told, and what is no unicast is for nobody here."""
        headers = dict(line.split(": ", 1) for line in lines)
        channel = self.channels.get(uuid)
        if channel is None or headers["call-command"] != "unicast":
            return
        sending = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sending.bind((headers["local-ip"], int(headers["local-port"])))
        except OSError:
            sending.close()
            return
        sending.connect((headers["remote-ip"], int(headers["remote-port"])))
        channel.unicast = sending

    def greet(self, writer: asyncio.StreamWriter) -> bool:
        words = "Access Denied, go away.\n"
        rejection = f"Content-Type: text/rude-rejection\nContent-Length: {len(words)}\n\n{words}".encode()
        writer.write(self.greeting if self.allowed else rejection)
        return self.allowed

    def take(self, command: str, writer: asyncio.StreamWriter) -> None:
        self.commands.append(command)
        if self._stuck or (self.stuck_at and command.startswith(self.stuck_at)):
            self._stuck.append((command, writer))
        elif not self.frozen and writer not in self.mute:
            self._obey(command, writer)

    def _obey(self, command: str, writer: asyncio.StreamWriter) -> None:
        verb, _, rest = command.partition(" ")
        reply = "+OK"
        match verb:
            case "auth":
                reply = "+OK accepted" if rest == self.password else "-ERR invalid"
                self.logins += reply.startswith("+OK")
            case "api":
                name, _, arguments = rest.partition(" ")
                body = self.api[name](arguments)
                writer.write(f"Content-Type: api/response\nContent-Length: {len(body)}\n\n{body}".encode())
                return
            case "event":
                self._events[writer] |= set(rest.split()[1:])
                reply = "+OK event listener enabled json"
            case "filter":
                name, value = rest.split(" ")
                self._filters[writer].append((name, value))
                reply = f"+OK filter added. [{name}]=[{value}]"
            case "sendmsg":
                self._message(*rest.split("\n"))
            case "sendevent":
                reply = "+OK 9bee6c32-0c53-4d1f-a4f5-ea1c8b6c0a9b"
        writer.write(f"Content-Type: command/reply\nReply-Text: {reply}\n\n".encode())


def separated(assignments: str) -> list[str]:
    """Take `a=1;b=2` apart as switch_utils.c does: a backslash protects what follows, quotes protect `;`."""
    found, escaped, quoted = [""], False, False
    for letter in assignments:
        if escaped:
            found[-1] += {"s": " ", "n": "\n", "r": "\r", "t": "\t"}.get(letter, letter)
            escaped = False
        elif letter == "\\":
            escaped = True
        elif letter == "'":
            quoted = not quoted
        elif letter == ";" and not quoted:
            found.append("")
        else:
            found[-1] += letter
    return [part for part in found if part]


def settings(freeswitch: ScriptedFreeSwitch) -> EventSocketSettings:
    return EventSocketSettings(
        port=freeswitch.port,
        password=PASSWORD,
        connect_timeout_s=0.3,
        command_timeout_s=0.5,
        ping_interval_s=0.1,
        ping_timeout_s=0.2,
        backoff_min_s=0.05,
        backoff_max_s=0.2,
        max_unanswered=100,
    )
