"""Which frames hold a tone: edges to a frame, nothing of noise, no difference between one call and many."""

import numpy as np
import pytest

from agent.hearing.pcm import Samples
from agent.hearing.rows import frame_rows
from agent.hearing.spectrogram import FRAME_SIZE, FRAMES_PER_SECOND, HOP, power_spectrogram
from agent.hearing.tone_frames import AROUND, PURE, frame_traits, silent_traits, tone_frames
from tests.hearing.tone_sounds import held, noise, pause, tone


@pytest.mark.parametrize("hz", [(425,), (480, 620), (440, 480), (350, 440), (2100,)])
def test_a_tone_is_held_from_edge_to_edge(hz: tuple[float, ...]) -> None:
    marks = held(np.concatenate((pause(0.5), tone(0.5, *hz), pause(0.5))))
    first, last = marks.index("#"), marks.rindex("#")
    middle = FRAME_SIZE // 2 / HOP
    assert first + middle == pytest.approx(0.5 * FRAMES_PER_SECOND, abs=1.1)
    assert last + middle == pytest.approx(1.0 * FRAMES_PER_SECOND, abs=1.1)
    assert "." not in marks[first : last + 1]


def test_noise_at_15_db_moves_no_edge_by_more_than_a_frame() -> None:
    clean = np.concatenate((pause(0.5), tone(0.5, 425), pause(0.5)))
    loud = 0.1 / np.sqrt(2) * 10 ** (-15 / 20)
    quiet, noisy = held(clean), held(clean + noise(1.5, loud))
    assert abs(quiet.index("#") - noisy.index("#")) <= 1
    assert abs(quiet.rindex("#") - noisy.rindex("#")) <= 1


def test_two_tones_that_follow_at_once_are_parted_where_the_pitch_moves() -> None:
    marks = held(np.concatenate((tone(0.4, 950), tone(0.4, 1400), pause(0.3))))
    assert len([part for part in marks.split(".") if part]) == 2


@pytest.mark.parametrize("sound", [noise(3, 0.1), pause(3), tone(3, 425, amplitude=1e-4)])
def test_noise_silence_and_what_cannot_be_heard_are_no_tone(sound: Samples) -> None:
    assert "#" not in held(sound)


def test_calls_one_after_the_other_are_told_apart() -> None:
    calls = [np.concatenate((pause(0.2), tone(0.3, 425), pause(0.2))), noise(0.7, 0.1), tone(0.7, 480, 620)]
    around, parts = silent_traits(AROUND), []
    for call in calls:
        spectra = power_spectrogram(call)
        parts.append(np.concatenate((around, frame_traits(frame_rows(spectra)), around)))
    together = tone_frames(np.concatenate(parts))
    inner = [part[AROUND:-AROUND] for part in np.split(together, np.cumsum([len(p) for p in parts])[:-1])]
    assert ["".join(".#"[int(mark)] for mark in part) for part in inner] == [held(call) for call in calls]


def test_purity_is_a_share() -> None:
    spectra = power_spectrogram(noise(1, 0.1) + tone(1, 425))
    pure = frame_traits(frame_rows(spectra))[:, PURE]
    assert np.all((pure > 0) & (pure <= 1.0001))


def test_few_frames_are_none() -> None:
    assert not tone_frames(silent_traits(AROUND)).any()
