"""How to reach a PBX, its secrets among that, and how to hear its calls."""

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import PositiveFloat, PositiveInt, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from agent.config.section import OneLine, Port, Section, Text
from agent.yaml_file import COMPLAINT, ConfigError, reason


class AudioSocketConfig(Section):
    """Where Asterisk delivers audio by AudioSocket."""

    host: OneLine = "127.0.0.1"
    port: Port = 9092
    max_connections: PositiveInt = 1000
    token: SecretStr | None = None
    """Secret of legs that bring their own AudioSocket: the dialplan's `EARLYMEDIA_TOKEN`."""
    handshake_timeout_seconds: PositiveFloat = 1.5
    allow_remote: bool = False
    """Listen beyond loopback, for an Asterisk on another machine: in the clear, to all who reach it."""


class AsteriskConfig(Section):
    """How to reach Asterisk's manager interface, and how to hear its calls."""

    host: OneLine = "127.0.0.1"
    port: Port = 5038
    username: OneLine = "earlymedia"
    secret: SecretStr | None = None
    secret_file: Path | None = None
    """File that holds the secret, instead of `secret`."""
    tls: bool = False
    tls_ca_file: Path | None = None
    """Certificates to trust; None: the system's."""
    ping_interval_seconds: PositiveFloat = 2.0
    ping_timeout_seconds: PositiveFloat = 5.0
    tap: Literal["auto", "audiosocket", "eagi"] = "auto"
    audiosocket: AudioSocketConfig = AudioSocketConfig()
    socket_path: Path = Path("/run/earlymedia/agent.sock")
    """Where the EAGI shim and the sync point find the agent."""
    socket_group: Text | None = None
    """Group that may use the socket: the PBX's; None: the agent's own."""
    spy_context: OneLine = "earlymedia-spy"
    """Dialplan context that taps where AudioSocket is missing."""

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if self.secret is not None and self.secret_file is not None:
            raise PydanticCustomError(COMPLAINT, "give either secret or secret_file, not both")
        return self

    def read_secret(self) -> str:
        """Return the AMI secret, read from its file where it has one.

        Raises:
            ConfigError: there is none, or its file cannot be read.
        """
        return _secret("asterisk.secret", "AMI password", self.secret, self.secret_file)


class FreeSwitchConfig(Section):
    """How to reach FreeSWITCH's event socket, and how to hear its calls."""

    host: OneLine = "127.0.0.1"
    port: Port = 8021
    password: SecretStr | None = None
    password_file: Path | None = None
    """File that holds the password, instead of `password`."""
    ping_interval_seconds: PositiveFloat = 2.0
    ping_timeout_seconds: PositiveFloat = 5.0
    tap: Literal["auto", "native", "linear"] = "auto"
    tap_folder: Path = Path("/dev/shm/earlymedia")  # noqa: S108  a folder of its own there, not the shared one
    """Folder on tmpfs that FreeSWITCH and the agent both write to."""
    record_limit_seconds: PositiveInt = 300
    """FreeSWITCH ends a recording after this time, whatever became of the agent."""
    unicast_ports: str | None = None
    """`first-last`: ports that FreeSWITCH may send the audio of parked legs from; None: it does not."""

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if self.password is not None and self.password_file is not None:
            raise PydanticCustomError(COMPLAINT, "give either password or password_file, not both")
        return self

    @field_validator("unicast_ports")
    @classmethod
    def _in_order(cls, ports: str | None) -> str | None:
        if ports is not None:
            written = re.fullmatch(r"(\d{4,5})-(\d{4,5})", ports, re.ASCII)
            if written is None or not 1024 <= int(written[1]) <= int(written[2]) <= 65535:
                raise PydanticCustomError(
                    COMPLAINT, "give two ports from 1024 to 65535, the lower one first: '28100-28599'"
                )
        return ports

    @property
    def unicast_range(self) -> range:
        """The ports of `unicast_ports`."""
        if self.unicast_ports is None:
            return range(0)
        first, last = map(int, self.unicast_ports.split("-"))
        return range(first, last + 1)

    def read_password(self) -> str:
        """Return the event socket's password, read from its file where it has one.

        Raises:
            ConfigError: there is none, or its file cannot be read.
        """
        return _secret("freeswitch.password", "event socket's password", self.password, self.password_file)


def _secret(key: str, what: str, given: SecretStr | None, file: Path | None) -> str:
    if given is not None:
        return given.get_secret_value()
    if file is None:
        raise ConfigError(f"{key} is missing: give the {what} there or in {key}_file.")
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{key}_file: {file} cannot be read ({reason(error)}): "
            "give the agent's user the right to read it."
        ) from error
