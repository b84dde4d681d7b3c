"""Listening to a leg: FreeSWITCH records it into files of ours, which are read as they grow.

`uuid_record` is there in every FreeSWITCH, feeds bridged, parked and consumed legs alike, and stands beside
the PBX's own recordings. Two variants, by the path (switch_ivr_async.c):

- native, a path without a dot: the codec's own bytes. FreeSWITCH does not decode, and on a leg whose media
  only passes through (`proxy_media`) it answers with an error.
- linear, `.r8`: 16-bit samples at 8 kHz of whatever codec. On a `proxy_media` leg it would end the call, so
  it is only tried where the codec is known.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from agent.hearing.sound import Encoding
from agent.pbx.freeswitch.client import EventSocketClient
from agent.pbx.freeswitch.connection import EventSocketError
from agent.pbx.freeswitch.file_tap import FileTap
from agent.pbx.freeswitch.legs import PASSED_BY, LegBook, hindrance
from agent.pbx.freeswitch.spool import LINEAR_ENDING, NATIVE, Recording, Spool, SpoolError
from agent.pbx.port import CallListener, Leg, TapKind

RETRY_S = 0.02
"""Early media may be announced a moment before its codec is set up: what fails is tried again after this."""
TRIES = 10
CODEC = "rtp_use_codec_name"
"""Variable with the codec's name as in the session description, set once early media is set up."""
PROXY = "PROXY"
"""The codec of a leg whose media FreeSWITCH passes through unread."""

_OURS = (
    "RECORD_READ_ONLY=true,enable_file_write_buffering=false,"
    # A channel variable of the PBX's own recordings must not rule ours; the first could even end the call.
    "RECORD_HANGUP_ON_ERROR=false,RECORD_WRITE_ONLY=false,RECORD_ANSWER_REQ=false,RECORD_BRIDGE_REQ=false,"
    "RECORD_APPEND=false,RECORD_CHECK_BRIDGE=false,RECORD_TOGGLE_ON_REPEAT=false,"
    "RECORD_STEREO=false,RECORD_STEREO_SWAP=false,RECORD_MIN_SEC=0"
)
NATIVE_VARIABLES = f"{{{_OURS}}}"
LINEAR_VARIABLES = f"{{{_OURS},RECORD_PRE_BUFFER_FRAMES=1,RECORD_USE_THREAD=false,record_sample_rate=8000}}"


class TapChoice(StrEnum):
    """Which recordings an admin wants."""

    AUTO = "auto"
    """Native where the codec allows it, else linear."""
    NATIVE = "native"
    LINEAR = "linear"


@dataclass(frozen=True, slots=True)
class RecorderSettings:
    """How legs are recorded."""

    folder: Path = Path("/dev/shm/earlymedia")  # noqa: S108  a folder of its own there, not the shared one
    """On tmpfs; FreeSWITCH and the agent both write there."""
    choice: TapChoice = TapChoice.AUTO
    limit_s: int = 300
    """FreeSWITCH ends a recording after this time, whoever forgot it."""


