"""Fingerprints as bytes: back as they were, and never from bytes that are not whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.announcements.database import pack, unpack
from agent.hearing.landmarks import HASHES
from agent.hearing.tape import PRINT_VERSION, Fingerprint


@given(st.lists(st.tuples(st.integers(0, HASHES - 1), st.integers(0, 19))))
def test_a_fingerprint_comes_back(landmarks: list[tuple[int, int]]) -> None:
    prints = np.random.default_rng(0).integers(0, 256, (20, 8)).astype(np.uint8)
    values = np.array(landmarks, np.uint32).reshape(-1, 2)
    back = unpack(pack(Fingerprint(values[:, 0], values[:, 1], prints)), PRINT_VERSION)
    assert back is not None
    np.testing.assert_array_equal(back.hashes, values[:, 0])
    np.testing.assert_array_equal(back.frames, values[:, 1])
    np.testing.assert_array_equal(back.prints, prints)


@pytest.mark.parametrize(("hash_", "frame"), [(HASHES, 0), (0, 20), (2**32 - 1, 2**32 - 1)])
def test_a_landmark_that_cannot_be_is_no_fingerprint(hash_: int, frame: int) -> None:
    of = Fingerprint(np.array([hash_], np.uint32), np.array([frame], np.uint32), np.zeros((20, 8), np.uint8))
    assert unpack(pack(of), PRINT_VERSION) is None


@given(st.binary(max_size=100), st.integers(0, 3))
def test_any_other_bytes_are_none_or_a_whole_fingerprint(data: bytes, version: int) -> None:
    fingerprint = unpack(data, version)
    assert fingerprint is None or pack(fingerprint) == data
