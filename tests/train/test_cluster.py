"""A real Dask cluster on this machine: a scheduler and two workers, each a process of its own."""

import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import soundfile
from distributed import Client

from agent.train.errors import MaterialError
from agent.train.labels.aggregation import default_aggregation
from agent.train.labels.audio import find_recordings
from agent.train.labels.label_job import Job, Outcome, run
from agent.train.labels.labelling import Member, Rules
from agent.train.parallel import Workers, spread
from tests.train.teachers.made import tone, write_loudness_model
from tests.train.teachers.moody import MoodyFile
from tests.train.test_parallel import die, most_threads, process, square

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60
"""For what takes a second or two: only a machine that is stuck takes longer."""


@dataclass(frozen=True, slots=True)
class Cluster:
    address: str
    scheduler: subprocess.Popen[bytes]
    workers: tuple[subprocess.Popen[bytes], ...]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    file = tmp_path / "scheduler.json"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        # A task that two workers died of has killed all there are.
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
    }

    def start(*words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", *words, "--scheduler-file", str(file), "--no-dashboard"]
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        running.callback(process.wait)
        running.callback(process.kill)
        return process

    with ExitStack() as running:
        scheduler = start("scheduler", "--host", "127.0.0.1", "--port", "0")
        lone = ("--nthreads", "1", "--no-nanny", "--local-directory", str(tmp_path))
        workers = tuple(start("worker", "--host", "127.0.0.1", *lone) for _ in range(2))
        address = _address(file)
        with Client(address, timeout=PATIENCE_SECONDS) as client:  # type: ignore[no-untyped-call]
            client.wait_for_workers(2, timeout=PATIENCE_SECONDS)
        yield Cluster(address, scheduler, workers)


def _address(file: Path) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            return str(json.loads(file.read_bytes())["address"])
        except (FileNotFoundError, ValueError):
            time.sleep(0.05)
    raise TimeoutError("the scheduler did not start")


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    (folder := tmp_path / "calls").mkdir()
    for index in range(12):
        samples = tone(2.5, 8000) if index % 2 else np.zeros(20_000, np.float32)
        soundfile.write(folder / f"{index:02}.wav", samples, 8000)
    return folder


def label(calls: Path, name: str, teacher: MoodyFile, workers: Workers) -> tuple[Outcome, bytes]:
    out = calls.parent / name
    job = Job(calls, out, (Member(teacher),), default_aggregation(), Rules(), batch_seconds=4.0)
    outcome = run(job, find_recordings(calls), lambda done, seconds: None, workers)
    return outcome, out.read_bytes()


def test_a_worker_that_dies_while_it_labels_changes_nothing(
    cluster: Cluster, calls: Path, tmp_path: Path
) -> None:
    write_loudness_model(model := tmp_path / "yamnet.tflite")
    outcome, alone = label(calls, "alone.csv", MoodyFile(model), Workers(jobs=1))
    assert (outcome.recordings, outcome.seconds) == (12, 24)
    mortal = MoodyFile(model, grave=tmp_path / "grave")
    assert label(calls, "cluster.csv", mortal, Workers(cluster=cluster.address)) == (outcome, alone)
    assert [worker.poll() for worker in cluster.workers].count(-9) == 1


def test_a_cluster_does_what_a_machine_does_and_gives_up_where_that_would(cluster: Cluster) -> None:
    there = Workers(cluster=cluster.address)
    assert list(spread(there, square, range(20))) == [n * n for n in range(20)]
    assert os.getpid() not in set(spread(there, process, range(6)))
    assert set(spread(there, most_threads, range(4))) == {1}
    with pytest.raises(MaterialError, match=r"there on .*: keep recordings and checkpoints where every wor"):
        list(spread(there, _look_for_recordings, ["gone.wav"]))
    with pytest.raises(MaterialError, match="worker after worker of the cluster died at the same work"):
        list(spread(there, die, range(2)))
    with pytest.raises(MaterialError, match=f"the Dask scheduler at {cluster.address} has no worker: start"):
        list(spread(there, square, range(2)))


def _look_for_recordings(name: str) -> None:
    from agent.train.labels.label_job import hear_batch

    hear_batch(Path("/nowhere"), (), default_aggregation(), Rules(), (name,))


@pytest.mark.parametrize("ordered", [True, False])
def test_a_scheduler_that_goes_away_ends_the_work(
    ordered: bool, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    results = spread(Workers(cluster=cluster.address), square, count(), ordered=ordered)
    assert next(results) in {0, 1, 4, 9}
    cluster.scheduler.kill()
    with pytest.raises(MaterialError, match="the cluster has lost what this work needs"):
        deque(results, maxlen=0)
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense", "tcp://127.0.0.1", "tcp://:x"])
def test_a_scheduler_that_is_not_there_is_named(address: str) -> None:
    with pytest.raises(MaterialError, match=f"no Dask scheduler answers at '{address}': start one"):
        list(spread(Workers(cluster=address), square, [1]))
