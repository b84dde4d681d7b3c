"""The taps that legs bring themselves: their dialplan runs AudioSocket() or the EAGI shim."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import md5
from uuid import UUID

import structlog

from agent.hearing.sound import Encoding
from agent.pbx.asterisk.agi import AgiError
from agent.pbx.asterisk.audiosocket_server import AudioSocketServer
from agent.pbx.asterisk.eagi import EagiSession
from agent.pbx.port import Leg, Tap, TapKind

log = structlog.get_logger(__name__)

STREAM_TTL_S = 3600.0
"""A leg's stream is awaited for so long: its dialplan may come to it late, or never."""


def stream_of(token: str, leg_id: str) -> UUID:
    """Return the AudioSocket stream of a leg that brings its own: MD5 of token and Uniqueid.

    MD5 because the dialplan can compute it; the secret lies in the token.
    """
    return UUID(md5(f"{token}{leg_id}".encode(), usedforsecurity=False).hexdigest())


class OwnTaps:
    """Which legs brought a tap, and the AGI sessions of those that came by EAGI."""

    def __init__(
        self,
        token: str,
        audiosocket: AudioSocketServer,
        on_tap: Callable[[Leg, Tap], None],
        on_hangup: Callable[[Leg, EagiSession], None],
    ) -> None:
        """Call `on_tap` with each tap, `on_hangup` while a dead channel still takes variables over AGI."""
        self._token = token
        self._audiosocket = audiosocket
        self._on_tap = on_tap
        self._on_hangup = on_hangup
        self._taps: dict[str, Tap] = {}
        self._sessions: dict[str, EagiSession] = {}
        self._deaf: set[str] = set()
        """Legs whose tap was found ended once."""

    def expect(self, leg: Leg) -> None:
        """Let the leg come by AudioSocket."""
        self._audiosocket.expect(
            stream_of(self._token, leg.id),
            lambda tap: self._take(leg, tap),
            kind=TapKind.AUDIOSOCKET,
            ttl_s=STREAM_TTL_S,
        )

    def take(self, leg: Leg, session: EagiSession) -> None:
        """Listen to a leg that has come by EAGI."""
        self._sessions[leg.id] = session
        session.on_closed = lambda: self._closed(leg.id, session)
        session.on_hangup = lambda: self._on_hangup(leg, session)
        encoding = Encoding.SLIN16 if "slin16" in session.args[1:] else Encoding.SLIN8
        self._take(leg, session.listen(TapKind.EAGI, encoding))

    def has(self, leg_id: str) -> bool:
        """Say whether the leg brought a tap that is not known to be deserted."""
        return leg_id in self._taps

    def by_eagi(self, leg_id: str) -> bool:
        """Say whether an AGI session of the leg is open: it tells of the end itself."""
        return leg_id in self._sessions

    def deserted(self, leg_id: str) -> bool:
        """Say whether a leg outlives its tap: AudioSocket() gives up after two seconds without audio.

        The tap must be found ended twice: at a hang-up it ends a moment before the leg.
        """
        tap = self._taps.get(leg_id)
        if tap is None or not tap.ended:
            return False
        if leg_id not in self._deaf:
            self._deaf.add(leg_id)
            return False
        self._deaf.discard(leg_id)
        del self._taps[leg_id]
        return True

    def let_go(self, leg: Leg) -> None:
        """Let the leg's dialplan go on: nobody can tell whether it is answered."""
        tap = self._taps.get(leg.id)
        if tap is not None and not tap.ended:
            log.warning("Asterisk cannot be asked whether the leg is answered: it is let go", call=leg.id)
            tap.close()

    def say(self, channel_id: str, fields: Mapping[str, str]) -> bool:
        """Set variables over AGI where only that still finds the channel, False where it need not."""
        session = self._sessions.get(channel_id)
        if session is None or not session.hung_up:
            return False
        for name, value in fields.items():
            with suppress(AgiError):  # what cannot be said is left unsaid
                session.send("SET", "VARIABLE", name, value)
        return True

    def forget(self, leg_id: str) -> None:
        """Take note that a leg has ended."""
        self._taps.pop(leg_id, None)
        self._deaf.discard(leg_id)
        self._audiosocket.forget(stream_of(self._token, leg_id))

    def _take(self, leg: Leg, tap: Tap) -> None:
        self._taps[leg.id] = tap
        self._on_tap(leg, tap)

    def _closed(self, leg_id: str, session: EagiSession) -> None:
        if self._sessions.get(leg_id) is session:
            del self._sessions[leg_id]
