"""Whether a voice was heard shortly before: a voicemail's beep is no ringing phone."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agent.hearing.tone_frames import BAND, Traits

_LOUD = np.float32(10**-4.5)
"""Mean square of other sound that may be a voice: -39 dBm0."""
_FRAMES, _SINCE, _UNTIL = 16, 192, 5
"""So many frames of it, so long before a tone and up to its edge, make the tone a voicemail's beep."""
_KEPT = 640
"""Frames (10 s) that are remembered: the longest first ring and its pause."""


def may_be_voice(traits: Traits, held: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which frames are loud and no tone, (n,), by their traits (n, 4) and whether each holds a tone."""
    loud: NDArray[np.bool_] = (traits[:, BAND] > _LOUD) & ~held
    return loud


class LatelySpoken:
    """What is kept of one call: where a voice may have been."""

    __slots__ = ("_spans",)

    def __init__(self) -> None:
        self._spans: list[tuple[int, int]] = []  # an empty deque takes 760 bytes

    def take(self, spans: Sequence[tuple[int, int]], frame: int) -> None:
        """Take spans that may be a voice, counted from the frame `frame`."""
        self._spans.extend((frame + start, frame + end) for start, end in spans)
        while self._spans and self._spans[0][1] < frame - _KEPT:
            del self._spans[0]

    def before(self, start: int) -> bool:
        """Tell whether a voice was heard just before the frame `start`, at which a tone begins."""
        since, until = start - _SINCE, start - _UNTIL
        return sum(max(0, min(b, until) - max(a, since)) for a, b in self._spans) >= _FRAMES
