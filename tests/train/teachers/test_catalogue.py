"""Teachers by name, from checkpoints by their published names."""

from pathlib import Path

import pytest
import torch

from agent.train.errors import MaterialError
from agent.train.teachers import catalogue
from agent.train.teachers.catalogue import CHECKPOINTS, Device, TeacherFile, TeacherName, find_teacher
from agent.train.teachers.cnn14_network import Cnn14, Cnn14DecisionLevelMax
from agent.train.teachers.mobilenet import MobileNet
from tests.train.teachers.made import described, save, sow, tone, write_loudness_model


def test_each_form_of_cnn14_has_a_checkpoint_of_its_own() -> None:
    clip, framewise = CHECKPOINTS[TeacherName.CNN14], CHECKPOINTS[TeacherName.CNN14_FRAMES]
    assert "DecisionLevelMax" in framewise.file
    assert "DecisionLevelMax" not in clip.file
    assert clip.sha256 != framewise.sha256
    assert set(CHECKPOINTS) == set(TeacherName)


@pytest.mark.parametrize("name", TeacherName)
def test_a_missing_checkpoint_says_where_to_get_it(name: TeacherName, tmp_path: Path) -> None:
    with pytest.raises(MaterialError, match="is missing: download it from https://"):
        find_teacher(name, tmp_path)


@pytest.mark.parametrize(("name", "extra"), [(TeacherName.YAMNET, "yamnet"), (TeacherName.CNN14, "cnn14")])
def test_a_missing_library_says_what_to_install(
    name: TeacherName, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path := tmp_path / "weights").write_bytes(b"weights")
    monkeypatch.setattr(catalogue, "find_spec", lambda library: None)
    with pytest.raises(MaterialError, match=rf"pip install 'earlymedia-agent\[train,{extra}\]'"):
        TeacherFile(name, path, described(path)).verify()


@pytest.mark.parametrize("name", TeacherName)
def test_every_teacher_opens_and_hears(
    name: TeacherName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / CHECKPOINTS[name].file
    match name:
        case TeacherName.YAMNET:
            write_loudness_model(path)
            made = described(path)
        case TeacherName.MN04:
            made = save(path, sow(MobileNet(width=0.4)).state_dict())
        case TeacherName.CNN14 | TeacherName.CNN14_FRAMES:
            network = Cnn14 if name is TeacherName.CNN14 else Cnn14DecisionLevelMax
            monkeypatch.setattr(f"{network.__module__}.{network.__name__}", lambda: network(maps=2))
            made = save(path, {"iteration": 1, "model": sow(network(maps=2)).state_dict()})
    monkeypatch.setattr(catalogue, "CHECKPOINTS", {name: made})
    teacher = find_teacher(name, tmp_path, Device.CPU).open()
    (frames,) = teacher.hear([tone(2, teacher.rate_hz)])
    assert teacher.name == name
    assert frames.probabilities.shape == (len(frames.centres), len(teacher.classes))
    assert ((frames.probabilities >= 0) & (frames.probabilities <= 1)).all()


def test_a_gpu_that_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = save(tmp_path / CHECKPOINTS[TeacherName.MN04].file, sow(MobileNet(width=0.4)).state_dict())
    monkeypatch.setattr(catalogue, "CHECKPOINTS", {TeacherName.MN04: made})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(MaterialError, match="no GPU is seen by PyTorch"):
        find_teacher(TeacherName.MN04, tmp_path, Device.CUDA).open()
