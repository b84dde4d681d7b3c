"""The report as one HTML page that needs nothing but itself: pictures are inside, scripts there are none."""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources
from string import Template

from agent.hearing.sound import Sound
from agent.recording.colours import COLOUR

Cell = str | float | int


def page(name: str, *parts: str) -> str:
    """Return the whole page of some parts, each a piece of HTML."""
    frame = resources.files("agent.train.evaluation").joinpath("report.html").read_text(encoding="utf-8")
    return Template(frame).substitute(title=escape(name), body="\n".join(parts))


def title(text: str) -> str:
    """Return the title of the page."""
    return f"<h1>{escape(text)}</h1>"


def section(anchor: str, name: str, *parts: str) -> str:
    """Return a section with a heading that can be linked to."""
    return f'<section id="{escape(anchor)}"><h2>{escape(name)}</h2>\n' + "\n".join(parts) + "</section>"


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph of plain text."""
    return f"<p{_class(kind)}>{escape(text)}</p>"


def heading(text: str) -> str:
    """Return a heading inside a section."""
    return f"<h3>{escape(text)}</h3>"


def table(
    head: Sequence[str], rows: Iterable[Sequence[Cell]], *, bold: int | None = None, text: int = 1
) -> str:
    """Return a table. Shares (floats) get three digits, counts separators, names of sounds their colour.

    Args:
        head: one title for each column.
        rows: the cells.
        bold: index of a row to be set in bold.
        text: so many columns at the left are text; -1 stands for all but figures between first and last.
    """
    places = range(len(head))
    words = {0, len(head) - 1} if text < 0 else set(range(text))
    titles = "".join(f"<th{_class('text' if i in words else '')}>{escape(head[i])}</th>" for i in places)
    lines = [
        f"<tr{_class('bold' if index == bold else '')}>"
        + "".join(_cell(cell, words=i in words) for i, cell in zip(places, row, strict=True))
        + "</tr>"
        for index, row in enumerate(rows)
    ]
    body = "".join(lines)
    return f'<div class="scroll"><table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(cell: Cell, *, words: bool) -> str:
    if isinstance(cell, float):
        return f"<td>{cell:.3f}</td>"
    if isinstance(cell, int):
        return f"<td>{cell:,}</td>"
    return f"<td{_class('text' if words else '')}>{_key(cell)}{escape(cell)}</td>"


def _key(text: str) -> str:
    """Return a chip in the colour of a sound before its name."""
    colour = COLOUR.get(Sound(text)) if text in [*Sound] else None
    return f'<span class="key" style="background:{colour}"></span>' if colour else ""


def tiles(figures: Iterable[tuple[str, str]]) -> str:
    """Return the few figures to be seen first: pairs of a figure and what it is."""
    inside = "".join(
        f'<div class="tile"><b>{escape(figure)}</b><span>{escape(what)}</span></div>'
        for figure, what in figures
    )
    return f'<div class="tiles">{inside}</div>'


def pictures(*figures: str) -> str:
    """Return figures side by side, as many as fit."""
    return f'<div class="pictures">{"".join(figures)}</div>'


def figure(png: bytes, caption: str, sound: bytes = b"") -> str:
    """Return a picture with its caption, and the WAV file to be played below it if there is one."""
    player = f'<audio controls preload="none" src="{_inline("audio/wav", sound)}"></audio>' if sound else ""
    return (
        f'<figure><img src="{_inline("image/png", png)}" alt="{escape(caption)}">{player}'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def folded(summary: str, *parts: str) -> str:
    """Return parts that are shown on demand."""
    return f"<details><summary>{escape(summary)}</summary>{''.join(parts)}</details>"


def contents(links: Iterable[tuple[str, str]]) -> str:
    """Return links to sections: pairs of an anchor and a title."""
    return "<nav>" + " ".join(f'<a href="#{escape(a)}">{escape(title)}</a>' for a, title in links) + "</nav>"


def _inline(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""
