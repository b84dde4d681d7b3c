"""Tones that are the same in every country: special information tones, fax and modem."""

import math

from agent.train.corpus.tones import Chord, Pattern, Step

_PAUSE = Chord()


def _repeat(*parts: tuple[float, float]) -> Pattern:
    """Return a pattern of (Hz, seconds) without end; 0 Hz is a pause."""
    return Pattern((), tuple(Step(Chord((hz,)) if hz else _PAUSE, seconds) for hz, seconds in parts))


def _steady(chord: Chord) -> Pattern:
    return Pattern((), (Step(chord, math.inf),))


def _sit(first: tuple[float, float], second: tuple[float, float], third: tuple[float, float]) -> Pattern:
    """Three segments, and 2 s until they come again."""
    return _repeat(first, second, third, (0.0, 2.0))


SPECIAL_INFORMATION: tuple[Pattern, ...] = (
    _sit((950.0, 0.33), (1400.0, 0.33), (1800.0, 0.33)),
    _repeat((950.0, 0.33), (0.0, 0.03), (1400.0, 0.33), (0.0, 0.03), (1800.0, 0.33), (0.0, 1.0)),
    _sit((913.8, 0.274), (1370.6, 0.274), (1776.7, 0.38)),
    _sit((985.2, 0.38), (1370.6, 0.274), (1776.7, 0.38)),
    _sit((913.8, 0.274), (1428.5, 0.38), (1776.7, 0.38)),
    _sit((985.2, 0.38), (1428.5, 0.38), (1776.7, 0.38)),
)
"""ITU-T E.180 without and with its gaps of 30 ms; then intercept, vacant code, reorder and no circuit as
North America codes them (Telcordia SR-2275)."""

FAX_AND_MODEM: tuple[Pattern, ...] = (
    _repeat((1100.0, 0.5), (0.0, 3.0)),
    _repeat((1300.0, 0.6), (0.0, 1.75)),
    _repeat((2100.0, 3.3), (0.0, 0.075), (1850.0, 1.0), (0.0, 2.0)),
    _steady(Chord((2100.0,))),
    _steady(Chord((2100.0,), turns_s=0.45)),
    _steady(Chord((2100.0,), modulated_by=15.0, depth=0.2, turns_s=0.45)),
    _steady(Chord((2225.0,))),
    _repeat((1850.0, 1 / 300), (1650.0, 6 / 300), (1850.0, 1 / 300)),
)
"""Calling tones of fax (ITU-T T.30) and modem (V.25); the called station's tone (T.30) and what follows it;
answer tones plain, with phase reversals (V.25), with them and modulated (V.8, ANSam), and Bell 103's; the
flags of V.21 that precede a fax's identification. All are ringing: `aggregation.yaml` takes beeps and sine
waves for it, and the outcome `fax_or_modem` rolls up to it."""
