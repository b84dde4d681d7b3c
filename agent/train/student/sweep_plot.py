"""The sweep as a picture: strangers told apart against size and time."""

from collections.abc import Sequence
from pathlib import Path

from agent.train.student.sweep import Trial


def draw(trials: Sequence[Trial], path: Path) -> None:
    """Draw one point for each trial, and join those that nothing smaller, or faster, beats.

    Raises:
        OSError: the picture cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, attribute, label in (
        (left, "megabytes", "student.joblib, MB"),
        (right, "ms_a_second", "time to judge one second, ms"),
    ):
        costs = [getattr(trial, attribute) for trial in trials]
        leaves = [trial.recipe.leaf for trial in trials]
        points = axes.scatter(costs, [t.macro_f1 for t in trials], c=leaves, cmap="viridis", s=40, zorder=3)
        best = [trials[i] for i in front(costs, [t.macro_f1 for t in trials])]
        axes.plot(
            [getattr(t, attribute) for t in best],
            [t.macro_f1 for t in best],
            color="0.6",
            drawstyle="steps-post",
        )
        for trial in best:
            axes.annotate(
                f"{trial.recipe.trees} × leaf {trial.recipe.leaf}, {trial.recipe.share:g}",
                (getattr(trial, attribute), trial.macro_f1),
                textcoords="offset points",
                xytext=(4, -10),
                fontsize=7,
            )
        axes.set_xlabel(label)
        axes.set_xscale("log")
        axes.grid(alpha=0.3)
    left.set_ylabel("macro F1 on strangers, mean of folds")
    figure.colorbar(points, ax=right, label="fewest seconds in a leaf")
    figure.savefig(path, dpi=120, metadata={"Software": None})


def front(costs: Sequence[float], values: Sequence[float]) -> list[int]:
    """Return the points that are worth more than all that cost as little, cheapest first."""
    chosen: list[int] = []
    for index in sorted(range(len(costs)), key=lambda i: (costs[i], -values[i])):
        if not chosen or values[index] > values[chosen[-1]]:
            chosen.append(index)
    return chosen
