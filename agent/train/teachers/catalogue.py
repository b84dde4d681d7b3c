"""The teachers there are, the checkpoint of each, and how any process opens one."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from agent.train.errors import MaterialError
from agent.train.teachers.checkpoint import Checkpoint, verify
from agent.train.teachers.teacher import Teacher


class TeacherName(StrEnum):
    """What `--teacher` takes."""

    CNN14 = "cnn14"
    """The clip tagger of PANNs under a sliding window."""
    CNN14_FRAMES = "cnn14-frames"
    """The frame-wise form of it, `Cnn14_DecisionLevelMax`: a decision each 0.32 s."""
    YAMNET = "yamnet"
    """Google's YAMNet: a decision each 0.48 s."""
    MN04 = "mn04"
    """EfficientAT's MobileNetV3 of width 0.4 under a sliding window."""


class Device(StrEnum):
    """Where the networks of PyTorch run."""

    AUTO = "auto"
    """On a GPU when there is one."""
    CPU = "cpu"
    CUDA = "cuda"


CHECKPOINTS: Mapping[TeacherName, Checkpoint] = MappingProxyType(
    {
        TeacherName.CNN14: Checkpoint(
            file="Cnn14_mAP=0.431.pth",
            size_bytes=327_428_481,
            sha256="0dc499e40e9761ef5ea061ffc77697697f277f6a960894903df3ada000e34b31",
            url="https://zenodo.org/records/3987831",
            licence="CC BY 4.0",
        ),
        TeacherName.CNN14_FRAMES: Checkpoint(
            file="Cnn14_DecisionLevelMax_mAP=0.385.pth",
            size_bytes=327_428_481,
            sha256="dd3b4043a87d4ec13df8082c0fcfee3fb5084151808e47e060987a95eabdd142",
            url="https://zenodo.org/records/3987831",
            licence="CC BY 4.0",
        ),
        TeacherName.YAMNET: Checkpoint(
            file="yamnet.tflite",
            size_bytes=3_963_312,
            sha256="2d5e1e0577beb1fd3b6ba4cf89a7b8813340added8dae72f64fe8cd18731dd4a",
            url="https://www.kaggle.com/models/google/yamnet/tfLite",
            licence="Apache-2.0",
        ),
        TeacherName.MN04: Checkpoint(
            file="mn04_as_mAP_432.pt",
            size_bytes=4_066_513,
            sha256="899a8c6217063f6941793102a2780b3dd788ab11fce468d9cf5f0577c453321c",
            url="https://github.com/fschmid56/EfficientAT/releases/tag/v0.0.1",
            licence="MIT",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class TeacherFile:
    """A teacher on disk: enough for any process that sees the same disk to open it."""

    name: TeacherName
    path: Path
    checkpoint: Checkpoint
    device: Device = Device.AUTO

    def verify(self) -> None:
        """Make sure that the file is the published one and that its library is installed.

        Raises:
            MaterialError: the checkpoint is missing or another one, or an extra is not installed.
        """
        verify(self.path, self.checkpoint, CHECKPOINTS.items())
        library, extra = (
            ("ai_edge_litert", "yamnet") if self.name is TeacherName.YAMNET else ("torch", "cnn14")
        )
        if find_spec(library) is None:
            raise MaterialError(
                f"{self.name} needs the `{extra}` extra: install it with pip install "
                f"'earlymedia-agent[train,{extra}]'"
            )

    def open(self) -> Teacher:
        """Load the network, after a look whether it is the right one.

        Raises:
            MaterialError: as `verify`, or the file is damaged, or there is no GPU where one is asked for.
        """
        self.verify()
        if self.name is TeacherName.YAMNET:
            from agent.train.teachers.yamnet import Yamnet, open_interpreter

            return Yamnet(open_interpreter(self.path))
        return _open_torch(self.name, self.path, self.device)


def find_teacher(name: TeacherName, folder: Path, device: Device = Device.AUTO) -> TeacherFile:
    """Return the teacher whose checkpoint lies in a folder under its published name, without opening it.

    Raises:
        MaterialError: the checkpoint is missing or another one, or an extra is not installed.
    """
    checkpoint = CHECKPOINTS[name]
    teacher = TeacherFile(name, folder.absolute() / checkpoint.file, checkpoint, device)
    teacher.verify()
    return teacher


def _open_torch(name: TeacherName, path: Path, device: Device) -> Teacher:
    import torch

    from agent.train.teachers import cnn14_network, mobilenet
    from agent.train.teachers.clip_tagger import ClipTagger, Window
    from agent.train.teachers.framewise import FramewiseCnn14
    from agent.train.teachers.tensors import load_tensors

    if device is Device.CUDA and not torch.cuda.is_available():
        raise MaterialError("no GPU is seen by PyTorch: leave out --device cuda, or install a CUDA build")
    # Processes share the work, not threads: faster, and sums come out the same on any number of processors.
    torch.set_num_threads(1)
    chosen = torch.device("cuda" if device is not Device.CPU and torch.cuda.is_available() else "cpu")
    if name is TeacherName.CNN14_FRAMES:
        framewise = cnn14_network.Cnn14DecisionLevelMax()
        load_tensors(path, framewise)
        return FramewiseCnn14(framewise, chosen)
    if name is TeacherName.CNN14:
        network: torch.nn.Module = cnn14_network.Cnn14()
        rate_hz, window = cnn14_network.RATE_HZ, Window(seconds=2.0, hop_seconds=0.5)
    else:
        network = mobilenet.MobileNet(width=0.4)
        # Large maps, few sums: with 160 s at once half of the time would go into asking for memory.
        rate_hz, window = mobilenet.RATE_HZ, Window(seconds=2.0, hop_seconds=0.5, batch_seconds=4.0)
    load_tensors(path, network)
    return ClipTagger(name, network, rate_hz, window, chosen)
