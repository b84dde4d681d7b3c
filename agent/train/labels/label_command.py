"""`earlymedia train label`: a folder of recordings and some teachers give a label file."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from agent.train.errors import MaterialError
from agent.train.faults import told
from agent.train.labels.aggregation import aggregation_named
from agent.train.labels.audio import find_recordings
from agent.train.labels.label_job import Job, Outcome, check, run
from agent.train.labels.labelling import Member, Rules, Winner
from agent.train.parallel import Backend, Workers
from agent.train.teachers.catalogue import Device, TeacherName, find_teacher
from agent.train.worker_options import BackendOption, ClusterOption, JobsOption
from agent.yaml_file import ConfigError

INTERRUPTED = 130
"""What a shell makes of Ctrl-C."""


def label(
    folder: Annotated[Path, typer.Argument(help="A folder of recordings, folders in it included.")],
    out: Annotated[Path, typer.Option(help="The label file, .csv or .parquet.")],
    teacher: Annotated[
        list[str], typer.Option(help=f"{', '.join(TeacherName)}; many times for an ensemble, NAME:WEIGHT.")
    ],
    checkpoints: Annotated[Path, typer.Option(help="Folder with the teachers' published files.")] = Path(
        "teachers"
    ),
    aggregation: Annotated[
        str,
        typer.Option(help="Classes to sounds: `default`, `thesis`, or a YAML file like aggregation.yaml."),
    ] = "default",
    winner: Annotated[
        Winner,
        typer.Option(help="A sound is as strong as its most probable class, or as the sum of its classes."),
    ] = Winner.HIGHEST,
    agreement: Annotated[
        float, typer.Option(min=0, max=1, help="Share of frames that must agree on a clear second.")
    ] = 1.0,
    confidence: Annotated[
        float, typer.Option(min=0, max=1, help="Strength that a clear second must have.")
    ] = 0.0,
    smoothing_seconds: Annotated[
        float, typer.Option(min=0, max=60, help="Width of the Hann window over frames; 0 for none.")
    ] = 0.0,
    device: Annotated[Device, typer.Option(help="Where PyTorch's networks run.")] = Device.AUTO,
    batch_seconds: Annotated[
        float,
        typer.Option(
            min=1, help="Seconds of audio that one worker hears at once: more for a GPU, less for memory."
        ),
    ] = 300.0,
    jobs: JobsOption = -1,
    backend: BackendOption = Backend.LOKY,
    cluster: ClusterOption = "",
) -> None:
    """Label every second of recordings by networks trained on AudioSet; goes on where it was interrupted."""
    rules = Rules(winner, agreement, confidence, smoothing_seconds)
    goes_on = "interrupted; the same command goes on where this one was stopped"
    with told(ConfigError, interrupted=goes_on, interrupted_code=INTERRUPTED):
        weights = parse_teachers(teacher)
        table = aggregation_named(aggregation)
        paths = find_recordings(folder)
        check(Job(folder, out, (), table, rules))
        members = tuple(Member(find_teacher(name, checkpoints, device), weight) for name, weight in weights)
        job = Job(folder, out, members, table, rules, batch_seconds)
        with _progress(len(paths)) as step:
            outcome = run(job, paths, step, Workers(jobs, backend, cluster))
    _tell(out, outcome)


def parse_teachers(words: Sequence[str]) -> list[tuple[TeacherName, float]]:
    """Read `NAME` or `NAME:WEIGHT`, each name once.

    Raises:
        MaterialError: a name is unknown or given twice, or a weight is no positive number.
    """
    weights: dict[TeacherName, float] = {}
    for word in words:
        name, _, weight = word.partition(":")
        if name not in [*TeacherName]:
            raise MaterialError(f"there is no teacher '{name}': use one of {', '.join(TeacherName)}")
        if name in weights:
            raise MaterialError(f"teacher {name} is given twice: give it once, with a weight")
        try:
            value = float(weight or 1)
        except ValueError:
            value = 0.0
        if not 0 < value < float("inf"):
            raise MaterialError(f"the weight of '{word}' is no positive number: write it as {name}:0.5")
        weights[TeacherName(name)] = value
    return list(weights.items())


@contextmanager
def _progress(recordings: int) -> Iterator[Callable[[int, float], None]]:
    """Show how many recordings are labelled, how much faster than they last, and the time left."""
    columns = (
        TextColumn("labelling"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("labelling", total=recordings, rate="")
        audio = 0.0

        def step(done: int, seconds: float) -> None:
            nonlocal audio
            audio += seconds
            elapsed = progress.tasks[0].elapsed or 0
            rate = f"{audio / elapsed:.0f} x real time" if audio and elapsed else ""
            progress.update(task, advance=done, rate=rate)

        yield step


def _tell(out: Path, outcome: Outcome) -> None:
    for sentence in outcome.refused:
        typer.echo(f"earlymedia: {sentence}", err=True)
    if outcome.recordings:
        typer.echo(
            f"{out}: {outcome.recordings} recordings, {outcome.seconds} seconds, "
            f"{outcome.ambiguous} of them ambiguous; {len(outcome.refused)} recordings left out"
        )
    else:
        typer.echo(f"earlymedia: {out} was not written: no recording could be labelled", err=True)
    if outcome.refused:
        raise typer.Exit(2)
