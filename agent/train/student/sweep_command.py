"""`earlymedia train sweep`: which settings of the forest are worth their size."""

import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from agent.train.errors import MaterialError
from agent.train.faults import told
from agent.train.parallel import Workers
from agent.train.progress import progress
from agent.train.student.examples import find_source
from agent.train.student.fit_command import AudioOption, LabelsArgument, see
from agent.train.student.recipes import ForestRecipe
from agent.train.student.sweep import Settings, Trial, sweep
from agent.train.student.sweep_plot import draw
from agent.train.worker_options import ClusterOption, JobsOption

SQRT = "sqrt"
_DEFAULT = ForestRecipe()


def sweep_settings(
    labels: LabelsArgument,
    audio: AudioOption = None,
    trees: Annotated[list[int] | None, typer.Option(min=1, help="Trees; many times to try several.")] = None,
    leaf: Annotated[list[int] | None, typer.Option(min=1, help="Fewest seconds in a leaf.")] = None,
    share: Annotated[
        list[float] | None, typer.Option(min=0.001, max=1, help="Share of the seconds for each tree.")
    ] = None,
    features_per_split: Annotated[
        list[str] | None, typer.Option(help=f"Share of the features for each split, or {SQRT}.")
    ] = None,
    balanced: Annotated[
        list[str] | None, typer.Option(help="Whether every sound counts alike: yes or no.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="A new PNG: worth against size and time.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One object a line instead of a table.")] = False,
    jobs: JobsOption = -1,
    cluster: ClusterOption = "",
) -> None:
    """Fit every combination of settings: what it is worth on strangers, its megabytes and milliseconds."""
    with told(interrupted="interrupted: give the same command again"):
        if plot is not None:
            _refuse_plot(plot)
        settings = Settings(
            trees=tuple(trees or (_DEFAULT.trees,)),
            leaf=tuple(leaf or (_DEFAULT.leaf,)),
            share=tuple(share or (_DEFAULT.share,)),
            features_per_split=tuple(_share(word) for word in features_per_split or (SQRT,)),
            balanced=tuple(_truth(word) for word in balanced or ("yes",)),
        )
        recipes = list(settings.recipes(_DEFAULT))
        workers = Workers(jobs, cluster=cluster)
        seen = see([find_source(path, audio) for path in labels], _DEFAULT.view, workers)
        with progress("trying", len(recipes), "forests") as step:
            trials = list(sweep(recipes, seen.examples, seen.vectors, workers, step))
        if plot is not None:
            _draw(trials, plot)
    if as_json:
        for trial in trials:
            typer.echo(json.dumps(trial.as_json()))
    else:
        Console().print(table(trials))


def table(trials: list[Trial]) -> Table:
    """Return the trials, the best on strangers first."""
    shown = Table(
        *("trees", "leaf", "share", "features", "balanced", "macro F1", "worst fold", "log-loss"),
        *("ECE", "MB", "ms/s", "ms/s of 64", "fit s"),
        title="Forests on strangers",
    )
    for trial in sorted(trials, key=lambda trial: -trial.macro_f1):
        recipe = trial.recipe
        shown.add_row(
            *(str(recipe.trees), str(recipe.leaf), f"{recipe.share:g}"),
            SQRT if recipe.features_per_split is None else f"{recipe.features_per_split:g}",
            "yes" if recipe.balanced else "no",
            *(f"{trial.macro_f1:.4f}", f"{trial.worst_fold:.4f}", f"{trial.log_loss:.4f}"),
            *(f"{trial.expected_calibration_error:.4f}", f"{trial.megabytes:.2f}"),
            *(f"{trial.ms_a_second:.2f}", f"{trial.ms_a_second_of_batch:.3f}", f"{trial.fit_seconds:.1f}"),
        )
    return shown


def _share(word: str) -> float | None:
    if word == SQRT:
        return None
    try:
        share = float(word)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise MaterialError(f"--features-per-split {word} is no share above 0 and up to 1, nor {SQRT}")
    return share


def _truth(word: str) -> bool:
    if word not in ("yes", "no"):
        raise MaterialError(f"--balanced {word} is neither yes nor no")
    return word == "yes"


def _refuse_plot(path: Path) -> None:
    if path.suffix != ".png" or path.exists():
        raise MaterialError(f"{path} should be a new file that ends in .png: name another one with --plot")


def _draw(trials: list[Trial], path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as draft:
            draw(trials, Path(draft) / path.name)
            (Path(draft) / path.name).replace(path)
    except OSError as error:
        raise MaterialError(
            f"{path} cannot be written ({error.strerror or error}): name another file with --plot"
        ) from error
