"""What a person shall listen to, the least certain first.

Calls whose verdict stayed open come first, then those with the least certain second. Of a call with a verdict
only the seconds are asked for whose two most probable sounds are close; of one without a verdict all.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.hearing.ear import Ear, Stream
from agent.recording.load import RecordingError, load
from agent.train.corpus.harvest import HEARD, RECORDINGS, P, read_recordings
from agent.train.labels.audio import find_recordings
from agent.verdict.outcome import Outcome

UNSURE_BELOW = 0.5
"""A second is asked for if its two most probable sounds lie closer than this."""


@dataclass(frozen=True, slots=True)
class CallToReview:
    """A recording, and how surely each of its seconds was heard."""

    file: str
    """Path below the audio folder, with `/`."""
    path: Path
    p: tuple[P, ...]
    """Probability of each of SOUNDS in every second."""
    settled: bool = True
    """The agent came to a verdict, or never was asked for one."""
    about: str = ""
    """What is known of the call, for whoever listens."""

    def unsure(self, below: float = UNSURE_BELOW) -> tuple[int, ...]:
        """Return the seconds to ask for, in their order."""
        asked = (start for start, p in enumerate(self.p) if not self.settled or margin(p) < below)
        return tuple(asked)


def margin(p: P) -> float:
    """How far the most probable sound lies above the next, 0 to 1."""
    *_, second, first = sorted(p)
    return first - second


def least_certain_first(calls: Iterable[CallToReview]) -> list[CallToReview]:
    """Put calls in the order in which they are asked for; those without a second are left out."""
    heard = (call for call in calls if call.p)
    return sorted(heard, key=lambda call: (call.settled, min(map(margin, call.p)), call.file))


def audio_folder(corpus: Path) -> Path:
    """Return where a corpus' recordings are: `audio/` in it, or the folder itself."""
    return corpus / "audio" if (corpus / "audio").is_dir() else corpus


def harvested(corpus: Path) -> list[CallToReview]:
    """Return the calls of a harvested corpus, as the agent heard them live.

    Raises:
        MaterialError: it is none.
    """
    folder = audio_folder(corpus)
    return [
        CallToReview(
            file=recording.file,
            path=folder / recording.file,
            p=recording.p,
            settled=recording.conditions["outcome"] != Outcome.UNKNOWN,
            about=_about(recording.conditions),
        )
        for recording in read_recordings(corpus)
    ]


def is_harvested(corpus: Path) -> bool:
    """Tell whether it is known how the agent heard the calls of a corpus."""
    return (corpus / RECORDINGS).is_file() and (corpus / HEARD).is_file()


def hear_again(
    calls: Sequence[CallToReview], ear: Ear, step: Callable[[], None] = lambda: None
) -> tuple[list[CallToReview], list[str]]:
    """Judge calls by another forest; returns those that can be read, and a sentence for each other."""
    heard, faults = [], []
    for call in calls:
        try:
            encoding, data = load(call.path)
        except RecordingError as error:
            faults.append(str(error))
        else:
            (seconds,) = ear.hear([(Stream(encoding), data)])
            p = tuple(second.p for second in seconds)
            heard.append(CallToReview(call.file, call.path, p, call.settled, call.about))
        step()
    return heard, faults


def recordings_of(corpus: Path) -> list[CallToReview]:
    """Return all recordings of a folder, of which nothing is known.

    Raises:
        MaterialError: there is none.
    """
    folder = audio_folder(corpus)
    return [CallToReview(path.relative_to(folder).as_posix(), path, ()) for path in find_recordings(folder)]


def _about(conditions: Mapping[str, str]) -> str:
    said = conditions["carrier_sip_code"] or "nothing"
    return f"{conditions['trunk']}: {conditions['outcome']}, the carrier said {said}"
