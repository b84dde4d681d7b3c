"""One known announcement: its name, and what a dialer should do about it."""

from dataclasses import replace
from typing import Annotated

from pydantic import StringConstraints

from agent.config.trunks import RuleConfig
from agent.hearing.known import Title
from agent.verdict.outcome import Outcome
from agent.verdict.policy import Decision, Layer, Policy

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]

# Libraries are shared: what others wrote must neither break a line nor steer a terminal.
Printable = Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]


class Announcement(RuleConfig):
    """An announcement's entry in the library; its rule goes over that of `announcement`, key by key."""

    name: Name
    """What follows `announcement:` in the outcome; lower case, digits, `-` and `_`."""
    trunk: Printable | None = None
    """The trunk it is known on; None: every one."""
    language: Printable | None = None

    @property
    def outcome(self) -> str:
        """The outcome as dialers read it."""
        return f"{Outcome.ANNOUNCEMENT}:{self.name}"

    @property
    def title(self) -> Title:
        """What hearing knows of it."""
        return Title(self.name, self.trunk)

    def over(self, policy: Policy) -> Policy:
        """Return the policy of a call that plays it: its own rule goes over that of `announcement`."""
        base = policy.decisions[Outcome.ANNOUNCEMENT]
        below = Layer(
            outcomes={
                Outcome.ANNOUNCEMENT: {
                    "sip_code": base.sip_code,
                    "q850_cause": base.q850_cause,
                    "redial": base.redial,
                    "redial_after": base.redial_after,
                }
            }
        )
        own = Layer(outcomes={Outcome.ANNOUNCEMENT: self.rule})
        decision = Policy.of(below, own).decisions[Outcome.ANNOUNCEMENT]
        return replace(policy, decisions={**policy.decisions, Outcome.ANNOUNCEMENT: decision})

    def decide(self, policy: Policy) -> Decision:
        """Say what to do about a call that plays it."""
        return self.over(policy).decide(Outcome.ANNOUNCEMENT)
