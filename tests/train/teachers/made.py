"""Checkpoints made here: weights by a fixed recipe, and a TensorFlow Lite model that hears loudness."""

import hashlib
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import torch
from ai_edge_litert import schema_py_generated as tflite
from numpy.typing import NDArray
from torch import nn

from agent.train.teachers.audioset import class_names, yamnet_classes
from agent.train.teachers.checkpoint import Checkpoint


def sow(network: nn.Module, seed: int = 7) -> nn.Module:
    """Fill a network with weights that any version of PyTorch gives alike, and that keep signals alive."""
    rng = np.random.default_rng(seed)
    state = network.state_dict()
    for key, old in sorted(state.items()):
        if key.startswith(("spectrogram_extractor", "logmel_extractor")) or not old.is_floating_point():
            continue
        draw = rng.standard_normal(tuple(old.shape))
        if key.endswith("running_var"):
            value = 0.5 + draw**2
        elif key == "bn0.running_mean":
            value = -40.0 + draw  # log-mel bands lie about there
        elif key.startswith("classifier.5"):
            value = 0.003 * draw  # so that no sigmoid is driven to its end
        elif old.dim() > 1:
            value = draw * np.sqrt(2.0 / max(1, int(np.prod(old.shape[1:]))))
        else:
            value = 0.1 * draw + (1.0 if key.endswith("weight") else 0.0)
        state[key] = torch.tensor(value, dtype=torch.float32)
    network.load_state_dict(state)
    return network


def save(path: Path, content: object) -> Checkpoint:
    """Write something as PyTorch does, and say what a catalogue would know of it."""
    torch.save(content, path)
    return described(path)


def described(path: Path) -> Checkpoint:
    data = path.read_bytes()
    return Checkpoint(
        path.name, len(data), hashlib.sha256(data).hexdigest(), "https://example.org/weights", "CC0"
    )


def tone(seconds: float, rate_hz: int, hz: float = 425.0, level: float = 0.3) -> NDArray[np.float32]:
    time = np.arange(int(seconds * rate_hz)) / rate_hz
    wave: NDArray[np.float32] = (level * np.sin(2 * np.pi * hz * time)).astype(np.float32)
    return wave


def write_loudness_model(path: Path) -> None:
    """Write a model with YAMNet's signature: loud patches are Telephone, quiet ones Silence.

    (samples,) -> (patches, 521): the power of 0.96 s, each 0.48 s, the last patches beyond the end too.
    """
    builder = _Builder()
    samples = builder.tensor([1], signature=[-1])
    column = builder.tensor([1, 1, 1, 1], signature=[1, -1, 1, 1])
    power = builder.tensor([1, 1, 1, 1], signature=[1, -1, 1, 1])
    pooled = builder.tensor([1, 1, 1, 1], signature=[1, -1, 1, 1])
    rows = builder.tensor([1, 1], signature=[-1, 1])
    logits = builder.tensor([1, 521], signature=[-1, 521])
    scores = builder.tensor([1, 521], signature=[-1, 521])
    classes = yamnet_classes()
    names = {name: mid for mid, name in class_names().items()}
    weights, biases = np.zeros((521, 1), np.float32), np.full(521, -8.0, np.float32)
    for name, sign in (("Telephone", 1.0), ("Silence", -1.0)):
        weights[classes.index(names[name])], biases[classes.index(names[name])] = sign * 1000, sign * -3
    as_column, as_rows = (builder.constant(np.array(s, np.int32)) for s in ([1, -1, 1, 1], [-1, 1]))
    builder.operate(tflite.BuiltinOperator.RESHAPE, [samples, as_column], column)
    builder.operate(tflite.BuiltinOperator.MUL, [column, column], power, tflite.MulOptionsT())
    pool = tflite.Pool2DOptionsT()
    pool.padding, pool.filterHeight, pool.filterWidth = tflite.Padding.SAME, 15_360, 1
    pool.strideH, pool.strideW = 7_680, 1
    builder.operate(tflite.BuiltinOperator.AVERAGE_POOL_2D, [power], pooled, pool)
    builder.operate(tflite.BuiltinOperator.RESHAPE, [pooled, as_rows], rows)
    full = tflite.FullyConnectedOptionsT()
    wired = [rows, builder.constant(weights), builder.constant(biases)]
    builder.operate(tflite.BuiltinOperator.FULLY_CONNECTED, wired, logits, full)
    builder.operate(tflite.BuiltinOperator.LOGISTIC, [logits], scores)
    path.write_bytes(builder.finish([samples], [scores]))


class _Builder:
    """Puts a TensorFlow Lite model together, operator by operator."""

    def __init__(self) -> None:
        self._model = tflite.ModelT()
        self._model.version = 3
        self._model.buffers = [tflite.BufferT()]
        self._model.operatorCodes = []
        self._graph = tflite.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []
        self._model.subgraphs = [self._graph]

    def tensor(self, shape: list[int], signature: list[int]) -> int:
        return self._add(shape, tflite.TensorType.FLOAT32, 0, signature)

    def constant(self, values: NDArray[Any]) -> int:
        buffer = tflite.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        kind = tflite.TensorType.INT32 if values.dtype == np.int32 else tflite.TensorType.FLOAT32
        return self._add(list(values.shape), kind, len(self._model.buffers) - 1, None)

    def _add(self, shape: list[int], kind: int, buffer: int, signature: list[int] | None) -> int:
        tensor = tflite.TensorT()
        tensor.shape, tensor.type, tensor.buffer, tensor.shapeSignature = shape, kind, buffer, signature
        tensor.name = f"t{len(self._graph.tensors)}"
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def operate(self, code: int, inputs: list[int], output: int, options: Any = None) -> None:
        operator_code = tflite.OperatorCodeT()
        operator_code.builtinCode, operator_code.deprecatedBuiltinCode = code, min(code, 127)
        operator_code.version = 1
        self._model.operatorCodes.append(operator_code)
        operator = tflite.OperatorT()
        operator.opcodeIndex = len(self._model.operatorCodes) - 1
        operator.inputs, operator.outputs = inputs, [output]
        if options is not None:
            kind = type(options).__name__.removesuffix("T")
            operator.builtinOptionsType = getattr(tflite.BuiltinOptions, kind)
            operator.builtinOptions = options
        self._graph.operators.append(operator)

    def finish(self, inputs: list[int], outputs: list[int]) -> bytes:
        self._graph.inputs, self._graph.outputs = inputs, outputs
        builder = flatbuffers.Builder(4096)
        builder.Finish(self._model.Pack(builder), b"TFL3")
        return bytes(builder.Output())