class Recorder:
    """Attaches to legs, and lets go of them."""

    def __init__(
        self, settings: RecorderSettings, client: EventSocketClient, legs: LegBook, listener: CallListener
    ) -> None:
        """Speak through `client`; taps and failures of `legs` go to `listener`.

        Raises ValueError, in one sentence, for a folder that cannot be used.
        """
        self.settings = settings
        self.spool = Spool(settings.folder)
        self._client = client
        self._legs = legs
        self._listener = listener
        self._taps: dict[str, FileTap] = {}
        self._attaching: set[str] = set()

    def start(self) -> None:
        """Make ready; raises OSError, in one sentence, where the folder cannot be used."""
        self.spool.open()

    def listens(self, leg_id: str) -> bool:
        """Say whether a leg is listened to."""
        return leg_id in self._taps

    def release(self, leg_id: str) -> None:
        """Take note that a leg ended: what FreeSWITCH made for it too late is not left lying there."""
        self.spool.clear(leg_id)

    async def attach(self, leg: Leg, *, anew: bool = False) -> None:
        """Listen to a leg in early media, unless it is listened to already.

        `anew` ends what an agent before us may have left on it.
        """
        if leg.id in self._taps or leg.id in self._attaching:
            return
        self._attaching.add(leg.id)
        try:
            fault = await self._attach(leg, anew)
        except (SpoolError, EventSocketError) as error:
            fault = str(error)
        finally:
            self._attaching.discard(leg.id)
        if fault and self._legs.unanswered(leg.id):
            self._listener.tap_failed(leg.id, fault)

    async def _attach(self, leg: Leg, anew: bool) -> str:
        """Return why the leg cannot be heard, empty where it can."""
        if why := await self._passed_by(leg):
            return why
        if anew:
            path = self.spool.path_of(leg.id)
            await self._client.api(_stop(leg, path))
            await self._client.api(_stop(leg, path + LINEAR_ENDING))
        if self.settings.choice is TapChoice.LINEAR:
            return await self._record_linear(leg, await self._codec(leg))
        with self._left_in_order(leg, self.spool.native(leg.id)) as recording:
            if fault := await self._start(leg, recording, NATIVE_VARIABLES):
                return fault
            codec = await self._codec(leg)
            if codec in NATIVE:
                self._take(leg, recording, f"-in.{codec}", TapKind.RECORD_NATIVE, NATIVE[codec])
                return ""
            await self._client.api(_stop(leg, recording.path))
        if self.settings.choice is TapChoice.NATIVE:
            return f"its codec {codec or '(unknown)'} is not read as it is: set freeswitch.tap: auto"
        return await self._record_linear(leg, codec)

    async def _record_linear(self, leg: Leg, codec: str) -> str:
        """Record samples and return why that failed; never where the codec may be PROXY."""
        if codec in ("", PROXY):
            return _PASSED_THROUGH if codec else "its codec cannot be found out"
        with self._left_in_order(leg, self.spool.linear(leg.id)) as recording:
            if not (fault := await self._start(leg, recording, LINEAR_VARIABLES)):
                self._take(leg, recording, LINEAR_ENDING, TapKind.RECORD_LINEAR, Encoding.SLIN8)
            return fault

    @contextmanager
    def _left_in_order(self, leg: Leg, recording: Recording) -> Iterator[Recording]:
        """Take the files out of the folder whatever happens, and stop what is left half-way."""
        try:
            yield recording
        except BaseException:
            self._post_stop(leg, recording.path)
            raise
        finally:
            recording.close()

    async def _start(self, leg: Leg, recording: Recording, variables: str) -> str:
        """Have the recording begun; return why it was not, empty where it was."""
        fault = ""
        for _ in range(TRIES):
            reply = await self._client.api(
                f"uuid_record {leg.id} start {recording.path} {self.settings.limit_s} {variables}"
            )
            if reply.ok:
                return ""
            if await self._client.getvar(leg.id, CODEC) == PROXY:
                return _PASSED_THROUGH
            fault = f"FreeSWITCH does not record it ({reply.text})"
            if not self._legs.unanswered(leg.id):
                break
            await asyncio.sleep(RETRY_S)
        return fault

    def _take(self, leg: Leg, recording: Recording, ending: str, kind: TapKind, encoding: Encoding) -> None:
        def let_go() -> None:
            del self._taps[leg.id]
            self._post_stop(leg, recording.path)

        tap = self._taps[leg.id] = FileTap(recording.take(ending), kind, encoding, let_go)
        self._listener.tap_attached(leg.id, tap)

    def _post_stop(self, leg: Leg, path: str) -> None:
        if self._legs.lives(leg.id):  # else the recording ended with it
            with suppress(EventSocketError):  # then its time limit ends it
                self._client.post_api(_stop(leg, path))

    async def _passed_by(self, leg: Leg) -> str:
        """Say by which variable of the dialling leg the media passes FreeSWITCH by, empty where none does."""
        if leg.dialer is None:
            return ""
        said = await asyncio.gather(*(self._client.getvar(leg.dialer.id, name) for name in PASSED_BY))
        return hindrance({f"variable_{name}": value for name, value in zip(PASSED_BY, said, strict=True)})

    async def _codec(self, leg: Leg) -> str:
        """Return the leg's codec as in its session description, empty where it does not become known."""
        for _ in range(TRIES):
            codec = await self._client.getvar(leg.id, CODEC)
            if codec or not self._legs.unanswered(leg.id):
                return codec
            await asyncio.sleep(RETRY_S)
        return ""


_PASSED_THROUGH = "its media only passes through FreeSWITCH: unset proxy_media and inbound-proxy-media"


def _stop(leg: Leg, path: str) -> str:
    """Name the one recording to stop: `all` would stop the PBX's own."""
    return f"uuid_record {leg.id} stop {path}"
