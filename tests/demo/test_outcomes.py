"""The pictures of docs/outcomes.md."""

from pathlib import Path

import pytest

from agent.demo.outcomes import draw_outcomes, heard_in_recordings, heard_in_tones
from agent.verdict.outcome import Outcome

DOCS = Path(__file__).parents[2] / "docs"
NOT_HEARD = {Outcome.NO_AUDIO, Outcome.ANSWERED, Outcome.UNKNOWN}


@pytest.mark.pbx
def test_every_outcome_that_can_be_heard_is_drawn_and_heard_as_what_it_is(
    chroot: Path, tmp_path: Path
) -> None:
    examples = heard_in_tones() + heard_in_recordings(chroot)
    named = {example.outcome for example in examples} - {"announcement:not-in-service"}
    assert named == {outcome.value for outcome in Outcome if outcome not in NOT_HEARD}
    draw_outcomes(examples, chroot, tmp_path)
    drawn = {picture.name for picture in tmp_path.iterdir()}
    assert drawn == {picture.name for picture in (DOCS / "outcomes").iterdir()}


def test_every_outcome_and_every_picture_stands_in_the_document() -> None:
    text = (DOCS / "outcomes.md").read_text(encoding="utf-8")
    assert not [outcome for outcome in Outcome if f"`{outcome.value}`" not in text]
    for picture in (DOCS / "outcomes").iterdir():
        assert f"(outcomes/{picture.name})" in text
    assert text.count("](outcomes/") == len(list((DOCS / "outcomes").iterdir()))
