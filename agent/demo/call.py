"""What the simulated carrier shall do with a call, and what became of one."""

import asyncio
from dataclasses import dataclass, field
from enum import Enum

from agent.demo.rtp import Stream
from agent.demo.sip import Payload


class Provisional(Enum):
    """A provisional response, and whether it opens early media."""

    TRYING = (100, False)
    RINGING = (180, False)
    RINGING_SDP = (180, True)
    PROGRESS = (183, False)
    PROGRESS_SDP = (183, True)

    @property
    def status(self) -> int:
        """The SIP status code."""
        return self.value[0]

    @property
    def opens_media(self) -> bool:
        """Whether it carries a session description."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Scenario:
    """What the carrier does with one call."""

    first: Provisional = Provisional.PROGRESS_SDP
    wait_seconds: float = 0.0
    """From the INVITE to `first`; 100 Trying is always sent at once."""
    then: Provisional | None = None
    """A second provisional response, e.g. a 183 after a 180."""
    then_wait_seconds: float = 2.0
    """From `first` to `then`."""
    packets_each_20_ms: int = 1
    """2: the audio comes at double speed."""
    packets_at_once: int = 1
    """5: the network holds packets up and lets them go by fives."""
    stops_after_seconds: float | None = None
    """No RTP comes any more after so many seconds of it, though the call goes on."""
    audio: bytes | None = field(default=b"", repr=False)
    """G.711 mu-law, from the response that opens media on; silence follows its end. None: no RTP at all."""
    loop: bool = False
    """Play the audio over and over."""
    seconds: float = 5.0
    """From the last provisional response to `final`."""
    final: int | None = 486
    """Final SIP status; 200 answers; None never comes (the other side must cancel)."""
    reason: str = ""
    """Reason header of the final response (RFC 3326), e.g. `Q.850;cause=17`."""
    answer_audio: bytes | None = field(default=None, repr=False)
    """Played from the answer on; None: the early audio just goes on."""
    answered_seconds: float | None = 3.0
    """From the answer to the carrier's BYE; None: the other side hangs up."""
    payload: Payload = Payload.PCMU
    """Codec of choice, where it is offered."""


@dataclass(slots=True, eq=False)
class Call:
    """What happened to one call; times are monotonic seconds, None until it happens."""

    number: str
    call_id: str
    invited: float
    provisionals: list[tuple[float, int]] = field(default_factory=list)
    """Times and status codes of the provisional responses, 100 Trying left out."""
    final_status: int | None = None
    final_sent: float | None = None
    acknowledged: float | None = None
    cancelled: float | None = None
    cancel_reason: str = ""
    """Reason header of the CANCEL, e.g. `Q.850;cause=17`."""
    bye_received: float | None = None
    bye_sent: float | None = None
    bye_reason: str = ""
    stream: Stream | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    """Set when the call is over and its stream stands still."""

    @property
    def first_rtp(self) -> float | None:
        """Time of the first RTP packet."""
        return self.stream.first_sent if self.stream else None

    @property
    def packets_sent(self) -> int:
        """RTP packets sent, 20 ms each."""
        return self.stream.packets if self.stream else 0
