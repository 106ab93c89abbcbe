"""The inbox: the journal of what has yet to go through a conversation, in order per contact."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ponte.domain.message import Inbound


class InboxState(StrEnum):
    """``DEAD`` rows failed too often: they stay, are shown by ``ponte doctor``, and can be retried."""

    PENDING = "pending"
    DONE = "done"
    DEAD = "dead"


class InboxKind(StrEnum):
    """A customer's message, or a request to resume a paused thread."""

    MESSAGE = "message"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class InboxRow:
    """One thing to go through a conversation.

    Args:
        id: Twilio's MessageSid; or for a resume, an id derived from the conversation and its epoch.
        contact_id: whose inbox it is in.
        seq: the order of acceptance within the contact; has gaps.
        kind: what it is.
        received_at: ms UTC.
        due_at: ms UTC; not to be worked on before (back-off).
        state: pending, done or dead.
        attempts: turns begun with it.
        turn_id: the turn it belongs to, once fixed; a replay is the same turn.
        inbound: the message, for ``InboxKind.MESSAGE``.
        conversation_id: the conversation to resume, for ``InboxKind.RESUME``.
        error: what went wrong last, without personal data.
    """

    id: str
    contact_id: str
    seq: int
    kind: InboxKind
    received_at: int
    due_at: int
    state: InboxState = InboxState.PENDING
    attempts: int = 0
    turn_id: str | None = None
    inbound: Inbound | None = None
    conversation_id: str | None = None
    error: str | None = None
