"""A state dict from disk into a network, without trusting the file."""

import pickle
from pathlib import Path

import torch
from torch import Tensor, nn

from agent.train.errors import MaterialError


def load_tensors(path: Path, network: nn.Module) -> None:
    """Load a state dict into a network; every key and shape must be there and fit.

    Only tensors are unpickled (`weights_only`). PANNs keeps its state dict under the key `model`.

    Raises:
        MaterialError: the file holds something else than tensors, or those of another network.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise MaterialError(
            f"{path} is damaged or holds more than tensors, it was not opened: download it again"
        ) from error
    except OSError as error:
        raise MaterialError(f"{path} cannot be read ({error.strerror}): mend its permissions") from error
    tensors = content.get("model", content) if isinstance(content, dict) else None
    if not isinstance(tensors, dict) or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise MaterialError(f"{path} holds no state dict: take a checkpoint as it was published")
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise MaterialError(
            f"{path} does not fit {type(network).__name__} ({reason[:160]}…): "
            "take the checkpoint of this network"
        ) from error
