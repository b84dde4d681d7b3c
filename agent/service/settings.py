"""What a configuration means for the parts of the service."""

from collections.abc import Callable
from functools import lru_cache

from agent.announcements.announcement import Announcement
from agent.config import Config, Mode
from agent.pbx.asterisk.adapter import AsteriskSettings
from agent.pbx.asterisk.ami import AmiSettings
from agent.pbx.asterisk.audiosocket_server import AudioSocketSettings
from agent.pbx.asterisk.shim_server import ShimSettings
from agent.pbx.asterisk.spy import TapChoice
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
        ),
        shims=ShimSettings(
            path=asterisk.socket_path,
            group=asterisk.socket_group or "",
            max_connections=asterisk.audiosocket.max_connections,
        ),
        tap=TapChoice(asterisk.tap),
        spy_context=asterisk.spy_context,
        token=token.get_secret_value() if token else "",
    )
