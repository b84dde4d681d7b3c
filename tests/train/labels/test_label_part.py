"""What is kept while work lasts: any crash costs a line at most."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.sound import Sound
from agent.train.errors import MaterialError
from agent.train.labels.label_part import open_part, pack
from agent.train.labels.labelling import LabelledSecond

TERMS = {"teacher": "yamnet", "rules": {"agreement": 1.0}}

shares = st.integers(0, 1_000_000).map(lambda millionths: millionths / 1_000_000)
seconds = st.builds(
    LabelledSecond,
    start=st.integers(0, 100_000),
    sound=st.sampled_from(Sound),
    soft=st.tuples(shares, shares, shares, shares),
    agreement=shares,
    ambiguous=st.booleans(),
)
outcomes = st.dictionaries(st.text(min_size=1), st.lists(seconds, max_size=3) | st.text(), max_size=5)


@given(outcomes, st.integers(0, 10_000))
def test_what_was_kept_whole_is_there_again(
    outcomes: dict[str, list[LabelledSecond] | str], torn: int
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "labels.csv.part")
        path.write_bytes(b"")
        with open_part(path, TERMS) as part:
            head = path.stat().st_size
            part.add({name: pack(name, outcome) for name, outcome in outcomes.items()})
            assert {name: part.outcome(name) for name in outcomes} == outcomes
        if not outcomes:
            assert not path.exists()
            return
        data = path.read_bytes()
        left = max(head, len(data) - torn)
        path.write_bytes(data[:left])
        with open_part(path, TERMS) as part:
            whole = list(outcomes)[: data[head:left].count(b"\n")]
            assert [name for name in outcomes if name in part] == whole
            assert {name: part.outcome(name) for name in whole} == {n: outcomes[n] for n in whole}
            part.add({name: pack(name, outcomes[name]) for name in outcomes if name not in part})
        assert path.read_bytes() == data


def test_other_terms_are_other_work(tmp_path: Path) -> None:
    with open_part(tmp_path / "p", TERMS) as part:
        part.add({"a": pack("a", "cannot be read")})
    with pytest.raises(MaterialError, match="holds work with other settings: remove it"):
        open_part(tmp_path / "p", {"teacher": "mn04"}).__enter__()
    with open_part(tmp_path / "p", TERMS) as part:
        assert part.outcome("a") == "cannot be read"


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with (
        open_part(tmp_path / "p", TERMS),
        pytest.raises(MaterialError, match="p is being written by another process"),
        open_part(tmp_path / "p", TERMS),
    ):
        pass


def test_a_part_in_which_nothing_was_done_does_not_stay(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), open_part(tmp_path / "p", TERMS):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())
