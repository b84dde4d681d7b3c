"""One thing that was looked at, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Gravity(StrEnum):
    """What a finding means for the agent."""

    FINE = "fine"
    NOTE = "note"
    """Something is missing that the agent can do without; the finding says what it costs."""
    PROBLEM = "problem"
    """Calls cannot be heard, or verdicts cannot be handed back, until it is mended."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found."""

    gravity: Gravity
    subject: str
    """What was looked at, e.g. `AudioSocket`."""
    found: str
    """What was found, in one clause."""
    mend: str = ""
    """The line that mends it, empty where nothing is to be done."""


def fine(subject: str, found: str) -> Finding:
    """Return a finding of something that is as it should be."""
    return Finding(Gravity.FINE, subject, found)


def note(subject: str, found: str, mend: str) -> Finding:
    """Return a finding of something that the agent can do without."""
    return Finding(Gravity.NOTE, subject, found, mend)


def problem(subject: str, found: str, mend: str) -> Finding:
    """Return a finding of something that must be mended."""
    return Finding(Gravity.PROBLEM, subject, found, mend)
