"""Pictures of recordings."""

from pathlib import Path

import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from agent.config import Config
from agent.demo.audio import BUSY_GERMANY, RINGING_EUROPE, silence
from agent.hearing.ear import Ear
from agent.hearing.forest import Forest
from agent.hearing.sound import Sound
from agent.hearing.tones import ToneEar
from agent.recording.colours import COLOUR
from agent.recording.judge import judge
from agent.recording.plot import draw


@pytest.fixture(scope="module")
def ear() -> Ear:
    return Ear(Forest.load(Config().model.path), tone_ear=ToneEar())


def picture(ear: Ear, folder: Path, ulaw: bytes, name: str = "call") -> Path:
    file = folder / f"{name}.ulaw"
    file.write_bytes(ulaw)
    target = folder / f"{name}.png"
    draw(judge(file, ear, Config().settling.settling, Config().policy_of(None)), target)
    return target


def shown(picture: Path, sound: Sound) -> float:
    """Share of a picture that has a sound's colour."""
    pixels = imread(picture)[..., :3]
    return float((abs(pixels - to_rgb(COLOUR[sound])).max(axis=2) < 0.01).mean())


def test_a_ring_that_becomes_busy_shows_tones_and_silence(ear: Ear, tmp_path: Path) -> None:
    png = picture(ear, tmp_path, RINGING_EUROPE.ulaw(8) + BUSY_GERMANY.ulaw(5))
    assert shown(png, Sound.RINGING) > 0.05
    assert shown(png, Sound.SILENCE) > 0.03
    assert shown(png, Sound.SPEECH) < 0.005


def test_silence_shows_no_tone(ear: Ear, tmp_path: Path) -> None:
    png = picture(ear, tmp_path, silence(6))
    assert shown(png, Sound.RINGING) < 0.005
    assert shown(png, Sound.SILENCE) > 0.05


def test_the_same_recording_gives_the_same_file(ear: Ear, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
    ringing = RINGING_EUROPE.ulaw(6)
    assert picture(ear, one, ringing).read_bytes() == picture(ear, other, ringing).read_bytes()


@pytest.mark.parametrize("samples", [1, 100, 8000])
def test_less_than_a_second_is_drawn_too(ear: Ear, tmp_path: Path, samples: int) -> None:
    assert picture(ear, tmp_path, silence(1)[:samples]).stat().st_size > 1000
