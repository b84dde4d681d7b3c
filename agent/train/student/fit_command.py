"""`earlymedia train fit`: label files and their recordings give a candidate."""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from agent.hearing.sound import SOUNDS
from agent.train.corpus.folder import Material, read_origin
from agent.train.errors import MaterialError
from agent.train.faults import told
from agent.train.parallel import Workers
from agent.train.progress import progress
from agent.train.student.calibration import Calibrated, calibrate, leave
from agent.train.student.candidate import MODEL, packed, refuse_folder, write_candidate
from agent.train.student.card import FoldScore, StudentCard, make_card
from agent.train.student.examples import Source, find_source, read_examples
from agent.train.student.fit import fit, judge_strangers
from agent.train.student.recipes import RECIPES, SEED, Recipe
from agent.train.student.views import Seen, View, see_examples
from agent.train.worker_options import ClusterOption, JobsOption

LabelsArgument = Annotated[
    list[Path],
    typer.Argument(help="Label files, or folders with a labels.csv; who listened outranks who composed."),
]
AudioOption = Annotated[
    Path | None,
    typer.Option(help="Folder of the recordings; audio/ beside the labels, or theirs, if not given."),
]
_WORST_GROUPS = 15


def fit_candidate(
    labels: LabelsArgument,
    out: Annotated[Path, typer.Option(help="A new folder for the student, its card and strangers.csv.")],
    audio: AudioOption = None,
    recipe: Annotated[str, typer.Option(help=f"How it is made: {', '.join(RECIPES)}.")] = "default",
    trees: Annotated[int | None, typer.Option(min=1, help="Trees in the forest.")] = None,
    leaf: Annotated[int | None, typer.Option(min=1, help="Fewest seconds in a leaf.")] = None,
    share: Annotated[
        float | None, typer.Option(min=0.001, max=1, help="Share of the seconds that each tree is fitted on.")
    ] = None,
    features_per_split: Annotated[
        float | None,
        typer.Option(min=0.001, max=1, help="Share of the features that a split may choose from."),
    ] = None,
    balanced: Annotated[
        bool | None, typer.Option(help="Every sound counts alike, however many seconds it has.")
    ] = None,
    music_weight: Annotated[
        float | None, typer.Option(min=0.001, help="How much more a second of music counts.")
    ] = None,
    ambiguous: Annotated[bool | None, typer.Option(help="Learn from ambiguous seconds too.")] = None,
    soft: Annotated[
        float | None, typer.Option(min=0, max=1, help="How much the teachers' doubt counts as a target.")
    ] = None,
    iterations: Annotated[int | None, typer.Option(min=1, help="Rounds of boosting.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same student.")] = None,
    most_seconds: Annotated[
        int | None, typer.Option(min=1, help="Take no more seconds: recordings are drawn, of every group.")
    ] = None,
    calibrated: Annotated[
        bool, typer.Option(help="Make shares of votes probabilities by a temperature that strangers tell.")
    ] = True,
    jobs: JobsOption = -1,
    cluster: ClusterOption = "",
) -> None:
    """Fit a student, and judge every second by one that heard nothing of its group."""
    given = {
        "trees": trees,
        "leaf": leaf,
        "share": share,
        "features_per_split": features_per_split,
        "balanced": balanced,
        "music_weight": music_weight,
        "ambiguous": ambiguous,
        "soft": soft,
        "iterations": iterations,
        "seed": seed,
    }
    with told(interrupted=f"interrupted, {out} was not written: give the same command again"):
        chosen = tuned(recipe, {name: value for name, value in given.items() if value is not None})
        workers = Workers(jobs, cluster=cluster)
        card, done = make_candidate(labels, audio, chosen, out, workers, most_seconds, calibrated=calibrated)
    show(Console(), card, done)
    size = (out / MODEL).stat().st_size / 1e6
    typer.echo(f"{out}: {size:.1f} MB, sha256 {card.sha256}, mean macro F1 {card.scores.mean_macro_f1:.4f}")


