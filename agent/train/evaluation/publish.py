"""Putting a student where the agent reads it, and keeping the one that was there.

Forest and card are two files, and two renames are not one. The forest goes first: whatever happens between
the two, the agent finds a forest that its card is not about, says so and does not start with it; it never
hears with a wrong pair. The same command, given again, mends that.
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from agent.hearing.forest import Forest, ModelError
from agent.train.errors import MaterialError
from agent.train.student.candidate import CARD, MODEL
from agent.train.student.card import StudentCard
from agent.train.student.recipes import ForestRecipe
from agent.train.student.views import View

PREVIOUS_MODEL, PREVIOUS_CARD = "student.previous.joblib", "student.previous.json"
_DRAFT_MODEL, _DRAFT_CARD = "student.draft.joblib", "student.draft.json"
_MODE = 0o644


def refuse_other_kind(card: StudentCard, folder: Path) -> None:
    """Make sure that a student is one which the agent can run.

    Raises:
        MaterialError: it is boosted, or sees seconds as the thesis did.
    """
    if card.recipe is not None and not (
        isinstance(card.recipe, ForestRecipe) and card.recipe.view is View.AGENT
    ):
        raise MaterialError(
            f"{folder} holds a {card.recipe.kind} student with the {card.recipe.view}'s features, the agent "
            "runs forests of its own features only: publish a candidate of the recipe default"
        )


def load_forest(path: Path) -> Forest:
    """Load a forest just as the agent does.

    Raises:
        MaterialError: the agent would refuse it.
    """
    try:
        return Forest.load(path)
    except ModelError as error:
        raise MaterialError(str(error)) from error


def publish(candidate: Path, models: Path) -> bool:
    """Put a candidate's pair into `models`, and keep the pair that is there as `student.previous.*`.

    Everything is written beside and loaded as the agent would before anything takes its place. A pair
    that is torn already (forest and card of two students) is not kept: the previous one stays.

    Returns:
        Whether a previous pair was kept.

    Raises:
        MaterialError: the folder cannot be written, or the agent would refuse what is in it.
    """
    try:
        models.mkdir(parents=True, exist_ok=True)
        drafts = models / _DRAFT_MODEL, models / _DRAFT_CARD
        try:
            for source, draft in zip((candidate / MODEL, candidate / CARD), drafts, strict=True):
                _write(draft, source.read_bytes())
            load_forest(drafts[0])
            kept = _is_pair(models / MODEL, models / CARD)
            if kept:
                _keep(models)
            drafts[0].replace(models / MODEL)
            drafts[1].replace(models / CARD)
            _flush(models)
        finally:
            for draft in drafts:
                draft.unlink(missing_ok=True)
    except OSError as error:
        raise MaterialError(
            f"{models} cannot be written ({error.strerror or error}): make room or name another with --to"
        ) from error
    return kept


def _keep(models: Path) -> None:
    """Copy the current pair to the previous one's place, each file by a rename."""
    for name, previous in ((MODEL, PREVIOUS_MODEL), (CARD, PREVIOUS_CARD)):
        draft = models / f"{previous}.draft"
        try:
            _write(draft, (models / name).read_bytes())
            draft.replace(models / previous)
        finally:
            draft.unlink(missing_ok=True)


def is_published(candidate: Path, models: Path) -> bool:
    """Tell whether both files of a candidate are in their places already."""
    with suppress(OSError):
        return all((candidate / name).read_bytes() == (models / name).read_bytes() for name in (MODEL, CARD))
    return False


def _is_pair(model: Path, card: Path) -> bool:
    """Tell whether both files are there and the card is about this forest."""
    with suppress(OSError, ValueError):
        said = StudentCard.model_validate_json(card.read_bytes())
        return said.sha256 == hashlib.sha256(model.read_bytes()).hexdigest()
    return False


def _write(path: Path, content: bytes) -> None:
    """Write a file to the disk itself, readable by all and writable by its owner, as the agent wants it."""
    with path.open("wb") as file:
        os.fchmod(file.fileno(), _MODE)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
