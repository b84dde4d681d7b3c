"""How every picture of the report looks: one size of type, one colour for each sound, PNG out."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from agent.recording.colours import FAINT, INK, PAPER
from agent.train.errors import MaterialError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = "osD^vPX*"
"""Contestants are told by shape, so that colour stays with the sounds."""
DPI = 160

_STYLE: Any = {  # matplotlib types its keys one by one, release by release
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.axisbelow": True,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "axes.linewidth": 0.6,
    "grid.color": "#e3e6ea",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.facecolor": PAPER,
}


class Picture:
    """A figure with its axes; `png` holds it once the `with` of `picture` has ended."""

    __slots__ = ("axes", "figure", "png")

    def __init__(self, figure: "Figure", axes: "list[Axes]") -> None:
        self.figure = figure
        self.axes = axes
        self.png = b""


@contextmanager
def picture(
    width: float, height: float, rows: int = 1, *, dpi: int = DPI, **layout: Any
) -> Iterator[Picture]:
    """Draw a picture of so many inches and rows of axes; more goes to `Figure.subplots`.

    Raises:
        MaterialError: matplotlib is not installed.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MaterialError(
            "a report needs the `train` extra: install it with pip install 'earlymedia-agent[train]'"
        ) from error
    with rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained", dpi=dpi)
        FigureCanvasAgg(figure)
        drawn = Picture(figure, list(figure.subplots(rows, squeeze=False, **layout).flat))
        yield drawn
        buffer = io.BytesIO()
        # Without the version and the time of drawing, the same figures give the same file.
        figure.savefig(buffer, format="png", metadata={"Software": None})
        drawn.png = buffer.getvalue()
