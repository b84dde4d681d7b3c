"""A bar tells what is done, how much of it, and how fast."""

import pytest

from agent.train.progress import progress


def test_a_bar_tells_what_and_how_many(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("hearing", 3, "recordings") as step:
        for _ in range(3):
            step()
    said = capsys.readouterr()
    assert "hearing" in said.err
    assert "3/3 recordings" in said.err
    assert "/s" in said.err
    assert said.out == ""
