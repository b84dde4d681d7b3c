"""More voices and songs than we have: Debian's speech synthesisers and its General MIDI player.

A song is sung by a voice of espeak-ng, by way of `singing`, over a band that fluidsynth plays.
"""

import csv
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
from scipy import signal

from agent.train.corpus.folder import beside
from agent.train.corpus.midi import FAMILIES, Song, compose_song, compose_tune
from agent.train.corpus.singing import SINGING_RATE, Voice, Wave, analyse, sing
from agent.train.corpus.voices import ESPEAK_VARIANTS, FESTIVAL_VOICES, FLITE_VOICES, SENTENCES
from agent.train.errors import MaterialError
from agent.train.parallel import Workers, spread

SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
_PROGRAMS = {"espeak-ng": "espeak-ng", "flite": "flite", "text2wave": "festival", "fluidsynth": "fluidsynth"}
"""Programs and the Debian packages that they are in."""
TUNES_A_FAMILY = 10
TUNE_SECONDS = 40.0
SONGS_A_SINGER = 4
_TIMEOUT_S = 120

_SYLLABLES = (
    "la",
    "doh",
    "ray",
    "me",
    "so",
    "lie",
    "you",
    "love",
    "moon",
    "way",
    "see",
    "tonight",
    "heart",
    "oh",
)


@dataclass(frozen=True, slots=True)
class Singer:
    """A voice of espeak-ng that speaks in none of the recordings of speech."""

    voice: str
    """Language and variant, as espeak-ng takes them."""
    lowest_key: int
    """The lowest key of its range (MIDI)."""

    @property
    def name(self) -> str:
        """Its variant."""
        return self.voice.partition("+")[2].lower()


