"""What waits to be done: messages that came in, messages to send, and who works on whom.

Times are ms since the epoch, UTC. Every method of ``Store`` may raise ``StoreUnavailable``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ponte.domain.inbox import InboxRow
from ponte.domain.message import Delivery, Details, Inbound, Message, MessageStatus
from ponte.ports.records import Lease


class InboxStore(Protocol):
    """The journal of what came in."""

    async def accept(self, inbound: Inbound, contact_id: str) -> str | None:
        """Store a customer's message, and its contact when new (under ``contact_id``), durably.

        Updates the contact's name, WhatsApp id and ``last_inbound_at`` (only forward). Returns the
        contact's id, or None when the MessageSid was stored before: then nothing changes.
        """
        ...

    async def due_contacts(self, now: int, limit: int) -> list[str]:
        """Return contacts with pending rows due at ``now``, the longest waiting first."""
        ...

    async def pending(self, contact_id: str, limit: int) -> list[InboxRow]:
        """Return the contact's pending rows in order of acceptance, due or not."""
        ...

    async def fix_turn(self, row_ids: Sequence[str], turn_id: str) -> None:
        """Write ``turn_id`` on the rows, first to last, and count an attempt on each."""
        ...

    async def postpone(self, row_ids: Sequence[str], due_at: int, error: str) -> None:
        """Keep the rows pending, not to be worked on before ``due_at``."""
        ...

    async def bury(self, row_ids: Sequence[str], error: str) -> None:
        """Make the rows dead."""
        ...

    async def dead(self, limit: int) -> list[InboxRow]:
        """Return dead rows, oldest first."""
        ...

    async def revive(self, row_id: str, now: int) -> bool:
        """Make a dead row pending again with no attempts and no turn. False when there is none."""
        ...

    async def newest_received_at(self) -> int | None:
        """Return when the newest message was accepted; None while the inbox is empty."""
        ...


class OutboxStore(Protocol):
    """The messages that Twilio does not have yet: those with a ``Delivery``."""

    async def due_outbox(self, now: int, limit: int) -> list[str]:
        """Return contacts whose head is due at ``now`` and not leased, longest due first."""
        ...

    async def outbox_head(self, contact_id: str) -> Message | None:
        """Return the contact's first message in the outbox that is not parked: the only one to be sent."""
        ...

    async def take(self, message: Message, now: int, lease_until: int) -> Message | None:
        """Take the head for sending: status SENDING, one attempt more, leased. By compare-and-set.

        Returns the message as taken, ``uncertain`` kept; None when it is no longer as given, or leased.
        """
        ...

    async def settle(
        self,
        message_id: str,
        status: MessageStatus,
        *,
        now: int,
        sid: str | None = None,
        error_code: int | None = None,
    ) -> bool:
        """Take a message out of the outbox, or move its status forward; touches the conversation.

        Only forward (``statuses_before``); an ``sid`` is kept even if the status is late. Returns whether
        anything changed. A message that is in the outbox again (``recall``) keeps the sid of the attempt
        that failed until the next one has its own: what is told of that old sid changes nothing.
        """
        ...

    async def recall(
        self,
        message_id: str,
        status: MessageStatus,
        delivery: Delivery,
        *,
        now: int,
        sid: str | None = None,
        error_code: int | None = None,
        as_text: Details | None = None,
    ) -> bool:
        """Put a message that was not delivered back into the outbox, as PARKED or QUEUED.

        Only one that is QUEUED, SENDING or SENT. With ``sid``, the attempt that failed: once an attempt, so
        a repeated callback changes nothing. With ``as_text`` it becomes a text without files, with these
        details; ``media_of`` still tells which it had. Touches the conversation. Returns whether it was put
        back.
        """
        ...

    async def withdraw(self, message_id: str, now: int) -> bool:
        """Cancel a PARKED message; touches the conversation. False when it is not parked."""
        ...

    async def unpark(self, contact_id: str, now: int) -> int:
        """Queue the contact's PARKED messages, due at ``now``, with no attempts; returns how many.

        For a message that was parked while the customer wrote: what parked before, the commit of the
        customer's message queues (``Commit.unpark``). Touches nothing else.
        """
        ...

    async def parked_contacts(self, after: str, limit: int) -> list[str]:
        """Return contacts that have PARKED messages, by id, those after the id ``after``."""
        ...

    async def put_back(self, message_id: str, delivery: Delivery, error_code: int | None) -> None:
        """Return a SENDING message to QUEUED with a new ``delivery``.

        Nothing changes unless ``delivery.attempts`` are the stored ones: a sender that was overtaken does
        not put back what another one is sending.
        """
        ...

    async def requeue_failed(self, message_id: str, delivery: Delivery) -> bool:
        """Put a FAILED message back into the outbox, without its sid. False when it is not failed."""
        ...

    async def message_by_sid(self, sid: str) -> Message | None:
        """Return the outbound message that Twilio knows as ``sid``."""
        ...

    async def outbox_size(self) -> int:
        """Return how many messages are in the outbox and not parked."""
        ...


class LeaseStore(Protocol):
    """Leases with fencing tokens, and small values kept by name."""

    async def acquire(self, key: str, owner: str, now: int, ttl_ms: int) -> Lease | None:
        """Take the lease if it is free, expired or the owner's already; None when another holds it.

        Each success has a new token, so a second task of the same owner takes the lease from the first.
        """
        ...

    async def renew(self, lease: Lease, now: int, ttl_ms: int) -> Lease:
        """Prolong a lease. Raises LeaseLost when it is no longer held with the same token."""
        ...

    async def release_lease(self, lease: Lease) -> None:
        """Give a lease back; one that was lost stays as it is. The token is remembered."""
        ...

    async def get_value(self, name: str) -> str | None:
        """Return a small value kept by name, e.g. the catch-up's cursor."""
        ...

    async def set_value(self, name: str, value: str) -> None:
        """Keep a small value by name."""
        ...
