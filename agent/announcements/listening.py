"""Says which known announcements a recording holds."""

from dataclasses import dataclass

import numpy as np

from agent.announcements.announcement import Announcement
from agent.announcements.library import Snapshot
from agent.hearing.mel import FLOOR_DB, MEL_BANDS, log_mel
from agent.hearing.pcm import Samples
from agent.hearing.recognition import Recollection, recognise
from agent.hearing.spectrogram import FRAMES_PER_SECOND, LOOKAHEAD, power_spectrogram


@dataclass(frozen=True, slots=True)
class Heard:
    """A known announcement in a recording."""

    at: float
    """Seconds of audio after which it was recognised."""
    announcement: Announcement
    evidence: float

    @property
    def outcome(self) -> str:
        """The outcome as dialers read it."""
        return self.announcement.outcome


def listen(snapshot: Snapshot, recording: Samples, trunk: str | None = None) -> list[Heard]:
    """Say which announcements (n,) samples at 8 kHz hold, each once, in the order of their recognition."""
    padded = np.concatenate((recording, np.zeros(LOOKAHEAD, np.float32)))
    mel = log_mel(power_spectrogram(padded))
    short = -len(mel) % FRAMES_PER_SECOND
    mel = np.concatenate((mel, np.full((short, MEL_BANDS), FLOOR_DB, np.float32)))
    call = Recollection(trunk)
    heard: list[Heard] = []
    for second in range(len(mel) // FRAMES_PER_SECOND):
        frames = mel[second * FRAMES_PER_SECOND : (second + 1) * FRAMES_PER_SECOND]
        (match,) = recognise(snapshot.known, [(call, float(second), frames)])
        if match is not None:
            announcement = snapshot.announcements[match.owner]
            if all(announcement is not one.announcement for one in heard):
                heard.append(Heard(second + 1.0, announcement, match.evidence))
    return heard
