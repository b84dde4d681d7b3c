"""The pictures of a page of results, each from the kept figures to a PNG."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from agent.recording.colours import FAINT, INK
from agent.train.evaluation.figures_style import MARKERS, picture

Results = Sequence[Mapping[str, Any]]
Figure = tuple[bytes, str]
"""A PNG, and what it shows."""

LIMIT = "#D55E00"
"""The line that is to be kept; differs from ink in lightness too."""


def pictures_of(part: str, results: Results) -> list[Figure]:
    """Draw what can be drawn of a part; nothing for one that is told in figures alone."""
    return list(_DRAWN[part](results)) if part in _DRAWN and results else []


def _live(results: Results) -> Iterator[Figure]:
    heard = [one for one in results if one["base_mb"] is not None]
    across = ("calls", "calls at once")
    yield (
        _lines(heard, across, ("agent_cpu_percent", "% of one core"), "tap", 25),
        "The agent's processor time. The line is the goal at 200 calls.",
    )
    yield (
        _lines(heard, across, ("second_to_variable.p99", "ms"), "tap", 400),
        "From the end of a call's first second to the variable that tells of it: 99 of 100 are sooner.",
    )
    yield (
        _lines(heard, across, ("kb_a_call", "KB"), "tap", 60),
        "Memory for each call beyond the agent's base.",
    )
    names = [f"{one['tap']}, {one['calls']}" for one in results]
    yield (
        _bars(names, [one["pbx_cpu_percent"] for one in results], "% of one core"),
        "What the PBX takes; dialled and originated: the same calls where nobody has heard of the agent.",
    )


def _soak(results: Results) -> Iterator[Figure]:
    samples = results[0]["samples"]
    with picture(7.2, 2.9) as drawn:
        (axes,) = drawn.axes
        minutes = [sample["minutes"] for sample in samples]
        axes.plot(minutes, [sample["footprint"]["resident_mb"] for sample in samples], color=INK, linewidth=1)
        axes.set_xlabel("minutes")
        axes.set_ylabel("MB resident")
        axes.grid(axis="y")
    yield drawn.png, "Resident memory of the agent and its fuse process."


def _audio(results: Results) -> Iterator[Figure]:
    names = [f"{one['way']}, {one['calls']:,} x {one['packet_ms']} ms" for one in results]
    yield (
        _bars(names, [one["first_second_written_to_variable"]["p99"] for one in results], "ms", limit=400),
        "From the end of a call's first second to the variable that tells of it: 99 of 100 are sooner.",
    )
    yield (
        _bars(names, [one["agent_cpu_percent"] for one in results], "% of one core"),
        "The agent's processor time.",
    )


def _hearing(results: Results) -> Iterator[Figure]:
    yield (
        _lines(
            results, ("calls", "calls at once"), ("all_ms", "ms for 1,000 call-seconds"), None, 600, log=True
        ),
        "Processor time for 1,000 call-seconds. The line is the goal at 1,000 calls.",
    )


def _side_by_side(results: Results) -> Iterator[Figure]:
    names = [f"{one['who']}, {one['calls_at_once']}" for one in results]
    yield (
        _bars(names, [one["all_ms"] for one in results], "ms for a second of a call, logarithmic", log=True),
        "Processor time for one second of one call, so many calls at once.",
    )


_DRAWN: Mapping[str, Callable[[Results], Iterator[Figure]]] = {
    "live": _live,
    "freeswitch": _live,
    "soak": _soak,
    "audio": _audio,
    "hearing": _hearing,
    "hearing_ticks": _hearing,
    "side_by_side": _side_by_side,
}


def _lines(
    results: Results,
    x: tuple[str, str],
    y: tuple[str, str],
    by: str | None,
    limit: float,
    *,
    log: bool = False,
) -> bytes:
    """Draw one line for each value of `by`, told apart by its markers; x and y are a field and its label."""
    with picture(4.4, 3.0) as drawn:
        (axes,) = drawn.axes
        kinds = list(dict.fromkeys(_field(one, by) for one in results)) if by else [None]
        for marker, kind in zip(MARKERS, kinds, strict=False):
            ours = [one for one in results if by is None or _field(one, by) == kind]
            points = sorted(
                (_field(one, x[0]), _field(one, y[0])) for one in ours if _field(one, y[0]) is not None
            )
            axes.plot(
                *zip(*points, strict=True), color=INK, marker=marker, markersize=4, linewidth=1, label=kind
            )
        axes.axhline(limit, color=LIMIT, linewidth=1, linestyle="--")
        axes.set_ylim(bottom=0)
        if log:
            axes.set_xscale("log")
        axes.set_xlabel(x[1])
        axes.set_ylabel(y[1])
        axes.grid(axis="y")
        if by:
            axes.legend()
    return drawn.png


def _bars(
    names: Sequence[str], values: Sequence[float], unit: str, *, limit: float | None = None, log: bool = False
) -> bytes:
    """Draw one bar for each name, its value beside it."""
    with picture(4.8, 0.6 + 0.27 * len(names)) as drawn:
        (axes,) = drawn.axes
        places = range(len(names))
        axes.barh(places, [value or 0.0 for value in values], color=FAINT, height=0.7, log=log)
        for place, value in zip(places, values, strict=True):
            axes.text(
                value or 0.0, place, f"  {value:,.4g}" if value is not None else "", va="center", fontsize=8
            )
        if limit is not None:
            axes.axvline(limit, color=LIMIT, linewidth=1, linestyle="--")
        axes.set_yticks(places, names)
        axes.invert_yaxis()
        axes.margins(x=0.18)
        axes.set_xlabel(unit)
    return drawn.png


def _field(one: Mapping[str, Any], path: str) -> Any:
    for name in path.split("."):
        one = one[name]
    return one
