"""The pictures of docs/outcomes.md: a call for each outcome that can be heard, as the agent hears it.

    python -m agent.demo.outcomes --asterisk .lab/asterisk docs/outcomes

Nothing is drawn by hand: a call that is not heard as what it is ends this with exit code 2.
"""

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from agent.announcements.library import Library
from agent.config import Config
from agent.demo import audio
from agent.demo.audio import Tone
from agent.demo.lab import LabError
from agent.demo.scenarios import TAUGHT, taught_recording
from agent.hearing.ear import Ear
from agent.hearing.forest import Forest
from agent.hearing.pcm import Decoder
from agent.hearing.sound import Encoding
from agent.hearing.tones import ToneEar
from agent.recording.judge import judge
from agent.recording.plot import draw

_DPI, _COLOURS = 72, 250
"""Small files: a repository keeps every version of them."""


@dataclass(frozen=True, slots=True)
class Example:
    """A call that is heard as an outcome."""

    outcome: str
    """As dialers read it."""
    audio: bytes
    """Mu-law."""
    country: str | None = None
    """ISO 3166-1 code of the country that the trunk names."""

    @property
    def name(self) -> str:
        """What its picture is called."""
        return self.outcome.replace(":", "_")


def heard_in_tones() -> list[Example]:
    """Return the calls that tones tell of."""
    lead = audio.silence(1)
    sit = {
        "sit_intercept": "913.8/0.274 1370.6/0.274 1776.7/0.38",
        "sit_vacant": "985.2/0.38 1370.6/0.274 1776.7/0.38",
        "sit_reorder": "913.8/0.274 1428.5/0.38 1776.7/0.38",
        "sit_no_circuit": "985.2/0.38 1428.5/0.38 1776.7/0.38",
        "sit_other": "950/0.33 1400/0.33 1800/0.33",
    }
    return [
        Example("ringing", audio.RINGING_UNITED_KINGDOM.ulaw(8), "GB"),
        Example("busy", audio.RINGING_EUROPE.ulaw(5) + audio.BUSY_GERMANY.ulaw(5), "DE"),
        Example(
            "congestion", audio.RINGING_NORTH_AMERICA.ulaw(6) + audio.REORDER_NORTH_AMERICA.ulaw(4), "US"
        ),
        Example("number_unobtainable", lead + Tone.of("400").ulaw(6), "GB"),
        *(Example(kind, lead + Tone.of(text).once() + audio.silence(2)) for kind, text in sit.items()),
        Example("fax_or_modem", lead + Tone.of("1100/0.5 -/3").ulaw(8)),
        Example("dial_tone", lead + Tone.of("350+440").ulaw(6), "US"),
        Example("silence", audio.silence(8)),
    ]


def heard_in_recordings(chroot: Path) -> list[Example]:
    """Return the calls with the lab's prompts and music; raises `LabError` where one is missing."""
    rings = audio.RINGING_EUROPE.ulaw(6)
    prompts = audio.prompt(chroot, "en", "cannot-complete-as-dialed", "check-number-dial-again")
    return [
        Example("music", audio.music(chroot)[: 10 * audio.RATE]),
        Example("announcement", rings + prompts),
        Example(TAUGHT.outcome, rings + taught_recording(chroot)),
    ]


def draw_outcomes(examples: list[Example], chroot: Path, folder: Path) -> None:
    """Draw each call into a folder; raises `LabError` if one is heard as something else."""
    config = Config()
    ear = Ear(Forest.load(config.model.path), tone_ear=ToneEar())
    with tempfile.TemporaryDirectory() as place:
        with Library(Path(place) / "library.sqlite3") as library:
            library.add(TAUGHT, [Decoder(Encoding.ULAW).decode(taught_recording(chroot))])
            ear.known = library.snapshot().known
        for example in examples:
            file = Path(place) / f"{example.name}.ulaw"
            file.write_bytes(example.audio)
            policy = config.policy_of(None)
            judged = judge(
                file, ear, config.settling.settling, policy, {TAUGHT.name: TAUGHT}, example.country
            )
            if judged.verdict.spelled != example.outcome:
                raise LabError(
                    f"{example.outcome} is heard as {judged.verdict.spelled}: mend the agent first"
                )
            picture = folder / f"{example.name}.png"
            draw(judged, picture, _DPI)
            with Image.open(picture) as drawn:
                drawn.convert("RGB").quantize(_COLOURS).save(picture, optimize=True)


def main() -> None:
    """Draw into the folder that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--asterisk", type=Path, required=True, help="folder with the private Asterisk")
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    try:
        examples = heard_in_tones() + heard_in_recordings(arguments.asterisk)
        draw_outcomes(examples, arguments.asterisk, arguments.folder)
    except LabError as error:
        sys.stderr.write(f"outcomes: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
