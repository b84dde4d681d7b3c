"""What a lab is made of: its chroot, its ports, and the configuration that is written into it."""

import contextlib
import os
import re
import shutil
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Self

CHROOT_VARIABLE = "EARLYMEDIA_ASTERISK"

SHIMS = ("earlymedia-eagi", "earlymedia-sync")
SNIPPETS = ("extensions_earlymedia.conf", "manager_earlymedia.conf")
AUDIOSOCKET_MODULES = frozenset({"res_audiosocket.so", "app_audiosocket.so", "chan_audiosocket.so"})

_LEFT_EMPTY = (
    *("acl", "ccss", "cel", "codecs", "features", "hep", "http"),
    *("musiconhold", "pjproject", "sorcery", "stasis", "statsd", "udptl"),
)
"""Files that Asterisk asks for; empty, they mean its defaults."""


class LabError(RuntimeError):
    """The lab cannot do that, and what would mend it."""


@dataclass(frozen=True, slots=True)
class LabPorts:
    """Where a lab listens, all on 127.0.0.1."""

    sip: int = 15060
    """The PBX, UDP."""
    carrier: int = 15070
    """The simulated carrier, UDP."""
    ami: int = 15038
    """Asterisk's manager interface, TCP."""
    ami_tls: int = 15039
    """The same over TLS."""
    audiosocket: int = 19092
    """The agent's AudioSocket, TCP."""
    event_socket: int = 18021
    """FreeSWITCH's event socket, TCP."""
    rtp_first: int = 20000
    """The PBX's RTP, UDP: two thousand ports from here on."""

    @classmethod
    def free(cls) -> Self:
        """Find ports that are free now, beside other labs. Raises `LabError` where none are."""
        first = cls()
        for n in range(6):
            ports = cls(
                sip=first.sip + 100 * n,
                carrier=first.carrier + 100 * n,
                ami=first.ami + 100 * n,
                ami_tls=first.ami_tls + 100 * n,
                audiosocket=first.audiosocket + 100 * n,
                event_socket=first.event_socket + 100 * n,
                rtp_first=first.rtp_first + 2000 * n,
            )
            with contextlib.suppress(LabError):
                ports.require_free()
                return ports
        raise LabError("no free ports for a lab on 127.0.0.1, 15038 to 15570: stop another lab first")

    def require_free(self) -> None:
        """Raise `LabError` if somebody else listens where the PBX shall."""
        _require_free(socket.SOCK_STREAM, (self.ami, self.ami_tls, self.event_socket))
        _require_free(socket.SOCK_DGRAM, (self.sip,))


def _require_free(kind: socket.SocketKind, ports: tuple[int, ...]) -> None:
    for port in ports:
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind is socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise LabError(
                    f"port {port} of 127.0.0.1 is taken: does another lab run? Stop it first"
                ) from error


def chroot_from_environment() -> Path:
    """Return the chroot that `scripts/setup` made. Raises `LabError` where the environment names none."""
    named = os.environ.get(CHROOT_VARIABLE)
    if not named:
        raise LabError(
            f"{CHROOT_VARIABLE} is not set: run ./scripts/test, which makes a private Asterisk first"
        )
    return Path(named)


def shipped_dialplan(pbx: str = "asterisk") -> Path:
    """Return the folder of what an admin copies into a PBX: the checkout's, or the installed one."""
    beside = Path(__file__).parents[2] / "dialplan" / pbx
    return beside if beside.is_dir() else Path(sys.prefix) / "share" / "earlymedia" / "dialplan" / pbx


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return a template with every `@NAME@` filled. Raises KeyError for a name that has no value."""
    return re.sub(r"@([A-Z_]+)@", lambda found: values[found[1]], template)


def write_lab(
    home: Path, values: Mapping[str, str], *, modules: frozenset[str], agent_secret: str, dialplan: Path
) -> None:
    """Write a lab's folder afresh: configuration, shims, and empty places for what Asterisk writes.

    `values` fill the `@NAME@` of the templates; only `modules` (file names) are loaded.
    """
    for name in ("conf", "run", "logs", "agi-bin"):
        shutil.rmtree(home / name, ignore_errors=True)
    for name in ("conf", "agi-bin", "logs/cdr-custom", "run/spool/outgoing", "run/spool/tmp"):
        (home / name).mkdir(parents=True)
    for name in _LEFT_EMPTY:
        (home / "conf" / f"{name}.conf").touch()
    for template in (resources.files("agent.demo") / "asterisk-conf").iterdir():
        text = fill(template.read_text(), values)
        if template.name == "modules.conf":
            text = "".join(
                line for line in text.splitlines(keepends=True)
                if not line.startswith("load=") or line.strip().removeprefix("load=") in modules
            )  # fmt: skip
        (home / "conf" / template.name).write_text(text)
    for name in SNIPPETS:
        text = (dialplan / name).read_text().replace("CHOOSE-A-SECRET", agent_secret)
        (home / "conf" / name).write_text(text)
    for name in SHIMS:
        (home / "agi-bin" / name).write_bytes((dialplan / name).read_bytes())
        (home / "agi-bin" / name).chmod(0o755)
