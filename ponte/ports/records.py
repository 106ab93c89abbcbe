"""Values that go into a store or come out of one, beside those of the domain.

Times are ms since the epoch, UTC. Every method of ``Store`` may raise ``StoreUnavailable``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation
from ponte.domain.decision import HandoffDecision, HandoffMark
from ponte.domain.inbox import InboxRow
from ponte.domain.message import Message

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to what, when. ``actor`` is an agent's id, ``bot`` or ``operator``."""

    id: str
    at: int
    actor: str
    action: str
    conversation_id: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries of the audit log are asked for; None lets all pass.

    Args:
        actor: whose.
        action: of what kind.
        conversation_id: about which conversation.
        since: from then on, ms UTC.
        until: before then, ms UTC.
    """

    actor: str | None = None
    action: str | None = None
    conversation_id: str | None = None
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """One change of a conversation and all that goes with it, atomic as a whole.

    Args:
        conversation: the new value; its ``version`` is the stored one plus 1, and 1 creates it.
        messages: rows to append; their ``seq`` follows the stored ``last_seq`` without gaps.
        done: inbox rows that are finished by this.
        resume_row: an inbox row to add, unless its id is there; the store gives it its ``seq``.
        silence_bot: cancel the bot's messages that are queued, of this conversation. What is on the wire, or
            was and got no answer (``Delivery.uncertain``), stays for the delivery to settle.
        memory: the contact's new memory; None leaves it.
        opted_out: the customer wants no messages from now on, or wants them again; None leaves it. The
            contact's ``opted_out_at`` becomes the conversation's ``updated_at``.
        unpark: queue the contact's parked messages, of all conversations: the 24-hour window is open again.
            They become due at the conversation's ``updated_at``, with no attempts.
        audit: entries to record.
        decisions: what detection decided in this turn; one whose id is there already is not added again.
        marks: what agents say of handoffs; each replaces the one with the same id.
    """

    conversation: Conversation
    messages: tuple[Message, ...] = ()
    done: tuple[str, ...] = ()
    resume_row: InboxRow | None = None
    silence_bot: bool = False
    memory: str | None = None
    opted_out: bool | None = None
    unpark: bool = False
    audit: tuple[AuditEntry, ...] = field(default=())
    decisions: tuple[HandoffDecision, ...] = ()
    marks: tuple[HandoffMark, ...] = ()


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on ``key`` alone until ``expires_at``. ``token`` grows with every new holder."""

    key: str
    owner: str
    token: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; ``next`` is the cursor of the following page, None on the last."""

    items: tuple[T, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class HeldCount:
    """How many conversations an agent holds.

    Args:
        awake: those in the queue.
        snoozed: those put off.
        unread: those in the queue with words of the customer that the agent has not seen.
    """

    awake: int
    snoozed: int
    unread: int


@dataclass(frozen=True, slots=True)
class Hit:
    """What a search found: a customer by name or number, or a message.

    Args:
        conversation: the message's, or the customer's newest one.
        contact: the customer.
        message: the message; None where the customer is what was found.
    """

    conversation: Conversation
    contact: Contact
    message: Message | None
