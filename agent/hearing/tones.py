"""What the network says with tones: frames of all calls in, events out.

An event says that from now on a tone of this kind is heard, that it became surer, or that it goes on.
Any number of frames may come at a time; where they are cut makes no difference.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from agent.hearing.cadence import Cadences
from agent.hearing.pcm import SAMPLE_RATE
from agent.hearing.rows import Rows
from agent.hearing.sit import fax_or_modem, special_information
from agent.hearing.spectrogram import FRAME_SIZE, FRAMES_PER_SECOND, HOP, Power
from agent.hearing.steady_tones import Asking, answered
from agent.hearing.tone_frames import AROUND, frame_traits, silent_traits, tone_frames, tone_spans
from agent.hearing.tone_judgement import WHOLE_RUNS, fewest_runs, goes_on, judge, views
from agent.hearing.tone_lines import END_BIN, FIRST_BIN
from agent.hearing.tone_runs import HISTORY, Moment, Run, Runs
from agent.hearing.tone_table import ToneKind, ToneTable, world
from agent.hearing.voice_before import LatelySpoken, may_be_voice

_SURER = 0.05
_AGAIN_S = 2.0
"""An event is said again once it is this much surer, or so many seconds later if the tone goes on."""
_DOUBTFUL = 0.7
"""What is less sure than this is read again and again: other phases of the cadence may settle it."""
_FOREIGN = 0.75
"""How far to trust other countries' tones on a trunk whose country is named."""


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

    __slots__ = ("_known_pause", "_runs", "_said", "_settled", "_spectra", "_spoken", "_traits", "country")

    def __init__(self, country: str | None = None) -> None:
        self.country = country
        """Code of the country whose tones the call's trunk plays, None for any."""
        self._runs = Runs(-AROUND)
        self._said: ToneEvent | None = None
        self._known_pause = -1
        self._settled = False
        self._spoken = LatelySpoken()
        self._traits = silent_traits(2 * AROUND)
        self._spectra: Power = np.zeros((AROUND, END_BIN - FIRST_BIN), np.float32)

    def mark_gap(self) -> None:
        """Take note that audio was lost: no cadence goes on over it."""
        self._runs.forget()
        self._said = None

    def _ready(self, spectra: Power) -> Power:
        """Take the spectra of new frames; return as many, those whose neighbours are known."""
        every = np.concatenate((self._spectra, spectra))
        self._spectra[:] = every[len(spectra) :]
        return every[: len(spectra)]

    def _pass(self, spectra: Power) -> None:
        """Take the spectra of new frames before which there is no tone."""
        if len(spectra) < AROUND:
            spectra = np.concatenate((self._spectra, spectra))
        self._spectra[:] = spectra[-AROUND:]


