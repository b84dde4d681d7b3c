"""Whether a voice speaks or a song plays, from what its seconds say of it.

A voice that is unlike all that the forest knows is heard as now the one, now the other, and so is who sings.
So a second counts by how much likelier it makes the one than the other, what hardly tells counts nothing, and
what is summed stays within bounds: the cumulative sum of E. S. Page, "Continuous inspection schemes",
Biometrika 41, 1954, in both directions at once.
"""

from math import exp2, log2

_LEAST_BITS_FOR_VOICE, _LEAST_BITS_FOR_SONG = 1.0, 1.5
"""What is less likelier tells nothing: strange voices sound half like songs, songs seldom like voices."""
_MOST_BITS = 6.0
"""What is 64 times as likely tells as much as a second can tell."""
_NEVER = 1e-6


def bits_of(p_speech: float, p_music: float) -> float:
    """Return what one second tells of a voice (above 0) rather than a song (below 0): -4.5 to 5 bits."""
    bits = max(-_MOST_BITS, min(log2((p_speech + _NEVER) / (p_music + _NEVER)), _MOST_BITS))
    if bits > 0.0:
        return max(0.0, bits - _LEAST_BITS_FOR_VOICE)
    return min(0.0, bits + _LEAST_BITS_FOR_SONG)


class VoiceOrSong:
    """The odds of one call, in bits: 0 is even, each bit doubles them for a voice."""

    __slots__ = ("_limit", "_novelty", "bits")

    def __init__(self, novelty: float, limit: float) -> None:
        """Keep the odds within `limit` bits; `novelty` (0 to 1) of what a second tells is news."""
        self._novelty = novelty
        self._limit = limit
        self.bits = 0.0

    def hear(self, bits: float) -> None:
        """Take in what a second told."""
        self.bits = max(-self._limit, min(self.bits + self._novelty * bits, self._limit))

    def fade(self, share: float) -> None:
        """Forget a share of it, 0 to 1: something else was heard."""
        self.bits *= 1.0 - share

    @property
    def voice(self) -> float:
        """Probability that it is a voice; that it is a song is the rest."""
        return 1.0 / (1.0 + exp2(-self.bits))
