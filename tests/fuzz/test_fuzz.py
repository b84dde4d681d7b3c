"""The inputs that fuzzing kept: each reaches something in a parser that no other does."""

import gc
import tracemalloc

import pytest

from tests.fuzz.corpus import read_corpus
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_kept_inputs_are_taken_or_refused_in_one_sentence(target: str) -> None:
    kept = read_corpus(target)
    assert kept
    for data in kept:
        TARGETS[target].run(data)


@pytest.mark.parametrize("target", TARGETS)
def test_no_input_leaves_anything_behind(target: str) -> None:
    kept = read_corpus(target)[:100]

    def left_after(rounds: int) -> int:
        for _ in range(rounds):
            for data in kept:
                TARGETS[target].run(data)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = left_after(1)
        assert left_after(3) - before < 20 * len(kept) + 20_000
    finally:
        tracemalloc.stop()
