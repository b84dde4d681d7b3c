"""`earlymedia train publish`, as a person types it, on candidates that `fit` made."""

import json
import shutil
from pathlib import Path

import pytest

from agent.hearing.forest import Forest
from tests.train.seconds import corpus
from tests.train.typed import refused, train


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Candidates `good` and `bad` of one corpus, `other` of another, and `boosted`."""
    root = tmp_path_factory.mktemp("made")
    corpus(root / "corpus")
    corpus(root / "elsewhere", recordings=4)
    for name, labels, *settings in (
        ("good", "corpus", "--trees", 15),
        ("bad", "corpus", "--trees", 1, "--leaf", 30),
        ("other", "elsewhere", "--trees", 15),
        ("boosted", "corpus", "--recipe", "boosted", "--iterations", 2),
    ):
        result = train("fit", root / labels, "--out", root / name, "--jobs", 1, *settings)
        assert result.exit_code == 0, result.output
    return root


@pytest.fixture
def models(made: Path, tmp_path: Path) -> Path:
    """A folder in which `good` is published."""
    assert train("publish", made / "good", "--to", tmp_path / "models").exit_code == 0
    return tmp_path / "models"


def published(models: Path) -> str:
    Forest.load(models / "student.joblib")
    return str(json.loads((models / "student.json").read_text())["sha256"])


def sha(candidate: Path) -> str:
    return str(json.loads((candidate / "student.json").read_text())["sha256"])


def test_the_first_model_needs_no_comparison(made: Path, tmp_path: Path) -> None:
    result = train("publish", made / "good", "--to", tmp_path / "models")
    assert result.exit_code == 0, result.output
    assert "the first model there; restart the agent to hear with it" in result.stdout
    assert published(tmp_path / "models") == sha(made / "good")


def test_a_better_one_takes_the_place_and_the_old_one_is_kept(made: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    train("publish", made / "bad", "--to", models)
    result = train("publish", made / "good", "--to", models)
    assert result.exit_code == 0, result.output
    assert "of the current model, on the same 72 seconds of strangers" in result.stdout
    assert f"the model before it is kept as {models / 'student.previous.joblib'}" in result.stdout
    assert published(models) == sha(made / "good")
    assert json.loads((models / "student.previous.json").read_text())["sha256"] == sha(made / "bad")


def test_a_worse_one_is_refused_unless_forced(made: Path, models: Path) -> None:
    refused(train("publish", made / "bad", "--to", models), "bad is worse than")
    assert published(models) == sha(made / "good")
    result = train("publish", made / "bad", "--to", models, "--force")
    assert result.exit_code == 0, result.output
    assert "by force though it is worse, macro F1" in result.stdout
    assert published(models) == sha(made / "bad")


def test_other_strangers_ask_for_a_test_that_both_sit(made: Path, models: Path) -> None:
    refused(
        train("publish", made / "other", "--to", models), "name labels that both are to judge with --test"
    )
    result = train("publish", made / "other", "--to", models, "--test", made / "fresh.csv")
    refused(result, "cannot be read")
    labels = corpus(models.parent / "fresh", recordings=5)
    result = train("publish", made / "other", "--to", models, "--test", labels)
    assert result.exit_code in (0, 2), result.output
    # Recordings 0 to 3 have groups that `other` heard, 0 to 2 that `good` heard: the fifth of each is new.
    assert "on 20 seconds of 4 groups that are new to both (16 others left out)" in result.output


def test_a_test_of_what_was_trained_on_is_none(made: Path, models: Path) -> None:
    result = train("publish", made / "other", "--to", models, "--test", made / "elsewhere")
    refused(result, "no clear second of a group that is new to both students (16 groups left out)")
    assert published(models) == sha(made / "good")
    assert train("publish", made / "other", "--to", models, "--force").exit_code == 0
    assert published(models) == sha(made / "other")


def test_what_is_published_is_not_published_again(made: Path, models: Path) -> None:
    before = sorted(models.iterdir())
    result = train("publish", made / "good", "--to", models)
    assert result.exit_code == 0
    assert "already: nothing to do" in result.stdout
    assert sorted(models.iterdir()) == before


def test_a_torn_pair_is_mended_by_the_same_command(made: Path, models: Path) -> None:
    shutil.copy(made / "bad" / "student.joblib", models / "student.joblib")
    result = train("publish", made / "good", "--to", models)
    assert result.exit_code == 0, result.output
    assert "is kept" not in result.stdout
    assert published(models) == sha(made / "good")


def test_a_model_without_its_card_is_replaced_by_force_only(made: Path, models: Path) -> None:
    (models / "student.json").unlink()
    refused(train("publish", made / "good", "--to", models), "holds no model to compare with")
    assert train("publish", made / "good", "--to", models, "--force").exit_code == 0
    assert published(models) == sha(made / "good")


def test_a_boosted_student_cannot_be_published(made: Path, models: Path) -> None:
    refused(
        train("publish", made / "boosted", "--to", models, "--force"),
        "publish a candidate of the recipe default",
    )
    assert published(models) == sha(made / "good")


def test_a_candidate_that_the_agent_would_refuse_is_refused(made: Path, models: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "bad", tmp_path / "torn")
    shutil.copy(made / "good" / "student.joblib", tmp_path / "torn" / "student.joblib")
    result = train("publish", tmp_path / "torn", "--to", models, "--force")
    refused(result, "is not the file that its card describes")
    assert published(models) == sha(made / "good")


def test_the_shipped_model_asks_for_a_test(made: Path, tmp_path: Path) -> None:
    """A card of an agent before this one says nothing of its strangers."""
    models = tmp_path / "models"
    train("publish", made / "good", "--to", models)
    card = json.loads((models / "student.json").read_text())
    del card["test_set"], card["recipe"], card["probabilities"]
    (models / "student.json").write_text(json.dumps(card))
    refused(train("publish", made / "bad", "--to", models), "are about different strangers")
