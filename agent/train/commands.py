"""`earlymedia train ...`: from recordings and tables to a forest with its card."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import numpy as np
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from agent.hearing.sound import SOUNDS
from agent.train.card import FoldScore, Report, publish, report
from agent.train.corpus import read_labels, read_origin
from agent.train.errors import MaterialError
from agent.train.fit import TREES, fit_forest, hear_corpus, judge_strangers, labels_of
from agent.train.harvest_command import harvest
from agent.train.label_command import label
from agent.train.render_command import render
from agent.train.synth_command import synth

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
app.command()(render)
app.command()(synth)
app.command()(label)
app.command()(harvest)


class _Rate(ProgressColumn):
    """Pieces done in a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.finished_speed or task.speed or 0:.1f}/s")


@contextmanager
def _progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Show how far a piece of work is; gives the function to call for each part done."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)


def _fail(error: MaterialError) -> NoReturn:
    typer.echo(f"earlymedia: {error}", err=True)
    raise typer.Exit(2)


@app.command()
def fit(
    corpus: Annotated[Path, typer.Argument(help="A corpus made by `synth`.")],
    out: Annotated[Path, typer.Option(help="Folder for student.joblib and its card.")] = Path("models"),
    trees: Annotated[int, typer.Option(min=1, help="Trees in the forest.")] = TREES,
    jobs: Annotated[int, typer.Option(help="Processors to use; -1 is all.")] = -1,
) -> None:
    """Score strangers by grouped cross-validation, then fit the forest on everything and write its card."""
    try:
        seconds = read_labels(corpus)
        origin = read_origin(corpus)
        with _progress("hearing", len({second.recording for second in seconds})) as step:
            vectors = hear_corpus(corpus, seconds, step)
        with _progress("cross-validating", len({second.fold for second in seconds})) as step:
            scores = report(seconds, judge_strangers(vectors, seconds, trees, jobs, step))
        _show(scores)
        forest = fit_forest(vectors, labels_of(seconds), trees, jobs)
        card = publish(forest, origin, scores, len(seconds), datetime.now(UTC).date(), out)
    except MaterialError as error:
        _fail(error)
    path = out / "student.joblib"
    size = path.stat().st_size / 1e6
    typer.echo(f"{path}: {size:.1f} MB, sha256 {card.sha256}, mean macro F1 {scores.mean_macro_f1:.4f}")


def _show(scores: Report) -> None:
    """Print how strangers were heard: every fold, then the groups that were heard worst."""
    console = Console()
    table = Table("held out", *(f"{sound} P / R" for sound in SOUNDS), "macro F1", title="Unheard groups")
    for fold in (*scores.folds, scores.mixed):
        table.add_row(
            "mixed seconds" if fold is scores.mixed else f"fold {fold.fold}",
            *_cells(fold),
            f"{fold.macro_f1:.3f}",
        )
    console.print(table)
    worst = Table("group", "seconds", "right", "heard as", title="Groups heard worst")
    for group in sorted(scores.groups, key=lambda group: group.right)[:15]:
        heard = "; ".join(f"{truth}: {verdicts}" for truth, verdicts in group.heard_as.items())
        worst.add_row(group.group, str(group.seconds), f"{group.right:.3f}", heard)
    console.print(worst)
    right = np.array([group.right for group in scores.groups])
    console.print(
        f"{len(right)} groups, median {np.median(right):.3f}; mean macro F1 {scores.mean_macro_f1:.4f}"
    )


def _cells(fold: FoldScore) -> list[str]:
    return [f"{score.precision:.3f} / {score.recall:.3f}" for score in fold.classes.values()]
