"""What is rendered is planned, and what is missing is named."""

from pathlib import Path

import pytest

from agent.train.errors import MaterialError
from agent.train.midi import FAMILIES
from agent.train.render import SENTENCES, plan, render


def test_the_plan_is_the_same_each_time() -> None:
    assert list(plan(42)) == list(plan(42))
    assert list(plan(42)) != list(plan(43))


def test_the_plan_holds_every_family_and_language_once() -> None:
    files = [job.file for job in plan(42)]
    assert len(files) == len(set(files))
    assert {file.split("/")[1].partition("-")[0] for file in files if file.startswith("music/")} == set(
        FAMILIES
    )
    spoken = {file.split("/")[2].rpartition("-")[0] for file in files if "espeak" in file}
    assert spoken == set(SENTENCES)


def test_everything_that_is_rendered_has_a_licence() -> None:
    assert all("MIT" in job.licence and job.artist for job in plan(42))


def test_a_missing_program_is_named_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MaterialError, match=r"espeak-ng is not installed: run `apt-get install espeak-ng`"):
        render(tmp_path / "rendered", 42)
    assert list(tmp_path.iterdir()) == []
