"""What a corpus is made of: voices, songs, tones and noises, each with the group it belongs to.

A group is what must not be torn apart when a forest is tested on strangers: one speaker in
whatever language, one composer, all tone patterns that can sound the same, one kind of noise.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import signal

from agent.hearing.pcm import SAMPLE_RATE, Decoder, Samples
from agent.hearing.sound import Sound
from agent.recording.load import RecordingError, load
from agent.train.corpus.channel import NORMAL_DBFS
from agent.train.corpus.codecs import Pcm16, to_pcm16
from agent.train.corpus.national_tones import read_national
from agent.train.corpus.noise import Noise, make_noise
from agent.train.corpus.plan import Range, SilenceRules, ToneRules
from agent.train.corpus.standard_tones import FAX_AND_MODEM, SPECIAL_INFORMATION
from agent.train.corpus.tones import Pattern, Tolerance, group_patterns, invent_pattern, sound_pattern
from agent.train.errors import MaterialError

_AUDIO = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".gsm"}
_NO_SPEECH = re.compile(
    r"beep|2tone|monkeys|silence|confbridge-(join|leave)\.|dictate|tada|ring", re.IGNORECASE
)
_VOICES = ("sounds", "klettres")
"""Folders of Debian packages with one folder a voice."""
_WORDS = {"klettres", "ktuberling"}
"""Of these, words and letters that volunteers speak."""
_SONG_S = 30.0
"""What is shorter is an effect of a game, not its music."""
_PASSAGE_S = 60.0
"""So much from the middle of a recording is more than a corpus plays of it, and soon read."""
_NO_SONG = re.compile(r"animals|rain\.|guitar\.|titles")
"""Effects that last, the guitar alone, mostly silent, and what is told over pictures."""
_BLOCK = 160
_NORMAL_RMS = 10 ** (NORMAL_DBFS / 20)
STORED = ".npy"
"""Ending of recordings that are 8 kHz samples of 16 bits already, and nothing else."""

Heard = tuple[Samples, NDArray[np.bool_]]
"""Sound of a source at a normal level, and at which samples it can be heard at all."""


class Source(Protocol):
    """Something that can be recorded for as long as one likes."""

    @property
    def sound(self) -> Sound:
        """What it is."""

    @property
    def group(self) -> str:
        """What must stay together, as `family/name`."""

    def play(self, samples: int, rng: np.random.Generator) -> Heard:
        """Return (samples,) of it."""


@dataclass(frozen=True, slots=True)
class Recordings:
    """A voice or a composer."""

    sound: Sound
    group: str
    paths: tuple[Path, ...]

    def play(self, samples: int, rng: np.random.Generator) -> Heard:
        """Play files one after the other, slightly faster or slower than they were recorded.

        Prompts follow one another with pauses as in a sentence; of a song a passage is taken.
        """
        speech = self.sound is Sound.SPEECH
        speed = rng.uniform(0.9, 1.1) if speech else rng.uniform(0.82, 1.2)
        pieces: list[Samples] = []
        needed = samples
        while needed > 0:
            whole = read_pcm16(self.paths[int(rng.integers(len(self.paths)))])
            start = int(rng.integers(0, max(1, len(whole) - int(2 * samples))))
            passage = whole[start : start + int(1.25 * needed) + _BLOCK].astype(np.float32)
            piece = _at_speed(passage / np.float32(32768), speed)[:needed]
            pause = 0
            if speech and rng.random() < 0.6:
                pause = int(rng.exponential(0.25) * SAMPLE_RATE)
            pieces += [piece, np.zeros(pause, np.float32)]
            needed -= len(piece) + pause
        played = np.concatenate(pieces)[:samples]
        on = _audible(played)
        rms = float(np.sqrt(np.mean(played[on] ** 2))) if on.any() else 1.0
        return played * np.float32(_NORMAL_RMS / rms), on


@dataclass(frozen=True, slots=True)
class Tones:
    """Tone patterns that sound alike."""

    group: str
    patterns: tuple[Pattern, ...]
    off: Tolerance
    sound: Sound = Sound.RINGING

    def play(self, samples: int, rng: np.random.Generator) -> Heard:
        """Sound one of the patterns."""
        pattern = self.patterns[int(rng.integers(len(self.patterns)))]
        played, on = sound_pattern(pattern, samples, rng, self.off)
        rms = float(np.sqrt(np.mean(played[on] ** 2))) if on.any() else 1.0
        return played * np.float32(_NORMAL_RMS / rms), on


@dataclass(frozen=True, slots=True)
class Quiet:
    """A line on which nobody sends anything."""

    group: str
    kind: Noise
    level_dbfs: Range = SilenceRules().level_dbfs
    sound: Sound = Sound.SILENCE

    def play(self, samples: int, rng: np.random.Generator) -> Heard:
        """Make noise of a level within the range."""
        return make_noise(self.kind, samples, rng.uniform(*self.level_dbfs), rng), np.zeros(samples, np.bool_)


def find_material(
    audio: Path | None,
    prompts: Sequence[Path],
    tones: Path,
    seed: int,
    rules: ToneRules | None = None,
    silence: SilenceRules | None = None,
    *,
    songs: Sequence[Path] = (),
) -> list[Source]:
    """Gather every source, in a fixed order.

    `audio` holds `music/` (with `ATTRIBUTION.csv`) and `speech/` (one file a voice); each of
    `prompts` is an unpacked Debian package or a folder made by `earlymedia train render`; each of `songs`
    is an unpacked package whose recordings of half a minute and more are one composer's songs.

    Raises:
        MaterialError: a folder or file is missing, empty or unreadable.
    """
    groups: dict[tuple[Sound, str], list[Path]] = {}
    for sound, group, path in chain(_find_files(audio, prompts), _find_songs(songs)):
        groups.setdefault((sound, group), []).append(path)
    sources: list[Source] = [
        Recordings(sound, group, tuple(p)) for (sound, group), p in sorted(groups.items())
    ]
    for sound in (Sound.SPEECH, Sound.MUSIC):
        if not any(source.sound is sound for source in sources):
            raise MaterialError(
                f"no {sound} was found: give folders with recordings by --audio, --prompts or --songs"
            )
    sources += _tones(tones, seed, rules or ToneRules())
    levels = (silence or SilenceRules()).level_dbfs
    return sources + [Quiet(f"noise/{kind}", kind, levels) for kind in Noise]


def _tones(path: Path, seed: int, rules: ToneRules) -> Iterator[Source]:
    """Yield national and standard tones, those that can sound the same in one group, then invented ones."""
    off = Tolerance(rules.pitch_tolerance, rules.time_tolerance)
    known = (*read_national(path).patterns, *SPECIAL_INFORMATION, *FAX_AND_MODEM)
    for group in group_patterns(tuple(dict.fromkeys(known)), off):
        family = (
            "sit"
            if not set(group).isdisjoint(SPECIAL_INFORMATION)
            else "fax"
            if not set(group).isdisjoint(FAX_AND_MODEM)
            else "tone"
        )
        yield Tones(f"{family}/{_spell(group[0])}", tuple(group), off)
    rng = np.random.default_rng([seed, 1])
    for index in range(rules.invented_groups):
        invented = tuple(invent_pattern(rng) for _ in range(rules.invented_patterns))
        yield Tones(f"invented/{index:02d}", invented, off)


def _find_files(audio: Path | None, prompts: Sequence[Path]) -> Iterator[tuple[Sound, str, Path]]:
    if audio is not None:
        artists = {
            row["file"]: row["artist"] for row in read_attribution(audio / "music" / "ATTRIBUTION.csv")
        }
        for path in _audio_files(audio / "music"):
            yield Sound.MUSIC, f"music/{artists.get(path.name, path.stem)}", path
        for path in _audio_files(audio / "speech"):
            yield Sound.SPEECH, f"speech/{path.stem}", path
    for folder in prompts:
        named = {row["file"]: row.get("group") for row in read_attribution(folder / "ATTRIBUTION.csv")}
        for path in _audio_files(folder):
            parts = path.relative_to(folder).parts
            group = named.get("/".join(parts))
            if "moh" in parts or "music" in parts:
                yield Sound.MUSIC, group or f"hold/{path.name.partition('-')[0]}", path
            elif not any(_NO_SPEECH.search(part) for part in parts):
                family = "prompts" if _WORDS.isdisjoint(parts) else "words"
                yield Sound.SPEECH, group or f"{family}/{_speaker(parts)}", path


def _find_songs(packages: Sequence[Path]) -> Iterator[tuple[Sound, str, Path]]:
    for package in packages:
        songs = [path for path in _audio_files(package) if _is_song(path, str(path.relative_to(package)))]
        if not songs:
            raise MaterialError(f"{package} holds no recording of {_SONG_S:.0f} s or more: leave it out")
        yield from ((Sound.MUSIC, f"game/{package.name}", path) for path in songs)


def _is_song(path: Path, inside: str) -> bool:
    if _NO_SONG.search(inside) or path.is_symlink():
        return False
    try:
        return float(soundfile.info(path).duration) >= _SONG_S
    except soundfile.LibsndfileError:
        return False


def _speaker(parts: tuple[str, ...]) -> str:
    """Name a voice by its folder beneath `sounds`: `es_MX_f_Allison` and `en_US_f_Allison` are one.

    So are `sr` and `sr@latin`, one language in two scripts.
    """
    above = [parts.index(name) for name in _VOICES if name in parts[:-2]]
    folder = parts[above[0] + 1] if above else parts[-2] if len(parts) > 1 else parts[0]
    return folder.rpartition("_")[2].partition("@")[0]


def _audio_files(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _AUDIO and path.is_file())
    if not files:
        raise MaterialError(
            f"{folder} holds no recording (wav, flac, ogg, mp3 or gsm): give the right folder"
        )
    return files


def read_attribution(path: Path) -> list[dict[str, str]]:
    """Read an ATTRIBUTION.csv (`file,title,artist,licence,source`, and `group` if known); none is empty."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    if any(not row.get("file") or not row.get("artist") or not row.get("licence") for row in rows):
        raise MaterialError(
            f"{path} lacks a column or value: it needs file, artist and licence in every line"
        )
    return rows


