"""A plan is read whole, or one sentence says what is wrong with it."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from agent.train.corpus.codecs import Codec
from agent.train.corpus.plan import DEFAULT_PLAN, Concealment, Scene, draw, read_plan
from agent.train.errors import MaterialError


def changed(tmp_path: Path, **sections: object) -> Path:
    """The shipped plan with some keys replaced; a section is replaced key by key."""
    raw = yaml.safe_load(DEFAULT_PLAN.read_text(encoding="utf-8"))
    for key, value in sections.items():
        raw[key] = (
            {**raw[key], **value} if isinstance(value, dict) and isinstance(raw.get(key), dict) else value
        )
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    return path


def test_the_shipped_plan_holds_every_scene_codec_and_concealment() -> None:
    plan = read_plan()
    assert set(plan.scenes) == set(Scene)
    assert set(plan.channel.codecs) == set(Codec)
    assert set(plan.channel.concealment) == set(Concealment)
    assert list(plan.channel.gain_db) == [-40, 0]
    assert plan.own == ()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"recording": 5}, "recording: there is no such key, take it out or mend its name"),
        ({"recordings": 0}, "recordings: it should be greater than or equal to 1, change it"),
        (
            {"channel": {"gain_db": [0, -40]}},
            "channel.gain_db: a range goes from low to high, turn [0, -40] round",
        ),
        ({"channel": {"loss_share": 2}}, "channel.loss_share: it should be less than or equal to 1"),
        ({"channel": {"codecs": {"g729": 1}}}, "channel.codecs.g729: it should be 'linear', 'ulaw'"),
        ({"scenes": dict.fromkeys(Scene, 0)}, "scenes: all shares are 0, give one of them more"),
        ({"own": [{"folder": "a"}]}, "own.0.labels: this key is missing, add it"),
        ({"own": [{"folder": "a", "labels": "b", "weight": 0}]}, "own.0.weight: it should be greater than 0"),
    ],
)
def test_what_is_wrong_is_named_by_its_key(tmp_path: Path, wrong: dict[str, object], said: str) -> None:
    with pytest.raises(MaterialError) as caught:
        read_plan(changed(tmp_path, **wrong))
    assert said in str(caught.value)
    assert "plan.yaml" in str(caught.value)


def test_a_missing_plan_is_named() -> None:
    with pytest.raises(MaterialError, match=r"none\.yaml cannot be read .*name a readable file with --plan"):
        read_plan(Path("none.yaml"))


def test_paths_are_taken_from_where_the_plan_lies(tmp_path: Path) -> None:
    plan = read_plan(
        changed(
            tmp_path,
            material={"audio_folder": "audio", "prompt_folders": ["/debs/en"], "tones_file": None},
            own=[{"folder": "calls", "labels": "calls.csv"}],
        )
    )
    assert plan.material.audio_folder == tmp_path / "audio"
    assert plan.material.prompt_folders == (Path("/debs/en"),)
    assert plan.material.tones_file is None
    assert (plan.own[0].folder, plan.own[0].labels) == (tmp_path / "calls", tmp_path / "calls.csv")


def test_where_the_material_lies_does_not_change_what_the_plan_is(tmp_path: Path) -> None:
    moved = read_plan(changed(tmp_path, material={"audio_folder": "elsewhere"}))
    other = read_plan(changed(tmp_path, seed=43))
    assert moved.digest() == read_plan().digest() != other.digest()
    assert "elsewhere" not in str(moved.without_paths())


def test_shares_are_drawn_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw({"a": 3.0, "b": 1.0, "c": 0.0}, rng) for _ in range(2000)]
    assert drawn.count("a") / 2000 == pytest.approx(0.75, abs=0.03)
    assert "c" not in drawn


def test_the_order_of_shares_does_not_matter() -> None:
    shares = {"a": 1.0, "b": 2.0, "c": 3.0}
    turned = dict(reversed(shares.items()))
    one, two = np.random.default_rng(1), np.random.default_rng(1)
    assert [draw(shares, one) for _ in range(50)] == [draw(turned, two) for _ in range(50)]
