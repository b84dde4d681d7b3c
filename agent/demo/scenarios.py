"""The calls of the demo: what the carrier plays, and the code with which it then lies."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from agent.announcements.announcement import Announcement
from agent.demo import audio
from agent.demo.call import Provisional, Scenario
from agent.verdict.policy import Redial

TAUGHT = Announcement(name="not-in-service", q850_cause=1, redial=Redial.NO)
"""What the agent knows before the calls begin."""


class Dialled(Enum):
    """How the lab places a call."""

    DIAL = "Dial() from a caller"
    ORIGINATE = "Originate"
    LOCAL = "Local dialer"
    EAGI = "Originate, EAGI"
    AUDIOSOCKET = "Originate, AudioSocket"


@dataclass(frozen=True, slots=True)
class DemoCall:
    """One call of the demo."""

    number: str
    plays: str
    """What the carrier plays, in words."""
    dialled: Dialled
    scenario: Scenario


def taught_recording(chroot: Path) -> bytes:
    """Return what says TAUGHT, as mu-law. Raises `LabError` where the prompt is missing."""
    return audio.prompt(chroot, "en", "ss-noservice")


def demo_calls(chroot: Path) -> list[DemoCall]:
    """Return the calls, with sounds from the prompts and the music of the lab's Asterisk.

    Raises `LabError` where a prompt is missing.
    """

    def english(*names: str) -> bytes:
        return audio.prompt(chroot, "en", *names)

    def spanish(*names: str) -> bytes:
        return audio.prompt(chroot, "es", *names)

    ring = audio.RINGING_EUROPE.ulaw
    vacant = english("cannot-complete-as-dialed", "check-number-dial-again")
    plays: list[tuple[str, Dialled, Scenario]] = [
        ("ringing (Europe), nobody answers", Dialled.DIAL, Scenario(audio=ring(20), seconds=16, final=486)),
        (
            "ringing (North America)",
            Dialled.ORIGINATE,
            Scenario(audio=audio.RINGING_NORTH_AMERICA.ulaw(20), seconds=14, final=404),
        ),
        (
            "ringing (United Kingdom)",
            Dialled.AUDIOSOCKET,
            Scenario(audio=audio.RINGING_UNITED_KINGDOM.ulaw(20), seconds=12, final=486),
        ),
        (
            "busy tone (Germany)",
            Dialled.LOCAL,
            Scenario(audio=audio.BUSY_GERMANY.ulaw(12), seconds=9, final=503),
        ),
        (
            "busy tone (North America)",
            Dialled.EAGI,
            Scenario(audio=audio.BUSY_NORTH_AMERICA.ulaw(12), seconds=9, final=503),
        ),
        (
            "rings, then congestion (North America)",
            Dialled.DIAL,
            Scenario(
                audio=audio.RINGING_NORTH_AMERICA.ulaw(5) + audio.REORDER_NORTH_AMERICA.ulaw(10),
                seconds=11,
                final=404,
            ),
        ),
        (
            "vacant code, then an announcement",
            Dialled.ORIGINATE,
            Scenario(
                audio=audio.silence(1) + audio.vacant_code() + audio.silence(0.3) + vacant,
                seconds=10,
                final=503,
            ),
        ),
        ("announcement, English", Dialled.DIAL, Scenario(audio=vacant, loop=True, seconds=12, final=404)),
        (
            "announcement, Spanish",
            Dialled.AUDIOSOCKET,
            Scenario(audio=spanish("ss-noservice", "please-try-again"), loop=True, seconds=12, final=480),
        ),
        (
            "rings, then an announcement it was taught",
            Dialled.LOCAL,
            Scenario(audio=ring(6) + taught_recording(chroot), seconds=14, final=486),
        ),
        (
            "rings twice, then an announcement",
            Dialled.EAGI,
            Scenario(audio=ring(9.5) + vacant, seconds=18, final=480),
        ),
        (
            "silence, then an announcement, Spanish",
            Dialled.ORIGINATE,
            Scenario(
                audio=audio.silence(4)
                + spanish("vm-nobodyavail", "vm-mailboxfull", "vm-pls-try-again", "ss-noservice"),
                seconds=12,
                final=480,
            ),
        ),
        (
            "a song instead of ringing, then an answer",
            Dialled.LOCAL,
            Scenario(audio=audio.music(chroot), seconds=12, final=200),
        ),
        ("a song, nobody answers", Dialled.DIAL, Scenario(audio=audio.music(chroot), seconds=14, final=603)),
        ("silence", Dialled.AUDIOSOCKET, Scenario(audio=audio.silence(12), seconds=10, final=408)),
        ("183, but no audio at all", Dialled.ORIGINATE, Scenario(audio=None, seconds=8, final=503)),
        (
            "180 only",
            Dialled.DIAL,
            Scenario(first=Provisional.RINGING, audio=None, seconds=6, final=480),
        ),
        ("rings, then an answer", Dialled.EAGI, Scenario(audio=ring(12), seconds=9, final=200)),
    ]
    return [
        DemoCall(f"0316000{row:02}", what, dialled, scenario)
        for row, (what, dialled, scenario) in enumerate(plays, 1)
    ]
