"""Which networks' tones explain the latest runs of a call, and what most of these networks mean by it.

Every moment of every cadence that a call can be in is one row of a table: the step that goes on, and those
before it, newest first. All rows are compared with a call's runs at once. An exchange is off by one factor in
all of its times (10 %), and each edge by some frames; a row's misfit turns into a likelihood, each country
votes for each kind with its best row, and the votes are added up.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agent.hearing.chords import Chords
from agent.hearing.spectrogram import FRAMES_PER_SECOND
from agent.hearing.tone_lines import Lines
from agent.hearing.tone_runs import BRIDGE, HISTORY, Run
from agent.hearing.tone_table import NATIONAL_KINDS, Cadence, Step, ToneKind, ToneTable

SHORTEST_PAUSE_S = (BRIDGE + 1) / FRAMES_PER_SECOND
"""Pauses shorter than this, in seconds, are not heard."""
_TEMPO = 0.05
_TEMPO_MOST = 0.135
"""Relative error of an exchange's clock: the deviation, and the most."""
_EDGE = 0.02
_EDGE_MOST = 0.085
"""Error of a run's length beyond that, in seconds: the deviation, and the most (two lost packets)."""
_WEIGHTS = {ToneKind.OTHER: 0.3, ToneKind.DIAL_TONE: 0.5}
"""Weight of a vote for a tone that seldom reaches a caller after dialling."""
_STEADY = 2.4
"""Seconds of a tone that has no cadence, or hardly any."""
_SURELY = 0.9
"""Share of the votes that nothing is likely to contest."""
_SEAM = 7
"""Frames of pause after which it is sure that no other tone follows at once."""
_PITCHED = 8
"""Frames of a beginning tone before its pitch is known well."""
_REMEMBERED = 256
_LATE = 0.05
"""Seconds that an unfinished run may last beyond its step."""

Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reading:
    """What some runs mean."""

    votes: Mapping[ToneKind, float]
    """Share of each kind, they add up to 1."""
    countries: tuple[str, ...]
    """Codes of the countries that mean the first of these kinds by it."""
    also: frozenset[ToneKind]
    """Kinds that the very tone which fits the first of them best has as well."""
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

    __slots__ = (
        "_chord",
        "_chords",
        "_cut",
        "_kinds",
        "_known",
        "_of",
        "_row_tone",
        "_seconds",
        "_unfinished",
        "_vote_country",
        "_vote_kind",
        "_vote_tone",
        "_weight",
        "_whole",
    )

    def __init__(self, table: ToneTable, country: str | None = None) -> None:
        """Take the tones of all countries, or of the one with this code."""
        tones = [
            (
                tone.cadence,
                {kind: codes for kind, users in tone.countries.items() if (codes := _of(users, country))},
            )
            for tone in table.tones
        ]
        tones = [(cadence, kinds) for cadence, kinds in tones if kinds]
        chords = sorted(
            {step.chord for cadence, _ in tones for step in (*cadence.once, *cadence.again) if step.chord},
            key=str,
        )
        self._chords = Chords(chords)
        index = {chord: at for at, chord in enumerate(chords)}
        rows: list[tuple[Step | None, ...]] = []
        owner: list[int] = []
        for at, (cadence, _) in enumerate(tones):
            for row in _rows(cadence):
                rows.append(row)
                owner.append(at)
        self._row_tone = np.array(owner)
        columns = list(zip(*rows, strict=True))
        self._seconds = np.array(
            [[step.seconds if step else np.nan for step in column] for column in columns]
        )
        self._chord = np.array(
            [[index[step.chord] if step and step.chord else 0 for step in column] for column in columns]
        )
        sign = np.array([[1 if step and step.chord else -1 for step in column] for column in columns])
        none = np.where(np.isnan(self._seconds), np.nan, 0.0)
        least, most = self._seconds * (1 - _TEMPO_MOST), self._seconds * (1 + _TEMPO_MOST)
        self._whole = [
            _bounds(*part) for part in zip(sign, least - _EDGE_MOST, most + _EDGE_MOST, strict=True)
        ]
        self._cut = [_bounds(*part) for part in zip(sign, none, most + _EDGE_MOST, strict=True)]
        self._unfinished = _bounds(sign[0], none[0], most[0] + _LATE)
        votes = [
            (at, kind, code)
            for at, (_, kinds) in enumerate(tones)
            for kind, codes in kinds.items()
            for code in codes
        ]
        pairs = sorted({(kind, code) for _, kind, code in votes})
        number = {pair: at for at, pair in enumerate(pairs)}
        self._vote_tone = np.array([at for at, _, _ in votes])
        self._of = np.array([number[kind, code] for _, kind, code in votes])
        self._vote_kind = np.array([NATIONAL_KINDS.index(kind) for kind, _ in pairs])
        self._vote_country = [code for _, code in pairs]
        self._weight = np.array([_WEIGHTS.get(kind, 1.0) for kind, _ in pairs])
        self._kinds = [frozenset(kinds) for _, kinds in tones]
        self._known: dict[Lines, Reals] = {}

    def read(self, runs: Sequence[Run], unfinished: Run, fewest: int = 0) -> Reading | None:
        """Say what the newest runs mean, None if no network's tone explains `fewest` of them."""
        newest = [unfinished, *reversed(runs)][: HISTORY + 1]
        newest[-1] = replace(newest[-1], cut=True)  # the exchange may have begun to be heard within it
        rows, explained, pitch = self._explain(newest)
        if explained < fewest or not rows.size:
            return None
        told = newest[1 : explained + 1]
        tones = sum(run.lines is not None for run in told)
        misfit = pitch / max(1, tones + (unfinished.lines is not None))
        misfit += self._misfit(rows, [(at, run) for at, run in enumerate(told, 1) if not run.cut])
        likelihood = np.zeros(len(self._kinds))
        np.maximum.at(likelihood, self._row_tone[rows], np.exp(-misfit))
        best = np.zeros(len(self._vote_country))
        np.maximum.at(best, self._of, likelihood[self._vote_tone])
        fit = float(best.max())
        best *= self._weight
        by_kind = np.bincount(self._vote_kind, best, len(NATIONAL_KINDS)) / best.sum()
        votes = {kind: float(share) for kind, share in zip(NATIONAL_KINDS, by_kind, strict=True) if share > 0}
        first = max(votes, key=votes.__getitem__)
        of_first = self._vote_tone[self._vote_kind[self._of] == NATIONAL_KINDS.index(first)]
        also = self._kinds[of_first[likelihood[of_first].argmax()]]
        meant = (self._vote_kind == NATIONAL_KINDS.index(first)) & (best > 0.1 * best.max())
        return Reading(
            votes=votes,
            countries=tuple(self._vote_country[at] for at in np.flatnonzero(meant).tolist()),
            also=also,
            explained=explained,
            tones=tones,
            steady=unfinished.lines is not None and self._endless(rows, first, votes[first]),
            fit=fit,
        )

    def _endless(self, rows: NDArray[np.intp], kind: ToneKind, share: float) -> bool:
        """Tell whether what goes on is a tone of a kind that has no end, or one that can be no other."""
        goes_on = self._seconds[0][rows]
        if share < _SURELY:
            of_kind = self._vote_tone[self._vote_kind[self._of] == NATIONAL_KINDS.index(kind)]
            goes_on = goes_on[np.isin(self._row_tone[rows], of_kind)]
            return bool(np.isinf(goes_on).any())
        return float(np.median(goes_on)) > _STEADY

    def _explain(self, newest: Sequence[Run]) -> tuple[NDArray[np.intp], int, Reals]:
        """Return the rows that explain the most runs, how many whole ones, and the cost of their pitch."""
        rows = np.arange(len(self._row_tone))
        pitch = np.zeros(len(rows))
        for at, run in enumerate(newest):
            heard = run.seconds if run.lines else -run.seconds
            if at or run.lines or run.frames > _SEAM:
                low, high = self._unfinished if at == 0 else self._cut[at] if run.cut else self._whole[at]
                kept = np.flatnonzero((low[rows] <= heard) & (heard <= high[rows]))
            else:  # a tone may follow at once, it is too early to know
                kept = rows
            if run.lines and (at or run.frames >= _PITCHED):
                cost = self._chord_cost(run.lines)[self._chord[at][rows[kept]]]
                fits = np.isfinite(cost)
                kept, cost = kept[fits], cost[fits]
            else:
                cost = np.zeros(len(kept))
            if not kept.size:
                return (rows, at - 1, pitch) if at else (rows[:0], 0, pitch[:0])
            rows, pitch = rows[kept], pitch[kept] + cost
        return rows, len(newest) - 1, pitch

    def _chord_cost(self, lines: Lines) -> Reals:
        """Remember what the latest tones cost: a tone is asked for at every moment of its cadence."""
        cost = self._known.pop(lines, None)
        if cost is None:
            cost = self._chords.cost(lines)
            if len(self._known) >= _REMEMBERED:
                self._known.pop(next(iter(self._known)))
        self._known[lines] = cost
        return cost

    def _misfit(self, rows: NDArray[np.intp], whole: Sequence[tuple[int, Run]]) -> Reals:
        """Return half the sum of squared errors of rows in time, (rows,): of the tempo, and of each edge."""
        if not whole:
            return np.zeros(len(rows))
        expected = self._seconds[[at for at, _ in whole]][:, rows]
        got = np.array([run.seconds for _, run in whole])
        tempo = np.clip(got.sum() / expected.sum(axis=0), 1 - _TEMPO_MOST, 1 + _TEMPO_MOST)
        edges = (got[:, np.newaxis] - expected * tempo) / _EDGE
        misfit: Reals = 0.5 * ((tempo - 1) / _TEMPO) ** 2 + 0.5 * np.minimum(np.mean(edges**2, axis=0), 18.0)
        return misfit


def _bounds(sign: NDArray[np.int_], least: Reals, most: Reals) -> tuple[Reals, Reals]:
    """Return the least and most seconds of steps, those of pauses below 0; NaN where there is no step."""
    least = np.maximum(least, 1e-6)
    return np.where(sign > 0, least, -most), np.where(sign > 0, most, -least)


def _of(users: tuple[str, ...], country: str | None) -> tuple[str, ...]:
    return users if country is None else tuple(code for code in users if code == country)


def _rows(cadence: Cadence) -> Iterator[tuple[Step | None, ...]]:
    """Yield the moments of a cadence: what goes on, then what was before, newest first; None at its start."""
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
        short = step.chord is None and step.seconds < SHORTEST_PAUSE_S
        if joined and (short or joined[-1].chord == step.chord):
            joined[-1] = Step(joined[-1].chord, joined[-1].seconds + step.seconds)
        else:
            joined.append(step)
    if wraps and len(joined) > 1 and joined[0].chord == joined[-1].chord:
        last = joined.pop()
        joined[0] = Step(last.chord, last.seconds + joined[0].seconds)
    return joined
