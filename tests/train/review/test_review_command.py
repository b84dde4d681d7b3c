"""The commands as they are typed: from what the agent has kept to what a person has heard."""

import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from agent.train.commands import app
from agent.train.labels.label_table import read_rows
from tests.train.corpus.test_harvest import keep

runner = CliRunner()


def test_kept_calls_are_harvested_and_reviewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(tmp_path / "kept", "one")
    corpus = tmp_path / "corpus"
    harvested = runner.invoke(app, ["harvest", str(tmp_path / "kept"), "--out", str(corpus)])
    assert harvested.exit_code == 0, harvested.output
    assert "1 new recordings, 2 seconds" in harvested.output

    (tmp_path / "aplay").write_text("#!/bin/sh\n")
    (tmp_path / "aplay").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    reviewed = runner.invoke(app, ["review", str(corpus), "--terminal"], input="s\nm\n")
    assert reviewed.exit_code == 0, reviewed.output
    assert "2 seconds that a person has heard" in reviewed.output
    assert [row.second.sound.value for row in read_rows(corpus / "reviewed.csv")] == ["speech", "music"]


def test_any_recordings_can_be_reviewed_on_the_page_until_it_is_ended(tmp_path: Path) -> None:
    noise = np.random.default_rng(2).normal(0, 0.2, 3 * 8000)
    soundfile.write(tmp_path / "noise.wav", noise, 8000)
    command = [sys.executable, "-m", "agent.cli", "train", "review", str(tmp_path), "--unsure-below", "1.01"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = re.search(r"http://127\.0\.0\.1:\d+/\S+/", process.stdout.readline())
        assert address is not None
        body = b'{"starts": [0], "sound": "silence"}'
        kind = {"Content-Type": "application/json"}
        request = urllib.request.Request(address[0] + "calls/0/labels", body, kind)
        urllib.request.urlopen(request, timeout=10).close()
        process.send_signal(signal.SIGINT)
        assert "1 seconds that a person has heard" in process.communicate(timeout=20)[0]
        assert process.returncode == 0
    assert [row.file for row in read_rows(tmp_path / "reviewed.csv")] == ["noise.wav"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["harvest", "nowhere", "--out", "corpus"], "nowhere is no folder"),
        (["harvest", "empty", "--out", "corpus"], "holds no kept call"),
        (["review", "nowhere"], "nowhere is no folder"),
        (["review", "empty"], "holds no recording"),
        (["review", "sound", "--model", "nowhere.joblib"], "nowhere.json cannot be read"),
        (["review", "torn"], "holds no recording of a second"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    for folder in ("sound", "torn", "empty"):
        (tmp_path / folder).mkdir()
    soundfile.write(tmp_path / "sound/a.wav", np.zeros(16_000), 8000)
    (tmp_path / "torn/a.wav").write_bytes(b"RIFF")
    monkeypatch.chdir(tmp_path)
    ended = runner.invoke(app, arguments)
    assert ended.exit_code == 2
    assert said in ended.stderr
    assert not (tmp_path / "corpus").exists()
