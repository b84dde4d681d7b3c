"""Tones that are the same in every country: special information tones, fax and modem.

SIT are three rising tones without pauses, or with such of 30 ms (ITU-T E.180, clause 10: 950, 1400, 1800 Hz,
330 ms each). North America codes the reason into the first two (Telcordia SR-2275, 6.21): lower or higher,
shorter or longer.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.hearing.spectrogram import FRAMES_PER_SECOND
from agent.hearing.tone_runs import Run
from agent.hearing.tone_table import ToneKind
from agent.hearing.voice_before import LatelySpoken


@dataclass(frozen=True, slots=True)
class _Coding:
    """How the three segments of a SIT sound, and how far off networks are."""

    kind: ToneKind
    hz: tuple[float, float, float]
    seconds: tuple[float, float, float]
    off_hz: float
    """Relative error of one segment against the others, standard deviation."""
    off_seconds: float


_ITU = _Coding(ToneKind.SIT_OTHER, (950.0, 1400.0, 1800.0), (0.33, 0.33, 0.33), 0.018, 0.035)
_CODINGS = (
    _ITU,
    _Coding(ToneKind.SIT_INTERCEPT, (913.8, 1370.6, 1776.7), (0.274, 0.274, 0.38), 0.004, 0.02),
    _Coding(ToneKind.SIT_VACANT, (985.2, 1370.6, 1776.7), (0.38, 0.274, 0.38), 0.004, 0.02),
    _Coding(ToneKind.SIT_REORDER, (913.8, 1428.5, 1776.7), (0.274, 0.38, 0.38), 0.004, 0.02),
    _Coding(ToneKind.SIT_NO_CIRCUIT, (985.2, 1428.5, 1776.7), (0.38, 0.38, 0.38), 0.004, 0.02),
)
_PITCH, _TEMPO = 0.012, 0.05
"""Standard deviations of what all three segments are off by together."""
_LOST_COST = 6.0
"""Most that a segment's length can tell against a coding: lost packets shorten it, its pitch stays."""
_BANDS_HZ = ((850.0, 1060.0), (1300.0, 1500.0), (1560.0, 1910.0))
_GAP_FRAMES = 8
"""Longest pause between segments, in frames of 1/64 s: 30 ms and lost packets."""
_SECONDS = (0.17, 1.15)
"""Shortest and longest segment: some networks play a second each."""
_UNEVEN, _FAR_OFF = 2.6, 25.0
"""Most that one segment is longer than another, and that pitches are off, as a sum of squared deviations."""
_REST_SECONDS, _REST_GAP_FRAMES = 0.045, 16
"""What lost packets leave of a segment at least, and the longest pause that they make between two."""
_REST_SPAN = (0.75, 1.35)
"""Seconds from the beginning of the first segment to the end of the last, if any was damaged so much."""
_REST_COST = 12.0
"""Most that the pitch of damaged segments may be off, as a sum of squared deviations."""

_CALLING = ((1100.0, 0.5, 3.0), (1300.0, 0.6, 1.9))
"""Hz, seconds on, seconds off: ITU-T T.30 (CNG) and V.25 (CT)."""
_ANSWER_HZ = (2100.0, 2225.0)
"""ITU-T V.25 and T.30 (CED), V.8 (ANSam); Bell 103."""
_ANSWER_SECONDS, _NO_NOTE_SECONDS = 0.95, 1.5
"""How long it lasts at least, and if it is neither clean nor the first sound: longer than a note of songs."""
_OFF_HZ = 0.023


def special_information(runs: Sequence[Run]) -> tuple[ToneKind, float] | None:
    """Tell which SIT the newest three runs are, and how sure that is (0 to 1); None if they are none."""
    three, hz = _segments(runs, _GAP_FRAMES)
    seconds, whole = [run.seconds for run in three], [not run.cut for run in three]
    if three and min(seconds) >= _SECONDS[0] and max(seconds) <= min(_SECONDS[1], _UNEVEN * min(seconds)):
        if min(_pitch_cost(coding, hz) for coding in _CODINGS) > _FAR_OFF:
            return None
        return _likeliest({coding.kind: _likelihood(coding, hz, seconds, whole) for coding in _CODINGS})
    return _told_by_rest(*_segments(runs, _REST_GAP_FRAMES))


