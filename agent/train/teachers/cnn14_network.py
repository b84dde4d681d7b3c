"""CNN14, the network: Kong et al., "PANNs: Large-Scale Pretrained Audio Neural Networks for Audio Pattern
Recognition", IEEE/ACM TASLP 28 (2020), in its two forms.

Both read a log-mel spectrogram (32 kHz, window 1024, hop 320, 64 bands from 50 to 14000 Hz) through six
blocks of two 3 x 3 convolutions with 64 to 2048 maps. `Cnn14` tags a whole clip; `Cnn14DecisionLevelMax`
decides for each segment of 32 frames. Parameters bear the names of the published state dicts, so
those load strictly.
"""

import librosa
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (its usual name)

RATE_HZ = 32_000
WINDOW = 1024
HOP = 320
BANDS = 64
LOWEST_HZ = 50.0
HIGHEST_HZ = 14_000.0
FRAMES_PER_SEGMENT = 32
"""Five poolings by two along time."""
SEGMENT_SAMPLES = FRAMES_PER_SEGMENT * HOP
"""0.32 s."""

_BINS = WINDOW // 2 + 1
_LEAST_POWER = 1e-10


class _ShortTimeFourier(nn.Module):
    """The discrete Fourier transform under a Hann window, as two convolutions with fixed kernels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_real = nn.Conv1d(1, _BINS, WINDOW, HOP, bias=False)
        self.conv_imag = nn.Conv1d(1, _BINS, WINDOW, HOP, bias=False)
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
        kernels = window * np.exp(-2j * np.pi / WINDOW * np.outer(np.arange(_BINS), np.arange(WINDOW)))
        for convolution, kernel in ((self.conv_real, kernels.real), (self.conv_imag, kernels.imag)):
            convolution.weight = nn.Parameter(
                torch.tensor(kernel[:, np.newaxis], dtype=torch.float32), requires_grad=False
            )


class _Spectrogram(nn.Module):
    """(batch, samples) -> power (batch, 1, samples // HOP + 1, bins); the edges are mirrored."""

    def __init__(self) -> None:
        super().__init__()
        self.stft = _ShortTimeFourier()

    def forward(self, waveforms: Tensor) -> Tensor:
        mirrored = F.pad(waveforms[:, None], (WINDOW // 2, WINDOW // 2), mode="reflect")
        power: Tensor = self.stft.conv_real(mirrored) ** 2 + self.stft.conv_imag(mirrored) ** 2
        return power.transpose(1, 2)[:, None]


class _LogMel(nn.Module):
    """(..., bins) of power -> (..., BANDS) in dB, on Slaney's mel scale with filters of equal area."""

    def __init__(self) -> None:
        super().__init__()
        filters = librosa.filters.mel(sr=RATE_HZ, n_fft=WINDOW, n_mels=BANDS, fmin=LOWEST_HZ, fmax=HIGHEST_HZ)
        self.melW = nn.Parameter(torch.from_numpy(filters.T.copy()), requires_grad=False)

    def forward(self, power: Tensor) -> Tensor:
        return 10.0 * torch.log10(torch.clamp(power @ self.melW, min=_LEAST_POWER))


class _Block(nn.Module):
    """Two 3 x 3 convolutions, each with batch normalisation and ReLU, then average pooling."""

    def __init__(self, maps_in: int, maps_out: int, pool: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(maps_in, maps_out, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(maps_out, maps_out, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(maps_out)
        self.bn2 = nn.BatchNorm2d(maps_out)
        self.pool = pool

    def forward(self, maps: Tensor) -> Tensor:
        maps = F.relu_(self.bn1(self.conv1(maps)))
        maps = F.relu_(self.bn2(self.conv2(maps)))
        return F.avg_pool2d(maps, self.pool)


class _Trunk(nn.Module):
    """All that the two forms share, for inference: dropout and augmentation are left out."""

    def __init__(self, classes: int = 527, maps: int = 64) -> None:
        super().__init__()
        self.spectrogram_extractor = _Spectrogram()
        self.logmel_extractor = _LogMel()
        self.bn0 = nn.BatchNorm2d(BANDS)
        self.conv_block1 = _Block(1, maps, 2)
        self.conv_block2 = _Block(maps, 2 * maps, 2)
        self.conv_block3 = _Block(2 * maps, 4 * maps, 2)
        self.conv_block4 = _Block(4 * maps, 8 * maps, 2)
        self.conv_block5 = _Block(8 * maps, 16 * maps, 2)
        self.conv_block6 = _Block(16 * maps, 32 * maps, 1)
        self.fc1 = nn.Linear(32 * maps, 32 * maps)
        self.fc_audioset = nn.Linear(32 * maps, classes)
        self.eval()

    def _segments(self, waveforms: Tensor) -> Tensor:
        """(batch, samples) -> (batch, 32 * maps, segments)."""
        x: Tensor = self.logmel_extractor(self.spectrogram_extractor(waveforms))
        x = self.bn0(x.transpose(1, 3)).transpose(1, 3)  # normalised band by band
        for block in (
            self.conv_block1,
            self.conv_block2,
            self.conv_block3,
            self.conv_block4,
            self.conv_block5,
            self.conv_block6,
        ):
            x = block(x)
        return x.mean(dim=3)

    def _classify(self, features: Tensor) -> Tensor:
        return torch.sigmoid(self.fc_audioset(F.relu_(self.fc1(features))))


class Cnn14(_Trunk):
    """Tags a clip: (batch, samples) at 32 kHz -> (batch, classes); one second at least."""

    def forward(self, waveforms: Tensor) -> Tensor:
        """Tag waveforms."""
        segments = self._segments(waveforms)
        return self._classify(segments.amax(dim=2) + segments.mean(dim=2))


class Cnn14DecisionLevelMax(_Trunk):
    """Decides segment by segment: (batch, samples) -> (batch, segments, classes).

    The original repeats each segment 32 times to come back to frames of 10 ms, and takes the highest
    segment for the clip; here one row is one decision.
    """

    def forward(self, waveforms: Tensor) -> Tensor:
        """Decide for each segment."""
        segments = self._segments(waveforms)
        merged = F.max_pool1d(segments, 3, stride=1, padding=1) + F.avg_pool1d(
            segments, 3, stride=1, padding=1
        )
        return self._classify(merged.transpose(1, 2))
