"""What the network says with tones: frames of all calls in, events out.

An event says that from now on a tone of this kind is heard, or that its meaning became surer. Any number of
frames may come at a time; where they are cut makes no difference.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from agent.hearing.cadence import Cadences, Reading
from agent.hearing.pcm import SAMPLE_RATE
from agent.hearing.rows import Rows
from agent.hearing.sit import fax_or_modem, special_information
from agent.hearing.spectrogram import FRAME_SIZE, FRAMES_PER_SECOND, HOP, Power
from agent.hearing.tone_frames import AROUND, frame_traits, silent_traits, tone_frames
from agent.hearing.tone_lines import END_BIN, FIRST_BIN, kept_bins
from agent.hearing.tone_runs import Moment, Run, Runs
from agent.hearing.tone_table import ToneKind, ToneTable, world

_SURER = 0.1
"""An event is said again once it is this much surer."""
_LEAST_SHARE = 0.4
"""A kind that fewer of the votes mean is not said."""
_LEAST_FIT = 0.02
"""Likelihood of the best fitting tone: 2.8 standard deviations."""
_RINGING_SHARE = 0.8
"""So many of the votes make a first tone ringing, before a cadence repeats."""
_BY_RUNS = (0.0, 0.8, 0.8, 0.85, 0.9, 0.95, 0.98)
"""How sure a cadence is by the number of whole tones and pauses that it explains."""
_PLAIN_CYCLES, _CYCLES = 2, 3
"""Cycles that make a cadence other than ringing: of tones that no instrument plays, and of any."""
_PLAIN_TONE = 9
"""Frames (0.14 s) of a tone that is no quick note."""
_FIRST_TONE, _FIRST_PAUSE = 20, 24
"""Frames of the first ring (0.3 s), and of the pause (0.4 s) after which it is believed."""
_STEADY, _STEADY_SECONDS = 0.95, 2.4
"""How sure a tone without end is, and when."""
_FOREIGN = 0.8
"""How far to trust other countries' tones on a trunk whose country is named."""
_LOST_FRAMES = 7
"""A pause up to this long (109 ms) may be lost packets."""
_SAME_PITCH = 0.03


@dataclass(frozen=True, slots=True)
class ToneEvent:
    """A tone was recognised."""

    kind: ToneKind
    at: float
    """Seconds of audio heard by then."""
    since: float
    """Second at which the tone began: its first segment of those that were needed to tell."""
    detail: str
    """What was heard: frequencies in Hz, seconds of tone and pause."""
    confidence: float
    """0 to 1; low where countries mean different things by the same tone."""
    countries: tuple[str, ...] = ()
    """ISO 3166-1 codes of the countries that mean this by it; none for tones that all countries share."""


class Tones:
    """What is kept of one call between ticks: a few kB."""

    __slots__ = ("_known_pause", "_runs", "_said", "_spectra", "_traits", "country")

    def __init__(self, country: str | None = None) -> None:
        self.country = country
        """Code of the country whose tones the call's trunk plays, None for any."""
        self._runs = Runs(-AROUND)
        self._said: ToneEvent | None = None
        self._known_pause = -1
        self._traits = silent_traits(2 * AROUND)
        self._spectra: Power = np.zeros((AROUND, END_BIN - FIRST_BIN), np.float32)

    def mark_gap(self) -> None:
        """Take note that audio was lost: no cadence goes on over it."""
        self._runs.forget()
        self._said = None

    def _ready(self, spectra: Power) -> Power:
        """Take the spectra of new frames; return as many, those whose neighbours are known."""
        every = np.concatenate((self._spectra, spectra))
        self._spectra = every[len(spectra) :].copy()
        return every[: len(spectra)]