def _segments(runs: Sequence[Run], gap_frames: int) -> tuple[Sequence[Run], Sequence[float]]:
    """Return the newest three tones, parted by pauses up to `gap_frames`, and their pitches; else nothing."""
    three = [run for run in runs if run.lines or run.frames > gap_frames][-3:]
    hz = [_lone(run) or 0.0 for run in three]
    if len(three) < 3 or not all(low <= one <= high for one, (low, high) in zip(hz, _BANDS_HZ, strict=True)):
        return (), ()
    return three, hz


def _told_by_rest(three: Sequence[Run], hz: Sequence[float]) -> tuple[ToneKind, float] | None:
    """Tell a SIT of which lost packets have left all pitches and the time it takes, but hardly a length."""
    if not three or min(run.seconds for run in three) < _REST_SECONDS:
        return None
    span = (three[-1].start + three[-1].frames - three[0].start) / FRAMES_PER_SECOND
    costs = {coding: _pitch_cost(coding, hz) for coding in _CODINGS}
    if not _REST_SPAN[0] <= span <= _REST_SPAN[1] or min(costs.values()) > _REST_COST:
        return None
    return _likeliest(
        {coding.kind: math.exp(-0.5 * cost) / coding.off_hz**2 for coding, cost in costs.items()}
    )


def _likeliest(likely: Mapping[ToneKind, float]) -> tuple[ToneKind, float]:
    total = sum(likely.values())
    kind = max(likely, key=likely.__getitem__)
    if total <= 0 or likely[kind] < 0.7 * total:
        return ToneKind.SIT_OTHER, 0.9
    return kind, 0.98 * likely[kind] / total


def _pitch_cost(coding: _Coding, hz: Sequence[float]) -> float:
    """Return how far off all segments are together, and each against the others: squared deviations."""
    ratios = [heard / meant for heard, meant in zip(hz, coding.hz, strict=True)]
    pitch = sum(ratios) / 3
    return ((pitch - 1) / _PITCH) ** 2 + sum(((ratio / pitch - 1) / coding.off_hz) ** 2 for ratio in ratios)


def _likelihood(
    coding: _Coding, hz: Sequence[float], seconds: Sequence[float], whole: Sequence[bool]
) -> float:
    # The tempo is that of the segments that are whole, whichever these are.
    tempos = (1.0, *(heard / meant for heard, meant in zip(seconds, coding.seconds, strict=True)))
    cost = _pitch_cost(coding, hz) + min(_time_cost(coding, seconds, whole, tempo) for tempo in tempos)
    # Another coding's tones, or what a bad line leaves of these, fit the tolerant one at the worst.
    return math.exp(-0.5 * min(cost, 80.0)) / (coding.off_hz**2 * coding.off_seconds**2)


def _time_cost(coding: _Coding, seconds: Sequence[float], whole: Sequence[bool], tempo: float) -> float:
    """Return how far off the tempo is, and each segment's length at it: squared deviations."""
    lengths = [
        min(((heard - meant * tempo) / coding.off_seconds) ** 2, _LOST_COST)
        for heard, meant, known in zip(seconds, coding.seconds, whole, strict=True)
        if known
    ]
    return ((tempo - 1) / _TEMPO) ** 2 + sum(lengths)


def fax_or_modem(runs: Sequence[Run], unfinished: Run, spoken: LatelySpoken) -> float | None:
    """Tell how sure it is that a fax or modem calls or answers, 0 to 1; None if it does not."""
    answer = unfinished if unfinished.lines or not runs else runs[-1]
    tone = _lone(answer)
    if tone and answer.seconds >= _ANSWER_SECONDS and any(_near(tone, hz) for hz in _ANSWER_HZ):
        sure = answer.steady or answer.seconds >= _NO_NOTE_SECONDS or not spoken.before(answer.start)
        return 0.95 if sure else None
    if len(runs) < 3:
        return None
    before, pause, last = runs[-3:]
    for hz, on, off in _CALLING:
        heard = [_lone(before), _lone(last)]
        if (
            pause.lines is None
            and all(one is not None and _near(one, hz) for one in heard)
            and abs(last.seconds / on - 1) < 0.2
            and abs(pause.seconds / off - 1) < 0.2
        ):
            return 0.95
    return None


def _lone(run: Run) -> float | None:
    """Return the frequency of a tone of one."""
    return run.lines.hz[0] if run.lines and len(run.lines.hz) == 1 else None


def _near(heard: float, meant: float) -> bool:
    return abs(heard / meant - 1) < _OFF_HZ
