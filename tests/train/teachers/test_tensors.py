"""A state dict fits wholly, or not at all; nothing but tensors is unpickled."""

from pathlib import Path

import pytest
import torch
from torch import nn

from agent.train.errors import MaterialError
from agent.train.teachers.tensors import load_tensors


class Alarm:
    """What an attacker would put into a pickle."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("rang"),)  # type: ignore[return-value]


def test_a_state_dict_is_loaded_alone_or_under_model(tmp_path: Path) -> None:
    source = nn.Linear(3, 2)
    for content in (source.state_dict(), {"iteration": 3, "model": source.state_dict()}):
        torch.save(content, tmp_path / "weights.pt")
        network = nn.Linear(3, 2)
        load_tensors(tmp_path / "weights.pt", network)
        assert torch.equal(network.weight, source.weight)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (nn.Linear(3, 2, bias=False).state_dict(), "does not fit Linear"),
        (nn.Linear(4, 2).state_dict(), "does not fit Linear"),
        ({**nn.Linear(3, 2).state_dict(), "more": torch.ones(1)}, "does not fit Linear"),
        ({"model": 3}, "holds no state dict"),
        ([torch.ones(2)], "holds no state dict"),
    ],
)
def test_anything_else_is_refused(content: object, said: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "weights.pt")
    with pytest.raises(MaterialError, match=said):
        load_tensors(tmp_path / "weights.pt", nn.Linear(3, 2))


def test_a_pickle_with_more_than_tensors_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": Alarm()}, tmp_path / "weights.pt")
    with pytest.raises(MaterialError, match="damaged or holds more than tensors, it was not opened"):
        load_tensors(tmp_path / "weights.pt", nn.Linear(3, 2))
    assert not (tmp_path / "rang").exists()


@pytest.mark.parametrize("data", [b"", b"no weights", b"PK\x03\x04 no archive"])
def test_a_damaged_file_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(data)
    with pytest.raises(MaterialError, match="damaged"):
        load_tensors(tmp_path / "weights.pt", nn.Linear(3, 2))
