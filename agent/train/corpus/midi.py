"""Composes plain tunes and songs and writes them as Standard MIDI Files, for `fluidsynth` to play.

Nobody would hum them; what counts is that every family of General MIDI instruments is heard,
alone and in a band, in all keys, tempi and densities, as music on hold and ringback songs are.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from agent.train.corpus.singing import SungNote

_TICKS = 480
"""Ticks of a quarter note."""
_DRUMS = 9
"""The channel of percussion in General MIDI."""
_SCALES = (
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 3, 5, 7, 8, 10),
    (0, 2, 4, 7, 9),
    (0, 3, 5, 7, 10),
    (0, 2, 3, 5, 7, 9, 10),
)
_PROGRESSIONS = ((0, 4, 5, 3), (0, 3, 4, 0), (5, 3, 0, 4), (1, 4, 0, 0), (0, 5, 1, 4), (0, 0, 3, 4))

FAMILIES = (
    "piano", "chromatic", "organ", "guitar", "bass", "strings", "ensemble", "brass",
    "reed", "pipe", "lead", "pad", "effects", "world",
)  # fmt: skip
"""Families of eight General MIDI programs each, from program 0; percussion and sound effects follow."""


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """One note of a tune."""

    start: int
    """In ticks from the beginning."""
    length: int
    channel: int
    key: int
    velocity: int


def compose_tune(family: int, seconds: float, rng: np.random.Generator) -> bytes:
    """Return a Standard MIDI File of so many seconds whose melody is played by a family of FAMILIES."""
    tempo = float(rng.uniform(55, 165))
    beats = int(seconds * tempo / 60)
    band = rng.random() < 0.65
    programs = [
        family * 8 + int(rng.integers(8)),
        int(rng.choice([0, 4, 24, 25, 48, 50, 88, 89, 16, 52])),
        int(rng.integers(32, 40)),
    ]
    scale, progression = _SCALES[rng.integers(len(_SCALES))], _PROGRESSIONS[rng.integers(len(_PROGRESSIONS))]
    root = int(rng.integers(36, 48))
    notes = list(_melody(scale, progression, root + 12 * int(rng.integers(1, 4)), beats, rng))
    if band or rng.random() < 0.5:
        notes += _chords(scale, progression, root + 12, beats, rng)
    if band:
        notes += _bass(scale, progression, root, beats, rng)
        if rng.random() < 0.8:
            notes += _beat(beats, rng)
    return _write(notes, programs, tempo)


@dataclass(frozen=True, slots=True)
class Song:
    """What a singer and a band need."""

    band: bytes
    """A Standard MIDI File without the melody."""
    melody: tuple[SungNote, ...]


def compose_song(seconds: float, lowest_key: int, rng: np.random.Generator) -> Song:
    """Compose a song of so many seconds for a voice whose range of 19 keys begins at `lowest_key` (MIDI)."""
    tempo = float(rng.uniform(60, 130))
    beats = int(seconds * tempo / 60)
    programs = [0, int(rng.choice([0, 4, 24, 25, 27, 48, 50, 88, 16])), int(rng.integers(32, 40))]
    scale, progression = _SCALES[rng.integers(len(_SCALES))], _PROGRESSIONS[rng.integers(len(_PROGRESSIONS))]
    root = int(rng.integers(36, 48))
    notes = list(_chords(scale, progression, root + 12, beats, rng))
    if rng.random() < 0.7:
        notes += _bass(scale, progression, root, beats, rng)
    if rng.random() < 0.6:
        notes += _beat(beats, rng)
    second = 60 / tempo / _TICKS
    melody = tuple(
        SungNote(note.start * second, max(0.12, note.length * second), _hz(_into(note.key, lowest_key)))
        for note in _melody(scale, progression, root + 12, beats, rng)
    )
    return Song(_write(notes, programs, tempo), melody)


def _into(key: int, lowest: int) -> int:
    """Move a key by octaves to where a voice can sing it."""
    while key < lowest:
        key += 12
    while key > lowest + 19:
        key -= 12
    return key


def _hz(key: int) -> float:
    return 440.0 * math.pow(2.0, (key - 69) / 12)


def _pitch(scale: tuple[int, ...], degree: int) -> int:
    octave, step = divmod(degree, len(scale))
    return 12 * octave + scale[step]


def _melody(
    scale: tuple[int, ...], progression: tuple[int, ...], root: int, beats: int, rng: np.random.Generator
) -> Iterator[Note]:
    durations = [[0.25, 0.5], [0.5, 1.0], [0.5, 1.0, 1.5], [1.0, 2.0], [2.0, 4.0]][rng.integers(5)]
    rest, legato = rng.uniform(0, 0.25), rng.uniform(0.5, 1.1)
    degree, at = 0, 0.0
    while at < beats:
        length = float(rng.choice(durations))
        degree += int(rng.integers(-3, 4))
        if abs(degree) > 9:
            degree = progression[int(at // 4) % 4]
        if rng.random() > rest:
            key = int(np.clip(root + _pitch(scale, degree), 30, 100))
            yield Note(int(at * _TICKS), int(length * legato * _TICKS), 0, key, int(rng.integers(60, 120)))
        at += length


def _chords(
    scale: tuple[int, ...], progression: tuple[int, ...], root: int, beats: int, rng: np.random.Generator
) -> Iterator[Note]:
    length = float(rng.choice([0.5, 1.0, 2.0, 4.0]))
    broken = rng.random() < 0.4
    loud = int(rng.integers(40, 95))
    for index in range(int(beats / length)):
        at = index * length
        degree = progression[int(at // 4) % 4]
        voices = (0, 2, 4, 6)[: int(rng.integers(3, 5))]
        for order, voice in enumerate(voices):
            shift = order * length / len(voices) if broken else 0.0
            start = int((at + shift) * _TICKS)
            yield Note(
                start, int((length - shift) * _TICKS * 0.95), 1, root + _pitch(scale, degree + voice), loud
            )


def _bass(
    scale: tuple[int, ...], progression: tuple[int, ...], root: int, beats: int, rng: np.random.Generator
) -> Iterator[Note]:
    for beat in range(beats):
        degree = progression[(beat // 4) % 4] + (0 if rng.random() < 0.7 else 4)
        if rng.random() < 0.85:
            yield Note(
                beat * _TICKS,
                int(_TICKS * 0.8),
                2,
                root - 12 + _pitch(scale, degree),
                int(rng.integers(70, 110)),
            )


def _beat(beats: int, rng: np.random.Generator) -> Iterator[Note]:
    hat, loud = int(rng.choice([42, 44, 51, 70])), int(rng.integers(50, 110))
    for beat in range(beats):
        yield Note(beat * _TICKS, 60, _DRUMS, 36 if beat % 2 == 0 else int(rng.choice([38, 39, 40])), loud)
        for half in (0, _TICKS // 2):
            yield Note(beat * _TICKS + half, 60, _DRUMS, hat, loud * 2 // 3)


def _write(notes: list[Note], programs: list[int], tempo: float) -> bytes:
    """Write a single-track Standard MIDI File (MIDI 1.0, RP-001)."""
    events = [(0, bytes((0xC0 | channel, program))) for channel, program in enumerate(programs)]
    for note in notes:
        events.append((note.start, bytes((0x90 | note.channel, note.key, note.velocity))))
        events.append((note.start + max(30, note.length), bytes((0x80 | note.channel, note.key, 0))))
    track = b"\x00\xff\x51\x03" + int(60e6 / tempo).to_bytes(3, "big")
    last = 0
    for at, message in sorted(events):
        track += _variable(at - last) + message
        last = at
    track += b"\x00\xff\x2f\x00"
    header = b"MThd" + struct.pack(">IHHH", 6, 0, 1, _TICKS)
    return header + b"MTrk" + struct.pack(">I", len(track)) + track


def _variable(number: int) -> bytes:
    """Write a variable-length quantity."""
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(0x80 | number & 0x7F)
    return bytes(reversed(digits))
