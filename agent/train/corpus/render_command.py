"""`earlymedia train render`: more voices, singers and tunes to train on."""

from pathlib import Path
from typing import Annotated

import typer

from agent.train.corpus.render import plan_jobs, render_jobs
from agent.train.faults import told
from agent.train.parallel import Workers
from agent.train.progress import progress
from agent.train.worker_options import ProcessesOption

_SEED = 42


def render(
    folder: Annotated[Path, typer.Argument(help="A new folder for the voices and tunes.")],
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same tunes.")] = _SEED,
    jobs: ProcessesOption = -1,
) -> None:
    """Make more voices (espeak-ng, flite), tunes (fluidsynth) and songs (both) to train on."""
    with told():
        planned = list(plan_jobs(seed))
        with progress("rendering", len(planned), "files") as step:
            render_jobs(folder, planned, Workers(jobs), step)
