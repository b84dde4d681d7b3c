"""Tones and pauses in time."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.hearing.spectrogram import BINS
from agent.hearing.steady_tones import answered
from agent.hearing.tone_frames import tone_spans
from agent.hearing.tone_lines import kept_bins
from agent.hearing.tone_runs import HISTORY, Moment, Runs
from tests.hearing.tone_sounds import moments, noise, pause, runs, sound, tone


def test_lengths_are_right_to_a_frame() -> None:
    heard = runs(np.concatenate((pause(0.3), tone(0.4, 400, 450), pause(0.2), tone(0.4, 400, 450), pause(1))))
    assert [run.lines is None for run in heard] == [False, True, False]
    assert [run.seconds for run in heard] == pytest.approx([0.4, 0.2, 0.4], abs=1.2 / 64)
    assert heard[0].lines
    assert heard[0].lines.hz == pytest.approx((400, 450), rel=0.01)
    assert heard[0].level_db == pytest.approx(-20, abs=0.5)


def test_what_sounds_from_the_start_is_cut() -> None:
    first, _, second = runs(np.concatenate((tone(0.3, 425), pause(0.5), tone(0.5, 425), pause(0.5))))
    assert first.cut
    assert not second.cut


def test_a_lost_packet_is_bridged() -> None:
    broken = tone(1.0, 425)
    broken[4000:4160] = 0
    (whole,) = runs(np.concatenate((pause(0.3), broken, pause(0.3))))
    assert whole.seconds == pytest.approx(1.0, abs=1.2 / 64)


@pytest.mark.parametrize("modulator", ["17", "25", "50"])
def test_a_modulated_tone_is_one(modulator: str) -> None:
    (whole,) = runs(sound(f"400*{modulator}/1 -/4", 2))
    assert whole.seconds == pytest.approx(1.0, abs=3 / 64)


def test_tones_of_another_pitch_follow_without_a_pause() -> None:
    heard = runs(
        np.concatenate((pause(0.2), tone(0.33, 950), tone(0.33, 1400), tone(0.33, 1800), pause(0.3)))
    )
    assert [run.lines is None for run in heard] == [False] * 3
    assert [run.seconds for run in heard] == pytest.approx([0.33] * 3, abs=2 / 64)


def test_a_pause_with_noise_15_db_down_is_one_and_speech_in_it_ends_the_cadence() -> None:
    quiet = np.concatenate((pause(0.3), tone(0.5, 425), pause(0.5), tone(0.5, 425), pause(0.5)))
    assert len(runs(quiet + noise(2.3, 0.0125))) == 3
    loud = quiet.copy()
    loud[7000:10000] += noise(0.375, 0.2)
    assert len(runs(loud)) == 1


def test_a_note_that_fades_is_no_tone() -> None:
    note = tone(1.0, 440) * np.exp(-np.arange(8000) / 1500).astype(np.float32)
    assert moments(np.concatenate((pause(0.3), note, pause(0.5)))) == []


def test_a_level_that_moves_is_no_steady_one() -> None:
    wave = tone(1.0, 425)
    (even,) = runs(np.concatenate((pause(0.3), wave, pause(0.5))))
    swell = (wave * np.linspace(0.6, 1.2, 8000)).astype(np.float32)
    (uneven,) = runs(np.concatenate((pause(0.3), swell, pause(0.5))))
    assert even.steady
    assert not uneven.steady


def test_a_glide_is_no_tone() -> None:
    phase = np.cumsum(2 * np.pi * np.linspace(350, 600, 8000) / 8000)
    glide = (0.1 * np.sin(phase)).astype(np.float32)
    assert not any(moment.runs for moment in moments(np.concatenate((pause(0.3), glide, pause(0.5)))))


@settings(max_examples=60, deadline=None)
@given(
    marks=st.lists(st.tuples(st.booleans(), st.integers(1, 40)), max_size=12),
    hz=st.lists(st.sampled_from([100.0, 425.0, 950.0]), min_size=12, max_size=12),
    cuts=st.lists(st.integers(0, 300), max_size=8),
    seed=st.integers(0, 99),
)
def test_any_frames_in_any_cutting_give_the_same_moments(
    marks: list[tuple[bool, int]], hz: list[float], cuts: list[int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    held = np.array([mark for mark, length in marks for _ in range(length)], np.bool_)
    pitch = np.array([f for f, (_, length) in zip(hz, marks, strict=False) for _ in range(length)])
    power = rng.choice([1e-9, 0.01, 0.011], len(held))
    traits = np.stack([power, power, pitch, np.ones(len(held))], axis=1).astype(np.float32)
    spectra = kept_bins(rng.random((len(held), BINS)).astype(np.float32) ** 8 + np.float32(1e-6))
    (whole,) = answered([Runs().push(tone_spans(held), traits, spectra)])
    pieces: list[Moment] = []
    cut_up = Runs()
    edges = [0, *sorted(min(cut, len(held)) for cut in cuts), len(held)]
    for a, b in itertools.pairwise(edges):
        pieces += answered([cut_up.push(tone_spans(held[a:b]), traits[a:b], spectra[a:b])])[0]
    assert [(m.frame, m.runs, m.unfinished.start, m.unfinished.frames) for m in pieces] == [
        (m.frame, m.runs, m.unfinished.start, m.unfinished.frames) for m in whole
    ]
    for moment in whole:
        assert len(moment.runs) <= HISTORY + 1
        for one, after in itertools.pairwise(moment.runs):
            assert one.start + one.frames == after.start
            assert one.lines or after.lines
