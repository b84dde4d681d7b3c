"""Hears all calls in one pass: bytes in, judged seconds and tones out."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from agent.hearing.features import SILENCE, Vectors, features
from agent.hearing.forest import Forest
from agent.hearing.known import Known
from agent.hearing.mel import MEL_BANDS
from agent.hearing.pcm import SAMPLE_RATE, Decoder, decode_together
from agent.hearing.recognition import Recollection, recognise
from agent.hearing.rows import ROW_WIDTH, SILENT_ROWS, Rows, frame_rows, is_silent
from agent.hearing.sound import SOUNDS, Encoding, HeardSecond, Sound
from agent.hearing.spectrogram import (
    FRAMES_PER_SECOND,
    LOOKAHEAD,
    Framer,
    Frames,
    Power,
    cut_frames,
    power_of,
)
from agent.hearing.tone_lines import END_BIN, FIRST_BIN, kept_bins
from agent.hearing.tones import ToneEar, ToneEvent, Tones

RECOGNISES_FROM = 0.1
"""Probability of speech from which on a second is searched for known announcements."""
_SPEECH = SOUNDS.index(Sound.SPEECH)
_LAST = -1
_FRAMES_AT_ONCE = 256
"""Frames whose spectra are there at once: what comes of them stays in a processor's second cache."""
_FEWEST_AT_ONCE, _SHARE_AT_ONCE = 42, 16
"""Seconds of audio that are heard at once however few calls there are: a tick of 210. Of more calls it is a
sixteenth of a second each: what a batch works with (200 kB a second) stays little beside what they keep."""


class Stream:
    """What hearing keeps of one call between ticks: 15 kB on average, up to 120 kB while it hears speech."""

    __slots__ = (
        "_decoder",
        "_filled",
        "_framer",
        "_gap_at",
        "_rows",
        "_seconds",
        "_told",
        "_tones",
        "announced",
        "encoding",
        "recollection",
        "samples_heard",
    )

    def __init__(self, encoding: Encoding, country: str | None = None, trunk: str | None = None) -> None:
        """Begin a call on a trunk that plays the tones of `country` (ISO 3166-1 code), None for any.

        Known announcements of other trunks than `trunk` are not recognised, None for those of any.
        """
        self.encoding = encoding
        self.samples_heard = 0
        """8 kHz samples taken so far."""
        self.recollection = Recollection(trunk)
        """What the search for announcements remembers."""
        self.announced = False
        """Its announcement is known."""
        self._decoder = Decoder(encoding)
        self._framer = Framer()
        self._rows: list[Rows] = []
        """Of the second that is not complete yet, in pieces: half as much as a whole one, on average."""
        self._filled = 0
        self._seconds = 0
        self._gap_at = -1
        self._tones = Tones(country)
        self._told: list[ToneEvent] = []

    @property
    def told(self) -> bool:
        """Tones were recognised since it was asked last."""
        return bool(self._told)

    def take_tones(self) -> list[ToneEvent]:
        """Return what the network said with tones since it was asked last."""
        told, self._told = self._told, []
        return told

    @property
    def seconds_heard(self) -> float:
        """Seconds of audio taken so far."""
        return self.samples_heard / SAMPLE_RATE

    def mark_gap(self) -> None:
        """Take note that audio was dropped before what comes next, which begins a new sample."""
        self._decoder.restart()
        # The latest gap is enough: whatever marks the open second lies before it and in that second too.
        self._gap_at = self.samples_heard
        self._tones.mark_gap()

    def _fill(self, rows: Rows) -> tuple[Rows, float, bool] | None:
        """Take at most 64 new rows; return the second that they complete: its rows, start and gap."""
        fits = min(len(rows), FRAMES_PER_SECOND - self._filled)
        self._rows.append(rows[:fits].copy())
        self._filled += fits
        if self._filled < FRAMES_PER_SECOND:
            return None
        second = np.concatenate(self._rows)
        start = self._seconds * SAMPLE_RATE
        gap = start <= self._gap_at < start + SAMPLE_RATE + LOOKAHEAD
        self._seconds += 1
        self._filled = len(rows) - fits
        self._rows = [rows[fits:].copy()]
        return second, start / SAMPLE_RATE, gap


