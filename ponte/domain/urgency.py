"""How urgent a conversation is in the agents' queue: one number, so that a database can sort by it.

First the priority that agents gave it, then since when the customer waits. The last hours of WhatsApp's
24-hour window count as a wait of their own: after it only a template would get through.
"""

from __future__ import annotations

from typing import Final

from ponte.domain.conversation import HIGHEST_PRIORITY, Conversation
from ponte.domain.window import WINDOW_MS

# So long before its end a closing window begins to count as a wait.
CLOSING_MS: Final = 4 * 60 * 60 * 1000
# More than any moment in ms; small enough that the sum is an integer which every client holds.
STEP: Final = 10**14


def urgent_since(conversation: Conversation) -> int:
    """Return since when (ms UTC) the conversation calls for an agent; may lie in the future."""
    moments = [conversation.waiting_since, conversation.unanswered_since]
    if conversation.last_customer_at is not None:
        moments.append(conversation.last_customer_at + WINDOW_MS - CLOSING_MS)
    known = [moment for moment in moments if moment is not None]
    return min(known) if known else conversation.updated_at + WINDOW_MS - CLOSING_MS


def urgency(conversation: Conversation) -> int | None:
    """Return the place in the queue, the smaller the more urgent; None for what is not in it.

    In it is what waits for an agent or has one, unless it is snoozed.
    """
    if not conversation.human or conversation.snoozed_until is not None:
        return None
    return (HIGHEST_PRIORITY - conversation.priority) * STEP + max(0, urgent_since(conversation))


def bounds(priority: int) -> tuple[int, int]:
    """Return the first number of a priority, and the first after its last."""
    first = (HIGHEST_PRIORITY - priority) * STEP
    return first, first + STEP
