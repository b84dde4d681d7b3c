"""The tape: votes find where on it a sound comes from."""

import numpy as np
import pytest

from agent.hearing.landmarks import landmarks
from agent.hearing.pcm import Samples
from agent.hearing.tape import Fingerprint, Tape, elect
from tests.hearing.speech import noisy, spectra, speech


@pytest.fixture(scope="module")
def tape() -> Tape:
    return Tape.of([Fingerprint.of(spectra(speech(seed))) for seed in range(20)])


def shifts(tape: Tape, sound: Samples) -> list[int]:
    found = landmarks(spectra(sound)[np.newaxis])
    best: list[int] = elect(tape.votes(found.hash, found.frame), 2).tolist()
    return best


@pytest.mark.parametrize("recording", [0, 7, 19])
def test_the_winning_shift_is_where_the_recording_lies(tape: Tape, recording: int) -> None:
    assert shifts(tape, speech(recording))[0] == tape.starts[recording]


def test_a_cut_from_the_middle_through_noise_is_found_at_its_place(tape: Tape) -> None:
    cut = noisy(speech(5)[125 * 100 : 125 * 100 + 24000], 15.0)
    best = shifts(tape, cut)[0]
    assert best == tape.starts[5] + 100
    assert tape.recording_at(np.array([best, best + 150])).tolist() == [5, 5]


def test_an_empty_tape_has_no_votes() -> None:
    empty = Tape.of([])
    assert elect(empty.votes(np.array([1, 2]), np.array([0, 1])), 2).size == 0
    assert shifts(empty, speech(1)) == []


def test_neighbouring_votes_count_together_and_one_winner_stands_for_them() -> None:
    votes = np.array([10] * 3 + [11] * 4 + [50] * 6 + [90], np.int32)
    assert elect(votes, 2).tolist() == [11, 50]


def test_too_few_votes_elect_nobody() -> None:
    assert elect(np.array([1, 1, 1, 9, 9, 30], np.int32), 2).size == 0


def test_a_hash_that_stands_everywhere_tells_nothing() -> None:
    frames = np.arange(0, 4000, 40, dtype=np.uint32)
    droning = Fingerprint(np.full(100, 5, np.uint32), frames, np.zeros((4000, 8), np.uint8))
    rare = Fingerprint(np.arange(100, 110, dtype=np.uint32), frames[:10], np.zeros((400, 8), np.uint8))
    tape = Tape.of([droning, rare])
    assert tape.votes(np.array([5] * 9), np.arange(9)).size == 0
    assert elect(tape.votes(np.arange(100, 110), np.arange(0, 400, 40)), 2).tolist() == [4000]
