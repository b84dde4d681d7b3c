"""The same verdicts by condition and by group."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.train.errors import MaterialError
from agent.train.evaluation.evaluate_slices import (
    KnownConditions,
    by_group,
    cut,
    cut_by_conditions,
    read_conditions,
)
from agent.train.student.strangers import Strangers
from tests.train.seconds import strangers


def judged(truth: list[int], verdict: list[int], **changed: object) -> Strangers:
    made = strangers(np.eye(4)[verdict], np.array(truth))
    return replace(made, **changed)  # type: ignore[arg-type]


def test_a_condition_that_is_hard_comes_first() -> None:
    found = cut(judged([0, 1, 2, 3], [0, 1, 2, 0]), "codec", ["ulaw", "ulaw", "gsm", "gsm"])
    assert [(part.name, part.seconds, part.right) for part in found.slices] == [
        ("gsm", 2, 0.5),
        ("ulaw", 2, 1.0),
    ]


def test_few_numbers_stand_for_themselves_in_their_order() -> None:
    found = cut(judged([0] * 4, [0, 0, 0, 1]), "clip_db", ["10", "2.5", "", "10"])
    assert [(part.name, part.right) for part in found.slices] == [("2.5", 1.0), ("10", 0.5), ("none", 1.0)]


@given(
    st.lists(
        st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: float(f"{x:.4g}")) | st.none(),
        min_size=1,
        max_size=80,
    )
    | st.lists(st.integers(0, 40).map(lambda x: x / 100), min_size=1, max_size=80)
)
def test_every_second_is_in_one_slice(numbers: list[float | None]) -> None:
    values = ["" if number is None else repr(number) for number in numbers]
    found = cut(judged([0] * len(values), [0] * len(values)), "gain_db", values)
    assert sum(part.seconds for part in found.slices) == len(values)
    assert len({part.name for part in found.slices}) == len(found.slices) <= 26


def test_no_loss_is_apart_from_some() -> None:
    share = [0.0] * 10 + [n / 200 for n in range(1, 21)]
    found = cut(judged([0] * 30, [0] * 30), "loss", [str(value) for value in share])
    assert found.slices[0].name == "0"
    assert found.slices[0].seconds == 10
    assert found.slices[1].name.startswith("up to ")


def test_no_offset_is_apart_from_either_sign() -> None:
    offset = [0.0] * 10 + [n / 200 for n in range(-10, 11) if n]
    found = cut(judged([0] * 30, [0] * 30), "offset", [str(value) for value in offset])
    assert (found.slices[0].name, found.slices[0].seconds) == ("0", 10)
    assert found.slices[1].name.startswith("-0.05 to ")
    assert sum(part.seconds for part in found.slices) == 30


def test_levels_are_binned_on_round_numbers() -> None:
    level = np.linspace(-40, 0, 60)
    found = cut(judged([0] * 60, [0] * 60), "gain_db", [f"{value:.2f}" for value in level])
    assert found.slices[0].name.startswith("-40 to ")
    assert found.slices[-1].name.endswith(" to 0")
    assert all("." not in part.name for part in found.slices)


def test_rare_kinds_are_put_together() -> None:
    values = [f"kind {index:02d}" for index in range(30)] + [f"kind {index:02d}" for index in range(10)]
    found = cut(judged([0] * 40, [0] * 40), "codecs", values)
    assert {part.name: part.seconds for part in found.slices}["other"] == 6


def test_only_what_varies_is_cut_and_only_what_is_known() -> None:
    known = KnownConditions(("codec", "echo_ms"), {"0.wav": ("gsm", ""), "1.wav": ("ulaw", "")})
    cuts = cut_by_conditions(judged([0, 0, 0], [0, 1, 0]), known)
    assert [(one.condition, sum(part.seconds for part in one.slices)) for one in cuts] == [("codec", 2)]


def test_conditions_are_read_by_file(tmp_path: Path) -> None:
    (tmp_path / "recordings.csv").write_text("file,fold,codec,loss\na.flac,0,gsm,\nb.flac,1,ulaw,0.1\n")
    known = read_conditions(tmp_path / "recordings.csv")
    assert known.columns == ("codec", "loss")
    assert known.of == {"a.flac": ("gsm", ""), "b.flac": ("ulaw", "0.1")}


@pytest.mark.parametrize("content", [b"codec\ngsm\n", b"\xff\xfe\x00file"])
def test_another_table_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "recordings.csv").write_bytes(content)
    with pytest.raises(MaterialError, match=r"recordings\.csv is no table of recordings"):
        read_conditions(tmp_path / "recordings.csv")


def test_the_worst_group_comes_first_and_says_where_its_seconds_went() -> None:
    groups = by_group(
        judged(
            [1, 1, 1, 2, 3],
            [1, 2, 2, 2, 3],
            group=("voice/Ada", "voice/Ada", "voice/Ada", "song/B", "voice/Ada"),
        )
    )
    assert [(group.group, group.seconds, group.right) for group in groups] == [
        ("voice/Ada", 4, 0.5), ("song/B", 1, 1.0)
    ]  # fmt: skip
    assert [(of.truth, of.verdicts) for of in groups[0].heard_as] == [
        ("speech", (("music", 2), ("speech", 1))),
        ("silence", (("silence", 1),)),
    ]
