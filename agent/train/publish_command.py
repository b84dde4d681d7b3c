"""`earlymedia train publish`: a candidate becomes the model that the agent hears with, unless it is worse."""

from pathlib import Path
from typing import Annotated

import typer

from agent.train.candidate import CARD, MODEL, read_card
from agent.train.card import StudentCard
from agent.train.errors import MaterialError
from agent.train.examples import find_source
from agent.train.progress import progress
from agent.train.publish import PREVIOUS_MODEL, is_published, load_forest, publish, refuse_other_kind
from agent.train.publish_compare import Comparison, by_cards, by_exam, read_exam, trained_groups


def publish_candidate(
    candidate: Annotated[Path, typer.Argument(help="A folder made by `fit`.")],
    to: Annotated[Path, typer.Option(help="The folder with the agent's student.joblib and student.json.")],
    test: Annotated[
        list[Path] | None,
        typer.Option(help="Labels that both students judge now, where their cards cannot be compared."),
    ] = None,
    audio: Annotated[Path | None, typer.Option(help="The recordings of those labels.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Publish it even if it is worse.")] = False,
) -> None:
    """Publish a candidate, and keep the model before it; refuses one that is worse."""
    try:
        card = read_card(candidate)
        refuse_other_kind(card, candidate)
        load_forest(candidate / MODEL)
        if is_published(candidate, to):
            typer.echo(f"{to / MODEL} is {candidate} already: nothing to do")
            return
        verdict = _compare(candidate, card, to, test or [], audio, force=force)
        kept = publish(candidate, to)
    except MaterialError as error:
        typer.echo(f"earlymedia: {error}", err=True)
        raise typer.Exit(2) from error
    previous = f"; the model before it is kept as {to / PREVIOUS_MODEL}" if kept else ""
    typer.echo(f"{to / MODEL}: published {candidate}, {verdict}{previous}; restart the agent to hear with it")


def _compare(
    candidate: Path, card: StudentCard, models: Path, test: list[Path], audio: Path | None, *, force: bool
) -> str:
    """Say what the candidate is worth beside the current model.

    Raises:
        MaterialError: it is worse or cannot be compared, and is not forced.
    """
    if not (models / MODEL).exists() and not (models / CARD).exists():
        return "the first model there"
    try:
        comparison = _weigh(candidate, card, models, test, audio)
    except MaterialError as error:
        if not force:
            raise
        return f"by force, not compared with the current model ({error})"
    said = f"{comparison.candidate} against {comparison.current} of the current model, on {comparison.basis}"
    if not comparison.candidate.worse_than(comparison.current):
        return said
    if not force:
        raise MaterialError(
            f"{candidate} is worse than {models / MODEL}, {said}: improve it, or publish it with --force"
        )
    return f"by force though it is worse, {said}"


def _weigh(
    candidate: Path, card: StudentCard, models: Path, test: list[Path], audio: Path | None
) -> Comparison:
    try:
        current = read_card(models)
    except MaterialError as error:
        raise MaterialError(
            f"{models} holds no model to compare with, {error}, or put the candidate there with --force"
        ) from error
    comparison = None if test else by_cards(card, current)
    if comparison is not None:
        return comparison
    if not test:
        raise MaterialError(
            f"the cards of {candidate} and {models} are about different strangers: name labels that both are "
            "to judge with --test, or publish it with --force"
        )
    forests = load_forest(candidate / MODEL), load_forest(models / MODEL)
    sources = [find_source(path, audio) for path in test]
    with progress("hearing the test set", len(sources), "label files") as step:
        heard = read_exam(sources, trained_groups((card, current)), step)
    return by_exam(*forests, heard)