SINGERS = (
    Singer("en-us+Andrea", 57), Singer("es+Alicia", 58), Singer("it+belinda", 57), Singer("pt-br+linda", 59),
    Singer("de+steph", 56), Singer("fr-fr+Annie", 57), Singer("ru+anika", 57), Singer("pl+f5", 58),
    Singer("en-us+steph2", 56), Singer("tr+steph3", 58),
    Singer("en-us+Mario", 45), Singer("es+pablo", 46), Singer("it+antonio", 44), Singer("pt-br+marcelo", 45),
    Singer("de+boris", 43), Singer("sv+ed", 46), Singer("fr-fr+Jacky", 45), Singer("ru+Denis", 44),
    Singer("en-us+Gene", 46), Singer("hi+Hugo", 45),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence for a speech synthesiser."""

    command: tuple[str, ...]
    """`{out}` stands for the file, `{in}` for one that holds the text."""
    text: str
    encoding: str = "utf-8"


@dataclass(frozen=True, slots=True)
class Played:
    """A tune for General MIDI instruments."""

    midi: bytes


@dataclass(frozen=True, slots=True)
class Sung:
    """A song for a singer and a band."""

    singer: Singer
    song: Song
    voice: Voice
    voice_db: float
    """Level of the voice over the band's."""
    seed: int


@dataclass(frozen=True, slots=True)
class Job:
    """One file to make."""

    file: str
    group: str
    """What must not be torn apart when strangers are chosen."""
    recipe: Spoken | Played | Sung
    artist: str
    licence: str


def plan_jobs(seed: int) -> Iterator[Job]:
    """List what is rendered, in a fixed order."""
    for variant in ESPEAK_VARIANTS:
        for language, sentences in SENTENCES.items():
            for number, sentence in enumerate(sentences):
                command = ("espeak-ng", "-v", f"{language}+{variant}", "-w", "{out}", "-f", "{in}")
                yield Job(
                    f"sounds/espeak_{variant}/{language}-{number}.wav",
                    f"synthesiser/{variant}",
                    Spoken(command, sentence),
                    "espeak-ng",
                    "speech made by espeak-ng (GPL-3+), sentences of this project (MIT)",
                )
    for voice, speaker in FLITE_VOICES.items():
        for number, sentence in enumerate(SENTENCES["en-us"]):
            yield Job(
                f"sounds/flite_{voice}/en-{number}.wav",
                f"synthesiser/{speaker}",
                Spoken(("flite", "-voice", voice, "-f", "{in}", "-o", "{out}"), sentence),
                "flite",
                "speech made by flite (CMU, BSD-like), sentences of this project (MIT)",
            )
    for festival in FESTIVAL_VOICES:
        for number, sentence in enumerate(SENTENCES[festival.language]):
            say = ("text2wave", "-eval", f"(voice_{festival.name})", "-o", "{out}", "{in}")
            yield Job(
                f"sounds/festival_{festival.name}/{festival.language}-{number}.wav",
                f"synthesiser/{festival.speaker}",
                Spoken(say, sentence, festival.encoding),
                "festival",
                f"speech made by a voice of festival ({festival.licence}), sentences of this project (MIT)",
            )
    rng = np.random.default_rng([seed, 3])
    for family, name in enumerate(FAMILIES):
        for number in range(TUNES_A_FAMILY):
            yield Job(
                f"music/{name}-{number}.wav",
                f"tune/{name}",
                Played(compose_tune(family, TUNE_SECONDS, rng)),
                "fluidsynth",
                "tune of this project (MIT), instruments of fluid-soundfont-gm (MIT)",
            )
    for singer in SINGERS:
        for number in range(SONGS_A_SINGER):
            yield Job(
                f"music/sung_{singer.name}-{number}.wav",
                f"sung/{singer.name}",
                _write_song(singer, rng),
                "espeak-ng and fluidsynth",
                "song of this project (MIT), syllables spoken by espeak-ng (GPL-3+), "
                "instruments of fluid-soundfont-gm (MIT)",
            )


def _write_song(singer: Singer, rng: np.random.Generator) -> Sung:
    voice = Voice(
        float(rng.uniform(4.5, 6.5)), float(rng.choice([0.0, 0.2, 0.4, 0.7])), float(rng.uniform(0.01, 0.1))
    )
    song = compose_song(TUNE_SECONDS, singer.lowest_key, rng)
    return Sung(singer, song, voice, float(rng.uniform(-2, 10)), int(rng.integers(2**32)))


def render_jobs(
    folder: Path, jobs: Sequence[Job], workers: Workers, step: Callable[[], None] = lambda: None
) -> None:
    """Make voices, tunes and songs in `folder`, which must not exist; calls `step` for each file.

    Raises:
        MaterialError: a program or the sound font is missing or fails.
    """
    for program, package in _PROGRAMS.items():
        if shutil.which(program) is None:
            raise MaterialError(f"{program} is not installed: run `apt-get install {package}`")
    if not SOUNDFONT.is_file():
        raise MaterialError(f"{SOUNDFONT} is missing: run `apt-get install fluid-soundfont-gm`")
    with beside(folder) as draft:
        for _ in spread(workers, partial(_make, draft), jobs, step):
            pass
        with (draft / "ATTRIBUTION.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(("file", "title", "artist", "licence", "source", "group"))
            table.writerows(
                (job.file, job.file.rpartition(".")[0], job.artist, job.licence, "rendered", job.group)
                for job in jobs
            )


def _make(draft: Path, job: Job) -> None:
    out = draft / job.file
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=draft) as folder:
        match job.recipe:
            case Spoken():
                _speak(job.recipe, out, Path(folder))
            case Played(midi):
                _play(midi, out, Path(folder))
            case Sung():
                soundfile.write(out, _sing(job.recipe, Path(folder)), SINGING_RATE)


def _speak(spoken: Spoken, out: Path, folder: Path) -> None:
    said = folder / "said.txt"
    said.write_text(spoken.text, encoding=spoken.encoding)
    _run([part.replace("{out}", str(out)).replace("{in}", str(said)) for part in spoken.command])
    if not out.is_file():  # festival says on the terminal that it lacks a voice, and succeeds
        raise MaterialError(
            f"`{' '.join(spoken.command)}` made no sound: install the Debian packages named in "
            "docs/training.md"
        )


def _play(midi: bytes, out: Path, folder: Path) -> None:
    tune = folder / "tune.mid"
    tune.write_bytes(midi)
    rate = str(SINGING_RATE)
    _run(["fluidsynth", "-ni", "-q", "-g", "0.6", "-r", rate, "-F", str(out), str(SOUNDFONT), str(tune)])


def _sing(sung: Sung, folder: Path) -> Wave:
    """Return a song, (n,) at SINGING_RATE."""
    spoken = folder / "syllable.wav"
    syllables = []
    command = ("espeak-ng", "-v", sung.singer.voice, "-s", "120", "-w", "{out}", "-f", "{in}")
    for syllable in _SYLLABLES:
        _speak(Spoken(command, syllable), spoken, folder)
        wave, rate_hz = soundfile.read(spoken)
        syllables.append(analyse(signal.resample_poly(wave, SINGING_RATE, rate_hz)))
    played = folder / "band.wav"
    _play(sung.song.band, played, folder)
    band = soundfile.read(played, always_2d=True)[0].mean(axis=1)
    voice = sing(
        syllables, sung.song.melody, len(band) / SINGING_RATE, sung.voice, np.random.default_rng(sung.seed)
    )
    voice *= 10 ** (sung.voice_db / 20) * np.sqrt(np.mean(band**2) / max(1e-9, np.mean(voice**2)))
    mixed: Wave = band[: len(voice)] + voice[: len(band)]
    return mixed * (0.7 / max(1e-9, float(np.abs(mixed).max())))


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_TIMEOUT_S)  # noqa: S603  # our own list
    except (subprocess.SubprocessError, OSError) as error:
        said = getattr(error, "stderr", b"") or b""
        raise MaterialError(
            f"`{' '.join(command)}` failed ({error}; {said.decode(errors='replace').strip()[-200:]}): "
            "install the Debian packages named in docs/training.md"
        ) from error
