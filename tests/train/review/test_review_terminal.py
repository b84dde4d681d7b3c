"""A session in the terminal, with a player that writes down what it is given."""

import shutil
import wave
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from agent.hearing.sound import Sound
from agent.train.errors import MaterialError
from agent.train.review.review_calls import CallToReview
from agent.train.review.review_terminal import Terminal, find_player
from agent.train.review.reviewed import Reviewed
from tests.train.review.test_review_calls import CLOSE, SURE


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of everything that is played: a real command named aplay copies it there."""
    folder, commands = tmp_path / "played", tmp_path / "bin"
    folder.mkdir()
    commands.mkdir()
    copy = shutil.which("cp")
    (commands / "aplay").write_text(f'#!/bin/sh\n[ "$1" = -q ] && {copy} "$2" "{folder}/$(date +%N).wav"\n')
    (commands / "aplay").chmod(0o755)
    date = shutil.which("date")
    assert date is not None
    monkeypatch.setenv("PATH", f"{commands}:{Path(date).parent}")
    return folder


@pytest.fixture
def calls(tmp_path: Path) -> list[CallToReview]:
    found = []
    for name, p in (("first", (CLOSE, SURE, CLOSE, SURE)), ("second", (CLOSE, SURE, SURE, SURE))):
        path = tmp_path / f"{name}.flac"
        soundfile.write(path, np.zeros(4 * 8000), 8000, subtype="PCM_16")
        found.append(CallToReview(path.name, path, p, about="carrier"))
    return found


def session(
    calls: list[CallToReview], answers: Iterable[str], folder: Path
) -> tuple[dict[str, str], list[str]]:
    """Give answers, then close the terminal; returns what was said of each second, and what was told."""
    waiting = iter(answers)

    def ask(_: str) -> str:
        answer = next(waiting, None)
        if answer is None:
            raise EOFError
        return answer

    told: list[str] = []
    reviewed = Reviewed(folder / "reviewed.csv")
    Terminal(calls, reviewed, 0.5, ask, told.append).run()
    letters = {Sound.RINGING: "r", Sound.SPEECH: "s", Sound.MUSIC: "m", Sound.SILENCE: "0", None: "-"}
    said = {
        call.file: "".join(letters[reviewed.sound(call.file, start)] for start in range(4)) for call in calls
    }
    return said, told


def lengths(played: Path) -> list[float]:
    found = []
    for path in sorted(played.iterdir(), key=lambda path: path.stat().st_mtime_ns):
        with wave.open(str(path)) as file:
            found.append(file.getnframes() / file.getframerate())
    return found


def test_only_doubtful_seconds_are_asked_for(calls: list[CallToReview], played: Path, tmp_path: Path) -> None:
    said, told = session(calls, ["r", "s", "0"], tmp_path)
    assert said == {"first.flac": "r-s-", "second.flac": "0---"}
    assert lengths(played) == [1.0, 1.0, 1.0]
    assert told[1].startswith("1/3  first.flac  second 0  (ringing 0.40, speech 0.35")


def test_the_rest_of_a_call_can_be_said_at_once(
    calls: list[CallToReview], played: Path, tmp_path: Path
) -> None:
    said, _ = session(calls, ["r", "M", "q"], tmp_path)
    assert said == {"first.flac": "r-mm", "second.flac": "----"}


def test_undo_goes_back_to_what_it_undid(calls: list[CallToReview], played: Path, tmp_path: Path) -> None:
    said, told = session(calls, ["u", "r", "s", "u", "m", "q"], tmp_path)
    assert said == {"first.flac": "r-m-", "second.flac": "----"}
    assert [line[:3] for line in told[1:]] == ["1/3", "1/3", "2/3", "3/3", "2/3", "3/3"]


def test_again_around_and_help(calls: list[CallToReview], played: Path, tmp_path: Path) -> None:
    _, told = session(calls, ["n", "", "c", "?", "n", "q"], tmp_path)
    assert lengths(played) == [1.0, 1.0, 1.0, 4.0, 1.0, 1.0]
    assert told.count(told[0]) == 2


def test_what_was_said_before_is_not_asked_again(
    calls: list[CallToReview], played: Path, tmp_path: Path
) -> None:
    session(calls, ["r"], tmp_path)
    said, told = session(calls, ["s", "m", "never asked"], tmp_path)
    assert said == {"first.flac": "r-s-", "second.flac": "m---"}
    assert len(told) == 3


def test_without_a_player_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MaterialError, match="install aplay"):
        find_player()
