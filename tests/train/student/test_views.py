"""A second becomes numbers by the code that hears live calls, or as the thesis saw it."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from agent.hearing.ear import Ear, Stream
from agent.hearing.features import FEATURES, Vectors
from agent.hearing.forest import Probabilities
from agent.hearing.sound import Encoding
from agent.hearing.spectrogram import LOOKAHEAD
from agent.train.errors import MaterialError
from agent.train.evaluation.timing import single_thread
from agent.train.parallel import Workers
from agent.train.student.examples import find_source, read_examples
from agent.train.student.views import View, read_samples, see_examples
from tests.train.conftest import song
from tests.train.seconds import corpus

ALONE = Workers(jobs=1)


@pytest.mark.parametrize("view", View)
def test_every_example_is_seen_from_its_own_second(view: View, tmp_path: Path) -> None:
    examples = read_examples([find_source(corpus(tmp_path))])
    files: list[None] = []
    seen = see_examples(examples, view, ALONE, lambda: files.append(None))
    assert (seen.examples.file, seen.left_out) == (examples.file, 0)
    assert seen.vectors.shape == (len(examples), view.width)
    assert len(files) == 12
    at = examples.file.index("music1.wav")
    with single_thread():  # as workers do: several add up in another order
        whole = view.see(read_samples(tmp_path / "audio" / "music1.wav"))
    np.testing.assert_array_equal(seen.vectors[at : at + 6], whole)
    assert len(np.unique(whole, axis=0)) == 6


def test_the_agent_sees_the_same_numbers(tmp_path: Path) -> None:
    corpus(tmp_path)
    path = tmp_path / "audio" / "speech0.wav"

    class Seen:
        vectors: list[Vectors]

        def predict(self, vectors: Vectors) -> Probabilities:
            self.vectors.append(vectors)
            return np.full((len(vectors), 4), 0.25)

    forest = Seen()
    forest.vectors = []
    data = soundfile.read(path, dtype="int16")[0].tobytes()
    stream = Stream(Encoding.SLIN8)
    for at in range(0, len(data), 1600):
        Ear(forest).hear([(stream, data[at : at + 1600])])  # type: ignore[arg-type]
    np.testing.assert_array_equal(
        np.concatenate(forest.vectors), View.AGENT.see(read_samples(path)).astype(np.float32)
    )


def test_both_views_see_the_same_seconds() -> None:
    for samples in (8000, 8000 + LOOKAHEAD - 1, 8000 + LOOKAHEAD, 24_000):
        noise = np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)
        agent, thesis = View.AGENT.see(noise), View.THESIS.see(noise)
        assert agent.shape == (len(thesis), FEATURES)
        assert thesis.shape[1] == 64


def test_the_thesis_sees_a_tone_in_the_band_where_it_lies() -> None:
    time = np.arange(2 * 8000) / 8000
    low, high = (
        View.THESIS.see((0.3 * np.sin(2 * np.pi * hz * time)).astype(np.float32))[0] for hz in (300, 3000)
    )
    assert low.argmax() < high.argmax()
    # Above 4 kHz there is nothing to see.
    assert low[-20:].max() < low.max() - 40


def test_other_rates_and_channels_are_heard_at_8_khz(tmp_path: Path) -> None:
    samples = song(np.random.default_rng(1), 3)
    soundfile.write(tmp_path / "a.wav", np.stack([samples, samples], axis=1), 48_000, subtype="PCM_24")
    assert len(read_samples(tmp_path / "a.wav")) == len(samples) // 6


def test_a_second_that_the_agent_cannot_end_is_left_out(tmp_path: Path) -> None:
    labels = corpus(tmp_path)
    path = tmp_path / "audio" / "silence2.wav"
    samples, rate = soundfile.read(path)
    soundfile.write(path, samples[: 6 * rate], rate)
    seen = see_examples(read_examples([find_source(labels)]), View.AGENT, ALONE)
    assert seen.left_out == 1
    assert len(seen.examples) == len(seen.vectors) == 71


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(4.5, r"silence2\.wav ends before its second 5, which is labelled"), (0.3, "lasts 0.30 s")],
)
def test_a_recording_shorter_than_its_labels_is_named(seconds: float, said: str, tmp_path: Path) -> None:
    labels = corpus(tmp_path)
    path = tmp_path / "audio" / "silence2.wav"
    samples, rate = soundfile.read(path)
    soundfile.write(path, samples[: int(seconds * rate)], rate)
    with pytest.raises(MaterialError, match=said):
        see_examples(read_examples([find_source(labels)]), View.AGENT, ALONE)


def test_a_missing_recording_is_named(tmp_path: Path) -> None:
    labels = corpus(tmp_path)
    (tmp_path / "audio" / "music0.wav").unlink()
    with pytest.raises(MaterialError, match=r"music0\.wav"):
        see_examples(read_examples([find_source(labels)]), View.AGENT, ALONE)


def test_samples_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    labels = corpus(tmp_path)
    samples = np.zeros(6 * 8000 + 800, np.float32)
    samples[4000] = np.nan
    soundfile.write(tmp_path / "audio" / "music0.wav", samples, 8000, subtype="FLOAT")
    with pytest.raises(MaterialError, match=r"music0\.wav: holds samples that are no numbers"):
        see_examples(read_examples([find_source(labels)]), View.AGENT, ALONE)
