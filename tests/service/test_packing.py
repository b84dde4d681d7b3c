"""Packing is worth half the disk, and costs nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.pcm import Decoder
from agent.hearing.sound import Encoding
from agent.service.packing import packed

LAWS = (Encoding.ULAW, Encoding.ALAW)


def heard(encoding: Encoding, data: bytes) -> bytes:
    return Decoder(encoding).decode(data).tobytes()


@given(law=st.sampled_from(LAWS), words=st.binary(max_size=300))
def test_what_came_out_of_g711_goes_back_unchanged(law: Encoding, words: bytes) -> None:
    linear = np.round(Decoder(law).decode(words) * 32768).astype("<i2").tobytes()
    encoding, data = packed(Encoding.SLIN8, linear)
    assert len(data) == len(words)
    assert heard(encoding, data) == heard(law, words)


@given(encoding=st.sampled_from(Encoding), data=st.binary(max_size=300))
def test_whatever_came_sounds_the_same(encoding: Encoding, data: bytes) -> None:
    assert heard(*packed(encoding, data)) == heard(encoding, data)


@pytest.mark.parametrize("law", LAWS)
def test_one_sample_between_the_levels_keeps_all_linear(law: Encoding) -> None:
    linear = np.round(Decoder(law).decode(bytes(range(256))) * 32768).astype("<i2")
    linear[100] += 1
    assert packed(Encoding.SLIN8, linear.tobytes()) == (Encoding.SLIN8, linear.tobytes())
