"""A private Asterisk for the demo and the tests: in a chroot, on loopback, with our own dialplan.

The chroot (made by `scripts/setup`) is only read, but for one folder of each lab: `lab/<SIP port>/`.
"""

import asyncio
import contextlib
import csv
import fcntl
import os
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from agent.demo.dialer import Dialer
from agent.demo.lab import AUDIOSOCKET_MODULES, LabError, LabPorts, shipped_dialplan, write_lab
from agent.demo.process import LabProcess

BOOT_SECONDS = 20.0
UNIX_PATH_BYTES = 107


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One line of Asterisk's own call detail records."""

    uniqueid: str
    linkedid: str
    channel: str
    dstchannel: str
    dst: str
    disposition: str
    """`ANSWERED`, `BUSY`, `NO ANSWER`, `FAILED`, `CONGESTION`."""
    billsec: str


class LabAsterisk(LabProcess):
    """One Asterisk with its configuration; `async with` starts and stops it."""

    listening_event = "ways to listen"
    """What the agent logs when it can hear calls."""

    def __init__(
        self,
        chroot: Path,
        *,
        ports: LabPorts | None = None,
        audiosocket: bool = True,
        agent_secret: str = "",
        token: str = "",
        dialplan: Path | None = None,
    ) -> None:
        """Prepare a lab.

        Args:
            chroot: folder that `scripts/setup` made.
            ports: where to listen; the defaults if not given.
            audiosocket: whether Asterisk's AudioSocket modules are loaded.
            agent_secret: AMI secret of the agent's user `earlymedia`; a fresh one if not given.
            token: guards the AudioSocket identities (`EARLYMEDIA_TOKEN` of the dialplan).
            dialplan: folder of the snippets and shims; the shipped ones if not given.

        Raises:
            LabError: `chroot` holds no Asterisk, or lies too deep for a Unix socket in it.
        """
        super().__init__("Asterisk")
        if not (chroot / "usr/sbin/asterisk").exists():
            raise LabError(f"{chroot} holds no Asterisk: run ./scripts/setup")
        self.chroot = chroot.resolve()
        self.ports = ports or LabPorts()
        self.audiosocket, self.token = audiosocket, token
        self.agent_secret = agent_secret or secrets.token_hex(8)
        self.dialer_secret = secrets.token_hex(8)
        """AMI secret of the user `dialer`, who may do everything."""
        self.inside = Path("/lab") / str(self.ports.sip)
        """The lab's folder as Asterisk sees it."""
        self.home = self.chroot / self.inside.relative_to("/")
        """The lab's folder as we see it."""
        self.agent_socket = self.home / "run" / "agent.sock"
        """Where the agent listens for the shims, as we see it."""
        self._dialplan = dialplan or shipped_dialplan()
        # Not asyncio's: a lab may outlive the loop that it was started in.
        if len(os.fsencode(self.agent_socket)) > UNIX_PATH_BYTES:
            raise LabError(
                f"{self.agent_socket} is too long for a socket: set EARLYMEDIA_LAB to a shorter path"
            )

    async def __aenter__(self) -> Self:
        """Write the configuration and start. Raises `LabError`."""
        with contextlib.ExitStack() as undo:
            self._lock = self._claim()
            undo.callback(os.close, self._lock)
            self.configure()
            await self.start()
            undo.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop; the folder stays, for who wants to read its logs."""
        try:
            await self.stop()
        finally:
            os.close(self._lock)

    def dialer(self, *, as_agent: bool = False) -> Dialer:
        """Return a manager session to open: of `dialer`, who may do everything, or of the agent."""
        if as_agent:
            return Dialer(self.ports.ami, "earlymedia", self.agent_secret)
        return Dialer(self.ports.ami, "dialer", self.dialer_secret)

    @property
    def agent_config(self) -> dict[str, Any]:
        """The sections of the agent's configuration that say how to reach this PBX and what to hear."""
        return {
            "pbx": "asterisk",
            "trunks": [{"match": "PJSIP/carrier*-*", "name": "carrier"}],
            "asterisk": {
                "port": self.ports.ami,
                "username": "earlymedia",
                "secret": self.agent_secret,
                "socket_path": str(self.agent_socket),
                "audiosocket": {"port": self.ports.audiosocket, "token": self.token or None},
            },
        }

    def configure(self) -> None:
        """Write the lab's folder afresh; logs and records of an earlier run are gone."""
        folder = next(self.chroot.glob("usr/lib/**/asterisk/modules"))
        modules = frozenset(module.name for module in folder.iterdir())
        values = {
            "HOME": str(self.inside),
            "MODULES": f"/{folder.relative_to(self.chroot)}",
            "SIP_PORT": str(self.ports.sip),
            "CARRIER_PORT": str(self.ports.carrier),
            "AMI_PORT": str(self.ports.ami),
            "AMI_TLS_PORT": str(self.ports.ami_tls),
            "AUDIOSOCKET_PORT": str(self.ports.audiosocket),
            "RTP_FIRST": str(self.ports.rtp_first),
            "RTP_LAST": str(self.ports.rtp_first + 1999),
            "DIALER_SECRET": self.dialer_secret,
            "TOKEN": self.token,
        }
        write_lab(
            self.home,
            values,
            modules=modules if self.audiosocket else modules - AUDIOSOCKET_MODULES,
            agent_secret=self.agent_secret,
            dialplan=self._dialplan,
        )

    async def start(self) -> None:
        """Start, and wait until Asterisk has fully booted. Raises `LabError` if it does not."""
        await self._certify()
        self._launch()
        give_up = time.monotonic() + BOOT_SECONDS
        while "fully booted" not in await self.command("core waitfullybooted"):
            if not self.running or time.monotonic() > give_up:
                await self.kill()
                raise LabError(f"Asterisk did not come up: see console and full in {self.home}/logs")
            await asyncio.sleep(0.05)

    async def command(self, line: str) -> str:
        """Run one command of the command line interface and return what it prints."""
        process = await asyncio.create_subprocess_exec(
            *self._inside("/usr/sbin/asterisk"), *self._conf, "-rx", line, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
        return output.decode("utf-8", "replace")

    async def version(self) -> str:
        """Return e.g. `Asterisk 22.10.1~dfsg`."""
        return " ".join((await self.command("core show version")).split()[:2])

    async def channels(self) -> list[str]:
        """Return the names of the channels that there are."""
        lines = (await self.command("core show channels concise")).splitlines()
        return [line.split("!")[0] for line in lines if "!" in line]

    def call_records(self) -> list[CallRecord]:
        """Return the call detail records so far; Asterisk writes one when a call is over."""
        records = self.home / "logs/cdr-custom/Master.csv"
        if not records.exists():
            return []
        with records.open(newline="") as file:
            return [CallRecord(*row) for row in csv.reader(file)]

    def log(self) -> str:
        """Return Asterisk's log: verbose lines, notices, warnings, errors."""
        return (self.home / "logs/full").read_text(errors="replace")

    @property
    def _conf(self) -> tuple[str, str]:
        return ("-C", f"{self.inside}/conf/asterisk.conf")

    def _inside(self, *command: str) -> tuple[str, ...]:
        """Wrap a command to run in the chroot: as root, or without any rights in a user namespace."""
        chroot = shutil.which("chroot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or "chroot"
        unshare = () if os.geteuid() == 0 else ("unshare", "--map-root-user")
        # What runs there dies with us, however we end.
        return (*unshare, "setpriv", "--pdeathsig", "KILL", chroot, str(self.chroot), *command)

    def _launch(self) -> None:
        command = self._inside("/usr/sbin/asterisk", "-f", *self._conf)
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/",
            "LANG": "C.UTF-8",
            "EARLYMEDIA_SOCKET": f"{self.inside}/run/agent.sock",
        }
        self.spawn(command, self.home / "logs" / "console", environment=environment)

    def _claim(self) -> int:
        """Lock the lab's folder. Raises `LabError` while another lab has it."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        except PermissionError as error:
            raise LabError(f"{self.home} is not ours to write: be the user who ran scripts/setup") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.ports.require_free()
        except BlockingIOError as error:
            os.close(lock)
            raise LabError(f"another lab runs in {self.home}: stop it, or choose other ports") from error
        except LabError:
            os.close(lock)
            raise
        return lock

    async def _certify(self) -> None:
        """Make a certificate for the manager interface's TLS port."""
        key, certificate = self.home / "conf" / "ami.pem", self.home / "conf" / "ami.crt"
        if certificate.exists():
            return
        process = await asyncio.create_subprocess_exec(
            *("openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        if await process.wait() != 0:
            raise LabError("openssl could not make a certificate for the manager interface")
        key.write_text(key.read_text() + certificate.read_text())
