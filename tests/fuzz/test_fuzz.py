"""The inputs that fuzzing kept: each reaches something in a parser that no other does."""

import pytest

from tests.fuzz.corpus import read_corpus
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_kept_inputs_are_taken_or_refused_in_one_sentence(target: str) -> None:
    kept = read_corpus(target)
    assert kept
    for data in kept:
        TARGETS[target].run(data)
