"""Labelling a folder: nothing twice, nothing half, nobody stopped by one bad file."""

import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.sound import Sound
from agent.train.errors import MaterialError
from agent.train.labels.aggregation import default_aggregation
from agent.train.labels.audio import find_recordings
from agent.train.labels.label_job import Job, Outcome, batches, check, hear_batch, run
from agent.train.labels.label_table import Row, read_rows
from agent.train.labels.labelling import Member, Rules
from agent.train.parallel import Backend, Workers
from agent.train.teachers.teacher import Frames, Waveform
from agent.train.teachers.yamnet import Yamnet, open_interpreter
from tests.train.teachers.made import tone, write_loudness_model
from tests.train.teachers.moody import MoodyFile


class Counted:
    """A teacher that counts what it hears, and can be interrupted."""

    def __init__(self, teacher: Yamnet, until: int = 1_000_000) -> None:
        self.name, self.rate_hz, self.classes = teacher.name, teacher.rate_hz, teacher.classes
        self.heard = 0
        self._teacher = teacher
        self._until = until

    def open(self) -> "Counted":
        return self

    def hear(self, waveforms: Sequence[Waveform]) -> list[Frames]:
        if self.heard >= self._until:
            raise KeyboardInterrupt
        self.heard += len(waveforms)
        return self._teacher.hear(waveforms)


