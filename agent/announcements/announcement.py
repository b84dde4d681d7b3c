"""One known announcement: its name, and what a dialer should do about it."""

from typing import Annotated

from pydantic import StringConstraints

from agent.config import OneLine, RuleConfig
from agent.verdict.outcome import Outcome
from agent.verdict.policy import Decision, Layer, Policy

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class Announcement(RuleConfig):
    """An announcement's entry in the library; its rule goes over that of `announcement`, key by key."""

    name: Name
    """What follows `announcement:` in the outcome; lower case, digits, `-` and `_`."""
    trunk: OneLine | None = None
    """The trunk it is known on; None: every one."""
    language: OneLine | None = None

    @property
    def outcome(self) -> str:
        """The outcome as dialers read it."""
        return f"{Outcome.ANNOUNCEMENT}:{self.name}"

    def decide(self, policy: Policy) -> Decision:
        """Say what to do about a call that plays it, by its own rule over the policy's."""
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
        return Policy.of(below, own).decisions[Outcome.ANNOUNCEMENT]
