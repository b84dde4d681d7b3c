"""What a report holds: the figures, what is said of the candidate, and every picture of them drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.hearing.pcm import Samples
from agent.train.evaluation import figures
from agent.train.evaluation.evaluate import Contestant, Evaluation
from agent.train.evaluation.evaluate_mistakes import Mistake
from agent.train.evaluation.figures import Normalised
from agent.train.evaluation.figures_mistake import mistake
from agent.train.evaluation.timing import Times


@dataclass(frozen=True, slots=True)
class About:
    """What the report says of the candidate besides figures."""

    name: str
    facts: tuple[tuple[str, str], ...]
    """Pairs of what and which, from its card."""
    never_heard: str
    machine: str
    """What times were measured on."""
    timing_notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snippet:
    """The sound around a mistake."""

    made: Mistake
    samples: Samples
    """(n,) at 8 kHz."""
    first: int
    """Second of the recording that `samples` begin with."""


@dataclass(frozen=True, slots=True)
class Report:
    """All that the page shows."""

    about: About
    evaluation: Evaluation
    times: tuple[Times, ...]
    snippets: tuple[Snippet, ...]
    pngs: Mapping[str, bytes]
    """Every picture by its name, without `.png`."""

    @property
    def candidate(self) -> Contestant:
        """Whom the report is about."""
        return self.evaluation.contestants[0]


def draw(
    about: About, evaluation: Evaluation, times: Sequence[Times] = (), snippets: Sequence[Snippet] = ()
) -> Report:
    """Draw all pictures of a report; what is not given (times, sound) has none.

    Raises:
        MaterialError: matplotlib is not installed.
    """
    counts = evaluation.contestants[0].scores.confusion
    pngs = {
        "side-by-side": figures.side_by_side(evaluation.contestants),
        "confusion-by-row": figures.confusion(counts, Normalised.ROW),
        "confusion-by-column": figures.confusion(counts, Normalised.COLUMN),
        "calibration": figures.reliability(evaluation.contestants),
    }
    for cut in evaluation.cuts:
        pngs[f"by-{slug(cut.condition)}"] = figures.condition(cut)
    for agreement in evaluation.agreements:
        name = slug(agreement.teacher)
        own = [c for c in evaluation.confidences if c.teacher == agreement.teacher]
        pngs[f"agreement-{name}"] = figures.confusion(
            agreement.confusion, Normalised.ROW, agreement.teacher, "student"
        )
        pngs[f"confidence-{name}"] = figures.confidence_of_all(own)
        pngs[f"confidence-by-sound-{name}"] = figures.confidence_by_sound(own)
    if times:
        pngs["times-alone"] = figures.times_alone(times)
        pngs["times-in-batches"] = figures.times_in_batches(times)
    for number, snippet in enumerate(snippets, 1):
        pngs[f"mistake-{number:02d}"] = mistake(snippet.made, snippet.samples, snippet.first)
    return Report(about, evaluation, tuple(times), tuple(snippets), pngs)


def slug(name: str) -> str:
    """Return a name as part of a file's name."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name).strip("-")