class ToneEar:
    """One ear for the tones of all calls."""

    __slots__ = ("_national", "_table", "_world")

    def __init__(self, table: ToneTable | None = None) -> None:
        """Know the tones of `table`, or those that come with the agent."""
        self._table = world() if table is None else table
        self._world = Cadences(self._table)
        self._national: dict[str, Cadences] = {}

    def listen(
        self, calls: Sequence[Tones], counts: Sequence[int], spectra: Power, rows: Rows
    ) -> list[list[ToneEvent]]:
        """Take new frames of many calls and return what they tell, in the same order.

        `spectra`, the `kept_bins` of whole ones, and the `rows` made of those, (n, ROW_WIDTH), hold so many
        frames of each call, one call after the other. A frame counts once the three after it are known. Call
        it from one thread at a time.
        """
        if not calls:
            return []
        ends = list(accumulate(counts))
        traits = frame_traits(rows)
        every = np.concatenate(
            [
                part
                for call, count, end in zip(calls, counts, ends, strict=True)
                for part in (call._traits, traits[end - count : end])
            ]
        )
        held = tone_frames(every)
        firsts = list(accumulate((count + 2 * AROUND for count in counts), initial=AROUND))
        # What lies between two calls' new frames is asked for at another time.
        between = (np.add(firsts[:-1], counts)[:, np.newaxis] + np.arange(2 * AROUND)).ravel()[:-AROUND]
        held[between] = False
        loud = may_be_voice(every, held)
        loud[:AROUND] = loud[between] = False
        begins = firsts[:-1]
        spans, voices = _by_call(held, begins), _by_call(loud, begins)
        told: list[list[ToneEvent]] = [[] for _ in calls]
        following: list[tuple[int, Asking[list[Moment]]]] = []
        for number, (call, count, end, at) in enumerate(zip(calls, counts, ends, begins, strict=True)):
            call._traits[:] = every[at + count - AROUND : at + count + AROUND]
            if number in voices:
                call._spoken.take(voices[number], call._runs.frame)
            new, traits = spectra[end - count : end], every[at : at + count]
            if number in spans:
                following.append((number, call._runs.push(spans[number], traits, call._ready(new))))
                continue
            call._pass(new)
            if not call._runs.goes_on(count):
                following.append((number, call._runs.push((), traits, new)))
            elif some := call._runs.rest(traits):
                told[number] = self._told(call, some)
        moments = answered([asking for _, asking in following])
        for (number, _), some in zip(following, moments, strict=True):
            told[number] = self._told(calls[number], some)
        return told

    def _told(self, call: Tones, moments: Sequence[Moment]) -> list[ToneEvent]:
        return [event for moment in moments if (event := self._tell(call, moment))]

    def _tell(self, call: Tones, moment: Moment) -> ToneEvent | None:
        """Say what a moment tells that was not said before."""
        if len(moment.runs) == 1 and call._said and moment.runs[0].start >= call._said.at * FRAMES_PER_SECOND:
            call._said = None  # another sound came between
        if moment.unfinished.lines is None and moment.unfinished.start == call._known_pause:
            return None
        if call._settled and call._said and goes_on(moment):
            event: ToneEvent | None = replace(call._said, at=_heard_by(moment))
        else:
            event = self._recognise(call, moment)
        enough = WHOLE_RUNS if event and event.confidence >= _DOUBTFUL else HISTORY
        call._settled = event is not None and len(moment.runs) >= enough
        if event is None:
            return None
        if moment.unfinished.lines is None:
            call._known_pause = moment.unfinished.start
        before = call._said
        if before and before.kind is event.kind:
            surer = event.confidence >= before.confidence + _SURER
            if not surer and event.at < before.at + _AGAIN_S:
                return None
        call._said = event
        return event

    def _recognise(self, call: Tones, moment: Moment) -> ToneEvent | None:
        ways = tuple(views(moment))
        for runs, unfinished in ways:
            if unfinished.lines is None and (sit := special_information(runs)):
                return _event(*sit, moment, runs[-3:])
            if sure := fax_or_modem(runs, unfinished, call._spoken):
                heard = runs[-3:] if unfinished.lines is None else (unfinished,)
                return _event(ToneKind.FAX_OR_MODEM, sure, moment, heard)
        worth_reading = [
            (runs, unfinished, fewest)
            for runs, unfinished in ways
            if (fewest := fewest_runs(runs, unfinished)) is not None
        ]
        return self._recognise_national(call, moment, worth_reading) if worth_reading else None

    def _recognise_national(
        self, call: Tones, moment: Moment, ways: Sequence[tuple[tuple[Run, ...], Run, int]]
    ) -> ToneEvent | None:
        """Let the country's tones explain what was heard, else the world's."""
        beep = call._spoken.before((*moment.runs, moment.unfinished)[0].start)
        for cadences, trust in self._cadences(call.country):
            best: ToneEvent | None = None
            for runs, unfinished, fewest in ways:
                reading = cadences.read(runs, unfinished, fewest)
                if reading is None:
                    continue
                event: ToneEvent | None = None
                if judged := judge(reading, runs, unfinished, beep, own=cadences is not self._world):
                    kind, sure = judged
                    heard = (*runs[len(runs) - reading.explained :], unfinished)
                    event = _event(kind, sure * trust, moment, heard, reading.countries)
                if reading.explained == len(runs):
                    return event  # nothing is left to explain, be it too early to say
                if event and (best is None or event.confidence > best.confidence):
                    best = event
            if best:
                return best
        return None

    def _cadences(self, country: str | None) -> Iterator[tuple[Cadences, float]]:
        """Yield the cadences to try, with how far to trust them."""
        if country is None or country not in self._table.countries:
            yield self._world, 1.0
            return
        if country not in self._national:
            self._national[country] = Cadences(self._table, country)
        yield self._national[country], 1.0
        yield self._world, _FOREIGN


def _by_call(marks: NDArray[np.bool_], begins: Sequence[int]) -> dict[int, list[tuple[int, int]]]:
    """Return from where to where frames are marked, by the number of the call, counted from its beginning."""
    spans: dict[int, list[tuple[int, int]]] = {}
    marked = tone_spans(marks)
    owners = np.searchsorted(begins, [start for start, _ in marked], "right") - 1
    for number, (start, end) in zip(owners.tolist(), marked, strict=True):
        spans.setdefault(number, []).append((start - begins[number], end - begins[number]))
    return spans


def _event(
    kind: ToneKind, sure: float, moment: Moment, heard: Sequence[Run], countries: tuple[str, ...] = ()
) -> ToneEvent:
    detail = ", ".join(f"{run.lines or 'pause'} {run.seconds:.2f} s" for run in heard[-4:])
    since = max(0.0, (heard[0].start * HOP + FRAME_SIZE // 2) / SAMPLE_RATE)
    return ToneEvent(kind, _heard_by(moment), round(since, 2), detail, round(sure, 2), countries)


def _heard_by(moment: Moment) -> float:
    return round(((moment.frame - 1 + AROUND) * HOP + FRAME_SIZE) / SAMPLE_RATE, 2)
