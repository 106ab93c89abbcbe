"""The clock of a human stretch: when an agent was asked for, came, answered and was done."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ponte.domain.conversation import ResumeAction, Trigger  # noqa: TC004 - annotations only; that module imports this one


@dataclass(frozen=True, slots=True)
class Stretch:
    """What happened when in the human stretch that a conversation is in, or was in last.

    Args:
        number: 1 for the conversation's first one.
        asked_at: when an agent was asked for, ms UTC.
        trigger: what brought the human in; None when an agent reopened the conversation.
        claimed_at: when an agent first took it, ms UTC.
        first_reply_at: when an agent first answered the customer, ms UTC; notes are no answers.
        ended_at: when it was returned or resolved, ms UTC.
        how: how it ended.
        agent_id: who has it, or had it last.
        transfers: how often it went from an agent to another one, or back to the queue.
    """

    number: int
    asked_at: int
    trigger: Trigger | None
    claimed_at: int | None = None
    first_reply_at: int | None = None
    ended_at: int | None = None
    how: ResumeAction | None = None
    agent_id: str | None = None
    transfers: int = 0

    @property
    def open(self) -> bool:
        """True until it was returned or resolved."""
        return self.ended_at is None

    def taken(self, agent_id: str, now: int, *, transferred: bool) -> Stretch:
        """Return it in the hands of an agent; ``transferred`` from those of another one."""
        return replace(
            self,
            claimed_at=now if self.claimed_at is None else self.claimed_at,
            agent_id=agent_id,
            transfers=self.transfers + transferred,
        )

    def released(self) -> Stretch:
        """Return it back in the queue; whose it was is remembered."""
        return replace(self, transfers=self.transfers + 1)

    def replied(self, now: int) -> Stretch:
        """Return it with an agent's answer; only the first one counts."""
        return self if self.first_reply_at is not None else replace(self, first_reply_at=now)

    def ended(self, how: ResumeAction, now: int) -> Stretch:
        """Return it at its end."""
        return replace(self, ended_at=now, how=how)


def begun(before: Stretch | None, asked_at: int, trigger: Trigger | None) -> Stretch:
    """Return a new stretch, the one after ``before``."""
    return Stretch(1 if before is None else before.number + 1, asked_at, trigger)
