"""More voices and songs than we have: Debian's speech synthesisers and its General MIDI player."""

import csv
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agent.train.corpus import beside
from agent.train.errors import MaterialError
from agent.train.midi import FAMILIES, compose_tune

SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
TUNES_A_FAMILY = 5
TUNE_SECONDS = 40.0
_TIMEOUT_S = 120

SENTENCES = {
    "en-us": (
        "The number you have dialled is not in service. Please check the number and dial again.",
        "The subscriber you are calling is switched off or out of coverage. Please try again later.",
        "All circuits are busy now. Your call cannot be completed at this time. Goodbye.",
    ),
    "de": (
        "Die gewählte Rufnummer ist nicht vergeben. Bitte rufen Sie die Auskunft an.",
        "Der Teilnehmer ist vorübergehend nicht erreichbar. Bitte versuchen Sie es später noch einmal.",
    ),
    "es": (
        "El número que usted marcó no existe. Verifique el número y vuelva a llamar.",
        "El teléfono al que llama está apagado o fuera de cobertura en este momento.",
    ),
    "fr-fr": (
        "Le numéro que vous avez composé n'est pas attribué. Veuillez consulter l'annuaire.",
        "Votre correspondant n'est pas joignable pour le moment. Merci de rappeler plus tard.",
    ),
    "it": (
        "Il cliente da lei chiamato non è al momento raggiungibile. La preghiamo di richiamare più tardi.",
    ),
    "pt-br": ("Este telefone está desligado ou fora da área de cobertura. Tente mais tarde, por favor.",),
    "ru": ("Аппарат абонента выключен или находится вне зоны действия сети. Перезвоните позже.",),
    "pl": ("Wybrany numer nie istnieje. Prosimy sprawdzić numer i zadzwonić ponownie.",),
    "tr": ("Aradığınız kişiye şu anda ulaşılamıyor. Lütfen daha sonra tekrar deneyiniz.",),
    "hi": ("आप जिस नंबर पर कॉल कर रहे हैं वह अभी बंद है। कृपया कुछ समय बाद प्रयास करें।",),
    "cmn": ("您拨打的电话已关机，请稍后再拨。",),
    "sv": ("Numret du har ringt har ingen abonnent. Kontrollera numret och försök igen.",),
    "ar": ("الرقم الذي طلبته غير موجود في الخدمة. يرجى التأكد من الرقم.",),
    "id": ("Nomor yang anda tuju sedang tidak aktif. Cobalah beberapa saat lagi.",),
}
_ESPEAK_VARIANTS = ("m1", "m3", "m5", "m7", "f1", "f2", "f3", "f4", "croak")
_FLITE_VOICES = ("kal", "kal16", "slt", "awb", "rms")


@dataclass(frozen=True, slots=True)
class Job:
    """One file to make."""

    file: str
    command: tuple[str, ...]
    """`{out}` stands for the file, `{in}` for `given`."""
    given: bytes = b""
    licence: str = ""
    artist: str = ""


def plan_jobs(seed: int) -> Iterator[Job]:
    """List what is rendered, in a fixed order."""
    for variant in _ESPEAK_VARIANTS:
        for language, sentences in SENTENCES.items():
            for number, sentence in enumerate(sentences):
                yield Job(
                    f"sounds/espeak_{variant}/{language}-{number}.wav",
                    ("espeak-ng", "-v", f"{language}+{variant}", "-w", "{out}", "-f", "{in}"),
                    sentence.encode(),
                    "speech made by espeak-ng (GPL-3+), sentences of this project (MIT)",
                    "espeak-ng",
                )
    for voice in _FLITE_VOICES:
        for number, sentence in enumerate(SENTENCES["en-us"]):
            yield Job(
                f"sounds/flite_{voice}/en-{number}.wav",
                ("flite", "-voice", voice, "-f", "{in}", "-o", "{out}"),
                sentence.encode(),
                "speech made by flite (CMU, BSD-like), sentences of this project (MIT)",
                "flite",
            )
    rng = np.random.default_rng([seed, 3])
    for family, name in enumerate(FAMILIES):
        for number in range(TUNES_A_FAMILY):
            yield Job(
                f"music/{name}-{number}.wav",
                (
                    "fluidsynth",
                    "-ni",
                    "-q",
                    "-g",
                    "0.6",
                    "-r",
                    "16000",
                    "-F",
                    "{out}",
                    str(SOUNDFONT),
                    "{in}",
                ),
                compose_tune(family, TUNE_SECONDS, rng),
                "tune of this project (MIT), instruments of fluid-soundfont-gm (MIT)",
                "fluidsynth",
            )


def render_jobs(folder: Path, jobs: Sequence[Job], step: Callable[[], None] = lambda: None) -> None:
    """Make voices and tunes in `folder`, which must not exist; calls `step` for each file.

    Raises:
        MaterialError: a program or the sound font is missing or fails.
    """
    for program in sorted({job.command[0] for job in jobs}):
        if shutil.which(program) is None:
            raise MaterialError(f"{program} is not installed: run `apt-get install {program}`")
    if not SOUNDFONT.is_file():
        raise MaterialError(f"{SOUNDFONT} is missing: run `apt-get install fluid-soundfont-gm`")
    with beside(folder) as draft:
        given = draft / "given"
        for job in jobs:
            out = draft / job.file
            out.parent.mkdir(parents=True, exist_ok=True)
            given.write_bytes(job.given)
            _run([part.replace("{out}", str(out)).replace("{in}", str(given)) for part in job.command])
            step()
        given.unlink()
        with (draft / "ATTRIBUTION.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(("file", "title", "artist", "licence", "source"))
            table.writerows(
                (job.file, job.file.rpartition(".")[0], job.artist, job.licence, "rendered") for job in jobs
            )


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_TIMEOUT_S)  # noqa: S603  # our own list
    except (subprocess.SubprocessError, OSError) as error:
        said = getattr(error, "stderr", b"") or b""
        raise MaterialError(
            f"`{' '.join(command)}` failed ({error}; {said.decode(errors='replace').strip()[-200:]}): "
            "install the Debian packages named in docs/training.md"
        ) from error
