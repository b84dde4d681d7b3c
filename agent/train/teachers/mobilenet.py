"""EfficientAT's MobileNetV3: Schmid et al., "Efficient Large-Scale Audio Tagging via
Transformer-to-CNN Knowledge Distillation", ICASSP 2023; after Howard et al., "Searching for
MobileNetV3", ICCV 2019, table 1.

A log-mel spectrogram (32 kHz, window 800, hop 320, 128 bands of Kaldi's kind from 0 to 15000 Hz) goes
through 15 inverted residual blocks; parameters bear the names of the published state dicts.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (its usual name)

RATE_HZ = 32_000
WINDOW = 800
HOP = 320
BANDS = 128
HIGHEST_HZ = 15_000.0

_FFT = 1024
_PREEMPHASIS = 0.97
_LEAST_POWER = 1e-5
_norm = partial(nn.BatchNorm2d, eps=0.001)


@dataclass(frozen=True, slots=True)
class _Stage:
    """One inverted residual block, in channels of width 1.0."""

    kernel: int
    expanded: int
    out: int
    squeeze: bool
    hard_swish: bool
    stride: int


_STEM = 16
_STAGES = (
    _Stage(3, 16, 16, False, False, 1),
    _Stage(3, 64, 24, False, False, 2),
    _Stage(3, 72, 24, False, False, 1),
    _Stage(5, 72, 40, True, False, 2),
    _Stage(5, 120, 40, True, False, 1),
    _Stage(5, 120, 40, True, False, 1),
    _Stage(3, 240, 80, False, True, 2),
    _Stage(3, 200, 80, False, True, 1),
    _Stage(3, 184, 80, False, True, 1),
    _Stage(3, 184, 80, False, True, 1),
    _Stage(3, 480, 112, True, True, 1),
    _Stage(3, 672, 112, True, True, 1),
    _Stage(5, 672, 160, True, True, 2),
    _Stage(5, 960, 160, True, True, 1),
    _Stage(5, 960, 160, True, True, 1),
)
_LAST = 1280


def channels(wanted: float) -> int:
    """Round a number of channels to a multiple of 8, never more than a tenth down (Howard et al.)."""
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded


def kaldi_mel_filters() -> NDArray[np.float32]:
    """Triangles of height 1 that are straight on Kaldi's mel scale, 1127 ln(1 + f / 700): (bins, BANDS)."""
    bins_hz = np.arange(_FFT // 2) * RATE_HZ / _FFT
    mel = 1127.0 * np.log1p(bins_hz / 700.0)
    corners = np.linspace(0.0, 1127.0 * np.log1p(HIGHEST_HZ / 700.0), BANDS + 2)
    rising = (mel[:, np.newaxis] - corners[:-2]) / np.diff(corners)[:-1]
    falling = (corners[2:] - mel[:, np.newaxis]) / np.diff(corners)[1:]
    filters = np.maximum(0.0, np.minimum(rising, falling))
    return np.vstack((filters, np.zeros(BANDS))).astype(np.float32)  # Kaldi leaves the Nyquist bin out


class LogMel(nn.Module):
    """(batch, samples) -> (batch, 1, BANDS, frames), about -1 to 1. Holds nothing that is learnt."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(WINDOW, periodic=False), persistent=False)
        self.register_buffer("filters", torch.from_numpy(kaldi_mel_filters()), persistent=False)

    def forward(self, waveforms: Tensor) -> Tensor:
        """Return the spectrogram of waveforms."""
        sharpened = waveforms[:, 1:] - _PREEMPHASIS * waveforms[:, :-1]
        window, filters = self.get_buffer("window"), self.get_buffer("filters")
        spectrum = torch.stft(sharpened, _FFT, HOP, WINDOW, window=window, return_complex=True)
        power = spectrum.real**2 + spectrum.imag**2
        bands = torch.log(filters.T @ power + _LEAST_POWER)
        return ((bands + 4.5) / 5.0)[:, None]


def _convolution(
    maps_in: int, maps_out: int, kernel: int, stride: int, groups: int, activation: nn.Module | None
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(maps_in, maps_out, kernel, stride, kernel // 2, groups=groups, bias=False),
        _norm(maps_out),
    ]
    return nn.Sequential(*layers, *([activation] if activation else []))


class _SqueezeExcitation(nn.Module):
    """Weighs channels by what all of time and frequency hold of them (Hu et al. 2018)."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        narrow = channels(maps // 4)
        self.fc1 = nn.Linear(maps, narrow)
        self.fc2 = nn.Linear(narrow, maps)

    def forward(self, x: Tensor) -> Tensor:
        weights = torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean(dim=(2, 3))))))
        return x * weights[:, :, None, None]


class _ChannelAttention(nn.Module):
    """The one squeeze-and-excitation that mn04 uses; it bears the name of a list in the state dict."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.conc_se_layers = nn.ModuleList([_SqueezeExcitation(maps)])

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.conc_se_layers[0](x)
        return result


class _InvertedResidual(nn.Module):
    def __init__(self, stage: _Stage, maps_in: int, width: float) -> None:
        super().__init__()
        expanded, maps_out = channels(stage.expanded * width), channels(stage.out * width)
        activation = nn.Hardswish if stage.hard_swish else nn.ReLU
        layers: list[nn.Module] = []
        if expanded != maps_in:
            layers.append(_convolution(maps_in, expanded, 1, 1, 1, activation()))
        layers.append(_convolution(expanded, expanded, stage.kernel, stage.stride, expanded, activation()))
        if stage.squeeze:
            layers.append(_ChannelAttention(expanded))
        layers.append(_convolution(expanded, maps_out, 1, 1, 1, None))
        self.block = nn.Sequential(*layers)
        self.residual = stage.stride == 1 and maps_in == maps_out

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.block(x)
        return result + x if self.residual else result


class MobileNet(nn.Module):
    """Tags a clip: (batch, samples) at 32 kHz -> (batch, classes)."""

    def __init__(self, width: float, classes: int = 527) -> None:
        super().__init__()
        self.log_mel = LogMel()
        maps = channels(_STEM * width)
        layers: list[nn.Module] = [_convolution(1, maps, 3, 2, 1, nn.Hardswish())]
        for stage in _STAGES:
            layers.append(_InvertedResidual(stage, maps, width))
            maps = channels(stage.out * width)
        layers.append(_convolution(maps, 6 * maps, 1, 1, 1, nn.Hardswish()))
        self.features = nn.Sequential(*layers)
        last = channels(_LAST * width)
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(6 * maps, last),
            nn.Hardswish(),
            nn.Dropout(0.2),
            nn.Linear(last, classes),
        )
        self.eval()

    def forward(self, waveforms: Tensor) -> Tensor:
        """Tag waveforms."""
        return torch.sigmoid(self.classifier(self.features(self.log_mel(waveforms))))
