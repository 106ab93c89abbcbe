"""What a customer who is handed over while no agent is there is told: when agents are."""

from __future__ import annotations

from typing import Final

from graph.prompts import PromptSet
from ponte.domain.conversation import Conversation
from ponte.domain.office_hours import local

# A turn takes its time: one that was told of no hours may be committed a moment after closing time.
_TURN_MS: Final = 60_000


def closed_notice(prompts: PromptSet, locale: str, now: int) -> str | None:
    """Return the text that says when agents are there; None while they are, and where no hours are set.

    Args:
        prompts: the hours (``human_hours`` in ``policy.yaml``) and the text (``handoff.closed``).
        locale: the customer's; one that Ponte does not speak gets pt-BR.
        now: ms UTC.
    """
    hours = prompts.policy.human_hours
    if hours is None or hours.open_at(now):
        return None
    opens = hours.opens_after(now)
    days = (opens.date() - local(now, hours.timezone).date()).days
    return prompts.text("handoff.closed", locale, hours=hours.in_words(locale), opens=opens, days=days)


def told_when_handed_over(prompts: PromptSet, waiting: Conversation) -> bool:
    """Tell whether a customer who waits was told the hours as their wait began."""
    hours, since = prompts.policy.human_hours, waiting.waiting_since
    if hours is None or since is None or waiting.handoff is None or waiting.handoff.at != since:
        return False
    return not hours.open_at(since) and not hours.open_at(since - _TURN_MS)
