"""Review in the terminal: plays a second, asks for its sound."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from enum import Enum, auto

from agent.hearing.pcm import Decoder, Samples
from agent.hearing.sound import SOUNDS, Sound
from agent.recording.load import load
from agent.train.errors import MaterialError
from agent.train.evaluation.evaluate_audio import surroundings, wav
from agent.train.review.review_calls import CallToReview
from agent.train.review.reviewed import Reviewed

KEYS = {"r": Sound.RINGING, "s": Sound.SPEECH, "m": Sound.MUSIC, "0": Sound.SILENCE}
HELP = (
    "r ringing, s speech, m music, 0 silence (R, S, M: the rest of the call too); "
    "Enter again, c with what is around it, n next, u undo, q quit"
)
_PLAYERS = (
    ("aplay", "-q"),
    ("play", "-q"),
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "quiet"),
)
_AROUND_SECONDS = 2


class _Step(Enum):
    NEXT = auto()
    QUIT = auto()


class Terminal:
    """One session: what is asked, and what is answered."""

    def __init__(
        self,
        calls: Sequence[CallToReview],
        reviewed: Reviewed,
        unsure_below: float,
        ask: Callable[[str], str],
        tell: Callable[[str], None],
    ) -> None:
        """Ask with `ask`, which raises EOFError when nobody answers any more, and speak with `tell`."""
        self._reviewed = reviewed
        self._ask = ask
        self._tell = tell
        self._asked = [(call, start) for call in calls for start in call.unsure(unsure_below)]
        self._player = find_player()

    def run(self) -> None:
        """Go through all seconds that nobody has labelled, until there is none or the person has enough.

        Raises:
            MaterialError: a recording cannot be played, or the labels cannot be written.
        """
        self._tell(HELP)
        at = 0
        while at < len(self._asked):
            call, start = self._asked[at]
            if self._reviewed.sound(call.file, start) is not None:
                at += 1
                continue
            match self._one(call, start, f"{at + 1}/{len(self._asked)}"):
                case _Step.QUIT:
                    return
                case _Step.NEXT:
                    at += 1
                case (file, second):
                    at = next(
                        (
                            n
                            for n, (call, start) in enumerate(self._asked)
                            if (call.file, start) == (file, second)
                        ),
                        at,
                    )

    def _one(self, call: CallToReview, start: int, where: str) -> _Step | tuple[str, int]:
        """Ask for one second; returns where to go on."""
        samples = _samples(call)
        heard = ", ".join(f"{sound} {p:.2f}" for sound, p in zip(SOUNDS, call.p[start], strict=True))
        self._tell(f"{where}  {call.file}  second {start}  ({heard})  {call.about}")
        around = 0
        while True:
            self._play(samples, start, around)
            around = 0
            try:
                answer = self._ask("? ").strip()
            except EOFError:
                return _Step.QUIT
            if sound := KEYS.get(answer.lower()):
                rest = range(start, len(call.p)) if answer.isupper() else (start,)
                open_ones = [second for second in rest if self._reviewed.sound(call.file, second) is None]
                self._reviewed.label(call.file, open_ones, sound)
                return _Step.NEXT
            match answer:
                case "n":
                    return _Step.NEXT
                case "q":
                    return _Step.QUIT
                case "c":
                    around = _AROUND_SECONDS
                case "u":
                    return self._reviewed.undo() or (call.file, start)
                case "":
                    pass
                case _:
                    self._tell(HELP)

    def _play(self, samples: Samples, start: int, around: int) -> None:
        cut, _ = surroundings(samples, start, around)
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            file.write(wav(cut))
            file.flush()
            subprocess.run([*self._player, file.name], check=False, stdin=subprocess.DEVNULL)  # noqa: S603


def find_player() -> tuple[str, ...]:
    """Return the command that plays a WAV file here.

    Raises:
        MaterialError: there is none.
    """
    for name, *options in _PLAYERS:
        if path := shutil.which(name):
            return (path, *options)
    raise MaterialError(
        "nothing here plays sound: install aplay (alsa-utils), play (sox) or ffplay (ffmpeg), or review on "
        "the page (without --terminal)"
    )


def _samples(call: CallToReview) -> Samples:
    encoding, data = load(call.path)
    return Decoder(encoding).decode(data)
