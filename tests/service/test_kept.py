"""The line and the header of a kept call, read by others."""

import io
import wave
from datetime import UTC, datetime

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.pcm import Decoder
from agent.hearing.sound import Encoding, HeardSecond
from agent.pbx.port import TapKind
from agent.service.kept import KeptCall, timeline, wav_header
from agent.verdict.agreement import Agreement
from agent.verdict.outcome import Outcome

CALL = KeptCall(
    started=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    trunk="carrier",
    number="ab" * 32,
    tap=TapKind.EAGI,
    outcome=Outcome.RINGING,
    confidence=0.75,
    carrier_sip_code=486,
    carrier_q850=17,
    agreement=Agreement.CONTRADICTS,
    seconds="r!.",
    p=((0.97, 0.01, 0.01, 0.01), (0.1, 0.1, 0.1, 0.7)),
)


@given(encoding=st.sampled_from(Encoding), data=st.binary(min_size=2, max_size=400))
def test_others_read_the_samples_that_the_agent_heard(encoding: Encoding, data: bytes) -> None:
    if encoding in (Encoding.SLIN8, Encoding.SLIN16):
        data = data[: len(data) & ~1]
    file = io.BytesIO(wav_header(encoding, len(data)) + data + bytes(len(data) % 2))
    samples, rate = soundfile.read(file, dtype="float32")
    assert rate == (16_000 if encoding is Encoding.SLIN16 else 8_000)
    told = Encoding.SLIN8 if encoding is Encoding.SLIN16 else encoding  # the same bytes, undecimated
    assert np.array_equal(samples, Decoder(told).decode(data))


@pytest.mark.parametrize("encoding", [Encoding.SLIN8, Encoding.SLIN16])
def test_linear_audio_is_the_plainest_wav(encoding: Encoding) -> None:
    with wave.open(io.BytesIO(wav_header(encoding, 4) + b"\1\0\2\0")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getnframes()) == (1, 2, 2)
        assert file.getframerate() * 2 == encoding.bytes_per_second


def test_a_header_is_as_long_whatever_it_says() -> None:
    for encoding in Encoding:
        assert len(wav_header(encoding, 0)) == len(wav_header(encoding, 10**9 + 1))


def test_a_line_is_read_as_it_was_written() -> None:
    line = CALL.model_dump_json()
    assert "\n" not in line
    assert KeptCall.model_validate_json(line) == CALL


def test_a_timeline_marks_what_was_lost() -> None:
    sure, quiet = (0.9, 0.1, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)
    assert timeline([HeardSecond(0.0, sure), HeardSecond(1.0, quiet, after_gap=True)]) == "r!."
