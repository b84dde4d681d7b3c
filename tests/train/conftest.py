"""A whole world of material in a few files, made here: nothing from outside is needed."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

TONES = {
    "sets": [
        {
            "country": "Testland",
            "tones": [
                {"tone": "ringing-tone", "pattern": [{"cycles": "endless", "steps": [
                    {"freq_hz": "425", "level_dbm0": "-12", "seconds": 1.0}, {"seconds": 4.0}]}]},
                {"tone": "busy-tone", "pattern": [{"cycles": "endless", "steps": [
                    {"freq_hz": "480+620||400*25", "seconds": 0.5}, {"seconds": 0.5}]}]},
                {"tone": "dial-tone", "pattern": [{"freq_hz": "350+440"}]},
                {"tone": "special-information-tone", "pattern": [
                    {"freq_hz": "950>1400", "seconds": 0.66}, {"freq_hz": "1800", "seconds": 0.33},
                    {"seconds": 1.0}]},
                {"tone": "reorder-tone", "pattern": [{"freq_hz": "440", "note": "interrupted at 120 ipm"}]},
                {"tone": "bell", "pattern": [{"freq_hz": "25", "seconds": 1.0}, {"seconds": 4.0}]},
                {"tone": "key", "pattern": [{"freq_hz": "697+1209", "seconds": 0.2}]},
            ],
        },
        {"country": "Twinland", "tones": [{"tone": "ringing-tone", "pattern": [
            {"cycles": "endless", "steps": [{"freq_hz": "430", "seconds": 1.0}, {"seconds": 4.0}]}]}]},
    ]
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class World:
    """Folders to train on."""

    audio: Path
    package: Path
    tones: Path


def voice(rng: np.random.Generator, seconds: float) -> NDArray[np.float64]:
    """Syllables of a buzz, four a second."""
    time = np.arange(int(seconds * 16000)) / 16000
    pitch = rng.uniform(90, 220) * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * time))
    syllables: NDArray[np.float64] = np.clip(np.sin(2 * np.pi * 4 * time), 0, 1)
    return 0.3 * np.sign(np.sin(2 * np.pi * np.cumsum(pitch) / 16000)) * syllables


def song(rng: np.random.Generator, seconds: float) -> NDArray[np.float64]:
    """Plucked chords."""
    time = np.arange(int(seconds * 16000)) / 16000
    notes = 220 * 2 ** (rng.integers(0, 12, int(seconds * 2) + 1) / 12)
    hz = notes[(time * 2).astype(int)]
    strings = sum(
        (np.sin(2 * np.pi * np.cumsum(hz * ratio) / 16000) for ratio in (1, 1.25, 1.5)), np.zeros(time.size)
    )
    return 0.15 * strings * np.exp(-4 * (time % 0.5))


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    root = tmp_path_factory.mktemp("world")
    rng = np.random.default_rng(3)
    audio, package = root / "audio", root / "asterisk-sounds-xx"
    prompts = package / "usr/share/asterisk/sounds"
    doc = package / "usr/share/doc/asterisk-sounds-xx"
    for folder in (audio / "music", audio / "speech", prompts / "xx_XX_f_Ada", prompts / "yy_YY_f_Ada", doc):
        folder.mkdir(parents=True)
    lines = ["file,title,artist,licence,source"]
    for index in range(6):
        soundfile.write(audio / "music" / f"song{index}.flac", song(rng, 15), 16000)
        lines.append(f"song{index}.flac,Song {index},Composer {index % 5},CC0 1.0,made here")
    (audio / "music" / "ATTRIBUTION.csv").write_text("\n".join(lines) + "\n")
    (audio / "README.md").write_text("- `speech/`: five voices, CC BY-SA 4.0, by Nobody (nowhere).\n")
    for index in range(5):
        soundfile.write(audio / "speech" / f"voice{index}.flac", voice(rng, 8), 16000)
    for language in ("xx_XX_f_Ada", "yy_YY_f_Ada"):
        soundfile.write(prompts / language / "hello.wav", voice(rng, 3), 16000)
        soundfile.write(prompts / language / "beep.wav", song(rng, 1), 16000)
    (doc / "copyright").write_text(
        "Files: *\nCopyright: 2003-2010, Ada Voice <ada@example.org>\nLicense: CC-BY-SA-3.0\n"
    )
    tones = root / "tones.json"
    tones.write_text(json.dumps(TONES))
    return World(audio, package, tones)