def read_pcm16(path: Path) -> Pcm16:
    """Read the middle minute of a recording of any format as 8 kHz samples of 16 bits.

    What `store` wrote is mapped, not read.

    Raises:
        MaterialError: it cannot be read or holds nothing.
    """
    if path.suffix == STORED:
        stored: Pcm16 = np.load(path, mmap_mode="r")
        return stored
    try:
        encoding, data = load(path, _PASSAGE_S)
    except RecordingError as error:
        raise MaterialError(str(error).removesuffix(".")) from error
    whole = to_pcm16(Decoder(encoding).decode(data))
    if len(whole) < _BLOCK:
        raise MaterialError(f"{path} is shorter than 20 ms: leave it out")
    return whole


def _at_speed(samples: Samples, speed: float) -> Samples:
    if len(samples) < _BLOCK:
        return samples
    return np.asarray(signal.resample_poly(samples, 100, round(100 * speed)), np.float32)


def _audible(samples: Samples) -> NDArray[np.bool_]:
    """Tell which samples lie in 20 ms blocks within 35 dB of the loudest one."""
    blocks = np.zeros(-(-len(samples) // _BLOCK) * _BLOCK, np.float32)
    blocks[: len(samples)] = samples
    power = np.mean(blocks.reshape(-1, _BLOCK) ** 2, axis=1)
    return np.repeat(power > max(1e-6, float(power.max()) * 10**-3.5), _BLOCK)[: len(samples)]


def _spell(pattern: Pattern) -> str:
    """Write a pattern in a few characters, as `425 0.50 0.50`."""
    parts = [
        "+".join(f"{hz:g}" for hz in step.chord.hz) + f" {step.seconds:.2f}" for step in pattern.steps[:6]
    ]
    return " ".join(part.strip() for part in parts) + ("..." if len(pattern.steps) > 6 else "")
