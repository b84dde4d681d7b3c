"""What is kept of a call beside its audio: one JSON line, and the header of a WAV file."""

import struct
from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from agent.hearing.sound import Encoding, HeardSecond
from agent.pbx.port import TapKind
from agent.verdict.agreement import Agreement
from agent.verdict.evidence import GAP, LETTER
from agent.verdict.outcome import Outcome


class KeptCall(BaseModel):
    """A call whose early media was kept: how it was heard and how it ended."""

    model_config = ConfigDict(frozen=True)

    started: datetime
    """When its audio began, UTC."""
    trunk: str
    number: str
    """Digest of the dialled number (`NumberKey.digest`), empty where none is known."""
    tap: TapKind
    outcome: Outcome
    confidence: float
    carrier_sip_code: int | None
    carrier_q850: int | None
    agreement: Agreement
    seconds: str
    """One letter a second of the audio, as in the journal."""
    p: tuple[tuple[float, float, float, float], ...]
    """Probability of each of `SOUNDS` in every second."""


def timeline(seconds: Sequence[HeardSecond]) -> str:
    """Write seconds as `Evidence.timeline` does."""
    return "".join(GAP * second.after_gap + LETTER[second.sound] for second in seconds)


_PCM, _ALAW, _MULAW = 1, 6, 7
_FORMAT = {
    Encoding.SLIN8: (_PCM, 8_000, 2),
    Encoding.SLIN16: (_PCM, 16_000, 2),
    Encoding.ULAW: (_MULAW, 8_000, 1),
    Encoding.ALAW: (_ALAW, 8_000, 1),
}


def wav_header(encoding: Encoding, data_bytes: int) -> bytes:
    """Header of a WAV file of so many bytes of audio; its length depends on the encoding only.

    Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0", and "New
    Multimedia Data Types and Data Techniques": what is no PCM has an extension size and a fact chunk.
    An odd number of bytes is to be followed by one more, which no length counts but the outermost.
    """
    tag, rate, width = _FORMAT[encoding]
    form = struct.pack("<HHIIHH", tag, 1, rate, rate * width, width, 8 * width)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form
    if tag != _PCM:
        chunks = b"fmt " + struct.pack("<I", len(form) + 2) + form + bytes(2)
        chunks += b"fact" + struct.pack("<II", 4, data_bytes // width)
    riff = 4 + len(chunks) + 8 + data_bytes + data_bytes % 2
    return b"RIFF" + struct.pack("<I", riff) + b"WAVE" + chunks + b"data" + struct.pack("<I", data_bytes)
