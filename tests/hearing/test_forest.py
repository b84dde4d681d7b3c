"""The forest: walked as scikit-learn walks it, and opened only when it can be trusted."""

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from agent.hearing.features import FEATURE_VERSION, FEATURES
from agent.hearing.forest import Forest, ModelError
from agent.hearing.sound import SOUNDS
from tests.hearing.conftest import Small

SHIPPED = Path(__file__).parents[2] / "models" / "student.joblib"


def test_walking_the_trees_equals_predict_proba_on_real_rows(small: Small, model_file: Path) -> None:
    heard = Forest.load(model_file).predict(small.vectors)
    np.testing.assert_allclose(heard, small.model.predict_proba(small.vectors), atol=1e-9)
    assert (heard.argmax(axis=1) == small.labels).all()


@pytest.mark.parametrize("rows", [1, 2, 64, 1000])
def test_walking_the_trees_equals_predict_proba_on_random_rows(
    small: Small, model_file: Path, rows: int
) -> None:
    vectors = np.random.default_rng(rows).normal(0, 40, (rows, FEATURES)).astype(np.float32)
    heard = Forest.load(model_file).predict(vectors)
    np.testing.assert_allclose(heard, small.model.predict_proba(vectors), atol=1e-9)
    np.testing.assert_allclose(heard.sum(axis=1), 1)
    assert heard.dtype == np.float64


def test_any_layout_of_rows_will_do(small: Small, model_file: Path) -> None:
    forest = Forest.load(model_file)
    expected = forest.predict(small.vectors)
    np.testing.assert_array_equal(forest.predict(np.asfortranarray(small.vectors)), expected)
    np.testing.assert_array_equal(forest.predict(np.repeat(small.vectors, 2, axis=0)[::2]), expected)


def test_no_rows_give_no_probabilities(model_file: Path) -> None:
    assert Forest.load(model_file).predict(np.zeros((0, FEATURES), np.float32)).shape == (0, len(SOUNDS))


def test_a_card_with_a_temperature_makes_probabilities_of_the_shares(small: Small, model_file: Path) -> None:
    card = model_file.with_suffix(".json")
    card.write_text(json.dumps(json.loads(card.read_text()) | {"calibration": {"temperature": 0.5}}))
    heard = Forest.load(model_file).predict(small.vectors)
    shares = small.model.predict_proba(small.vectors)
    expected = (shares + 0.002) ** 2
    np.testing.assert_allclose(heard, expected / expected.sum(axis=1, keepdims=True), atol=1e-9)
    assert (heard.argmax(axis=1) == shares.argmax(axis=1)).all()


def test_a_file_that_its_card_does_not_describe_is_never_unpickled(model_file: Path, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "exploded",))

    model_file.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(
        ModelError, match=r"student\.joblib is not the file .* install the model and its card"
    ):
        Forest.load(model_file)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("feature_version", FEATURE_VERSION + 1, "features of version"),
        ("classes", ["speech", "ringing", "music", "silence"], "knows the classes speech, ringing"),
        ("classes", ["ringing", "speech"], "knows the classes ringing, speech, not"),
        ("sklearn_version", "0.24.1", r"made by scikit-learn 0\.24\.1.* install scikit-learn 0\.24\.\*"),
        ("sha256", "0" * 64, "is not the file that its card describes"),
        ("sha256", 5, r"no model card \(sha256"),
        ("classes", None, r"no model card \(classes"),
        ("calibration", {"temperature": 0}, r"no model card \(calibration\.temperature"),
        ("calibration", {"slope": 2}, r"no model card \(calibration\.temperature"),
    ],
)
def test_a_card_for_something_else_is_refused(model_file: Path, key: str, value: object, said: str) -> None:
    path = model_file.with_suffix(".json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(ModelError, match=said):
        Forest.load(model_file)


@pytest.mark.parametrize("text", ["", "{", "[]", "\xff"])
def test_a_damaged_card_is_refused(model_file: Path, text: str) -> None:
    model_file.with_suffix(".json").write_text(text, encoding="latin-1")
    with pytest.raises(ModelError, match=r"student\.json is no model card .* install the model again"):
        Forest.load(model_file)


@pytest.mark.parametrize("suffix", [".joblib", ".json"])
def test_a_missing_file_is_named(model_file: Path, suffix: str) -> None:
    model_file.with_suffix(suffix).unlink()
    with pytest.raises(ModelError, match=rf"student\{suffix} cannot be read \(No such file"):
        Forest.load(model_file)


@pytest.mark.parametrize("name", ["student.joblib", "student.json", "."])
@pytest.mark.parametrize("mode", [0o020, 0o002])
def test_what_others_may_write_is_refused(model_file: Path, name: str, mode: int) -> None:
    path = (model_file.parent / name).resolve()
    path.chmod(path.stat().st_mode | mode)
    with pytest.raises(ModelError, match=f"{path} may be written by others .* `chmod go-w {path}`"):
        Forest.load(model_file)


def test_a_sticky_folder_that_others_may_write_is_no_danger(model_file: Path) -> None:
    model_file.parent.chmod(0o1777)
    assert Forest.load(model_file).trees.count


@pytest.mark.parametrize("name", ["student.joblib", "student.json", "."])
def test_what_belongs_to_a_stranger_is_refused(
    model_file: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = (model_file.parent / name).resolve()
    if os.geteuid() == 0:
        os.chown(path, 12345, -1)
    else:  # nobody else can give files away: let the file stay ours and be somebody else
        trusted = Path(__file__).stat().st_uid
        monkeypatch.setattr(os, "geteuid", lambda: trusted + 1)
        monkeypatch.setattr("agent.hearing.forest.__file__", "/")
    with pytest.raises(ModelError, match=r"belongs to user id \d+, not to root .* `chown root"):
        Forest.load(model_file)


def test_a_link_is_judged_by_what_it_points_to(model_file: Path, tmp_path: Path) -> None:
    model_file.chmod(0o666)
    for suffix in (".joblib", ".json"):
        (tmp_path / f"linked{suffix}").symlink_to(model_file.with_suffix(suffix))
    with pytest.raises(ModelError, match="may be written by others"):
        Forest.load(tmp_path / "linked.joblib")


def test_another_kind_of_model_is_refused(small: Small, tmp_path: Path) -> None:
    other = Small(DecisionTreeClassifier().fit(small.vectors, small.labels), small.vectors, small.labels)
    with pytest.raises(ModelError, match=f"holds no random forest of {FEATURES} features"):
        Forest.load(other.write(tmp_path / "other"))


def test_the_shipped_forest_loads_and_hears_500_trees() -> None:
    forest = Forest.load(SHIPPED)
    assert forest.trees.count == 500
    assert SHIPPED.stat().st_size <= 15e6
