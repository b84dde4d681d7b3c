"""Real requests to the page's server."""

import http.client
import io
import json
import threading
import urllib.error
import urllib.request
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from agent.hearing.sound import Sound
from agent.train.labels.label_table import read_rows
from agent.train.review.review_calls import CallToReview
from agent.train.review.review_page import Desk, ReviewServer
from agent.train.review.reviewed import Reviewed
from tests.train.review.test_review_calls import CLOSE, SURE


@dataclass(frozen=True, slots=True)
class Page:
    """A person at the page."""

    server: ReviewServer
    labels: Path

    def get(self, path: str) -> Any:
        return json.loads(self.fetch(path))

    def fetch(self, path: str) -> bytes:
        with urllib.request.urlopen(self.server.url + path, timeout=10) as answer:
            return bytes(answer.read())

    def post(self, path: str, body: object, kind: str = "application/json") -> Any:
        request = urllib.request.Request(
            self.server.url + path, json.dumps(body).encode(), {"Content-Type": kind}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    def refusal(self, path: str, body: object = None, kind: str = "application/json") -> tuple[int, str]:
        with pytest.raises(urllib.error.HTTPError) as caught:
            self.fetch(path) if body is None else self.post(path, body, kind)
        with caught.value as answer:
            return answer.code, answer.read().decode()


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    noise = np.random.default_rng(1).normal(0, 0.1, 3 * 8000)
    calls = []
    for name, p in (("first", (CLOSE, SURE, CLOSE)), ("second", (SURE, CLOSE, SURE))):
        path = tmp_path / f"{name}.flac"
        soundfile.write(path, noise, 8000, subtype="PCM_16")
        calls.append(CallToReview(path.name, path, p, about="carrier: music"))
    labels = tmp_path / "reviewed.csv"
    server = ReviewServer(Desk(calls, Reviewed(labels), unsure_below=0.5))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield Page(server, labels)
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_page_needs_nothing_from_elsewhere(page: Page) -> None:
    html = page.fetch("").decode()
    assert "<script>" in html
    assert "://" not in html
    for outside in (" src=", "href=", "@import", "url("):
        assert outside not in html


def test_a_call_is_shown_with_what_the_forest_and_the_person_say(page: Page) -> None:
    call = page.get("calls/0")
    assert (call["file"], call["about"], call["calls"]) == ("first.flac", "carrier: music", 2)
    assert call["duration"] == pytest.approx(3.0)
    assert [second["unsure"] for second in call["seconds"]] == [True, False, True]
    assert call["seconds"][0] == {"p": list(CLOSE), "unsure": True, "said": None}


def test_it_can_be_heard_and_seen(page: Page) -> None:
    with wave.open(io.BytesIO(page.fetch("calls/1.wav"))) as sound:
        assert (sound.getframerate(), sound.getnframes()) == (8000, 24_000)
    assert page.fetch("calls/1.png").startswith(b"\x89PNG")


def test_what_is_said_is_kept_at_once_and_the_next_doubt_is_found(page: Page) -> None:
    assert page.get("next") == {"call": 0}
    call = page.post("calls/0/labels", {"starts": [0, 2], "sound": "music"})
    assert [second["said"] for second in call["seconds"]] == ["music", None, "music"]
    assert call["said"] == 2
    assert [(row.file, row.second.start, row.second.sound) for row in read_rows(page.labels)] == [
        ("first.flac", 0, Sound.MUSIC),
        ("first.flac", 2, Sound.MUSIC),
    ]
    assert page.get("next") == {"call": 1}
    page.post("calls/1/labels", {"starts": [1], "sound": "silence"})
    assert page.get("next?after=1") is None


def test_it_can_be_taken_back(page: Page) -> None:
    page.post("calls/1/labels", {"starts": [1], "sound": "speech"})
    assert page.post("undo", {}) == {"call": 1, "start": 1}
    assert page.post("undo", {}) is None
    page.post("calls/1/labels", {"starts": [1], "sound": "speech"})
    page.post("calls/1/labels", {"starts": [1], "sound": None})
    assert page.get("calls/1")["said"] == 0


@pytest.mark.parametrize("path", ["", "calls/0", "../", "xx/calls/0"])
def test_who_does_not_know_the_address_finds_nothing(page: Page, path: str) -> None:
    host, port = page.server.server_address[:2]
    for wrong in ("", "guess/", page.server.token[:-1] + "/"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/{wrong}{path}", timeout=10)
        with caught.value as answer:
            assert answer.code == 404
    assert host == "127.0.0.1"


def test_a_name_that_others_point_here_is_not_answered(page: Page) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", page.server.server_address[1], timeout=10)
    connection.request("GET", f"/{page.server.token}/next", headers={"Host": "evil.example:80"})
    assert connection.getresponse().status == 404
    connection.close()


def test_another_sites_form_says_nothing(page: Page) -> None:
    body = {"starts": [0], "sound": "music"}
    assert page.refusal("calls/0/labels", body, "text/plain")[0] == 400
    assert not page.labels.exists()


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("calls/7", None, 404),
        ("calls/-1", None, 404),
        ("calls/../reviewed.csv", None, 404),
        ("calls/x.wav", None, 404),
        ("next?after=x", None, 400),
        ("calls/0/labels", {"starts": [3], "sound": "music"}, 404),
        ("calls/0/labels", {"starts": [-1], "sound": "music"}, 400),
        ("calls/0/labels", {"starts": [0], "sound": "noise"}, 400),
        ("calls/0/labels", [], 400),
        ("calls/9/labels", {"starts": [0], "sound": "music"}, 404),
        ("elsewhere", {}, 404),
    ],
)
def test_nonsense_is_refused(page: Page, path: str, body: object, status: int) -> None:
    assert page.refusal(path, body)[0] == status
    assert not page.labels.exists()


def test_a_recording_that_is_gone_is_told_in_a_sentence(page: Page) -> None:
    (page.labels.parent / "first.flac").unlink()
    status, said = page.refusal("calls/0.wav")
    assert status == 500
    assert "first.flac: there is no such file" in said
