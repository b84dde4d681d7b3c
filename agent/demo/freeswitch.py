"""A private FreeSWITCH for the tests: on loopback, in a folder of its own, with our own dialplan."""

import asyncio
import csv
import os
import secrets
import shutil
import time
from importlib import resources
from pathlib import Path
from typing import Any, Self

from agent.demo.event_socket import EventSocket
from agent.demo.lab import LabError, LabPorts, fill, shipped_dialplan
from agent.demo.process import LabProcess

PREFIX_VARIABLE = "FREESWITCH_PREFIX"
BOOT_SECONDS = 30.0


def prefix_from_environment() -> Path:
    """Return where FreeSWITCH is installed. Raises `LabError` where the environment names no such folder."""
    named = os.environ.get(PREFIX_VARIABLE)
    if not named:
        raise LabError(
            f"{PREFIX_VARIABLE} is not set: name the folder that FreeSWITCH was installed into (its --prefix)"
        )
    return Path(named)


class LabFreeSwitch(LabProcess):
    """One FreeSWITCH with its configuration; `async with` starts and stops it."""

    listening_event = "connected to FreeSWITCH"
    """What the agent logs when it can hear calls."""

    def __init__(
        self, prefix: Path, home: Path, *, ports: LabPorts | None = None, tap_folder: Path | None = None
    ) -> None:
        """Prepare a lab.

        Args:
            prefix: where FreeSWITCH is installed; it is only read.
            home: the lab's folder, made where it is not there.
            ports: where to listen; the defaults if not given.
            tap_folder: where the agent lets FreeSWITCH record to; one in memory if not given.

        Raises:
            LabError: `prefix` holds no FreeSWITCH.
        """
        super().__init__("FreeSWITCH")
        if not (prefix / "bin/freeswitch").exists():
            raise LabError(f"{prefix} holds no bin/freeswitch: set {PREFIX_VARIABLE} to its --prefix")
        self.prefix, self.home = prefix.resolve(), home
        self.ports = ports or LabPorts()
        self.tap_folder = tap_folder or Path(f"/dev/shm/earlymedia-lab-{self.ports.sip}")  # noqa: S108
        self.password = secrets.token_hex(8)

    async def __aenter__(self) -> Self:
        """Write the configuration and start. Raises `LabError`."""
        self.ports.require_free()
        self.configure()
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop; the folder stays, for who wants to read its logs."""
        await self.stop()
        shutil.rmtree(self.tap_folder, ignore_errors=True)

    @property
    def agent_config(self) -> dict[str, Any]:
        """The sections of the agent's configuration that say how to reach this PBX and what to hear."""
        return {
            "pbx": "freeswitch",
            "trunks": [{"match": "sofia/gateway/carrier*", "name": "carrier"}],
            "freeswitch": {
                "port": self.ports.event_socket,
                "password": self.password,
                "tap_folder": str(self.tap_folder),
            },
        }

    def dialer(self) -> EventSocket:
        """Return an event socket session to open."""
        return EventSocket(self.ports.event_socket, self.password)

    def configure(self) -> None:
        """Write the lab's folder afresh; logs and records of an earlier run are gone."""
        for name in ("conf", "log", "run", "db"):
            shutil.rmtree(self.home / name, ignore_errors=True)
            (self.home / name).mkdir(parents=True)
        self.tap_folder.mkdir(parents=True, exist_ok=True)
        self.tap_folder.chmod(0o2770)
        values = {
            "HOME": str(self.home),
            "SIP_PORT": str(self.ports.sip),
            "CARRIER_PORT": str(self.ports.carrier),
            "RTP_FIRST": str(self.ports.rtp_first),
            "RTP_LAST": str(self.ports.rtp_first + 1998),
        }
        template = resources.files("agent.demo") / "freeswitch-conf" / "freeswitch.xml"
        shipped = shipped_dialplan("freeswitch")
        socket_conf = (shipped / "event_socket.conf.xml").read_text()
        for old, new in (("CHOOSE-A-PASSWORD", self.password), ("8021", str(self.ports.event_socket))):
            socket_conf = socket_conf.replace(f'value="{old}"', f'value="{new}"')
        conf = self.home / "conf"
        (conf / "freeswitch.xml").write_text(fill(template.read_text(), values))
        (conf / "event_socket.conf.xml").write_text(socket_conf)
        (conf / "earlymedia.xml").write_bytes((shipped / "earlymedia.xml").read_bytes())

    async def start(self) -> None:
        """Start, and wait until FreeSWITCH takes calls. Raises `LabError` if it does not."""
        home = self.home
        folders = ("-conf", f"{home}/conf", "-log", f"{home}/log", "-run", f"{home}/run", "-db", f"{home}/db")
        command = (f"{self.prefix}/bin/freeswitch", "-nf", "-nc", "-nonat", *folders)
        # It dies with us, however we end.
        self.spawn(("setpriv", "--pdeathsig", "KILL", *command), home / "log" / "console")
        give_up = time.monotonic() + BOOT_SECONDS
        while not await self._ready():
            if not self.running or time.monotonic() > give_up:
                await self.kill()
                raise LabError(f"FreeSWITCH did not come up: see console and freeswitch.log in {home}/log")
            await asyncio.sleep(0.05)

    async def command(self, line: str) -> str:
        """Run one command of the command line interface and return what it prints."""
        async with self.dialer() as session:
            return await session.api(line)

    async def version(self) -> str:
        """Return e.g. `1.10.12`."""
        return (await self.command("version short")).strip()

    async def channels(self) -> list[str]:
        """Return the ids of the channels that there are."""
        lines = (await self.command("show channels")).splitlines()
        return [line.split(",")[0] for line in lines[1:] if line.count(",") > 3]

    def call_records(self) -> list[list[str]]:
        """Return the call detail records so far: uuid, direction, cause, `EARLYMEDIA_STATUS`, `_OUTCOME`."""
        with (self.home / "log" / "cdr-csv" / "Master.csv").open(newline="") as file:
            return list(csv.reader(file))

    def log(self) -> str:
        """Return FreeSWITCH's log: notices, warnings, errors."""
        return (self.home / "log" / "freeswitch.log").read_text(errors="replace")

    async def _ready(self) -> bool:
        try:
            async with self.dialer() as session:
                return "RUNNING" in await session.api("sofia status")
        except (OSError, LabError):
            return False
