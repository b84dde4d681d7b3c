"""Seconds of early media for tests, written as on a timeline: `..r....r....sss`."""

from collections.abc import Sequence

from hypothesis import strategies as st

from agent.hearing.sound import SOUNDS, HeardSecond, Sound
from agent.hearing.spectrogram import FRAMES_PER_SECOND
from agent.hearing.tone_table import ToneKind
from agent.hearing.tones import ToneEvent
from agent.verdict.evidence import LETTER, Evidence
from agent.verdict.settling import Settling

SOUND_OF = {letter: sound for sound, letter in LETTER.items()}


SAID = tuple(kind for kind in ToneKind if kind is not ToneKind.OTHER)
"""What a tone may say."""


def second(letter: str, at: float = 0.0, sure: float = 0.91) -> HeardSecond:
    """A second whose sound has the probability `sure`; the others share the rest."""
    rest = (1.0 - sure) / 3
    p = tuple(sure if sound is SOUND_OF[letter] else rest for sound in SOUNDS)
    return HeardSecond(at, (p[0], p[1], p[2], p[3]))


def evidence_of(timeline: str, settling: Settling | None = None) -> Evidence:
    """The evidence of a call that was tapped and heard like this; `!` marks lost audio."""
    evidence = Evidence(settling or Settling())
    evidence.early_media()
    evidence.tap()
    lost = False
    for letter in timeline:
        if letter == "!":
            lost = True
            continue
        clean = second(letter, at=float(evidence.seconds_heard))
        evidence.hear(HeardSecond(clean.at, clean.p, after_gap=lost))
        lost = False
    return evidence


def timelines(letters: str = "rsm.", min_size: int = 0, max_size: int = 60) -> st.SearchStrategy[str]:
    """Any course that a call may take."""
    return st.text(alphabet=letters, min_size=min_size, max_size=max_size)


@st.composite
def seconds(draw: st.DrawFn, sound: Sound | None = None) -> HeardSecond:
    """Any second, or any whose most probable sound is the given one."""
    raw = draw(st.lists(st.floats(0.001, 1.0), min_size=4, max_size=4))
    if sound is not None:
        raw[SOUNDS.index(sound)] = max(raw) + draw(st.floats(0.001, 2.0))
    total = sum(raw)
    return HeardSecond(0.0, (raw[0] / total, raw[1] / total, raw[2] / total, raw[3] / total))


def tone(kind: ToneKind, at: float = 3.0, confidence: float = 0.9) -> ToneEvent:
    """A tone that began 2 s before it was recognised."""
    return ToneEvent(kind, at, at - 2.0, "425 Hz 0.50 s", confidence)


def tones(kinds: Sequence[ToneKind] = SAID, most_seconds: int = 60) -> st.SearchStrategy[ToneEvent]:
    """Any tone that may be recognised in the first seconds of a call, at the end of some frame."""
    at = st.integers(0, most_seconds * FRAMES_PER_SECOND).map(lambda frame: frame / FRAMES_PER_SECOND)
    return st.builds(tone, st.sampled_from(kinds), at, st.floats(0.1, 0.98))
