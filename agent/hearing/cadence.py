"""Which networks' tones explain the latest runs of a call, and what most of these networks mean by it.

Every moment of every cadence that a call can be in is one row of a table: the step that goes on, and the steps
before it, newest first. All rows are compared with a call's runs at once. An exchange is off by one factor in
all of its times (10 %), and each edge by some frames; a row's misfit turns into a likelihood, each country
votes for each kind with its best row, and the votes are added up.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.hearing.chords import Chords
from agent.hearing.tone_runs import BRIDGE, HISTORY, Run
from agent.hearing.tone_table import NATIONAL_KINDS, Cadence, Step, ToneKind, ToneTable

_MELTS = (BRIDGE + 1) / 64
"""Pauses shorter than this, in seconds, are not heard."""
_TEMPO = 0.05
_TEMPO_MOST = 0.135
"""Relative error of an exchange's clock: the deviation, and the most."""
_EDGE = 0.02
_EDGE_MOST = 0.085
"""Error of a run's length beyond that, in seconds: the deviation, and the most (two lost packets)."""
_RARE = 0.3
"""Weight of a vote for a tone that seldom reaches a caller: call waiting, warnings."""
_LATE = 0.05
"""Seconds that an unfinished run may last beyond its step."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What some runs mean."""

    votes: Mapping[ToneKind, float]
    """Share of each kind, they add up to 1."""
    countries: Mapping[ToneKind, tuple[str, ...]]
    """Codes of the countries that mean it, of each kind."""
    explained: int
    """Whole runs, the newest ones, that are explained."""
    tones: int
    """How many of these are tones and not pauses."""
    steady: bool
    """What goes on is a tone without end, or a very long one."""
    fit: float
    """How well the best row fits, 0 to 1."""


