"""`earlymedia train publish`: a candidate becomes the model that the agent hears with, unless it is worse."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from agent.train.errors import MaterialError
from agent.train.evaluation.publish import (
    PREVIOUS_MODEL,
    is_published,
    load_forest,
    publish,
    refuse_other_kind,
)
from agent.train.evaluation.publish_compare import (
    Comparison,
    Exam,
    by_cards,
    by_exam,
    hear,
    read_questions,
    trained_groups,
)
from agent.train.faults import told
from agent.train.parallel import Workers
from agent.train.progress import progress
from agent.train.student.candidate import CARD, MODEL, read_card
from agent.train.student.card import StudentCard
from agent.train.student.examples import Source, find_source
from agent.train.worker_options import ClusterOption, JobsOption

Examine = Callable[[set[str]], Exam]
"""Hears a test set but for groups that were trained on."""


def publish_candidate(
    candidate: Annotated[Path, typer.Argument(help="A folder made by `fit`.")],
    to: Annotated[Path, typer.Option(help="The folder with the agent's student.joblib and student.json.")],
    test: Annotated[
        list[Path] | None,
        typer.Option(help="Labels that both students judge now, where their cards cannot be compared."),
    ] = None,
    audio: Annotated[Path | None, typer.Option(help="The recordings of those labels.")] = None,
    jobs: JobsOption = -1,
    cluster: ClusterOption = "",
    force: Annotated[bool, typer.Option("--force", help="Publish it even if it is worse.")] = False,
) -> None:
    """Publish a candidate, and keep the model before it; refuses one that is worse."""
    with told():
        card = read_card(candidate)
        refuse_other_kind(card, candidate)
        load_forest(candidate / MODEL)
        if is_published(candidate, to):
            typer.echo(f"{to / MODEL} is {candidate} already: nothing to do")
            return
        sources = [find_source(path, audio) for path in test or []]
        examine = partial(_examine, sources, Workers(jobs, cluster=cluster)) if sources else None
        verdict = _compare(candidate, card, to, examine, force=force)
        kept = publish(candidate, to)
    previous = f"; the model before it is kept as {to / PREVIOUS_MODEL}" if kept else ""
    typer.echo(f"{to / MODEL}: published {candidate}, {verdict}{previous}; restart the agent to hear with it")


def _examine(sources: Sequence[Source], workers: Workers, trained_on: set[str]) -> Exam:
    """Hear the test set but for what was trained on; shows how far it is."""
    questions = read_questions(sources, trained_on)
    with progress("hearing the test set", len(questions.rows), "recordings") as step:
        return hear(questions, workers, step)


def _compare(
    candidate: Path, card: StudentCard, models: Path, examine: Examine | None, *, force: bool
) -> str:
    """Say what the candidate is worth beside the current model.

    Raises:
        MaterialError: it is worse or cannot be compared, and is not forced.
    """
    if not (models / MODEL).exists() and not (models / CARD).exists():
        return "the first model there"
    try:
        found = _weigh(candidate, card, models, examine)
    except MaterialError as error:
        if not force:
            raise
        return f"by force, not compared with the current model ({error})"
    said = f"{found.candidate} against {found.current} of the current model, on {found.basis}"
    if not found.candidate.worse_than(found.current):
        return said
    if not force:
        raise MaterialError(
            f"{candidate} is worse than {models / MODEL}, {said}: improve it, or publish it with --force"
        )
    return f"by force though it is worse, {said}"


def _weigh(candidate: Path, card: StudentCard, models: Path, examine: Examine | None) -> Comparison:
    try:
        current = read_card(models)
    except MaterialError as error:
        raise MaterialError(
            f"{models} holds no model to compare with, {error}, or put the candidate there with --force"
        ) from error
    if examine is not None:
        forests = load_forest(candidate / MODEL), load_forest(models / MODEL)
        return by_exam(*forests, examine(trained_groups((card, current))))
    found = by_cards(card, current)
    if found is None:
        raise MaterialError(
            f"the cards of {candidate} and {models} are about different strangers: name labels that both are "
            "to judge with --test, or publish it with --force"
        )
    return found
