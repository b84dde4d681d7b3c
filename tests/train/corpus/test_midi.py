"""Tunes are Standard MIDI Files that a player can read to the end."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.train.corpus.midi import FAMILIES, compose_song, compose_tune


def events(file: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Read the one track of a file: (tick, status, data), to its end."""
    assert file[:14] == b"MThd\x00\x00\x00\x06\x00\x00\x00\x01" + (480).to_bytes(2, "big")
    assert file[14:18] == b"MTrk"
    assert int.from_bytes(file[18:22], "big") == len(file) - 22
    at, tick = 22, 0
    while at < len(file):
        delta = 0
        while True:
            byte = file[at]
            at += 1
            delta = delta << 7 | byte & 0x7F
            if byte < 0x80:
                break
        tick += delta
        status = file[at]
        size = {0x80: 2, 0x90: 2, 0xC0: 1, 0xF0: 2 + file[at + 2]}[status & 0xF0]
        yield tick, status, file[at + 1 : at + 1 + size]
        at += 1 + size


@given(family=st.integers(0, len(FAMILIES) - 1), seed=st.integers(0, 2**32 - 1), seconds=st.floats(1, 60))
def test_any_tune_is_a_valid_file(family: int, seed: int, seconds: float) -> None:
    track = list(events(compose_tune(family, seconds, np.random.default_rng(seed))))
    assert track[-1][1:] == (0xFF, b"\x2f\x00")
    assert all(value < 0x80 for _, status, data in track if status < 0xF0 for value in data)
    begun = [(status & 15, data[0]) for _, status, data in track if status & 0xF0 == 0x90]
    ended = [(status & 15, data[0]) for _, status, data in track if status & 0xF0 == 0x80]
    assert sorted(begun) == sorted(ended)


@pytest.mark.parametrize("family", range(len(FAMILIES)))
def test_the_melody_is_played_by_its_family(family: int) -> None:
    track = events(compose_tune(family, 10, np.random.default_rng(family)))
    [program] = [data[0] for _, status, data in track if status == 0xC0]
    assert program // 8 == family


def test_the_same_seed_composes_the_same_tune() -> None:
    assert compose_tune(0, 20, np.random.default_rng(1)) == compose_tune(0, 20, np.random.default_rng(1))
    assert compose_tune(0, 20, np.random.default_rng(1)) != compose_tune(0, 20, np.random.default_rng(2))


@given(lowest=st.integers(40, 62), seed=st.integers(0, 2**32 - 1))
def test_a_song_is_a_band_and_a_melody_within_the_voice(lowest: int, seed: int) -> None:
    song = compose_song(20.0, lowest, np.random.default_rng(seed))
    band = list(events(song.band))
    assert not any(status == 0x90 for _, status, _ in band)
    assert any(status == 0x91 for _, status, _ in band)
    keys = [69 + 12 * np.log2(note.hz / 440) for note in song.melody]
    assert all(lowest - 0.01 <= key <= lowest + 19.01 for key in keys)
    starts = [note.start_s for note in song.melody]
    assert starts == sorted(starts)
    assert all(0 <= start <= 20 for start in starts)
    assert all(note.length_s >= 0.12 for note in song.melody)
