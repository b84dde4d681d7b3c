"""`earlymedia train label` is stopped in the middle, with all its workers at work, and then goes on."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from agent.train.labels.aggregation import default_aggregation
from agent.train.labels.audio import find_recordings
from agent.train.labels.label_job import Job, run
from agent.train.labels.labelling import Member, Rules
from tests.train.teachers.made import tone, write_loudness_model
from tests.train.teachers.moody import MoodyFile

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 60
COMMAND = """
import sys
from pathlib import Path
import typer
from agent.train.labels import label_command
from tests.train.teachers.moody import MoodyFile

gate = Path(sys.argv.pop(1))
label_command.find_teacher = lambda name, folder, device: MoodyFile(folder / "yamnet.tflite", gate)
app = typer.Typer()
app.command()(label_command.label)
app()
"""


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    (folder := tmp_path / "calls").mkdir()
    write_loudness_model(tmp_path / "yamnet.tflite")
    for index in range(10):
        samples = tone(2, 8000) if index % 2 else np.zeros(16_000, np.float32)
        soundfile.write(folder / f"{index}.wav", samples, 8000)
    return folder


def start(calls: Path, out: str, *words: str) -> subprocess.Popen[str]:
    place = calls.parent
    fixed = ["--out", str(place / out), "--checkpoints", str(place), "--teacher", "yamnet"]
    fixed += ["--batch-seconds", "2", "--jobs", "2"]
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(place / "gate"), str(calls), *fixed, *words],
        cwd=ROOT,
        text=True,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def is_alive(session: int) -> bool:
    """Tell whether any process that a command has started still lives, itself included."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # After the name, which may hold anything in its parentheses: state, parent, group, session.
            state, _, _, of = stat.read_text().rpartition(")")[2].split()[:4]
            if int(of) == session and state not in "ZX":
                return True
    return False


def wait_until(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def wait_for_the_middle(process: subprocess.Popen[str], place: Path) -> None:
    """Wait until both workers have heard a batch, and wait with the next."""
    wait_until(lambda: len(list(place.glob("gate.reached-*"))) == 2 or process.poll() is not None)
    assert process.poll() is None, process.communicate()[1]


@pytest.mark.parametrize(
    ("kill", "backend"),
    [(os.killpg, "loky"), (os.kill, "loky"), (os.killpg, "threading")],
    ids=["ctrl-c", "kill -INT", "threads"],
)
def test_an_interruption_ends_all_processes_and_costs_what_was_under_way(
    kill: Callable[[int, int], None], backend: str, calls: Path
) -> None:
    place = calls.parent
    process = start(calls, "labels.csv", "--backend", backend)
    wait_for_the_middle(process, place)
    kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130, said
    assert "earlymedia: interrupted; the same command goes on where this one was stopped" in said
    assert "Traceback" not in said
    wait_until(lambda: not is_alive(process.pid))
    assert not (place / "labels.csv").exists()

    (place / "gate").touch()
    _, said = start(calls, "labels.csv", "--backend", backend).communicate(timeout=PATIENCE_SECONDS)
    assert "10/10" in said
    members = (Member(MoodyFile(place / "yamnet.tflite")),)
    whole = Job(calls, place / "whole.csv", members, default_aggregation(), Rules(), batch_seconds=2.0)
    run(whole, find_recordings(calls), lambda done, seconds: None)
    assert (place / "labels.csv").read_bytes() == whole.out.read_bytes()
    assert not (place / "labels.csv.part").exists()


def test_two_commands_do_not_write_one_file(calls: Path) -> None:
    place = calls.parent
    first = start(calls, "labels.csv")
    wait_for_the_middle(first, place)
    second = start(calls, "labels.csv")
    _, said = second.communicate(timeout=PATIENCE_SECONDS)
    assert second.returncode == 2
    assert "labels.csv.part is being written by another process: wait for it" in said
    (place / "gate").touch()
    first.communicate(timeout=PATIENCE_SECONDS)
    assert first.returncode == 0
    assert (place / "labels.csv").exists()
