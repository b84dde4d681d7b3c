"""What is rendered is planned, and what is missing is named."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from agent.train.corpus.midi import FAMILIES
from agent.train.corpus.render import SINGERS, Job, Played, Spoken, Sung, plan_jobs, render_jobs
from agent.train.corpus.voices import SENTENCES
from agent.train.errors import MaterialError
from agent.train.parallel import Workers

HERE = Workers(jobs=1)


def test_the_plan_is_the_same_each_time() -> None:
    assert list(plan_jobs(42)) == list(plan_jobs(42))
    assert list(plan_jobs(42)) != list(plan_jobs(43))


def test_the_plan_holds_every_family_language_and_singer() -> None:
    jobs = list(plan_jobs(42))
    files = [job.file for job in jobs]
    assert len(files) == len(set(files))
    assert {job.group for job in jobs if isinstance(job.recipe, Played)} == {
        f"tune/{name}" for name in FAMILIES
    }
    assert {job.group for job in jobs if isinstance(job.recipe, Sung)} == {f"sung/{s.name}" for s in SINGERS}
    spoken = {file.split("/")[2].rpartition("-")[0] for file in files if "espeak" in file}
    assert spoken == set(SENTENCES)


def test_two_programs_may_have_the_same_speaker() -> None:
    groups = {job.file.split("/")[1]: job.group for job in plan_jobs(42) if isinstance(job.recipe, Spoken)}
    assert groups["flite_slt"] == groups["festival_cmu_us_slt_arctic_hts"] == "synthesiser/slt"
    assert groups["flite_kal"] == groups["flite_kal16"]


def test_festival_is_given_what_its_voices_can_read() -> None:
    for job in plan_jobs(42):
        if isinstance(job.recipe, Spoken):
            assert job.recipe.text.encode(job.recipe.encoding)


def test_a_voice_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.train.corpus.render.SOUNDFONT", Path(__file__))
    monkeypatch.setattr("agent.train.corpus.render.shutil.which", lambda program: program)
    silent = Job("sounds/a/a.wav", "synthesiser/a", Spoken(("true", "{in}", "{out}"), "hello"), "a", "b")
    with pytest.raises(MaterialError, match=r"`true .*` made no sound: install the Debian packages named in"):
        render_jobs(tmp_path / "rendered", [silent], HERE)
    assert list(tmp_path.iterdir()) == []


def test_no_singer_speaks_in_the_recordings_of_speech() -> None:
    speakers = {job.group.partition("/")[2] for job in plan_jobs(42) if isinstance(job.recipe, Spoken)}
    assert speakers.isdisjoint(singer.name for singer in SINGERS)


def test_everything_that_is_rendered_has_a_licence() -> None:
    assert all("MIT" in job.licence and job.artist for job in plan_jobs(42))


def test_a_missing_program_is_named_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MaterialError, match=r"espeak-ng is not installed: run `apt-get install espeak-ng`"):
        render_jobs(tmp_path / "rendered", list(plan_jobs(42)), HERE)
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_fails_is_named_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.train.corpus.render.SOUNDFONT", Path(__file__))
    monkeypatch.setattr("agent.train.corpus.render.shutil.which", lambda program: program)
    job = Job("sounds/a/a.wav", "synthesiser/a", Spoken(("false", "{in}", "{out}"), "hello"), "a", "b")
    with pytest.raises(MaterialError, match=r"`false .*` failed .*install the Debian packages named in"):
        render_jobs(tmp_path / "rendered", [job], HERE)
    assert list(tmp_path.iterdir()) == []


PROGRAM = """#!{python}
import math, struct, sys, wave
words = sys.argv[1:]
out = words[[words.index(flag) for flag in ("-w", "-o", "-F") if flag in words][0] + 1]
with wave.open(out, "wb") as file:
    file.setnchannels(1); file.setsampwidth(2); file.setframerate(22050)
    buzz = [9000 * math.exp(-(n % 184) / 20) for n in range(33075)]
    file.writeframes(struct.pack(f"<{{len(buzz)}}h", *map(int, buzz)))
"""


@pytest.fixture
def synthesisers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs of the synthesisers' names, which write a buzz of 1.5 s to where they are told to."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("espeak-ng", "flite", "text2wave", "fluidsynth"):
        (programs / name).write_text(PROGRAM.format(python=sys.executable))
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr("agent.train.corpus.render.SOUNDFONT", programs / "flite")


@pytest.mark.usefixtures("synthesisers")
def test_what_is_rendered_says_its_group_and_a_song_is_sung(tmp_path: Path) -> None:
    planned = list(plan_jobs(42))
    kinds = (Spoken, Played, Sung)
    jobs = [next(job for job in planned if isinstance(job.recipe, kind)) for kind in kinds]
    steps: list[None] = []
    render_jobs(tmp_path / "rendered", jobs, HERE, lambda: steps.append(None))
    assert len(steps) == 3
    made = {str(path.relative_to(tmp_path / "rendered")) for path in (tmp_path / "rendered").rglob("*.*")}
    assert made == {"ATTRIBUTION.csv", *(job.file for job in jobs)}
    with (tmp_path / "rendered" / "ATTRIBUTION.csv").open(newline="") as file:
        assert [row["group"] for row in csv.DictReader(file)] == [job.group for job in jobs]
    song, rate_hz = soundfile.read(tmp_path / "rendered" / jobs[2].file)
    assert rate_hz == 16_000
    assert np.abs(song).max() == pytest.approx(0.7, abs=0.01)
