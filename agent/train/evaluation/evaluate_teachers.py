"""Teachers beside a student: what they say about the same seconds, and how confident they are."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.hearing.forest import Probabilities
from agent.hearing.sound import SOUNDS
from agent.train.errors import MaterialError
from agent.train.evaluation.evaluate_scores import Agreement, agreement
from agent.train.labels.label_table import Row
from agent.train.student.strangers import Labels, Strangers

NO_TEACHER = frozenset({"construction", "reviewed"})
"""Who may have said the truth without being a network."""
CONFIDENCE_BINS = 20


@dataclass(frozen=True, slots=True)
class TeacherLabels:
    """What a teacher says about the seconds that a candidate was judged on."""

    name: str
    labelled: NDArray[np.bool_]
    """Which of the seconds it labelled, (n,)."""
    verdict: Labels
    """Its labels, (n,); nothing where it labelled none."""
    soft: Probabilities
    """How strong each sound was to it, (n, 4)."""


@dataclass(frozen=True, slots=True)
class Confidence:
    """How confident a teacher was of the seconds that it gave one label."""

    teacher: str
    sound: str
    counts: tuple[int, ...]
    """Seconds in each of `CONFIDENCE_BINS` equal bins from 0 to 1 of the label's own strength."""


def keys(strangers: Strangers) -> list[tuple[str, int]]:
    """Return what names each second: its file and start."""
    return list(zip(strangers.file, strangers.start.tolist(), strict=True))


def align(strangers: Strangers, rows: Iterable[Row], name: str) -> TeacherLabels:
    """Bring a teacher's label file into the order of a candidate's seconds.

    Where the candidate was fitted on several folders its files have longer names: then the one file whose
    name ends like the teacher's is meant, if there is one only.

    Raises:
        MaterialError: it speaks of none of them.
    """
    place = {key: index for index, key in enumerate(keys(strangers))}
    known = _named(strangers.file)
    labelled = np.zeros(len(strangers), np.bool_)
    verdict = np.zeros(len(strangers), np.int64)
    soft = np.zeros((len(strangers), len(SOUNDS)))
    for row in rows:
        index = place.get((known.get(row.file, row.file), row.second.start))
        if index is not None:
            labelled[index] = True
            verdict[index] = SOUNDS.index(row.second.sound)
            soft[index] = row.second.soft
    if not labelled.any():
        raise MaterialError(
            f"the labels of {name} speak of no second that the candidate was judged on: "
            "label the same audio folder with `earlymedia train label`"
        )
    return TeacherLabels(name, labelled, verdict, soft)


def _named(files: Iterable[str]) -> dict[str, str]:
    """Map each way to name a file, its path or an end of it, to the one file that it names."""
    distinct = set(files)
    named: dict[str, str] = {}
    torn: set[str] = set()
    for file in distinct:
        parts = file.split("/")
        for length in range(1, len(parts)):
            end = "/".join(parts[-length:])
            torn.update([end] if end in named else [])
            named[end] = file
    return {end: file for end, file in named.items() if end not in torn and end not in distinct}


def own_teachers(strangers: Strangers) -> list[TeacherLabels]:
    """Find the teachers whose labels were the truth of some seconds."""
    said = np.array(strangers.teacher, dtype=np.str_)
    return [
        TeacherLabels(f"{name or 'teacher'} (the labels)", said == name, strangers.truth, strangers.soft)
        for name in sorted(set(strangers.teacher) - NO_TEACHER)
    ]


def agree(strangers: Strangers, teacher: TeacherLabels) -> Agreement:
    """Compare the student with a teacher on all seconds that it labelled."""
    both = teacher.labelled
    return agreement(teacher.name, teacher.verdict[both], strangers.verdict[both])


def confidences(teacher: TeacherLabels) -> list[Confidence]:
    """Count how strong each label was to its teacher."""
    found = []
    for index, sound in enumerate(SOUNDS):
        own = teacher.soft[teacher.labelled & (teacher.verdict == index), index]
        counts, _ = np.histogram(own, CONFIDENCE_BINS, (0.0, 1.0))
        found.append(Confidence(teacher.name, sound.value, tuple(int(n) for n in counts)))
    return found
