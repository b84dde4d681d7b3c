"""The page holds all it shows, and no text can break it."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.sound import Sound
from agent.recording.colours import COLOUR
from agent.train.evaluation.report_page import (
    contents,
    figure,
    folded,
    page,
    paragraph,
    section,
    table,
    tiles,
    title,
)
from tests.train.pages import Reader


def test_a_page_needs_nothing_but_itself() -> None:
    read = Reader(page("a report", title("a report"), figure(b"png", "a picture", b"wav")))
    assert {name for name, _ in read.tags}.isdisjoint({"script", "link", "iframe"})
    (image,), (audio,) = read.all("img"), read.all("audio")
    assert image == {"src": f"data:image/png;base64,{base64.b64encode(b'png').decode()}", "alt": "a picture"}
    assert (audio["src"] or "").startswith("data:audio/wav;base64,")
    assert "url(" not in page("a", "b")
    assert "http" not in page("a", "b")


@given(st.text())
def test_no_text_breaks_the_page(text: str) -> None:
    whole = page(text, title(text), paragraph(text), table((text, "b"), [(text, 1)]), tiles([(text, text)]),
                 figure(b"", text), folded(text), contents([(text, text)]), section(text, text))  # fmt: skip
    read = Reader(whole)
    bare = Reader(page("", title(""), paragraph(""), table(("", "b"), [("", 1)]), tiles([("", "")]),
                       figure(b"", ""), folded(""), contents([("", "")]), section("", "")))  # fmt: skip
    assert [name for name, _ in read.tags if name != "span"] == [
        name for name, _ in bare.tags if name != "span"
    ]


def test_shares_get_three_digits_and_counts_separators() -> None:
    read = Reader(table(("sound", "right", "seconds"), [("speech", 0.98765, 12345)], bold=0))
    assert [text for text in read.text if text.strip()] == [
        "sound",
        "right",
        "seconds",
        "speech",
        "0.988",
        "12,345",
    ]
    (chip,) = read.all("span")
    assert COLOUR[Sound.SPEECH] in (chip["style"] or "")
    assert read.all("tr")[1] == {"class": "bold"}


def test_links_lead_to_sections() -> None:
    read = Reader(contents([("times", "Time")]) + section("times", "Time", paragraph("soon")))
    assert read.all("a") == [{"href": "#times"}]
    assert read.all("section") == [{"id": "times"}]