class Cadences:
    """The cadences of a table, or of one of its countries, ready for comparison."""

    __slots__ = ("_chord", "_chords", "_of", "_on", "_row_tone", "_seconds", "_vote_country", "_vote_kind", "_vote_tone")

    def __init__(self, table: ToneTable, country: str | None = None) -> None:
        """Take the tones of all countries, or of the one with this code."""
        tones = [
            (tone.cadence, {kind: codes for kind, users in tone.countries.items() if (codes := _of(users, country))})
            for tone in table.tones
        ]
        tones = [(cadence, kinds) for cadence, kinds in tones if kinds]
        chords = sorted({step.chord for cadence, _ in tones for step in (*cadence.once, *cadence.again) if step.chord}, key=str)
        self._chords = Chords(chords)
        index = {chord: at for at, chord in enumerate(chords)}
        rows: list[tuple[Step | None, ...]] = []
        owner: list[int] = []
        for at, (cadence, _) in enumerate(tones):
            for row in _rows(cadence):
                rows.append(row)
                owner.append(at)
        self._row_tone = np.array(owner)
        self._seconds = np.array([[step.seconds if step else np.nan for step in row] for row in rows])
        self._on = np.array([[step is not None and step.chord is not None for step in row] for row in rows])
        self._chord = np.array([[index[step.chord] if step and step.chord else 0 for step in row] for row in rows])
        votes = [(at, kind, code) for at, (_, kinds) in enumerate(tones) for kind, codes in kinds.items() for code in codes]
        pairs = sorted({(kind, code) for _, kind, code in votes})
        number = {pair: at for at, pair in enumerate(pairs)}
        self._vote_tone = np.array([at for at, _, _ in votes])
        self._of = np.array([number[kind, code] for _, kind, code in votes])
        self._vote_kind = np.array([NATIONAL_KINDS.index(kind) for kind, _ in pairs])
        self._vote_country = [code for _, code in pairs]

    def read(self, runs: Sequence[Run], unfinished: Run) -> Reading | None:
        """Say what the newest runs mean, None if no network sounds like this."""
        newest = [unfinished, *reversed(runs)][: HISTORY + 1]
        cost = [self._chords.cost(run.lines) if run.lines else None for run in newest]
        count = len(newest)
        heard = np.array([run.seconds for run in newest])
        on = np.array([run.lines is not None for run in newest])
        seconds, alike = self._seconds[:, :count], self._on[:, :count] == on
        alike &= ~np.isnan(seconds)
        chord_cost = np.zeros((len(seconds), count))
        for at, one in enumerate(cost):
            if one is not None:
                chord_cost[:, at] = one[self._chord[:, at]]
        alike &= np.isfinite(chord_cost)
        cut = np.array([run.cut for run in newest])
        most = seconds * (1 + _TEMPO_MOST) + _EDGE_MOST
        least = np.where(cut, 0.0, seconds * (1 - _TEMPO_MOST) - _EDGE_MOST)
        alike &= (heard <= most) & ((heard >= least) | (np.arange(count) == 0))
        alike[:, 0] &= heard[0] <= seconds[:, 0] * (1 + _TEMPO_MOST) + _LATE
        run_length = np.cumprod(alike, axis=1).sum(axis=1) - 1
        explained = int(run_length.max(initial=-1))
        if explained < 0:
            return None
        rows = np.flatnonzero(run_length == explained)
        misfit = self._misfit(rows, explained, heard, cut, chord_cost)
        likelihood = np.zeros(self._row_tone.max() + 1)
        np.maximum.at(likelihood, self._row_tone[rows], np.exp(-misfit))
        best = np.zeros(len(self._vote_country))
        np.maximum.at(best, self._of, likelihood[self._vote_tone])
        best *= np.where(self._vote_kind == NATIONAL_KINDS.index(ToneKind.OTHER), _RARE, 1.0)
        total = best.sum()
        if total <= 0:
            return None
        by_kind = np.bincount(self._vote_kind, best, len(NATIONAL_KINDS)) / total
        meant = {
            kind: tuple(self._vote_country[at] for at in np.flatnonzero((self._vote_kind == index) & (best > 0.1 * best.max())))
            for index, kind in enumerate(NATIONAL_KINDS)
            if by_kind[index] > 0
        }
        return Reading(
            votes={kind: float(by_kind[NATIONAL_KINDS.index(kind)]) for kind in meant},
            countries=meant,
            explained=explained,
            tones=int(on[1 : explained + 1].sum()),
            steady=bool(on[0]) and float(np.median(seconds[rows, 0])) > 2.4,
            fit=float(best.max()),
        )

    def _misfit(self, rows: NDArray[np.intp], explained: int, heard: NDArray[np.float64], cut: NDArray[np.bool_], chord_cost: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return half the sum of squared errors of rows, (rows,): of the tempo, of the edges, of the pitch."""
        chords = chord_cost[rows, : explained + 1]
        tones = self._on[rows, : explained + 1]
        pitch = chords.sum(axis=1) / np.maximum(tones.sum(axis=1), 1)
        whole = ~cut[1 : explained + 1]
        expected, got = self._seconds[rows, 1 : explained + 1][:, whole], heard[1 : explained + 1][whole]
        if not got.size:
            return pitch
        tempo = np.clip(got.sum() / expected.sum(axis=1), 1 - _TEMPO_MOST, 1 + _TEMPO_MOST)
        edges = (got - expected * tempo[:, np.newaxis]) / _EDGE
        return pitch + 0.5 * ((tempo - 1) / _TEMPO) ** 2 + 0.5 * np.minimum(np.mean(edges**2, axis=1), 18.0)


def _of(users: tuple[str, ...], country: str | None) -> tuple[str, ...]:
    return users if country is None else tuple(code for code in users if code == country)


def _rows(cadence: Cadence) -> Iterator[tuple[Step | None, ...]]:
    """Yield the moments of a cadence: what goes on, then what came before, newest first; None for the start."""
    once, again = _audible(cadence.once, wraps=False), _audible(cadence.again, wraps=True)
    if len(again) == 1:
        again = [Step(again[0].chord, math.inf)]
    endless = math.isinf(again[-1].seconds)
    needed = HISTORY + 1
    turns = 1 if endless else math.ceil(needed / len(again)) + 1
    steps = [*once, *again * turns]
    tail = range(len(steps) - len(again), len(steps))
    moments = sorted({*range(min(len(steps), len(once) + len(again))), *tail}) if once else tail
    seen: set[tuple[Step | None, ...]] = set()
    for at in moments:
        before: list[Step | None] = [*reversed(steps[: at + 1])]
        row = tuple((before + [None] * needed)[:needed])
        if row not in seen:
            seen.add(row)
            yield row


def _audible(steps: Sequence[Step], wraps: bool) -> list[Step]:
    """Join what is heard as one step: equal neighbours, and tones parted by a pause too short to hear."""
    joined: list[Step] = []
    for step in steps:
        short = step.chord is None and step.seconds < _MELTS
        if joined and (short or joined[-1].chord == step.chord):
            joined[-1] = Step(joined[-1].chord, joined[-1].seconds + step.seconds)
        else:
            joined.append(step)
    if wraps and len(joined) > 1 and joined[0].chord == joined[-1].chord:
        last = joined.pop()
        joined[0] = Step(last.chord, last.seconds + joined[0].seconds)
    return joined
