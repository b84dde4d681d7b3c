"""What the report shows and says, with all that can be there and with as little as can be."""

from dataclasses import replace

import numpy as np
import pytest

from agent.hearing.sound import SOUNDS
from agent.train.evaluation.evaluate import Entrant, evaluate
from agent.train.evaluation.evaluate_slices import KnownConditions
from agent.train.evaluation.evaluate_teachers import TeacherLabels
from agent.train.evaluation.report import About, Report, Snippet, draw, slug
from agent.train.evaluation.report_sections import html
from agent.train.evaluation.timing import Times
from agent.train.student.strangers import Strangers
from tests.train.pages import Reader
from tests.train.seconds import strangers

ABOUT = About(
    "autumn", (("recipe", "forest <500 trees>"),), "real carriers", "a processor", ("CNN14 is random.",)
)
TRUTH = np.tile(np.arange(4), 25)
N = len(TRUTH)


def judged(wrong: int = 0) -> Strangers:
    verdict = np.where(np.arange(N) < wrong, 2, TRUTH)
    return strangers(np.eye(4)[verdict] * 0.6 + 0.1, TRUTH)


@pytest.fixture(scope="module")
def whole() -> Report:
    """A report with everything in it."""
    ours = replace(judged(12), ambiguous=np.arange(N) >= 90)
    teacher = TeacherLabels("yamnet:1+mn04:0.5", np.arange(N) < 50, TRUTH, np.eye(4)[TRUTH] * 0.9)
    codecs = KnownConditions(
        ("codec", "band_low_hz"), {f"{i}.wav": ("gsm" if i % 2 else "ulaw", str(i)) for i in range(N)}
    )
    found = evaluate([Entrant("autumn", ours), Entrant("thesis", judged(50))], [teacher], codecs)
    times = [
        Times(name, sound, 32 if sound is None else 1, (ms, 1.1 * ms, 1.2 * ms))
        for name, ms in (("CNN14", 150.0), ("autumn", 1.5))
        for sound in (*SOUNDS, None)
    ]
    hum = np.sin(np.arange(24_000) * 0.1).astype(np.float32)
    return draw(ABOUT, found, times, [Snippet(made, hum, max(0, made.start - 1)) for made in found.mistakes])


def test_the_page_shows_every_picture_that_is_written_beside_it(whole: Report) -> None:
    page = Reader(html(whole))
    assert len(page.all("img")) == len(whole.pngs)
    assert {
        "side-by-side", "confusion-by-row", "confusion-by-column", "calibration", "by-codec",
        "by-band-low-hz", "by-family", "agreement-yamnet-1-mn04-0-5", "confidence-yamnet-1-mn04-0-5",
        "confidence-by-sound-yamnet-1-mn04-0-5", "times-alone", "times-in-batches", "mistake-01",
    } <= whole.pngs.keys()  # fmt: skip
    assert all(image["alt"] for image in page.all("img"))
    assert all(png.startswith(b"\x89PNG") for png in whole.pngs.values())


def test_the_page_says_what_the_figures_say(whole: Report) -> None:
    text = " ".join(Reader(html(whole)).text)
    assert "autumn: what it hears" in text
    # 12 first seconds, 3 of each sound, taken for music: 9 of 90 clear seconds are wrong.
    assert "0.900" in text
    assert "10 seconds hold more than one sound" in text
    assert "Student and teacher say the same of 82.0% of 50 seconds" in text
    assert "100 x" in text
    assert "candidate leads by" in text
    assert "CNN14 is random." in text
    assert "forest <500 trees>" in text
    assert "What it has never heard: real carriers." in text


def test_links_lead_to_what_is_there(whole: Report) -> None:
    for report in (whole, draw(ABOUT, evaluate([Entrant("autumn", judged())]))):
        page = Reader(html(report))
        assert {link["href"] for link in page.all("a")} == {
            f"#{section['id']}" for section in page.all("section")
        }


def test_without_audio_there_are_no_times_and_mistakes_are_a_list() -> None:
    report = draw(ABOUT, evaluate([Entrant("autumn", judged(4))]))
    page = Reader(html(report))
    text = " ".join(page.text)
    assert "times" not in {section["id"] for section in page.all("section")}
    assert "give its folder with --audio" in text
    assert "0.wav" in text
    assert "recordings.csv" in text


def test_without_a_mistake_there_is_no_list_of_them() -> None:
    page = Reader(html(draw(ABOUT, evaluate([Entrant("autumn", judged())]))))
    assert "mistakes" not in {section["id"] for section in page.all("section")}
    assert "mixed" not in {section["id"] for section in page.all("section")}


def test_the_page_plays_mistakes_only_where_that_is_wanted(whole: Report) -> None:
    assert Reader(html(whole)).all("audio") == []
    assert len(Reader(html(whole, with_sound=True)).all("audio")) == len(whole.snippets) > 0


def test_names_become_names_of_files() -> None:
    assert slug("yamnet:1+mn04:0.5 (the labels)") == "yamnet-1-mn04-0-5--the-labels"
    assert slug("../évil") == "vil"