def tuned(name: str, settings: dict[str, Any]) -> Recipe:
    """Return a recipe with some settings changed.

    Raises:
        MaterialError: there is no such recipe, or it has no such setting.
    """
    if name not in RECIPES:
        raise MaterialError(f"there is no recipe '{name}': use one of {', '.join(RECIPES)}")
    recipe = RECIPES[name]
    unknown = sorted(settings.keys() - {field.name for field in fields(recipe)})
    if unknown:
        option = unknown[0].replace("_", "-")
        raise MaterialError(f"the recipe {name} has no setting --{option}: leave it out")
    return replace(recipe, **settings)


def make_candidate(
    labels: Sequence[Path],
    audio: Path | None,
    recipe: Recipe,
    out: Path,
    workers: Workers,
    most_seconds: int | None = None,
    *,
    calibrated: bool = True,
) -> tuple[StudentCard, Calibrated]:
    """Read, see, judge strangers, calibrate, fit and write; shows how far it is."""
    refuse_folder(out)
    sources = [find_source(path, audio) for path in labels]
    seen = see(sources, recipe.view, workers, most_seconds, recipe.seed)
    examples = seen.examples
    with progress("judging strangers", len(set(examples.fold.tolist())), "folds") as step:
        strangers = judge_strangers(recipe, examples, seen.vectors, workers, step)
    done = calibrate(strangers) if calibrated else leave(strangers)
    with progress("fitting on all", 1, "student") as step:
        student = fit(recipe, examples, seen.vectors, workers, done.calibration)
        content = packed(student)
        step()
    card = make_card(student, content, done, materials_of(sources), datetime.now(UTC).date())
    write_candidate(out, content, card, done.strangers)
    return card, done


def see(
    sources: Sequence[Source],
    view: View,
    workers: Workers,
    most_seconds: int | None = None,
    seed: int = SEED,
) -> Seen:
    """Read label files and hear what they are about; tells what was left out."""
    examples = read_examples(sources, most_seconds, seed)
    with progress("hearing", len(set(examples.file)), "recordings") as step:
        seen = see_examples(examples, view, workers, step)
    if seen.left_out:
        typer.echo(
            f"{seen.left_out} last seconds of recordings are left out: the agent needs 48 ms more of them",
            err=True,
        )
    return seen


def materials_of(sources: Sequence[Source]) -> list[Material]:
    """Tell what examples are made of: what a corpus says itself, or that it is the user's own."""
    materials: dict[Material, None] = {}
    for source in sources:
        if (source.labels.parent / "corpus.json").exists():
            materials.update(dict.fromkeys(read_origin(source.labels.parent).materials))
        else:
            own = Material(what=f"own recordings: {source.labels.name}", by="not told", licence="not told")
            materials[own] = None
    return list(materials)


def show(console: Console, card: StudentCard, calibrated: Calibrated) -> None:
    """Print how strangers were heard: every fold, then the groups that were heard worst."""
    scores = card.scores
    table = Table("held out", *(f"{sound} P / R" for sound in SOUNDS), "macro F1", title="Unheard groups")
    for fold in scores.folds:
        table.add_row(f"fold {fold.fold}", *_cells(fold), f"{fold.macro_f1:.3f}")
    table.add_row("ambiguous seconds", *_cells(scores.mixed), f"{scores.mixed.macro_f1:.3f}")
    console.print(table)
    worst = Table("group", "seconds", "right", "heard as", title="Groups heard worst")
    for group in sorted(scores.groups, key=lambda group: group.right)[:_WORST_GROUPS]:
        heard = "; ".join(
            f"{truth} as {', '.join(f'{sound} {n}' for sound, n in verdicts.items())}"
            for truth, verdicts in group.heard_as.items()
        )
        worst.add_row(group.group, str(group.seconds), f"{group.right:.3f}", heard)
    console.print(worst)
    before, after = calibrated.before, calibrated.after
    console.print(
        f"{len(scores.groups)} groups; expected calibration error "
        f"{before.expected_calibration_error:.4f} before calibration, {after.expected_calibration_error:.4f} "
        f"after; log-loss {before.log_loss:.4f}, {after.log_loss:.4f}"
    )


def _cells(fold: FoldScore) -> list[str]:
    return [f"{score.precision:.3f} / {score.recall:.3f}" for score in fold.classes.values()]
