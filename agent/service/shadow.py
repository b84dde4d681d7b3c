"""A candidate forest in shadow: what it makes of a call, told to the journal and to nobody else."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from agent.service.call import Call
from agent.verdict.evidence import Evidence
from agent.verdict.settle import Verdict, settle


@dataclass(frozen=True, slots=True)
class ShadowVerdict:
    """A call as the candidate heard it."""

    model: str
    """The candidate: the first digits of its file's SHA-256."""
    timeline: str
    """`Evidence.timeline`."""
    verdict: Verdict

    def as_json(self) -> Mapping[str, Any]:
        """The verdict as it stands in the journal."""
        return {
            "model": self.model,
            "seconds": self.timeline,
            "outcome": self.verdict.spelled,
            "confidence": round(self.verdict.confidence, 3),
            "final_at": self.verdict.final_at,
        }


def shadow_verdict(call: Call, model: str) -> ShadowVerdict | None:
    """Settle a call that is over by the candidate's ears.

    None where it did not hear each second that counted: there was none yet, or a tap was lost.
    """
    told = call.evidence
    evidence = Evidence(
        call.settling,
        ringing_signalled=told.ringing_signalled,
        early_media_signalled=told.early_media_signalled,
        tapped=told.tapped,
    )
    for second in call.in_shadow:
        assert second.candidate_p is not None
        evidence.take_in(replace(second, p=second.candidate_p))
    if not evidence.seconds_heard or evidence.seconds_heard != told.seconds_heard:
        return None
    if told.answered:
        evidence.answer()
    else:
        evidence.end()
    return ShadowVerdict(model, evidence.timeline, settle(evidence))
