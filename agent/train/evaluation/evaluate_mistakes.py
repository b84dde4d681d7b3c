"""The mistakes that a student was surest of: those from which one learns what it hears."""

from dataclasses import dataclass

import numpy as np

from agent.hearing.sound import SOUNDS
from agent.train.student.strangers import Strangers


@dataclass(frozen=True, slots=True)
class Mistake:
    """A clear second that was taken for something else."""

    file: str
    start: int
    group: str
    truth: str
    verdict: str
    p: tuple[float, float, float, float]


def mistakes(clear: Strangers, most: int = 12, most_of_a_group: int = 2) -> tuple[Mistake, ...]:
    """Find the mistakes made with the highest confidence: one of a recording, and few of a group."""
    wrong = np.flatnonzero(clear.verdict != clear.truth)
    wrong = wrong[np.argsort(-clear.p[wrong].max(axis=1), kind="stable")]
    found: list[Mistake] = []
    files: set[str] = set()
    groups: dict[str, int] = {}
    for i in wrong.tolist():
        file, group = clear.file[i], clear.group[i]
        if file in files or groups.get(group, 0) >= most_of_a_group:
            continue
        files.add(file)
        groups[group] = groups.get(group, 0) + 1
        ringing, speech, music, silence = clear.p[i].tolist()
        truth, verdict = SOUNDS[clear.truth[i]].value, SOUNDS[clear.verdict[i]].value
        found.append(
            Mistake(file, int(clear.start[i]), group, truth, verdict, (ringing, speech, music, silence))
        )
        if len(found) == most:
            break
    return tuple(found)
