"""Options of all commands with a heavy loop: who works on it."""

from typing import Annotated

import typer

from agent.train.parallel import Backend

JobsOption = Annotated[
    int, typer.Option(help="Processes or threads of this machine; -1 is one for each processor.")
]
ProcessesOption = Annotated[int, typer.Option(help="Processes; -1 is one for each processor.")]
BackendOption = Annotated[Backend, typer.Option(help="Whether `--jobs` are processes (loky) or threads.")]
ClusterOption = Annotated[
    str,
    typer.Option(
        help="A Dask scheduler, as tcp://scheduler:8786, whose workers work instead.", show_default=False
    ),
]
