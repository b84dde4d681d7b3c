"""`earlymedia train harvest`: what the agent has kept becomes a corpus to label and to review."""

from pathlib import Path
from typing import Annotated

import typer

from agent.train.corpus.harvest import Grouping, kept_calls
from agent.train.corpus.harvest import harvest as gather
from agent.train.faults import told
from agent.train.progress import progress


def harvest(
    folder: Annotated[Path, typer.Argument(help="Where the agent keeps early media: harvest.folder.")],
    out: Annotated[Path, typer.Option(help="Folder of the corpus; what is new is added to one.")],
    group_by: Annotated[Grouping, typer.Option(help="What training must not tear apart.")] = Grouping.NUMBER,
) -> None:
    """Make a corpus of the early media that the agent has kept; it has no labels yet."""
    with told():
        recordings = kept_calls(folder)
        with progress("harvesting", len(recordings), "calls") as step:
            brought = gather(recordings, out, group_by, step)
    seconds = sum(len(recording.p) for recording in brought.fresh)
    typer.echo(
        f"{out}: {len(brought.fresh)} new recordings, {seconds} seconds that the agent heard; "
        f"{brought.known} were there already"
    )
    for fault in brought.faults:
        typer.echo(f"left out: {fault}", err=True)
    typer.echo(
        f"label them with `earlymedia train label {out}/audio --out {out}/labels.csv`, "
        f"listen to the least certain with `earlymedia train review {out}`"
    )
