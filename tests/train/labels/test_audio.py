"""Recordings as they come from the field."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from agent.train.errors import MaterialError
from agent.train.labels.audio import duration_seconds, find_recordings, read_audio
from tests.train.teachers.made import tone


def refusal(path: Path) -> str:
    with pytest.raises(MaterialError) as caught:
        read_audio(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_two_channels_at_48_khz_become_one(tmp_path: Path) -> None:
    left, right = tone(1.5, 48_000), np.zeros(72_000, np.float32)
    soundfile.write(tmp_path / "a.wav", np.stack((left, right), axis=1), 48_000)
    samples, rate_hz = read_audio(tmp_path / "a.wav")
    assert rate_hz == 48_000
    np.testing.assert_allclose(samples, left / 2, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "options", "tolerance"),
    [
        ("a.wav", {"subtype": "PCM_U8"}, 0.01),
        ("a.wav", {"subtype": "FLOAT"}, 1e-6),
        ("a.wav", {"subtype": "ULAW"}, 0.02),
        ("a.flac", {}, 1e-4),
    ],
)
def test_any_coding_is_read(name: str, options: dict[str, str], tolerance: float, tmp_path: Path) -> None:
    soundfile.write(tmp_path / name, tone(1, 8000), 8000, **options)
    samples, rate_hz = read_audio(tmp_path / name)
    assert samples.dtype == np.float32
    assert rate_hz == 8000
    np.testing.assert_allclose(samples, tone(1, 8000), atol=tolerance)


def test_files_without_a_header_go_by_their_ending(tmp_path: Path) -> None:
    (tmp_path / "a.sln").write_bytes((tone(1, 8000) * 32768).astype("<i2").tobytes())
    (tmp_path / "a.ulaw").write_bytes(b"\xff" * 8000)
    np.testing.assert_allclose(read_audio(tmp_path / "a.sln")[0], tone(1, 8000), atol=1e-4)
    assert not read_audio(tmp_path / "a.ulaw")[0].any()


def test_what_is_no_audio_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("no audio")
    assert "a.wav: is no audio that can be read" in refusal(tmp_path / "a.wav")
    (tmp_path / "b.ulaw").write_bytes(b"")
    assert "b.ulaw: holds no audio" in refusal(tmp_path / "b.ulaw")


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3"])
def test_what_is_cut_off_is_refused(name: str, tmp_path: Path) -> None:
    soundfile.write(tmp_path / name, tone(4, 8000), 8000)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    assert f"{name}: is " in refusal(tmp_path / name)


def test_a_header_whose_length_was_never_filled_in_is_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(2, 8000), 8000, subtype="PCM_16")
    data = bytearray((tmp_path / "a.wav").read_bytes())
    data[4:8] = b"\xff\xff\xff\xff"
    (tmp_path / "a.wav").write_bytes(bytes(data))
    assert len(read_audio(tmp_path / "a.wav")[0]) == 16_000


def test_an_ogg_file_that_lost_its_end_holds_nothing(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.ogg", tone(4, 8000), 8000)
    data = (tmp_path / "a.ogg").read_bytes()
    (tmp_path / "a.ogg").write_bytes(data[: len(data) // 2])
    assert "a.ogg: holds no audio or is cut off" in refusal(tmp_path / "a.ogg")


@pytest.mark.parametrize(
    "name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.ulaw", "a.alaw", "a.sln", "a.sln16"]
)
def test_the_length_is_known_before_a_recording_is_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    match path.suffix:
        case ".wav" | ".flac" | ".ogg" | ".mp3":
            soundfile.write(path, tone(2.5, 16_000), 16_000)
        case ".sln16":
            path.write_bytes((tone(2.5, 16_000) * 32768).astype("<i2").tobytes())
        case ".sln":
            path.write_bytes((tone(2.5, 8000) * 32768).astype("<i2").tobytes())
        case _:
            path.write_bytes(b"\xd5" * 20_000)
    samples, rate_hz = read_audio(path)
    assert duration_seconds(path) == pytest.approx(len(samples) / rate_hz)
    assert duration_seconds(path) == pytest.approx(2.5, abs=0.1)


def test_gsm_is_as_long_as_its_frames(tmp_path: Path) -> None:
    (tmp_path / "a.gsm").write_bytes((b"\xd0" + bytes(32)) * 125)
    assert duration_seconds(tmp_path / "a.gsm") == pytest.approx(2.5)
    assert len(read_audio(tmp_path / "a.gsm")[0]) == 20_000


def test_what_has_no_length_takes_none(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("no audio")
    assert duration_seconds(tmp_path / "a.wav") == duration_seconds(tmp_path / "none.wav") == 0.0


def test_wide_recordings_are_heard_wide(tmp_path: Path) -> None:
    (tmp_path / "a.sln16").write_bytes((tone(1, 16_000, hz=6000) * 32768).astype("<i2").tobytes())
    samples, rate_hz = read_audio(tmp_path / "a.sln16")
    assert rate_hz == 16_000
    np.testing.assert_allclose(samples, tone(1, 16_000, hz=6000), atol=1e-4)


def test_what_is_shorter_than_a_second_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(0.3, 8000), 8000)
    assert "lasts 0.30 s; leave out" in refusal(tmp_path / "a.wav")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused(value: float, tmp_path: Path) -> None:
    samples = tone(1, 8000)
    samples[100] = value
    soundfile.write(tmp_path / "a.wav", samples, 8000, subtype="FLOAT")
    assert "holds samples that are no numbers" in refusal(tmp_path / "a.wav")


def test_a_folder_is_searched_to_its_depths_in_order(tmp_path: Path) -> None:
    for name in ("b/2.WAV", "b/1.ulaw", "a.flac", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in find_recordings(tmp_path)]
    assert found == ["a.flac", "b/1.ulaw", "b/2.WAV"]


def test_a_folder_without_recordings_is_named(tmp_path: Path) -> None:
    with pytest.raises(MaterialError, match="holds no recording"):
        find_recordings(tmp_path)
    with pytest.raises(MaterialError, match="is no folder"):
        find_recordings(tmp_path / "none")