@pytest.fixture(scope="module")
def yamnet(tmp_path_factory: pytest.TempPathFactory) -> Yamnet:
    path = tmp_path_factory.mktemp("model") / "yamnet.tflite"
    write_loudness_model(path)
    return Yamnet(open_interpreter(path))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six recordings, loud and quiet in turn, at several rates."""
    (folder := tmp_path / "calls").mkdir()
    for index, rate_hz in enumerate((8000, 16000, 44100, 8000, 48000, 8000)):
        samples = tone(3.5, rate_hz) if index % 2 == 0 else np.zeros(3 * rate_hz, np.float32)
        soundfile.write(folder / f"{index}.wav", samples, rate_hz)
    return folder


def job(folder: Path, teacher: Counted, name: str = "labels.csv", rules: Rules = Rules()) -> Job:  # noqa: B008
    out = folder.parent / name
    return Job(folder, out, (Member(teacher),), default_aggregation(), rules, batch_seconds=5.0)


def go(work: Job) -> Outcome:
    check(work)
    return run(work, find_recordings(work.folder), lambda done, seconds: None)


def rows(work: Job) -> list[Row]:
    return list(read_rows(work.out))


def test_every_whole_second_is_labelled(folder: Path, yamnet: Yamnet) -> None:
    work = job(folder, Counted(yamnet))
    outcome = go(work)
    assert (outcome.recordings, outcome.seconds, outcome.refused) == (6, 18, [])
    labels = {(row.file, row.second.start): row.second.sound for row in rows(work)}
    assert labels == {
        (f"{index}.wav", second): Sound.SILENCE if index % 2 else Sound.RINGING
        for index in range(6)
        for second in range(3)
    }
    assert {row.teacher for row in rows(work)} == {"yamnet"}
    assert sorted(path.name for path in folder.parent.iterdir()) == ["calls", "labels.csv"]


def test_an_interrupted_run_goes_on_without_hearing_anything_twice(folder: Path, yamnet: Yamnet) -> None:
    whole = job(folder, Counted(yamnet), "whole.csv")
    go(whole)
    first = job(folder, Counted(yamnet, until=3))
    with pytest.raises(KeyboardInterrupt):
        go(first)
    assert first.part.exists()
    assert not first.out.exists()
    again = Counted(yamnet)
    go(second := job(folder, again))
    assert first.members[0].teacher.heard + again.heard == 6  # type: ignore[attr-defined]
    assert second.out.read_bytes() == whole.out.read_bytes()
    assert not second.part.exists()


def test_a_line_that_a_crash_has_torn_is_done_again(folder: Path, yamnet: Yamnet) -> None:
    whole = job(folder, Counted(yamnet), "whole.csv")
    go(whole)
    for cut in (1, 40, 200):
        work = job(folder, Counted(yamnet, until=4))
        with pytest.raises(KeyboardInterrupt):
            go(work)
        data = work.part.read_bytes()
        work.part.write_bytes(data[:-cut])
        go(work := job(folder, Counted(yamnet)))
        assert work.out.read_bytes() == whole.out.read_bytes()
        work.out.unlink()


@pytest.mark.parametrize("left", [b"", b'{"terms": {"fol'])
def test_a_part_that_was_torn_at_once_is_begun_anew(left: bytes, folder: Path, yamnet: Yamnet) -> None:
    work = job(folder, Counted(yamnet))
    work.part.write_bytes(left)
    assert go(work).seconds == 18


def test_work_with_other_settings_is_not_continued(folder: Path, yamnet: Yamnet) -> None:
    with pytest.raises(KeyboardInterrupt):
        go(job(folder, Counted(yamnet, until=2)))
    with pytest.raises(MaterialError, match="holds work with other settings: remove it"):
        go(job(folder, Counted(yamnet), rules=Rules(agreement=0.5)))


def test_bad_files_are_told_at_the_end_and_stop_nothing(folder: Path, yamnet: Yamnet) -> None:
    (folder / "2.wav").write_text("no audio")
    soundfile.write(folder / "4.wav", tone(0.3, 8000), 8000)
    work = job(folder, Counted(yamnet))
    outcome = go(work)
    assert [sentence.split(": ")[0] for sentence in outcome.refused] == [
        str(folder / "2.wav"),
        str(folder / "4.wav"),
    ]
    assert {row.file for row in rows(work)} == {"0.wav", "1.wav", "3.wav", "5.wav"}


def test_nothing_is_written_where_nothing_can_be_labelled(tmp_path: Path, yamnet: Yamnet) -> None:
    (folder := tmp_path / "calls").mkdir()
    (folder / "a.wav").write_text("no audio")
    outcome = go(job(folder, Counted(yamnet)))
    assert outcome.recordings == 0
    assert [path.name for path in tmp_path.iterdir()] == ["calls"]


def test_parquet_holds_the_same(folder: Path, yamnet: Yamnet) -> None:
    go(as_csv := job(folder, Counted(yamnet)))
    go(as_parquet := job(folder, Counted(yamnet), "labels.parquet"))
    assert [(row.file, row.second.sound) for row in rows(as_csv)] == [
        (row.file, row.second.sound) for row in rows(as_parquet)
    ]


def test_two_teachers_are_both_heard(folder: Path, yamnet: Yamnet) -> None:
    members = (Member(Counted(yamnet), 1.0), Member(Counted(yamnet), 0.5))
    work = Job(folder, folder.parent / "l.csv", members, default_aggregation(), Rules())
    go(work)
    assert {row.teacher for row in rows(work)} == {"yamnet:1+yamnet:0.5"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("labels.txt", "should end in .csv or .parquet"),
        ("none/labels.csv", "is no folder that can be written"),
        ("there.csv", "exists already: remove it or name another file"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_before_the_work(
    name: str, said: str, folder: Path, yamnet: Yamnet
) -> None:
    (folder.parent / "there.csv").touch()
    with pytest.raises(MaterialError, match=said):
        check(job(folder, Counted(yamnet), name))


def test_a_full_disk_leaves_no_label_file_and_the_work_can_go_on(folder: Path, yamnet: Yamnet) -> None:
    """A file size limit stops the writing in the middle, as a full disk does."""
    work = job(folder, Counted(yamnet))
    terms = len(json.dumps({"terms": work.terms()}))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (terms + 700, before[1]))
        with pytest.raises(MaterialError, match=r"cannot be written .*make room"):
            go(work)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not work.out.exists()
    again = Counted(yamnet)
    go(job(folder, again))
    assert 0 < again.heard < 6
    assert len(rows(work)) == 18
    assert sorted(path.name for path in folder.parent.iterdir()) == ["calls", "labels.csv"]


def test_a_disk_that_is_full_at_the_end_leaves_no_label_file(folder: Path, yamnet: Yamnet) -> None:
    """`/dev/full` stands where the label file is drafted: the system itself says that there is no room."""
    work = job(folder, Counted(yamnet))
    draft = work.out.with_name("labels.csv.draft")
    draft.symlink_to("/dev/full")
    with pytest.raises(MaterialError, match=r"cannot be written \(No space left on device\): make room"):
        go(work)
    assert not work.out.exists()
    again = Counted(yamnet)
    go(work := job(folder, again))
    assert again.heard == 0
    assert len(rows(work)) == 18


@pytest.mark.parametrize("workers", [Workers(jobs=2), Workers(jobs=2, backend=Backend.THREADING)])
def test_the_label_file_does_not_depend_on_who_worked(workers: Workers, folder: Path, tmp_path: Path) -> None:
    write_loudness_model(model := tmp_path / "yamnet.tflite")
    files = []
    for name, who in (("one.csv", Workers(jobs=1)), ("two.csv", workers)):
        members = (Member(MoodyFile(model)),)
        work = Job(folder, tmp_path / name, members, default_aggregation(), Rules(), batch_seconds=5.0)
        run(work, find_recordings(folder), lambda done, seconds: None, who)
        files.append(work.out.read_bytes())
    assert files[0] == files[1]


def test_a_batch_of_which_a_part_is_done_is_heard_in_the_same_company(folder: Path, yamnet: Yamnet) -> None:
    whole = job(folder, Counted(yamnet), "whole.csv")
    go(whole)
    with pytest.raises(KeyboardInterrupt):
        go(work := job(folder, Counted(yamnet, until=2)))
    lines = work.part.read_bytes().splitlines(keepends=True)
    assert len(lines) == 3  # the terms, and the two recordings of the first batch
    work.part.write_bytes(b"".join(lines[:2]))
    again = Counted(yamnet)
    go(job(folder, again))
    assert again.heard == 6
    assert work.out.read_bytes() == whole.out.read_bytes()


@given(st.lists(st.integers(0, 30), max_size=30), st.floats(1, 60))
def test_batches_hold_every_recording_once_and_no_more_than_they_must(
    lengths: list[int], batch_seconds: float
) -> None:
    with TemporaryDirectory() as folder:
        names = [f"{index:02}.ulaw" for index in range(len(lengths))]
        for name, length in zip(names, lengths, strict=True):
            Path(folder, name).write_bytes(bytes(8000 * length))
        grouped = list(batches(Path(folder), names, batch_seconds))
    assert [name for batch in grouped for name in batch] == names
    by_name = dict(zip(names, lengths, strict=True))
    for batch in grouped:
        assert sum(by_name[name] for name in batch[:-1]) < batch_seconds
    for batch in grouped[:-1]:
        assert sum(by_name[name] for name in batch) >= batch_seconds


def test_a_machine_that_does_not_see_the_recordings_says_so(folder: Path) -> None:
    with pytest.raises(MaterialError, match=r"gone\.wav is not there on .*: keep recordings and checkpoints"):
        hear_batch(folder, (), default_aggregation(), Rules(), ("gone.wav", "too.wav"))


def test_importing_the_command_loads_no_network() -> None:
    code = (
        "import sys, agent.train.commands; print({'torch', 'ai_edge_litert', 'pyarrow'} & set(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"
