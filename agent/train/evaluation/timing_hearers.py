"""Who takes part in the timing: students as they are run, and CNN14."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from agent.hearing.ear import Ear, Stream
from agent.hearing.forest import Card, Forest
from agent.hearing.pcm import SAMPLE_RATE, Samples
from agent.hearing.sound import Encoding
from agent.train.evaluation.timing import Hearer
from agent.train.student.fit import Student
from agent.train.student.recipes import ForestRecipe
from agent.train.student.views import View
from agent.train.teachers.catalogue import CHECKPOINTS, Device, TeacherName, find_teacher
from agent.train.teachers.teacher import Teacher, resample


def student_hearer(name: str, student: Student, card: Card) -> Hearer:
    """Let a student take part: one of the agent through the agent's ear, another as scikit-learn runs it."""
    if isinstance(student.recipe, ForestRecipe) and student.recipe.view is View.AGENT:
        ear = Ear(Forest.of(student.model, card, Path(name)))
        note = f"{name} hears as the agent does, through its own ear, trees walked one by one over all calls."
        return Hearer(name, lambda seconds: ear.hear([_call(second) for second in seconds]), note)
    view, model = student.recipe.view, student.model

    def hear(seconds: Sequence[Samples]) -> object:
        return model.predict_proba(np.concatenate([view.see(second) for second in seconds]))

    return Hearer(
        name, hear, f"{name} sees a second by its view ({view}), then runs scikit-learn's predict_proba."
    )


def _call(second: Samples) -> tuple[Stream, bytes]:
    return Stream(Encoding.SLIN8), (second * 32768.0).clip(-32768, 32767).astype("<i2").tobytes()


def cnn14_hearer(checkpoints: Path | None) -> Hearer | None:
    """Let CNN14 take part, with random weights where its checkpoint is not at hand; None without PyTorch.

    Raises:
        MaterialError: a checkpoint is there, and is another one.
    """
    try:
        import torch
    except ImportError:
        return None
    from agent.train.teachers.clip_tagger import ClipTagger, Window
    from agent.train.teachers.cnn14_network import RATE_HZ, Cnn14

    name = TeacherName.CNN14
    if checkpoints is not None and (checkpoints / CHECKPOINTS[name].file).is_file():
        teacher: Teacher = find_teacher(name, checkpoints, Device.CPU).open()
        note = "CNN14 has its published weights."
    else:
        # A window of one second: one pass through the network for each second.
        window = Window(seconds=1.0, hop_seconds=1.0)
        teacher = ClipTagger(name, Cnn14(), RATE_HZ, window, torch.device("cpu"))
        note = "CNN14 has random weights, its checkpoint is not at hand: its time does not depend on them."

    def hear(seconds: Sequence[Samples]) -> object:
        cut = [resample(second[:SAMPLE_RATE], SAMPLE_RATE, teacher.rate_hz) for second in seconds]
        return teacher.hear(cut)

    return Hearer("CNN14", hear, f"{note} It passes through the network once for each second, on the CPU.")
