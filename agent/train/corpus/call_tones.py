"""The tones that composed calls play: what each says, in which country, and when a listener can know it."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from agent.hearing.pcm import SAMPLE_RATE
from agent.hearing.tone_table import Cadence, ToneKind, world
from agent.train.corpus.material import Source, Tones
from agent.train.corpus.standard_tones import FAX_AND_MODEM, SPECIAL_INFORMATION
from agent.train.corpus.tones import Chord, Pattern, Step, Tolerance, alike

_HALF_OFF = Tolerance(pitch=0.01, time=0.05)
"""Two exchanges that are off by so much may sound the same where one of them is off by as much as allowed."""
SIT_KINDS = (
    ToneKind.SIT_OTHER, ToneKind.SIT_OTHER, ToneKind.SIT_INTERCEPT, ToneKind.SIT_VACANT,
    ToneKind.SIT_REORDER, ToneKind.SIT_NO_CIRCUIT,
)  # fmt: skip
"""What each of SPECIAL_INFORMATION says."""
_SPOKEN_OF = FAX_AND_MODEM[:-1]
"""The flags of V.21 never come without the answer tone before them."""
_STEADY_S = 2.0
"""A tone that goes on for longer is no ring of most countries."""
_ANSWER_S = 1.0


@dataclass(frozen=True, slots=True)
class Spoken:
    """A tone as one country's network plays it."""

    pattern: Pattern
    kind: ToneKind
    country: str = ""
    """ISO 3166-1 code; empty where all countries share it."""
    too: tuple[ToneKind, ...] = ()
    """What else the country means by a tone that cannot be told from it."""
    mostly: ToneKind = ToneKind.OTHER
    """What most countries mean by such a tone."""
    text: str = ""
    """The tone as `tones.yaml` writes it."""


def pattern_of(cadence: Cadence) -> Pattern:
    """Return a cadence of `tones.yaml` as a pattern that can be sounded."""
    once, again = (
        tuple(
            Step(Chord(step.chord.hz, step.chord.modulated_by_hz) if step.chord else Chord(), step.seconds)
            for step in part
        )
        for part in (cadence.once, cadence.again)
    )
    return Pattern(once, again)


@cache
def spoken_tones() -> tuple[Spoken, ...]:
    """Return what every country says with every tone, then SIT, fax and modem."""
    table = [(pattern_of(tone.cadence), str(tone.cadence), tone.countries) for tone in world().tones]
    told: list[Spoken] = []
    for pattern, text, meanings in table:
        near = [theirs for other, _, theirs in table if alike(pattern, other, _HALF_OFF)]
        votes = Counter[ToneKind]()
        for theirs in near:
            votes.update({kind: len(codes) for kind, codes in theirs.items() if kind is not ToneKind.OTHER})
        for kind, codes in meanings.items():
            for code in codes if kind is not ToneKind.OTHER else ():
                here = {each for theirs in near for each in votes if code in theirs.get(each, ())}
                too = tuple(sorted(here - {kind}))
                told.append(Spoken(pattern, kind, code, too, max(votes, key=votes.__getitem__), text))
    told += [Spoken(pattern, kind) for pattern, kind in zip(SPECIAL_INFORMATION, SIT_KINDS, strict=True)]
    return (*told, *(Spoken(pattern, ToneKind.FAX_OR_MODEM) for pattern in _SPOKEN_OF))


def once(pattern: Pattern) -> Pattern:
    """Return a pattern that is sounded once from its start and followed by silence."""
    sounding = [at for at, step in enumerate(pattern.again) if step.chord.hz]
    return Pattern(pattern.again[: sounding[-1] + 1], (Step(Chord(), math.inf),))


def deal_tones(sources: Sequence[Source], fold_of: dict[str, int]) -> dict[Pattern, int]:
    """Return the fold of each pattern: that of the group of tones that sound like it."""
    groups = [source for source in sources if isinstance(source, Tones)]
    dealt: dict[Pattern, int] = {}
    for spoken in spoken_tones():
        for group in groups:
            if any(alike(spoken.pattern, pattern, group.off) for pattern in group.patterns):
                dealt.setdefault(spoken.pattern, fold_of[group.group])
                break
    return dealt


def known_after(spoken: Spoken, on: NDArray[np.bool_]) -> int:
    """Return the sample by which a listener who misses nothing knows the tone whose sound is `on`, (n,).

    That is: a ringing tone once the longest pause after a ring begins, another cadence after two of its
    cycles, a tone without cadence after 2 s (a ring may be as long), a SIT at its end, an answer tone after
    1 s and a calling tone at the end of its second beep. A tone that is not played for so long: at its end.
    """
    edges = np.diff(np.concatenate(([0], on.astype(np.int8), [0])))
    rises, falls = np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)
    if not rises.size:
        return len(on)
    whole = _segments(spoken.pattern)
    if spoken.kind in SIT_KINDS:
        at = _last_of_three(rises, falls)
    elif spoken.kind is ToneKind.FAX_OR_MODEM:
        steady = whole == 0 or spoken.pattern.again[0].seconds > _ANSWER_S
        at = int(rises[0] + _ANSWER_S * SAMPLE_RATE) if steady else _at(falls, 1, len(on))
    elif whole == 0:
        at = int(rises[0] + _STEADY_S * SAMPLE_RATE)
    elif spoken.kind is ToneKind.RINGING:
        pauses = np.append(rises[1:], len(on) + SAMPLE_RATE) - falls
        at = int(falls[np.argmax(pauses >= 0.8 * _longest_pause(spoken.pattern) * SAMPLE_RATE)])
    else:
        at = _at(rises, 2 * whole, len(on))
    return min(at, len(on))


def _segments(pattern: Pattern) -> int:
    """Count the tones in a cycle that are parted by pauses, 0 for a tone without end."""
    if math.isinf(pattern.again[-1].seconds):
        return 0
    sounds = [bool(step.chord.hz) for step in pattern.again]
    return sum(sound and not before for before, sound in zip([sounds[-1], *sounds[:-1]], sounds, strict=True))


def _longest_pause(pattern: Pattern) -> float:
    return max((step.seconds for step in pattern.again if not step.chord.hz), default=0.0)


def _last_of_three(rises: NDArray[np.intp], falls: NDArray[np.intp]) -> int:
    """Return the end of the first whole SIT: the segments of one lie close together, maybe without pauses."""
    begun = int(rises[0])
    for rise, fall in zip(rises[1:].tolist(), falls[:-1].tolist(), strict=True):
        if rise - fall > SAMPLE_RATE // 4:
            if fall - begun > 0.8 * SAMPLE_RATE:
                return int(fall)
            begun = rise
    return int(falls[-1])


def _at(edges: NDArray[np.intp], index: int, default: int) -> int:
    return int(edges[index]) if index < len(edges) else default
