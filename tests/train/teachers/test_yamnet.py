"""YAMNet's adapter around a real TensorFlow Lite model with its signature, made here."""

from pathlib import Path

import numpy as np
import pytest

from agent.train.errors import MaterialError
from agent.train.teachers.teacher import Frames
from agent.train.teachers.yamnet import RATE_HZ, Yamnet, open_interpreter
from tests.train.teachers.made import tone, write_loudness_model

TELEPHONE, SILENCE = "/m/07cx4", "/m/028v0c"


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Yamnet:
    path = tmp_path_factory.mktemp("model") / "yamnet.tflite"
    write_loudness_model(path)
    return Yamnet(open_interpreter(path))


def of(teacher: Yamnet, frames: Frames, mid: str) -> list[float]:
    return [float(p) for p in frames.probabilities[:, teacher.classes.index(mid)]]


def test_classes_are_found_by_their_ids(teacher: Yamnet) -> None:
    loud, quiet = teacher.hear([tone(2, RATE_HZ), np.zeros(2 * RATE_HZ, np.float32)])
    assert min(of(teacher, loud, TELEPHONE)) > 0.9 > 0.1 > max(of(teacher, loud, SILENCE))
    assert min(of(teacher, quiet, SILENCE)) > 0.9 > 0.1 > max(of(teacher, quiet, TELEPHONE))


def test_a_frame_stands_in_the_middle_of_its_patch(teacher: Yamnet) -> None:
    sound = np.concatenate((np.zeros(3 * RATE_HZ, np.float32), tone(3, RATE_HZ)))
    (frames,) = teacher.hear([sound])
    np.testing.assert_allclose(np.diff(frames.centres), 0.48)
    loud = np.array(of(teacher, frames, TELEPHONE)) > 0.5
    assert frames.centres[loud].min() - 0.48 < 3.0 + 1e-9 <= frames.centres[loud].min() + 0.48


@pytest.mark.parametrize(("seconds", "patches"), [(1.0, 1), (1.5, 2), (2.4, 4), (10.0, 19)])
def test_patches_that_are_padded_with_silence_are_left_out(
    teacher: Yamnet, seconds: float, patches: int
) -> None:
    (frames,) = teacher.hear([tone(seconds, RATE_HZ)])
    assert len(frames.centres) == len(frames.probabilities) == patches
    assert frames.centres[-1] + 0.48 <= seconds + 1e-9


def test_recordings_of_any_length_follow_one_another(teacher: Yamnet) -> None:
    sounds = [tone(seconds, RATE_HZ) for seconds in (1.0, 3.0, 1.0)]
    first, _, third = teacher.hear(sounds)
    np.testing.assert_array_equal(first.probabilities, third.probabilities)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "yamnet.tflite").write_bytes(b"no model")
    with pytest.raises(MaterialError, match="is no TensorFlow Lite model: download it again"):
        open_interpreter(tmp_path / "yamnet.tflite")
