"""`earlymedia train review`: a person hears what the forest is least certain of, and says what it is."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from agent.config import ModelConfig
from agent.hearing.ear import Ear
from agent.hearing.forest import Forest, ModelError
from agent.recording.load import RecordingError
from agent.train.errors import MaterialError
from agent.train.faults import told
from agent.train.progress import progress
from agent.train.review.review_calls import (
    UNSURE_BELOW,
    CallToReview,
    harvested,
    hear_again,
    is_harvested,
    least_certain_first,
    recordings_of,
)
from agent.train.review.review_page import Desk, ReviewServer
from agent.train.review.review_terminal import Terminal
from agent.train.review.reviewed import NAME, Reviewed


def review(
    corpus: Annotated[Path, typer.Argument(help="A harvested corpus, or any folder of recordings.")],
    model: Annotated[
        Path | None,
        typer.Option(help="Doubt of this forest instead of the agent's live judgement."),
    ] = None,
    unsure_below: Annotated[
        float,
        typer.Option(
            min=0.0, max=1.01, help="Ask for seconds whose two likeliest sounds lie closer than this."
        ),
    ] = UNSURE_BELOW,
    terminal: Annotated[bool, typer.Option("--terminal", help="Ask here instead of on a page.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page on 127.0.0.1; 0 is any.")] = 0,
) -> None:
    """Listen to the least certain seconds and calls, and keep what you hear in reviewed.csv of the corpus."""
    with told(ModelError, RecordingError):
        calls = _calls(corpus, model)
        reviewed = Reviewed(corpus / NAME)
        if terminal:
            Terminal(calls, reviewed, unsure_below, input, typer.echo).run()
        else:
            _serve(Desk(calls, reviewed, unsure_below), port)
    typer.echo(f"{corpus / NAME}: {len(reviewed)} seconds that a person has heard")


def _calls(corpus: Path, model: Path | None) -> list[CallToReview]:
    """Find what there is to hear, and how surely it was heard: live, or by a forest now."""
    live = is_harvested(corpus)
    calls = harvested(corpus) if live else recordings_of(corpus)
    if not live or model is not None:
        ear = Ear(Forest.load(model or ModelConfig().path))
        with progress("hearing", len(calls), "recordings") as step:
            calls, faults = hear_again(calls, ear, step)
        for fault in faults:
            typer.echo(f"left out: {fault}", err=True)
    if not (ordered := least_certain_first(calls)):
        raise MaterialError(f"{corpus} holds no recording of a second that can be read: harvest some first")
    return ordered


def _serve(desk: Desk, port: int) -> None:
    try:
        server = ReviewServer(desk, port)
    except OSError as error:
        raise MaterialError(
            f"port {port} of 127.0.0.1 cannot be had ({error.strerror}): name another with --port"
        ) from error
    with server:
        typer.echo(f"Listen at {server.url} (nobody else on the network can); Ctrl-C ends.")
        with suppress(KeyboardInterrupt):
            server.serve_forever()
