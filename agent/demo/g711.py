"""G.711 companding by tables, after ITU-T G.711: the codecs of the simulated carrier."""

import numpy as np
from numpy.typing import NDArray

ULAW_SILENCE = 0xFF
"""The mu-law byte of a zero sample."""

_CODES = np.arange(256)
_SAMPLES = np.arange(-32768, 32768)


def _segment(magnitude: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of the chord that a magnitude (7 significant bits below the first chord) is in."""
    octave: NDArray[np.int64] = np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int64)
    return np.maximum(octave - 7, 0)


def _ulaw_decoder() -> NDArray[np.int16]:
    """Return the sample of each of the 256 mu-law bytes."""
    code = ~_CODES & 0xFF
    magnitude = (((code & 0x0F) << 3) + 132 << (code >> 4 & 7)) - 132
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _ulaw_encoder() -> NDArray[np.uint8]:
    """Return the mu-law byte of each sample, by the sample's 16 bits read as unsigned."""
    biased = np.minimum(np.abs(_SAMPLES), 32635) + 132
    segment = _segment(biased)
    code = np.where(_SAMPLES < 0, 0x80, 0) | segment << 4 | biased >> segment + 3 & 0x0F
    return _by_unsigned(~code)


def _alaw_encoder() -> NDArray[np.uint8]:
    """Return the A-law byte of each sample, by the sample's 16 bits read as unsigned."""
    magnitude = np.where(_SAMPLES < 0, ~_SAMPLES, _SAMPLES)
    segment = _segment(magnitude)
    code = np.where(_SAMPLES < 0, 0, 0x80) | segment << 4 | magnitude >> np.maximum(segment, 1) + 3 & 0x0F
    return _by_unsigned(code ^ 0x55)


def _by_unsigned(codes: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Order the codes of all samples, lowest first, by the samples' bits read as unsigned."""
    return np.roll(codes & 0xFF, 32768).astype(np.uint8)


_ULAW_VALUES = _ulaw_decoder()
_ULAW_CODES = _ulaw_encoder()

ULAW_TO_ALAW: bytes = _alaw_encoder()[_ULAW_VALUES.view(np.uint16)].tobytes()
"""Table for `bytes.translate`: mu-law in, A-law out."""


def encode_ulaw(samples: NDArray[np.int16]) -> bytes:
    """Return the mu-law bytes of int16 samples, one byte a sample."""
    return _ULAW_CODES[samples.view(np.uint16)].tobytes()


def decode_ulaw(data: bytes) -> NDArray[np.int16]:
    """Return the int16 samples of mu-law bytes, one sample a byte."""
    return _ULAW_VALUES[np.frombuffer(data, dtype=np.uint8)]
