import wave
from pathlib import Path

import numpy as np
import pytest

from agent.demo.audio import (
    BUSY_GERMANY,
    RINGING_EUROPE,
    RINGING_NORTH_AMERICA,
    Tone,
    load_wav,
    music,
    prompt,
    silence,
    vacant_code,
)
from agent.demo.g711 import decode_ulaw
from agent.demo.lab import LabError


def loudness(audio: bytes, at_seconds: float, for_seconds: float = 0.1) -> float:
    """Root mean square relative to full scale."""
    begin = round(at_seconds * 8000)
    samples = decode_ulaw(audio)[begin : begin + round(for_seconds * 8000)] / 32768
    return float(np.sqrt(np.mean(np.square(samples))))


def test_a_tone_is_on_and_off_in_its_cadence() -> None:
    ringing = RINGING_EUROPE.ulaw(11.0)
    assert len(ringing) == 88_000
    on, off = 10 ** (-16 / 20) / np.sqrt(2), 0.0
    heard = [loudness(ringing, at) for at in (0.1, 0.8, 1.1, 4.8, 5.1, 5.8, 6.1, 10.1)]
    assert heard == pytest.approx([on, on, off, off, on, on, off, on], abs=0.005)


def test_a_tone_has_its_frequencies_and_no_others() -> None:
    samples = decode_ulaw(RINGING_NORTH_AMERICA.ulaw(2.0))[800:8800]
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(8000)))
    strongest = np.argsort(spectrum)[-6:]
    assert set(strongest) == {439, 440, 441, 479, 480, 481}


def test_a_tone_without_cadence_goes_on() -> None:
    assert loudness(Tone.of("425").ulaw(3.0), 2.8) == pytest.approx(
        loudness(BUSY_GERMANY.ulaw(3.0), 0.1), rel=0.01
    )


def test_segments_of_another_pitch_follow_one_another_without_a_pause() -> None:
    audio = vacant_code()
    vacant = decode_ulaw(audio)
    assert len(vacant) == round(1.034 * 8000)
    pitches = []
    for start in (800, 3600, 6000):
        spectrum = np.abs(np.fft.rfft(vacant[start : start + 1600]))
        pitches.append(int(np.argmax(spectrum)) * 5)
    assert pitches == [985, 1370, 1775]
    assert min(loudness(audio, at / 100, 0.01) for at in range(1, 102)) > 0.08


def test_silence_is_silent() -> None:
    assert not decode_ulaw(silence(0.5)).any()
    assert len(silence(0.5)) == 4000


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (16000, 2), (44100, 1)])
def test_wav_files_of_any_rate_become_8_khz(tmp_path: Path, rate: int, channels: int) -> None:
    sine = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat((sine * 32767).astype("<i2"), channels).tobytes())
    audio = load_wav(tmp_path / "a.wav")
    assert len(audio) == 8000
    assert int(np.argmax(np.abs(np.fft.rfft(decode_ulaw(audio))))) == 440
    assert loudness(audio, 0.2, 0.5) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


def test_a_wav_file_of_another_width_is_refused(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes(bytes(100))
    with pytest.raises(LabError, match="no 16-bit wav file"):
        load_wav(tmp_path / "a.wav")


@pytest.mark.pbx
def test_prompts_in_two_languages_and_music(chroot: Path) -> None:
    english, spanish = (prompt(chroot, language, "ss-noservice") for language in ("en", "es"))
    assert english != spanish
    assert prompt(chroot, "en", "ss-noservice", "vm-goodbye").startswith(english)
    for audio in (english, spanish, music(chroot)):
        assert len(audio) > 2 * 8000
        assert loudness(audio, 0.0, len(audio) / 8000) > 0.01


@pytest.mark.pbx
def test_what_is_not_there_is_named(chroot: Path) -> None:
    with pytest.raises(LabError, match="no prompt 'no-such-prompt' in 'en'"):
        prompt(chroot, "en", "no-such-prompt")
    with pytest.raises(LabError, match="no music 'no-such-song'"):
        music(chroot, "no-such-song")
