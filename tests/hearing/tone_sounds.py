"""Tones and pauses as samples, and what one call's hearing makes of them."""

import itertools
import math
from collections.abc import Sequence

import numpy as np

from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.hearing.rows import frame_rows
from agent.hearing.spectrogram import Framer, cut_frames, power_of, power_spectrogram
from agent.hearing.steady_tones import answered
from agent.hearing.tone_frames import AROUND, frame_traits, silent_traits, tone_frames, tone_spans
from agent.hearing.tone_lines import kept_bins
from agent.hearing.tone_runs import Moment, Run, Runs
from agent.hearing.tone_table import parse_cadence
from agent.hearing.tones import ToneEar, ToneEvent, Tones


def tone(seconds: float, *hz: float, amplitude: float = 0.1) -> Samples:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    waves = [amplitude * np.sin(2 * np.pi * f * time + phase) for phase, f in enumerate(hz)]
    made: Samples = np.sum(waves, axis=0).astype(np.float32)
    return made


def pause(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def noise(seconds: float, level: float, seed: int = 0) -> Samples:
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal(round(seconds * SAMPLE_RATE))).astype(np.float32)


def sound(cadence: str, seconds: float, lead: float = 0.3) -> Samples:
    """Sound a cadence as `tones.yaml` writes it, after a pause."""
    read = parse_cadence(cadence)
    parts = [pause(lead)]
    for step in itertools.chain(read.once, itertools.cycle(read.again)):
        length = min(step.seconds, seconds)
        if step.chord is None:
            parts.append(pause(length))
        else:
            ripple = 1 + 0.9 * np.cos(
                2
                * math.pi
                * step.chord.modulated_by_hz
                * np.arange(round(length * SAMPLE_RATE))
                / SAMPLE_RATE
            )
            made = tone(length, *step.chord.hz)
            parts.append((made * ripple).astype(np.float32) if step.chord.modulated_by_hz else made)
        seconds -= length
        if seconds <= 0:
            return np.concatenate(parts)
    raise AssertionError


def held(samples: Samples) -> str:
    """Draw which frames hold a tone: `#` or `.`."""
    spectra = power_spectrogram(samples)
    around = silent_traits(AROUND)
    marks = tone_frames(np.concatenate((around, frame_traits(frame_rows(spectra)), around)))
    return "".join("#" if mark else "." for mark in marks[AROUND:-AROUND])


def moments(samples: Samples) -> list[Moment]:
    """Return every moment of a sound's runs."""
    spectra = power_spectrogram(samples)
    around = silent_traits(AROUND)
    traits = frame_traits(frame_rows(spectra))
    marks = tone_frames(np.concatenate((around, traits, around)))[AROUND:-AROUND]
    return answered([Runs().push(tone_spans(marks), traits, kept_bins(spectra))])[0]


def runs(samples: Samples) -> tuple[Run, ...]:
    """Return the whole tones and pauses of a sound that ends in a pause."""
    return moments(samples)[-1].runs


def events(
    samples: Samples, cuts: Sequence[int] = (), country: str | None = None, ear: ToneEar | None = None
) -> list[ToneEvent]:
    """Return what one call's tones tell, its samples cut at `cuts`."""
    call, framer, told = Tones(country), Framer(), []
    ear = ear or EAR
    edges = [0, *sorted(min(cut, len(samples)) for cut in cuts), len(samples)]
    for start, end in itertools.pairwise(edges):
        frames = cut_frames([framer], [samples[start:end]])
        spectra = power_of(frames)
        told += ear.listen([call], frames.counts, kept_bins(spectra), frame_rows(spectra))[0]
    return told


EAR = ToneEar()
