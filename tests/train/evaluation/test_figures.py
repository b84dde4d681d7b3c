"""Pictures show what they are given: looked at by their pixels."""

import io
import sys
from collections.abc import Callable
from dataclasses import replace

import matplotlib.image
import numpy as np
import pytest
from numpy.typing import NDArray

from agent.hearing.sound import SOUNDS, Sound
from agent.recording.colours import COLOUR
from agent.train.errors import MaterialError
from agent.train.evaluation import figures
from agent.train.evaluation.evaluate import Contestant, Entrant, evaluate
from agent.train.evaluation.evaluate_mistakes import Mistake
from agent.train.evaluation.evaluate_slices import Cut, Slice
from agent.train.evaluation.evaluate_teachers import Confidence
from agent.train.evaluation.figures import Normalised
from agent.train.evaluation.figures_mistake import mistake
from agent.train.evaluation.figures_style import picture
from agent.train.evaluation.timing import Times
from tests.train.seconds import strangers

TIMES = [
    Times(name, sound, 32 if sound is None else 1, tuple(ms * (1 + n / 20) for n in range(5)))
    for name, ms in (("CNN14", 160.0), ("ours", 1.0))
    for sound in (*SOUNDS, None)
]
CONFIDENCES = [Confidence("yamnet", sound.value, tuple(range(20))) for sound in SOUNDS]
COUNTS = ((9, 1, 0, 0), (0, 8, 2, 0), (0, 0, 5, 0), (0, 0, 0, 7))
LEVELS = Cut("gain_db", (Slice("-40 to -20", 9, 0.9, 0.8), Slice("0", 3, 1.0, 1.0)))
SURE_OF_MUSIC = Mistake("a.flac", 1, "song/a", "speech", "music", (0.0, 0.1, 0.9, 0.0))


def pixels(png: bytes) -> NDArray[np.uint8]:
    """Return a PNG as (height, width, 3)."""
    return (matplotlib.image.imread(io.BytesIO(png), "png")[..., :3] * 255).round().astype(np.uint8)


def share_of(png: bytes, colour: str) -> float:
    """Return how much of a picture is of one colour."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return float((pixels(png) == rgb).all(axis=2).mean())


def contestants() -> tuple[Contestant, ...]:
    truth = np.tile(np.arange(4), 50)
    sure = strangers(np.eye(4)[truth] * 0.6 + 0.1, truth)
    torn = replace(sure, p=np.roll(sure.p, 1, axis=0))
    return evaluate([Entrant("ours", sure), Entrant("thesis", torn)]).contestants


ALL: dict[str, Callable[[], bytes]] = {
    "confusion": lambda: figures.confusion(COUNTS, Normalised.ROW),
    "side by side": lambda: figures.side_by_side(contestants()),
    "reliability": lambda: figures.reliability(contestants()),
    "condition": lambda: figures.condition(LEVELS),
    "times alone": lambda: figures.times_alone(TIMES),
    "times in batches": lambda: figures.times_in_batches(TIMES),
    "confidence": lambda: figures.confidence_of_all(CONFIDENCES),
    "confidence by sound": lambda: figures.confidence_by_sound(CONFIDENCES),
    "mistake": lambda: mistake(SURE_OF_MUSIC, np.sin(np.arange(24_000) * 0.5).astype(np.float32), 0),
}  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_the_same_figures_give_the_same_picture(name: str) -> None:
    first = ALL[name]()
    shape = pixels(first).shape
    assert 400 < shape[1] < 1000, "a picture fits a phone and a page"
    assert shape[0] > 100
    assert ALL[name]() == first


@pytest.mark.parametrize("name", ["side by side", "times alone", "confidence", "confidence by sound"])
def test_every_sound_has_its_one_colour(name: str) -> None:
    png = ALL[name]()
    assert all(share_of(png, colour) > 0 for colour in COLOUR.values())


def test_what_a_mistake_was_taken_for_fills_its_bar() -> None:
    png = ALL["mistake"]()
    assert share_of(png, COLOUR[Sound.MUSIC]) > 5 * share_of(png, COLOUR[Sound.SPEECH]) > 0
    assert share_of(png, COLOUR[Sound.RINGING]) == 0


def test_a_mistake_shows_its_sound() -> None:
    def brightest_row(hz: float) -> int:
        tone = np.sin(2 * np.pi * hz / 8000 * np.arange(24_000)).astype(np.float32)
        spectrogram = pixels(mistake(SURE_OF_MUSIC, tone, 0))[40:200, 80:400].astype(int)
        return int(spectrogram.sum(axis=(1, 2)).argmax())

    assert brightest_row(3000) < brightest_row(2000) < brightest_row(1000)


@pytest.mark.parametrize("samples", [np.zeros(24_000), np.zeros(8_000), np.zeros(100), np.ones(24_000)])
def test_silence_and_short_sound_can_be_drawn(samples: NDArray[np.float64]) -> None:
    assert pixels(mistake(SURE_OF_MUSIC, samples.astype(np.float32), 0)).ndim == 3


def test_matrices_are_normalised_as_they_say() -> None:
    counts = ((50, 50, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1))
    by_row, by_column = (pixels(figures.confusion(counts, by)) for by in Normalised)
    assert not np.array_equal(by_row, by_column)
    even = ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1))
    row_cells, column_cells = (pixels(figures.confusion(even, by))[60:560, 90:] for by in Normalised)
    np.testing.assert_array_equal(row_cells, column_cells)


def test_nothing_at_all_can_be_drawn() -> None:
    nothing = ((0, 0, 0, 0),) * 4
    assert share_of(figures.confusion(nothing, Normalised.COLUMN), "#ffffff") < 1
    figures.confidence_of_all([Confidence("t", sound.value, (0,) * 20) for sound in SOUNDS])


def test_conditions_are_named_as_one_would() -> None:
    assert [figures.titled(name) for name in ("codec", "gain_db", "band_low_hz")] == [
        "codec", "gain (dB)", "band low (Hz)"
    ]  # fmt: skip


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MaterialError, match=r"earlymedia-agent\[train\]"), picture(1, 1):
        pass
