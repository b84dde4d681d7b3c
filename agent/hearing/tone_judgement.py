"""What a call's runs say, how sure that is, and when it is too early to say it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from agent.hearing.cadence import Reading
from agent.hearing.tone_runs import Moment, Run
from agent.hearing.tone_table import ToneKind

_LEAST_SHARE = 0.4
"""A kind that fewer of the votes mean is not said."""
_LEAST_FIT, _POOR_FIT = 0.02, 0.06
"""Likelihood of the best fitting tone that says nothing (2.8 standard deviations), nothing for sure (2.4)."""
_BY_RUNS = (0.0, 0.8, 0.8, 0.85, 0.9, 0.95, 0.98)
"""How sure a cadence is by the number of whole tones and pauses that it explains."""
WHOLE_RUNS = len(_BY_RUNS) - 1
"""Whole runs that make a cadence as sure as it can be: two cycles of the longest common one."""
_RIVAL, _DISPUTED = 0.1, 0.65
"""Share of the votes for what a caller would act on otherwise, and how sure a kind with rivals can be."""
_UNDECIDED = 0.12
"""Share of the votes within one country that makes its tones too much alike to say either."""
_MAY_RING = 0.2
"""Share of the votes for ringing with which nothing is said that ends a call."""
_ALIKE = frozenset({ToneKind.BUSY, ToneKind.CONGESTION, ToneKind.OTHER})
"""No rivals: the callee is there or may be, and a later call may reach it."""
_PLAIN_CYCLES, _CYCLES = 2, 3
"""Cycles that make a cadence other than ringing: of tones that no instrument plays, and of any."""
_PLAIN_TONE = 9
"""Frames (0.14 s) of a tone that is no quick note."""
_FIRST_TONE = 45
"""Frames of the first ring: 0.7 s. What is shorter may be a beep, until it comes again."""
_FIRST_PAUSE, _NO_OTHER = 24, 0.95
_LONGER_PAUSE, _HARDLY_ANOTHER = 40, 0.8
"""Frames of the pause after it (0.4 s, 0.6 s), and the share of the votes that makes it ringing by then."""
_STEADY, _STEADY_SECONDS = 0.95, 2.4
"""How sure a tone without end is, and when."""
_HELD_NOTE_HZ = 700.0
"""A tone without end above it is a held note, sooner than the dial tone of one of two countries."""
_LOST_FRAMES = 7
"""A pause up to this long (109 ms) may be lost packets."""
_SAME_PITCH = 0.03
_JITTER_FRAMES = 3
"""Frames by which one cycle of a cadence may differ from the next: half a window on either side."""


def fewest_runs(runs: Sequence[Run], unfinished: Run) -> int | None:
    """Return how many whole runs must be explained for `judge` to say anything, None where it never can.

    So that nothing is read for nothing: most of what voices and instruments make is no cadence at all.
    """
    if unfinished.lines and unfinished.steady and unfinished.seconds >= _STEADY_SECONDS:
        return 0
    if not unfinished.lines and unfinished.frames >= _FIRST_PAUSE and runs and _first_ring(runs[-1]):
        return 1
    tones, plain = 0, True
    for count, run in enumerate(reversed(runs), 1):
        if run.lines:
            tones, plain = tones + 1, plain and _plain(run)
            cycles = _PLAIN_CYCLES if plain else _CYCLES
            if tones >= cycles and count >= 2 * cycles - 1:
                return count
    return None


def judge(
    reading: Reading, runs: Sequence[Run], unfinished: Run, beep: bool, own: bool = False
) -> tuple[ToneKind, float] | None:
    """Decide what a reading says and how sure it is; None while it is too early, or where it would be a coin.

    A `beep` never rings. Votes of one country, the call's `own` or the only one that has such a tone, are no
    opinions of many: two tones that share them sound too much alike.
    """
    kind = max(reading.votes, key=reading.votes.__getitem__)
    share = reading.votes[kind]
    if kind is ToneKind.OTHER or share < _LEAST_SHARE or reading.fit < _LEAST_FIT:
        return None
    rivals = _rivals(reading.votes, kind)
    may_ring = kind is not ToneKind.RINGING and reading.votes.get(ToneKind.RINGING, 0.0) >= _MAY_RING
    others = {other: share for other, share in reading.votes.items() if other not in reading.also}
    one_country = own or len(reading.countries) == 1
    if may_ring or (one_country and _rivals(others, kind) >= _UNDECIDED):
        return None
    most = _DISPUTED if rivals >= _RIVAL or reading.fit < _POOR_FIT else 1.0
    if reading.steady and unfinished.steady and unfinished.seconds >= _STEADY_SECONDS:
        held = not own and unfinished.lines is not None and min(unfinished.lines.hz) > _HELD_NOTE_HZ
        return None if held else (kind, min(most, share * _STEADY))
    sure = min(most, share * _BY_RUNS[min(reading.explained, len(_BY_RUNS) - 1)])
    tones = [run for run in runs[len(runs) - reading.explained :] if run.lines]
    plain = all(map(_plain, tones))
    cycles = _PLAIN_CYCLES if plain else _CYCLES
    if kind is not ToneKind.RINGING:
        return (kind, sure) if len(tones) >= cycles and reading.explained >= 2 * cycles else None
    if len(tones) >= cycles and reading.explained >= 2 * cycles - 1:
        return kind, sure
    # The first ring: a pause that is longer than between two notes, and nothing else has such a tone.
    enough = _NO_OTHER if unfinished.frames < _LONGER_PAUSE else _HARDLY_ANOTHER
    first = share >= enough and unfinished.lines is None and unfinished.frames >= _FIRST_PAUSE
    whole = len(tones) == 1 and _first_ring(tones[0])
    return (kind, sure) if first and whole and not beep else None


def _plain(tone: Run) -> bool:
    return tone.steady and tone.frames >= _PLAIN_TONE


def _first_ring(tone: Run) -> bool:
    return tone.steady and tone.frames >= _FIRST_TONE


def _rivals(votes: Mapping[ToneKind, float], kind: ToneKind) -> float:
    """Return the share of the votes that are for something else than this, by what a caller would do."""
    same = _ALIKE if kind in _ALIKE else {kind, ToneKind.OTHER}
    return sum(share for other, share in votes.items() if other not in same)


def views(moment: Moment) -> Iterator[tuple[tuple[Run, ...], Run]]:
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


def goes_on(moment: Moment) -> bool:
    """Tell whether a cadence that was read as a whole only comes once more: nothing new can be read."""
    runs, unfinished = moment.runs, moment.unfinished
    for cycle in (2, 4) if len(runs) >= WHOLE_RUNS else ():
        before = runs[-cycle]
        if (
            _again(runs[-1], runs[-1 - cycle])
            and _again(runs[-2], runs[-2 - cycle])
            and (before.lines is None) is (unfinished.lines is None)
            and unfinished.frames <= before.frames + _JITTER_FRAMES
        ):
            return True
    return False


def _again(run: Run, before: Run) -> bool:
    alike = run.lines is before.lines is None or _same(run, before)
    return alike and abs(run.frames - before.frames) <= _JITTER_FRAMES


def _same(one: Run, other: Run) -> bool:
    """Tell whether two tones may be one, in a short piece of which two lines may look like one."""
    if one.lines is None or other.lines is None:
        return False
    low, high = min(other.lines.hz) * (1 - _SAME_PITCH), max(other.lines.hz) * (1 + _SAME_PITCH)
    return low <= max(one.lines.hz) and min(one.lines.hz) <= high
