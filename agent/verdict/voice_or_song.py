"""Whether a voice speaks or a song plays, from what its seconds say of it.

A voice that is unlike all that the forest knows is heard as now the one, now the other, and so is who sings.
So a second counts by how much likelier it makes the one than the other, and what is summed stays within
bounds, so that what comes now replaces what was: the cumulative sum of E. S. Page, "Continuous inspection
schemes", Biometrika 41, 1954, in both directions at once.

Who sings is heard as a voice again and again, and never for long. So each *relapse*, a second that tells for
a song after one that told for a voice, takes from how likely a voice can get, until it is forgotten.
"""

from math import exp2, log2

_PRIOR_BITS = 2.0
"""Odds before anything is heard: what is not clearly a song is a voice, be it strange."""
_LOWEST_BITS, _HIGHEST_BITS = -4.0, 8.0
_MOST_BITS = 6.0
"""What is 64 times as likely tells as much as a second can tell."""
_UNCLEAR_BITS = 1.5
"""So much of what a second tells for a voice is nothing: singers are heard as speech, but seldom clearly."""
_RELAPSE_BITS = 2.6
"""By how much a relapse lowers the highest odds: with three it hardly is a voice, with four it is a song."""
_MOST_RELAPSES = 4.0
_REMEMBERED = 0.98
"""Share of relapses that is remembered after a second: half of them after 34 s."""
_NEVER = 1e-6


def bits_of(p_speech: float, p_music: float) -> float:
    """Return what one second tells for a voice (above 0) or for a song (below 0): -6 to 6 bits."""
    return max(-_MOST_BITS, min(log2((p_speech + _NEVER) / (p_music + _NEVER)), _MOST_BITS))


class VoiceOrSong:
    """The odds of one call, in bits: 0 is even, each bit doubles them for a voice."""

    __slots__ = ("_novelty", "_relapses", "_spoke", "bits")

    def __init__(self, novelty: float) -> None:
        """`novelty`, 0 to 1, is the share of what a second tells that is news."""
        self._novelty = novelty
        self.bits = _PRIOR_BITS
        self._spoke = False
        self._relapses = 0.0

    def hear(self, bits: float) -> None:
        """Take in what a second told."""
        self._relapses *= _REMEMBERED
        if bits < 0.0 and self._spoke:
            self._relapses = min(self._relapses + 1.0, _MOST_RELAPSES)
        self._spoke = bits > 0.0 or (self._spoke and bits == 0.0)
        clear = max(0.0, bits - _UNCLEAR_BITS) if bits > 0.0 else bits
        highest = _HIGHEST_BITS - _RELAPSE_BITS * self._relapses
        self.bits = max(_LOWEST_BITS, min(self.bits + self._novelty * clear, highest))

    def fade(self, share: float) -> None:
        """Forget a share of it, 0 to 1: something else was heard."""
        self.bits += share * (_PRIOR_BITS - self.bits)
        self._relapses *= 1.0 - share

    @property
    def voice(self) -> float:
        """Probability that it is a voice; that it is a song is the rest."""
        return 1.0 / (1.0 + exp2(-self.bits))