class ToneEar:
    """One ear for the tones of all calls."""

    __slots__ = ("_national", "_table", "_world")

    def __init__(self, table: ToneTable | None = None) -> None:
        """Know the tones of `table`, or those that come with the agent."""
        self._table = world() if table is None else table
        self._world = Cadences(self._table)
        self._national: dict[str, Cadences] = {}

    def listen(
        self, calls: Sequence[Tones], counts: Sequence[int], power: Power, rows: Rows
    ) -> list[list[ToneEvent]]:
        """Take new frames of many calls and return what they tell, in the same order.

        `power` (n, BINS) and the `rows` made of it (n, ROW_WIDTH) hold so many frames of each call, one call
        after the other. A frame counts once the three after it are known. Call it from one thread at a time.
        """
        if not calls:
            return []
        ends = list(accumulate(counts))
        traits = frame_traits(power, rows)
        every = np.concatenate(
            [
                part
                for call, count, end in zip(calls, counts, ends, strict=True)
                for part in (call._traits, traits[end - count : end])
            ]
        )
        held = tone_frames(every)
        seen = np.concatenate(([0], np.cumsum(held))).tolist()
        told: list[list[ToneEvent]] = []
        at = AROUND
        for call, count, end in zip(calls, counts, ends, strict=True):
            ready = call._ready(kept_bins(power[end - count : end]))
            call._traits = every[at + count - AROUND : at + count + AROUND].copy()
            events: list[ToneEvent] = []
            if seen[at + count] == seen[at] and call._runs.idle:
                call._runs.skip(count)
            else:
                moments = call._runs.push(held[at : at + count], every[at : at + count], ready)
                events += filter(None, (self._tell(call, moment) for moment in moments))
            told.append(events)
            at += count + 2 * AROUND
        return told

    def _tell(self, call: Tones, moment: Moment) -> ToneEvent | None:
        """Say what a moment tells that was not said before."""
        if len(moment.runs) == 1 and call._said and moment.runs[0].start >= call._said.at * FRAMES_PER_SECOND:
            call._said = None  # another sound came between
        if moment.unfinished.lines is None and moment.unfinished.start == call._known_pause:
            return None
        event = self._recognise(call, moment)
        if event is None:
            return None
        if moment.unfinished.lines is None:
            call._known_pause = moment.unfinished.start
        before = call._said
        if before and before.kind is event.kind and event.confidence < before.confidence + _SURER:
            return None
        call._said = event
        return event

    def _recognise(self, call: Tones, moment: Moment) -> ToneEvent | None:
        views = tuple(_views(moment))
        for runs, unfinished in views:
            if unfinished.lines is None and (sit := special_information(runs)):
                return _event(*sit, moment, runs[-3:])
            if sure := fax_or_modem(runs, unfinished):
                heard = runs[-3:] if unfinished.lines is None else (unfinished,)
                return _event(ToneKind.FAX_OR_MODEM, sure, moment, heard)
        return self._recognise_national(call.country, moment, views)

    def _recognise_national(
        self, country: str | None, moment: Moment, views: Sequence[tuple[tuple[Run, ...], Run]]
    ) -> ToneEvent | None:
        """Let the country's tones explain what was heard, else the world's."""
        best: ToneEvent | None = None
        for cadences, trust in self._cadences(country):
            for runs, unfinished in views:
                reading = cadences.read(runs, unfinished)
                if reading is None:
                    continue
                event: ToneEvent | None = None
                if judged := _judge(reading, runs, unfinished):
                    kind, sure = judged
                    heard = (*runs[len(runs) - reading.explained :], unfinished)
                    event = _event(kind, sure * trust, moment, heard, reading.countries)
                if reading.explained == len(runs):
                    return event  # nothing is left to explain, be it too early to say
                if event and (best is None or event.confidence > best.confidence):
                    best = event
        return best

    def _cadences(self, country: str | None) -> Iterator[tuple[Cadences, float]]:
        """Yield the cadences to try, with how far to trust them."""
        if country is None or country not in self._table.countries:
            yield self._world, 1.0
            return
        if country not in self._national:
            self._national[country] = Cadences(self._table, country)
        yield self._national[country], 1.0
        yield self._world, _FOREIGN


def _judge(reading: Reading, runs: Sequence[Run], unfinished: Run) -> tuple[ToneKind, float] | None:
    """Decide what a reading says and how sure it is; None while it is too early."""
    kind = max(reading.votes, key=reading.votes.__getitem__)
    share = reading.votes[kind]
    if kind is ToneKind.OTHER or share < _LEAST_SHARE or reading.fit < _LEAST_FIT:
        return None
    if reading.steady and unfinished.steady and unfinished.seconds >= _STEADY_SECONDS:
        return kind, share * _STEADY
    sure = share * _BY_RUNS[min(reading.explained, len(_BY_RUNS) - 1)]
    tones = [run for run in runs[len(runs) - reading.explained :] if run.lines]
    plain = all(run.steady and run.frames >= _PLAIN_TONE for run in tones)
    cycles = _PLAIN_CYCLES if plain else _CYCLES
    if kind is not ToneKind.RINGING:
        return (kind, sure) if len(tones) >= cycles and reading.explained >= 2 * cycles else None
    if len(tones) >= cycles and reading.explained >= 2 * cycles - 1:
        return kind, sure
    # The first ring: a pause that is longer than between two notes, and nothing else has such a tone.
    first = share >= _RINGING_SHARE and unfinished.lines is None and unfinished.frames >= _FIRST_PAUSE
    whole = len(tones) == 1 and plain and tones[0].frames >= _FIRST_TONE
    return (kind, sure) if first and whole else None


def _views(moment: Moment) -> Iterator[tuple[tuple[Run, ...], Run]]:
    """Yield runs and what goes on as heard, and as if short pauses between equal tones were lost packets."""
    yield moment.runs, moment.unfinished
    mended: list[Run] = []
    for run in (*moment.runs, moment.unfinished):
        if len(mended) > 1 and mended[-1].frames <= _LOST_FRAMES and _same(mended[-2], run):
            tone = mended[-2]
            longer = tone if tone.frames > run.frames else run
            del mended[-2:]
            run = replace(longer, start=tone.start, frames=run.start + run.frames - tone.start, cut=tone.cut)
        mended.append(run)
    if len(mended) <= len(moment.runs):
        yield tuple(mended[:-1]), mended[-1]


def _same(one: Run, other: Run) -> bool:
    """Tell whether two tones may be one, in a short piece of which two lines may look like one."""
    if one.lines is None or other.lines is None:
        return False
    low, high = min(other.lines.hz) * (1 - _SAME_PITCH), max(other.lines.hz) * (1 + _SAME_PITCH)
    return low <= max(one.lines.hz) and min(one.lines.hz) <= high


def _event(
    kind: ToneKind, sure: float, moment: Moment, heard: Sequence[Run], countries: tuple[str, ...] = ()
) -> ToneEvent:
    at = ((moment.frame - 1 + AROUND) * HOP + FRAME_SIZE) / SAMPLE_RATE
    detail = ", ".join(f"{run.lines or 'pause'} {run.seconds:.2f} s" for run in heard[-4:])
    since = max(0.0, (heard[0].start * HOP + FRAME_SIZE // 2) / SAMPLE_RATE)
    return ToneEvent(kind, round(at, 2), round(since, 2), detail, round(sure, 2), countries)
