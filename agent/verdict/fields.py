"""The `EARLYMEDIA_*` variables that a dialer reads."""

from collections.abc import Mapping
from enum import StrEnum
from math import floor

from agent.verdict.agreement import agreement
from agent.verdict.policy import Decision
from agent.verdict.settle import Verdict

STATUS = "EARLYMEDIA_STATUS"
CLASS = "EARLYMEDIA_CLASS"
OUTCOME = "EARLYMEDIA_OUTCOME"
CONFIDENCE = "EARLYMEDIA_CONFIDENCE"
SIP_CODE = "EARLYMEDIA_SIP_CODE"
CAUSE = "EARLYMEDIA_CAUSE"
CARRIER_SIP_CODE = "EARLYMEDIA_CARRIER_SIP_CODE"
AGREEMENT = "EARLYMEDIA_AGREEMENT"
REDIAL = "EARLYMEDIA_REDIAL"
REDIAL_AFTER = "EARLYMEDIA_REDIAL_AFTER"
SECONDS = "EARLYMEDIA_SECONDS"

STEPS = 20
"""Steps of a running confidence: 1/20 = 0.05."""


class Status(StrEnum):
    """Whether anybody listens."""

    LISTENING = "listening"
    """The other variables still change."""
    FINAL = "final"
    """They do not, and may drive a decision by themselves."""
    UNAVAILABLE = "unavailable"
    """The call could not be heard."""


def fields(
    status: Status,
    verdict: Verdict | None = None,
    decision: Decision | None = None,
    carrier_sip_code: int | None = None,
) -> dict[str, str]:
    """Return the variables in the order in which they are to be written: the status last.

    The codes and the redial decision come only with `FINAL`, so that nobody acts on a verdict that
    may change; `UNAVAILABLE` tells nothing else. What is not known is an empty string. A running
    confidence is rounded down to a step of 0.05, a final one to 0.01.
    """
    if status is Status.UNAVAILABLE or verdict is None:
        return {STATUS: str(status)}
    final = status is Status.FINAL
    told = {
        CLASS: str(verdict.sound_class),
        OUTCOME: verdict.spelled,
        CONFIDENCE: _down(verdict.confidence, 100 if final else STEPS),
    }
    if final and decision is not None:
        told |= {
            SIP_CODE: _text(decision.sip_code),
            CAUSE: _text(decision.q850_cause),
            REDIAL: str(decision.redial),
            REDIAL_AFTER: _text(decision.redial_after),
            SECONDS: "" if verdict.final_at is None else f"{verdict.final_at:g}",
        }
    if final and carrier_sip_code is not None:
        told |= {
            CARRIER_SIP_CODE: str(carrier_sip_code),
            AGREEMENT: str(agreement(verdict.outcome, carrier_sip_code)),
        }
    return told | {STATUS: str(status)}


def changed(old: Mapping[str, str | None], new: Mapping[str, str]) -> dict[str, str]:
    """Return what `new` says otherwise than `old`, in the order of `new`; None: nobody knows what stands."""
    return {name: value for name, value in new.items() if old.get(name) != value}


def _down(confidence: float, steps: int) -> str:
    return f"{floor(confidence * steps + 1e-9) / steps:.2f}"


def _text(number: int | None) -> str:
    return "" if number is None else str(number)
