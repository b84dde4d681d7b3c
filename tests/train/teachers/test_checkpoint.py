"""Only the published file of the right teacher is opened."""

from pathlib import Path

import pytest
import torch

from agent.train.errors import MaterialError
from agent.train.teachers.checkpoint import Checkpoint, verify
from tests.train.teachers.made import described


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "weights.pt"
    torch.save({"a": torch.ones(3)}, path)
    return path


def refusal(path: Path, wanted: Checkpoint, *known: tuple[str, Checkpoint]) -> str:
    with pytest.raises(MaterialError) as caught:
        verify(path, wanted, known)
    return str(caught.value)


def test_the_published_file_passes(path: Path) -> None:
    verify(path, described(path), [])


def test_a_missing_file_says_where_to_get_it(path: Path) -> None:
    wanted = described(path)
    path.unlink()
    assert "is missing: download it from https://example.org/weights" in refusal(path, wanted)


def test_a_file_that_is_cut_off_is_told_from_one_that_is_changed(path: Path) -> None:
    wanted, data = described(path), path.read_bytes()
    path.write_bytes(data[:-10])
    assert f"has {len(data) - 10} bytes instead of {len(data)}, it is cut off" in refusal(path, wanted)
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert "is not the published weights.pt (sha256" in refusal(path, wanted)


def test_the_checkpoint_of_another_teacher_is_called_so(path: Path, tmp_path: Path) -> None:
    (other := tmp_path / "framewise.pth").write_bytes(b"other weights")
    said = refusal(path, described(other), ("cnn14", described(path)), ("cnn14-frames", described(other)))
    assert "is weights.pt, the checkpoint of cnn14: download framewise.pth" in said
