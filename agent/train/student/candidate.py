"""A candidate on disk: `student.joblib`, its card `student.json`, and what it said of strangers."""

import hashlib
import io
import os
from dataclasses import dataclass
from pathlib import Path

import joblib
from pydantic import ValidationError

from agent.hearing.forest import ModelError, read_model
from agent.train.corpus.folder import beside
from agent.train.errors import MaterialError
from agent.train.student.card import StudentCard
from agent.train.student.fit import Student
from agent.train.student.recipes import ForestRecipe
from agent.train.student.strangers import Strangers, read_strangers, write_strangers

MODEL, CARD, STRANGERS = "student.joblib", "student.json", "strangers.csv"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A student, its card and its verdicts on strangers."""

    student: Student
    card: StudentCard
    strangers: Strangers


def refuse_folder(folder: Path) -> None:
    """Make sure, before work of hours, that a candidate can be written.

    Raises:
        MaterialError: it exists, or the folder that it is for cannot be written.
    """
    if folder.exists():
        raise MaterialError(f"{folder} exists already: remove it or name another folder with --out")
    above = next(path for path in folder.absolute().parents if path.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise MaterialError(f"{above} is no folder that can be written: name another one with --out")


def packed(student: Student) -> bytes:
    """Return the content of `student.joblib`: the same student gives the same bytes."""
    buffer = io.BytesIO()
    # zlib: xz is a tenth smaller and takes four times as long to load.
    joblib.dump(student.model, buffer, compress=("zlib", 9))
    return buffer.getvalue()


def write_candidate(folder: Path, content: bytes, card: StudentCard, strangers: Strangers) -> None:
    """Write a candidate into a new folder, whole or not at all.

    Raises:
        MaterialError: the folder exists or cannot be written, or the card is for another content.
    """
    if card.sha256 != hashlib.sha256(content).hexdigest():
        raise MaterialError(f"the card is not for the student that is written to {folder}: fit it again")
    with beside(folder) as draft:
        (draft / MODEL).write_bytes(content)
        (draft / CARD).write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
        write_strangers(draft / STRANGERS, strangers)


def read_candidate(folder: Path) -> Candidate:
    """Read what `fit` made. Its pickle is opened only if the card is for it and nobody else could write it.

    Raises:
        MaterialError: a part is missing, damaged or not trusted.
    """
    card = read_card(folder)
    try:
        model = read_model(folder / MODEL, card)
    except ModelError as error:
        raise MaterialError(str(error)) from error
    student = Student(card.recipe or ForestRecipe(), model, card.calibration)
    return Candidate(student, card, read_strangers(folder / STRANGERS))


def read_card(folder: Path) -> StudentCard:
    """Read the card of a candidate, or of the models that the agent uses.

    Raises:
        MaterialError: it is missing, or no such card.
    """
    path = folder / CARD
    try:
        return StudentCard.model_validate_json(path.read_bytes())
    except OSError as error:
        raise MaterialError(
            f"{path} cannot be read ({error.strerror or error}): make a candidate with `earlymedia train fit`"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise MaterialError(
            f"{path} is no card of a student ({where}: {first['msg'].lower()}): fit it again"
        ) from None
