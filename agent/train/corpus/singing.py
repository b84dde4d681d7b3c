"""Makes a speaker sing: syllables that were spoken, sung to a melody by a linear-prediction vocoder.

Each syllable is cut into frames of 25 ms, of which the all-pole spectrum (the vocal tract, by the
autocorrelation method; Makhoul 1975) and the voicing are kept. A note holds the syllable's loudest stretch
for as long as it lasts and excites it with pulses at its own pitch, gliding from the last one, with vibrato.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, signal

SINGING_RATE = 16_000
"""Samples per second, in Hz."""
_HOP = 80
_WINDOW = 400
_ORDER = 18
_VOICED = 0.4
"""Autocorrelation within the range of voices, relative to lag 0, above which a frame is voiced."""
_PITCH_LAGS = slice(SINGING_RATE // 400, SINGING_RATE // 70)
_GLIDE_S = 0.06
_CONSONANT_FRAMES = 12
"""So much before the vowel is sung as it was spoken: 60 ms."""

Wave = NDArray[np.float64]
"""Mono samples at SINGING_RATE in [-1, 1), (n,)."""


@dataclass(frozen=True, slots=True)
class SungNote:
    """One note of a melody."""

    start_s: float
    length_s: float
    hz: float


@dataclass(frozen=True, slots=True)
class Syllable:
    """The vocal tract while a syllable was spoken, frame by frame of 5 ms."""

    tract: NDArray[np.float64]
    """All-pole coefficients, (frames, 18)."""
    loudness: NDArray[np.float64]
    """Root mean square of each frame, (frames,)."""
    voiced: NDArray[np.bool_]
    """Whether the vocal cords took part, (frames,)."""


@dataclass(frozen=True, slots=True)
class Voice:
    """How somebody sings."""

    vibrato_hz: float = 5.5
    vibrato_semitones: float = 0.4
    breath: float = 0.03
    """Noise in voiced sounds, relative to the pulses."""


def analyse(spoken: Wave) -> Syllable:
    """Take a spoken syllable apart; (n,) of at least 25 ms."""
    start = np.flatnonzero(np.abs(spoken) > 0.02 * np.abs(spoken).max())
    sounding = spoken[start[0] : start[-1] + 1] if len(start) else spoken
    padded = np.pad(sounding, (_WINDOW // 2, _WINDOW))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP] * np.hanning(_WINDOW)
    spectrum = np.abs(np.fft.rfft(frames, 2 * _WINDOW)) ** 2
    lags = np.fft.irfft(spectrum)[:, :_WINDOW]
    power = lags[:, 0] + 1e-9
    tract = np.array(
        [
            linalg.solve_toeplitz(
                np.concatenate(([lag[0] * 1.0001 + 1e-9], lag[1:_ORDER])), lag[1 : _ORDER + 1]
            )
            for lag in lags
        ]
    )
    voiced = lags[:, _PITCH_LAGS].max(axis=1) / power > _VOICED
    return Syllable(tract, np.sqrt(power / _WINDOW), voiced)


def sing(
    syllables: Sequence[Syllable],
    melody: Sequence[SungNote],
    seconds: float,
    voice: Voice,
    rng: np.random.Generator,
) -> Wave:
    """Sing a melody, a syllable a note, chosen at random; (seconds * SINGING_RATE,), -1 to 1 at most."""
    sung = np.zeros(int(seconds * SINGING_RATE))
    before = 0.0
    for note in melody:
        start = int(note.start_s * SINGING_RATE)
        if start >= len(sung):
            continue
        syllable = syllables[int(rng.integers(len(syllables)))]
        wave = _sing_note(syllable, note, before or note.hz, voice, rng)[: len(sung) - start]
        sung[start : start + len(wave)] += wave
        before = note.hz
    loudest = float(np.abs(sung).max())
    return sung * (0.9 / loudest) if loudest else sung


def _sing_note(
    syllable: Syllable, note: SungNote, before_hz: float, voice: Voice, rng: np.random.Generator
) -> Wave:
    order = _hold(syllable, max(2, round(note.length_s * SINGING_RATE / _HOP)))
    time = np.arange(len(order) * _HOP) / SINGING_RATE
    glide = (before_hz / note.hz) ** np.exp(-time / _GLIDE_S)
    depth = voice.vibrato_semitones * np.clip((time - 0.2) / 0.3, 0, 1)
    vibrato = 2 ** (depth * np.sin(2 * np.pi * voice.vibrato_hz * time) / 12)
    phase = np.cumsum(note.hz * glide * vibrato) / SINGING_RATE
    pulses = np.diff(np.floor(phase), prepend=0.0) * np.sqrt(SINGING_RATE / note.hz)
    noise = rng.standard_normal(len(time))
    voiced = np.repeat(syllable.voiced[order], _HOP)
    excitation = np.where(voiced, pulses + voice.breath * noise, 0.5 * noise)
    state = np.zeros(_ORDER)
    wave = np.empty(len(time))
    for place, frame in enumerate(order):
        part = slice(place * _HOP, (place + 1) * _HOP)
        poles = np.concatenate(([1.0], -syllable.tract[frame]))
        wave[part], state = signal.lfilter([1.0], poles, excitation[part], zi=state)
    return _shape(wave, syllable.loudness[order])


def _hold(syllable: Syllable, frames: int) -> NDArray[np.int64]:
    """Return which frame is sung when: a consonant as it was, then the vowel, back and forth."""
    centre = int(np.argmax(syllable.loudness * (syllable.voiced + 0.01)))
    onset = np.arange(max(0, centre - _CONSONANT_FRAMES), centre)[: frames // 2]
    loud = syllable.loudness > 0.5 * syllable.loudness[centre]
    last = centre
    while last + 1 < len(loud) and loud[last + 1] and last - centre < 30:
        last += 1
    there_and_back = np.concatenate((np.arange(centre, last + 1), np.arange(last, centre - 1, -1)))
    held: NDArray[np.int64] = np.concatenate((onset, np.resize(there_and_back, frames - len(onset))))
    return held


def _shape(wave: Wave, loudness: NDArray[np.float64]) -> Wave:
    """Give each frame the loudness of its syllable, and the note soft edges."""
    power = np.convolve(wave**2, np.ones(_WINDOW) / _WINDOW)[(_WINDOW - 1) // 2 :][: len(wave)]
    level = np.sqrt(power + 1e-9)
    wanted = np.interp(np.arange(len(wave)), np.arange(len(loudness)) * _HOP, loudness)
    edge = min(len(wave) // 2, SINGING_RATE // 40)
    gate = np.ones(len(wave))
    gate[:edge] = np.linspace(0, 1, edge)
    gate[len(gate) - edge :] = np.linspace(1, 0, edge)
    shaped: Wave = wave / level * wanted * gate
    return shaped