class Ear:
    """One pair of ears for all calls."""

    __slots__ = ("_forest", "_max_calls_per_batch", "_tone_ear", "candidate", "known")

    def __init__(
        self,
        forest: Forest,
        max_calls_per_batch: int = 64,
        candidate: Forest | None = None,
        tone_ear: ToneEar | None = None,
    ) -> None:
        """Listen with `forest`, to at most `max_calls_per_batch` seconds of audio at once to bound memory.

        Where few calls have much audio waiting, fewer seconds are heard at once.

        Tones are only recognised with a `tone_ear`.
        """
        self._tone_ear = tone_ear
        self._forest = forest
        self._max_calls_per_batch = max_calls_per_batch
        self.candidate = candidate
        """A second forest that judges the same features in shadow; it may be changed at any time."""
        self.known: Known | None = None
        """Announcements that are recognised in speech; they may be changed at any time."""

    def warm_up(self) -> None:
        """Hear a batch of noise, in the thread that is to hear: it then has what batches work with."""
        noise = np.random.default_rng(0).normal(0.0, 1000.0, SAMPLE_RATE + LOOKAHEAD).astype("<i2").tobytes()
        self.hear([(Stream(Encoding.SLIN8), noise) for _ in range(_FEWEST_AT_ONCE)])

    def hear(self, chunks: Sequence[tuple[Stream, bytes]]) -> list[list[HeardSecond]]:
        """Take new audio of many calls and return the seconds that it completes, in the same order.

        What it tells by tones is kept by each stream, for `Stream.take_tones`.

        A second is complete once 387 samples of the next one are there. Call it from one thread
        at a time; nearly all of its work lets other threads run.
        """
        known = self.known
        most = min(self._max_calls_per_batch, max(_FEWEST_AT_ONCE, len(chunks) // _SHARE_AT_ONCE))
        owners: list[int] = []
        starts: list[tuple[float, bool]] = []
        vectors: list[Vectors] = []
        places: list[int] = []
        sounding = 0
        spectra: list[Rows] = []
        for batch in _batches(chunks, most):
            done = self._seconds(batch)
            seconds: list[Rows] = []
            for index, rows, start, gap in done:
                owners.append(index)
                starts.append((start, gap))
                spectra.append(rows[:, :MEL_BANDS])
                if is_silent(rows):
                    places.append(_LAST)
                else:
                    seconds.append(rows)
                    places.append(sounding)
                    sounding += 1
            vectors += [features(np.stack(seconds[at : at + most])) for at in range(0, len(seconds), most)]
        heard: list[list[HeardSecond]] = [[] for _ in chunks]
        if places:
            if _LAST in places:  # silence is asked about once for all
                vectors.append(SILENCE)
            every = np.concatenate(vectors)
            judged = _judged(self._forest, every, places)
            other = self.candidate
            shadow = [None] * len(places) if other is None else _judged(other, every, places)
            streams = [chunks[index][0] for index in owners]
            named = (
                _named(known, streams, starts, judged, spectra, most)
                if known is not None
                else [None] * len(judged)
            )
            for index, (at, gap), p, q, name in zip(owners, starts, judged, shadow, named, strict=True):
                heard[index].append(HeardSecond(at, p, gap, q, name))
        return heard

    def _seconds(self, batch: Sequence[tuple[int, Stream, bytes]]) -> list[tuple[int, Rows, float, bool]]:
        """Hear what comes, tell its tones, and return the seconds that it completes: rows, start and gap."""
        frames = _frames(batch)
        rows, lines = _rows_and_lines(frames)
        if self._tone_ear is not None:
            tones = [stream._tones for _, stream, _ in batch]
            told = self._tone_ear.listen(tones, frames.counts, lines, rows)
            for (_, stream, _), events in zip(batch, told, strict=True):
                stream._told += events
        done: list[tuple[int, Rows, float, bool]] = []
        end = 0
        for (index, stream, _), count in zip(batch, frames.counts, strict=True):
            begin, end = end, end + count
            if (second := stream._fill(rows[begin:end])) is not None:
                done.append((index, *second))
        return done


def _batches(chunks: Sequence[tuple[Stream, bytes]], most: int) -> Iterator[list[tuple[int, Stream, bytes]]]:
    """Cut the work into pieces of at most one second of each call, and `most` seconds in all."""
    group: list[tuple[int, Stream, bytes, int]] = []
    held = 0.0
    for index, (stream, data) in enumerate(chunks):
        rate = stream.encoding.bytes_per_second
        seconds = min(1.0, len(data) / rate)
        if group and held + seconds > most:
            yield from _second_by_second(group)
            group, held = [], 0.0
        group.append((index, stream, data, rate))
        held += seconds
    if group:
        yield from _second_by_second(group)


def _second_by_second(
    calls: Sequence[tuple[int, Stream, bytes, int]],
) -> Iterator[list[tuple[int, Stream, bytes]]]:
    for second in range(max(-(-len(data) // rate) for _, _, data, rate in calls)):
        yield [
            (index, stream, data[second * rate : (second + 1) * rate])
            for index, stream, data, rate in calls
            if len(data) > second * rate
        ]


def _frames(batch: Sequence[tuple[int, Stream, bytes]]) -> Frames:
    """Take bytes of calls and return the frames that they complete."""
    samples = decode_together([stream._decoder for _, stream, _ in batch], [data for _, _, data in batch])
    for (_, stream, _), new in zip(batch, samples, strict=True):
        stream.samples_heard += new.size
    return cut_frames([stream._framer for _, stream, _ in batch], samples)


def _rows_and_lines(frames: Frames) -> tuple[Rows, Power]:
    """Return the rows of frames and what tones are told by, a piece at a time: whole spectra are large."""
    rows = np.empty((len(frames.starts), ROW_WIDTH), np.float32)
    lines = np.zeros((len(rows), END_BIN - FIRST_BIN), np.float32)
    sounding = frames.sounding
    if len(sounding) < len(rows):
        rows[:] = SILENT_ROWS[0]
    for at in range(0, len(sounding), _FRAMES_AT_ONCE):
        piece = sounding[at : at + _FRAMES_AT_ONCE]
        powers = power_of(replace(frames, starts=frames.starts[piece]))
        rows[piece], lines[piece] = frame_rows(powers), kept_bins(powers)
    return rows, lines


def _judged(
    forest: Forest, vectors: Vectors, places: Sequence[int]
) -> list[tuple[float, float, float, float]]:
    """Return what a forest says of seconds, by the place of each among the vectors."""
    told = [(p[0], p[1], p[2], p[3]) for p in forest.predict(vectors).tolist()]
    return [told[place] for place in places]


def _named(
    known: Known,
    streams: Sequence[Stream],
    starts: Sequence[tuple[float, bool]],
    judged: Sequence[tuple[float, float, float, float]],
    spectra: Sequence[Rows],
    most: int,
) -> list[str | None]:
    """Say which known announcement each second belongs to; seconds of one call are taken in their order.

    Once a call's announcement is known its speech is not searched any more. At most so many seconds are
    searched at once, to bound memory.
    """
    named: list[str | None] = [None] * len(streams)
    waiting = [index for index, p in enumerate(judged) if p[_SPEECH] >= RECOGNISES_FROM]
    while waiting:
        taken: dict[int, int] = {}
        for index in waiting:
            if not streams[index].announced:
                taken.setdefault(id(streams[index]), index)
        if not taken:
            break
        batch = sorted(taken.values())[:most]
        heard = [(streams[index].recollection, starts[index][0], spectra[index]) for index in batch]
        for index, match in zip(batch, recognise(known, heard), strict=True):
            if max(judged[index]) == judged[index][_SPEECH]:  # singers are searched too, not collected
                streams[index].recollection.collect()
            if match is not None:
                named[index] = known.announcements[match.owner].name
                streams[index].announced = True
        done = set(batch)
        waiting = [index for index in waiting if index not in done]
    return named
