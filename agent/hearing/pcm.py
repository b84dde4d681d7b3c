"""The door for sound: whatever a tap delivers becomes float32 samples at 8 kHz."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agent.hearing.sound import Encoding

SAMPLE_RATE = 8000
"""Native rate of hearing, in Hz."""

Samples = NDArray[np.float32]
"""Mono samples at 8 kHz in [-1, 1)."""

_FULL_SCALE = 32768.0
_NOTHING = np.zeros(0, np.float32)


def _ulaw_table() -> Samples:
    """Decode all 256 µ-law code words (ITU-T G.711, Table 2b), scaled to 16 bits."""
    code = ~np.arange(256, dtype=np.uint8)
    segment = (code >> 4) & 7
    magnitude = ((((code & 15).astype(np.int32) << 3) + 132) << segment) - 132
    return (np.where(code & 0x80, -magnitude, magnitude) / _FULL_SCALE).astype(np.float32)


def _alaw_table() -> Samples:
    """Decode all 256 A-law code words (ITU-T G.711, Table 1b), scaled to 16 bits."""
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    segment = ((code >> 4) & 7).astype(np.int32)
    step = ((code & 15).astype(np.int32) << 4) + 8
    magnitude = np.where(segment == 0, step, (step + 256) << np.maximum(segment - 1, 0))
    return (np.where(code & 0x80, magnitude, -magnitude) / _FULL_SCALE).astype(np.float32)


_TABLES = {Encoding.ULAW: _ulaw_table(), Encoding.ALAW: _alaw_table()}


def _half_band(taps: int = 63) -> Samples:
    """Linear-phase low-pass for 16 kHz input: flat to 3.4 kHz, 60 dB down from 4.6 kHz.

    A Kaiser-windowed sinc with its cut-off at 4 kHz (Oppenheim and Schafer, "Discrete-Time
    Signal Processing", 7.5), so that what folds over lands above the telephone band.
    """
    n = np.arange(taps) - taps // 2
    kernel = np.sinc(n / 2) * np.kaiser(taps, 6.0)
    unity: Samples = (kernel / kernel.sum()).astype(np.float32)
    return unity


_DECIMATOR = _half_band()


class Decoder:
    """Turns the bytes of one tap into samples, wherever the bytes are cut.

    Bytes that do not make a whole sample, and the filter's memory of 16 kHz input, are kept
    for the next call. 16 kHz input comes out delayed by 31 of its samples (1.9 ms).
    """

    __slots__ = ("_encoding", "_history", "_rest")

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self.restart()

    def restart(self) -> None:
        """Forget half samples: the next byte begins a sample that follows nothing."""
        self._rest = b""
        self._history = np.zeros(_DECIMATOR.size - 1, np.float32)

    def decode(self, data: bytes) -> Samples:
        """Return the samples that `data` completes, (n,) in [-1, 1); any bytes are valid."""
        table = _TABLES.get(self._encoding)
        if table is not None:
            return table.take(np.frombuffer(data, np.uint8))
        data = self._rest + data
        whole = len(data) & ~1
        self._rest = data[whole:]
        samples: Samples = np.frombuffer(data, "<i2", whole // 2).astype(np.float32)
        samples /= np.float32(_FULL_SCALE)
        return self._decimate(samples) if self._encoding is Encoding.SLIN16 else samples

    def _decimate(self, samples: Samples) -> Samples:
        """Halve the rate: one output for every second input since the start."""
        memory = np.concatenate((self._history, samples))
        pairs = (memory.size - _DECIMATOR.size + 1) // 2
        self._history = memory[2 * pairs :].copy()
        if not pairs:
            return np.zeros(0, np.float32)
        filtered: Samples = np.convolve(memory[: 2 * pairs + _DECIMATOR.size - 1], _DECIMATOR, "valid")[::2]
        return filtered.clip(-1.0, 1.0 - 2.0**-15)

    def _keeps_nothing(self, data: bytes) -> bool:
        """Tell whether what comes out depends on these bytes alone, all of them."""
        if self._encoding in _TABLES:
            return True
        return self._encoding is Encoding.SLIN8 and not self._rest and not len(data) & 1


def decode_together(decoders: Sequence[Decoder], data: Sequence[bytes]) -> list[Samples]:
    """Return what `decode` of each decoder gives for its data, in one go for all that are coded alike."""
    samples: list[Samples] = []
    alike: dict[Encoding, list[int]] = defaultdict(list)
    for number, (decoder, some) in enumerate(zip(decoders, data, strict=True)):
        joins = decoder._keeps_nothing(some)
        samples.append(_NOTHING if joins else decoder.decode(some))
        if joins:
            alike[decoder._encoding].append(number)
    for encoding, numbers in alike.items():
        whole = Decoder(encoding).decode(b"".join([data[number] for number in numbers]))
        width = 1 if encoding in _TABLES else 2
        begin = 0
        for number in numbers:
            end = begin + len(data[number]) // width
            samples[number] = whole[begin:end]
            begin = end
    return samples
