"""What a configuration means for the parts of the service."""

from collections.abc import Callable
from functools import lru_cache

from agent.announcements.announcement import Announcement
from agent.config import Config, Mode
from agent.pbx.asterisk.adapter import AsteriskAdapter, AsteriskSettings
from agent.pbx.asterisk.ami import AmiSettings
from agent.pbx.asterisk.audiosocket_server import AudioSocketSettings
from agent.pbx.asterisk.shim_server import ShimSettings
from agent.pbx.asterisk.spy import TapChoice as SpyChoice
from agent.pbx.freeswitch.adapter import FreeSwitchAdapter, FreeSwitchSettings
from agent.pbx.freeswitch.client import EventSocketSettings
from agent.pbx.freeswitch.recorder import RecorderSettings
from agent.pbx.freeswitch.recorder import TapChoice as RecordingChoice
from agent.pbx.port import CallListener, Pbx
from agent.service.calls import Rules
from agent.verdict.policy import Policy


def rules_of(config: Config, announcement_of: Callable[[str], Announcement | None] = lambda _: None) -> Rules:
    """Return what a configuration says about judging; policies are built once for each trunk."""

    @lru_cache(maxsize=1024)
    def policy_of(channel: str) -> Policy:
        trunk = config.trunk_of(channel)
        return policies[trunk.match] if trunk else config.policy_of(None)

    def country_of(channel: str) -> str | None:
        trunk = config.trunk_of(channel)
        return trunk.country if trunk else None

    def trunk_of(channel: str) -> str | None:
        trunk = config.trunk_of(channel)
        return trunk.title if trunk else None

    policies = {trunk.match: config.policy_of(trunk) for trunk in reversed(config.trunks)}
    writes = config.mode is Mode.ACTIVE
    return Rules(config.settling.settling, policy_of, writes, country_of, trunk_of, announcement_of)


def pbx_of(config: Config, listener: CallListener) -> Pbx:
    """Return the configured PBX; raises ConfigError, OSError or ValueError, in one sentence."""
    if config.pbx == "freeswitch":
        return FreeSwitchAdapter(freeswitch_settings(config), listener)
    return AsteriskAdapter(asterisk_settings(config), listener)


def freeswitch_settings(config: Config) -> FreeSwitchSettings:
    """Return what a configuration says about FreeSWITCH; raises ConfigError without a password."""
    freeswitch = config.freeswitch
    return FreeSwitchSettings(
        trunks=tuple(trunk.match for trunk in config.trunks),
        event_socket=EventSocketSettings(
            host=freeswitch.host,
            port=freeswitch.port,
            password=freeswitch.read_password(),
            ping_interval_s=freeswitch.ping_interval_seconds,
            ping_timeout_s=freeswitch.ping_timeout_seconds,
        ),
        recorder=RecorderSettings(
            folder=freeswitch.tap_folder,
            choice=RecordingChoice(freeswitch.tap),
            limit_s=freeswitch.record_limit_seconds,
        ),
        unicast_ports=freeswitch.unicast_range,
    )


def asterisk_settings(config: Config) -> AsteriskSettings:
    """Return what a configuration says about Asterisk; raises ConfigError where the secret cannot be read."""
    asterisk = config.asterisk
    token = asterisk.audiosocket.token
    return AsteriskSettings(
        trunks=tuple(trunk.match for trunk in config.trunks),
        ami=AmiSettings(
            host=asterisk.host,
            port=asterisk.port,
            username=asterisk.username,
            secret=asterisk.read_secret(),
            tls=asterisk.tls,
            ca_file=asterisk.tls_ca_file,
            ping_interval_s=asterisk.ping_interval_seconds,
            ping_timeout_s=asterisk.ping_timeout_seconds,
        ),
        audiosocket=AudioSocketSettings(
            host=asterisk.audiosocket.host,
            port=asterisk.audiosocket.port,
            max_connections=asterisk.audiosocket.max_connections,
            handshake_timeout_s=asterisk.audiosocket.handshake_timeout_seconds,
            allow_remote=asterisk.audiosocket.allow_remote,
        ),
        shims=ShimSettings(
            path=asterisk.socket_path,
            group=asterisk.socket_group or "",
            max_connections=asterisk.audiosocket.max_connections,
        ),
        tap=SpyChoice(asterisk.tap),
        spy_context=asterisk.spy_context,
        token=token.get_secret_value() if token else "",
    )
