"""Every format that PBXes and people keep recordings in."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from agent.hearing.pcm import Decoder
from agent.hearing.sound import Encoding
from agent.recording.load import HEADERLESS, RecordingError, load


def tone(rate: int, seconds: float = 1.0) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.asarray(0.5 * np.sin(2 * np.pi * 440 * np.arange(round(rate * seconds)) / rate))


def strongest_hz(encoding: Encoding, data: bytes) -> float:
    samples = Decoder(encoding).decode(data)
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * 8000 / len(samples))


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_files_with_a_header_of_any_rate(tmp_path: Path, ending: str, rate: int) -> None:
    file = tmp_path / f"call.{ending}"
    soundfile.write(file, tone(rate), rate)
    encoding, data = load(file)
    assert encoding is Encoding.SLIN8
    assert len(data) == pytest.approx(16_000, rel=0.2)  # mp3 pads
    assert strongest_hz(encoding, data) == pytest.approx(440, abs=3)


def test_stereo_is_mixed(tmp_path: Path) -> None:
    file = tmp_path / "call.wav"
    soundfile.write(file, np.stack([tone(48000), np.zeros(48000)], axis=1), 48000)
    assert strongest_hz(*load(file)) == pytest.approx(440, abs=3)


def test_gsm_as_asterisk_keeps_it(tmp_path: Path) -> None:
    file = tmp_path / "prompt.gsm"
    soundfile.write(file, tone(8000), 8000, format="RAW", subtype="GSM610")
    assert strongest_hz(*load(file)) == pytest.approx(440, abs=8)


@pytest.mark.parametrize(("ending", "encoding"), HEADERLESS.items())
def test_files_without_a_header_are_told_by_their_ending(
    tmp_path: Path, ending: str, encoding: Encoding
) -> None:
    file = tmp_path / f"call{ending}"
    file.write_bytes(bytes(range(256)))
    assert load(file) == (encoding, bytes(range(256)))


def test_samples_that_are_no_numbers_are_silence(tmp_path: Path) -> None:
    file = tmp_path / "broken.wav"
    soundfile.write(file, np.array([np.nan, np.inf, -np.inf, 0.0] * 2000), 8000, subtype="DOUBLE")
    _, data = load(file)
    assert np.frombuffer(data, "<i2")[:4].tolist() == [0, 32767, -32768, 0]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.wav", None, "there is no such file"),
        ("empty.sln", b"", "holds no audio"),
        ("notes.wav", b"Dear diary", "is no audio file"),
        ("cut.flac", b"fLaC\0\0\0\x22", "is no audio file"),
    ],
)
def test_a_bad_file_is_said_in_one_sentence(
    tmp_path: Path, name: str, content: bytes | None, says: str
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(RecordingError, match=says) as raised:
        load(file)
    assert str(file) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_header_that_claims_more_than_there_is_costs_no_memory(tmp_path: Path) -> None:
    file = tmp_path / "claims.flac"
    soundfile.write(file, tone(8000), 8000)
    head = bytearray(file.read_bytes())
    head[21] |= 0x0F  # STREAMINFO's 36 bits of total samples
    head[22:26] = b"\xff" * 4
    file.write_bytes(head)
    with pytest.raises(RecordingError, match="is no audio file that can be read"):
        load(file)


def test_a_rate_that_no_recording_has_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "claims.wav"
    for rate in (1, 2_000_000_000):
        soundfile.write(file, tone(8000), rate)
        with pytest.raises(RecordingError, match=f"claims {rate} samples a second"):
            load(file)
