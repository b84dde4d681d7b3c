"""Bytes of a tap become samples, whatever the coding and wherever they are cut."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from agent.hearing.pcm import SAMPLE_RATE, Decoder, decode_together
from agent.hearing.sound import Encoding

ULAW_SEGMENT_ENDS = {
    0x80: 32124,
    0x8F: 16764,
    0x90: 15996,
    0xA0: 7932,
    0xBF: 1980,
    0xF0: 120,
    0xFF: 0,
    0x00: -32124,
}
"""Code words and values of ITU-T G.711 Table 2a and 2b, times 4 to fill 16 bits."""
ALAW_SEGMENT_ENDS = {0xD5: 8, 0xC5: 264, 0xF5: 528, 0xAA: 32256, 0xA5: 16896, 0x55: -8, 0x2A: -32256}
"""Code words and values of ITU-T G.711 Table 1a and 1b, times 8."""


@pytest.mark.parametrize(
    ("encoding", "table"), [(Encoding.ULAW, ULAW_SEGMENT_ENDS), (Encoding.ALAW, ALAW_SEGMENT_ENDS)]
)
def test_g711_decodes_as_the_standard_says(encoding: Encoding, table: dict[int, int]) -> None:
    heard = Decoder(encoding).decode(bytes(table)) * 32768
    np.testing.assert_array_equal(heard, list(table.values()))


@pytest.mark.parametrize("encoding", [Encoding.ULAW, Encoding.ALAW])
def test_g711_has_256_words_that_grow_with_their_code(encoding: Encoding) -> None:
    toggle = 0xFF if encoding is Encoding.ULAW else 0x55
    words = bytes(code ^ toggle for code in range(128))
    low, high = Decoder(encoding).decode(words), Decoder(encoding).decode(bytes(w ^ 0x80 for w in words))
    sign = 1 if high[-1] > low[-1] else -1
    assert np.all(np.diff(high) * sign > 0)
    np.testing.assert_array_equal(low, -high)
    assert max(abs(low.min()), high.max()) < 1


@pytest.mark.filterwarnings("ignore:'audioop' is deprecated:DeprecationWarning")
def test_g711_equals_the_reference_decoder() -> None:
    audioop = pytest.importorskip("audioop")
    words = bytes(range(256))
    for encoding, reference in ((Encoding.ULAW, audioop.ulaw2lin), (Encoding.ALAW, audioop.alaw2lin)):
        expected = np.frombuffer(reference(words, 2), "<i2")
        np.testing.assert_array_equal(Decoder(encoding).decode(words) * 32768, expected)


def test_linear_samples_are_scaled_to_one() -> None:
    data = np.array([0, 1, -32768, 32767], "<i2").tobytes()
    np.testing.assert_array_equal(Decoder(Encoding.SLIN8).decode(data) * 32768, [0, 1, -32768, 32767])


def sine(hz: float, rate: int, seconds: float = 1.0) -> bytes:
    time = np.arange(int(rate * seconds)) / rate
    wave: NDArray[np.int16] = np.rint(16000 * np.sin(2 * np.pi * hz * time)).astype("<i2")
    return wave.tobytes()


@pytest.mark.parametrize("hz", [50, 425, 1000, 1800, 3400])
def test_wideband_keeps_the_telephone_band(hz: float) -> None:
    heard = Decoder(Encoding.SLIN16).decode(sine(hz, 16000))
    assert heard.size == SAMPLE_RATE
    assert np.sqrt(np.mean(heard[100:] ** 2)) == pytest.approx(16000 / 32768 / np.sqrt(2), rel=0.01)


@pytest.mark.parametrize("hz", [4700, 5000, 6000, 7600])
def test_wideband_does_not_fold_over(hz: float) -> None:
    heard = Decoder(Encoding.SLIN16).decode(sine(hz, 16000))
    assert np.sqrt(np.mean(heard[100:] ** 2)) < 16000 / 32768 / np.sqrt(2) * 10 ** (-50 / 20)


@given(
    data=st.binary(max_size=600),
    cuts=st.lists(st.integers(0, 600), max_size=8),
    encoding=st.sampled_from(Encoding),
)
def test_any_bytes_decode_alike_wherever_they_are_cut(
    data: bytes, cuts: list[int], encoding: Encoding
) -> None:
    whole = Decoder(encoding).decode(data)
    decoder, edges = Decoder(encoding), [0, *sorted(cuts), len(data)]
    pieces = [decoder.decode(data[a:b]) for a, b in itertools.pairwise(edges)]
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-6)
    assert whole.dtype == np.float32
    assert whole.size == 0 or (whole.min() >= -1 and whole.max() < 1)


def test_after_a_restart_a_new_sample_begins() -> None:
    decoder = Decoder(Encoding.SLIN8)
    decoder.decode(b"\x01\x00\x7f")
    decoder.restart()
    assert decoder.decode(b"\x02\x00") * 32768 == 2


@given(
    encodings=st.lists(st.sampled_from(Encoding), min_size=1, max_size=6),
    data=st.lists(st.binary(max_size=9), min_size=12, max_size=12),
)
def test_many_calls_at_once_are_decoded_as_each(encodings: list[Encoding], data: list[bytes]) -> None:
    together, alone = [Decoder(one) for one in encodings], [Decoder(one) for one in encodings]
    for turn in range(2):  # half samples of the first are kept for the second
        pieces = data[6 * turn : 6 * turn + len(encodings)]
        at_once = decode_together(together, pieces)
        for samples, decoder, piece in zip(at_once, alone, pieces, strict=True):
            np.testing.assert_array_equal(samples, decoder.decode(piece))
