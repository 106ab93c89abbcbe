"""Values for the contract's tests, and a way to crash a store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Protocol

from ponte.adapters.faults import WriteObserver, unobserved
from ponte.domain.conversation import Conversation, Handoff, Trigger, hand_over
from ponte.domain.inbox import InboxKind, InboxRow
from ponte.domain.message import Author, Delivery, Inbound, Kind, Media, Message, MessageStatus, position
from ponte.ports import Checkpoints, Commit, Store

NOW = 1_800_000_000_000
MARIA = "whatsapp:+5511900000001"
JOAO = "whatsapp:US.13491208655302741918"

OpenCheckpoints = Callable[[], AbstractAsyncContextManager[Checkpoints]]


class OpenStore(Protocol):
    """Opens the test's database."""

    def __call__(self, observe: WriteObserver = unobserved) -> AbstractAsyncContextManager[Store]:
        """Open it; ``observe`` may crash it."""
        ...


class Crash(Exception):
    """The process died here."""


class CrashAfter:
    """Observes a store; once armed, crashes it after a number of further writes."""

    def __init__(self) -> None:
        self.points: list[str] = []
        self._left: int | None = None

    def arm(self, writes: int | None) -> None:
        """Let so many points pass, and crash at the next one; None never crashes."""
        self.points.clear()
        self._left = writes

    def __call__(self, point: str) -> None:
        """Pass the point, or crash."""
        self.points.append(point)
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise Crash(point)


def sid(n: int) -> str:
    """Return the n-th MessageSid."""
    return f"SM{n:032d}"


def inbound(n: int, *, address: str = MARIA, at: int | None = None, body: str = "Oi") -> Inbound:
    """Return the n-th message that came in."""
    return Inbound(
        sid=sid(n),
        address=address,
        to="whatsapp:+14155238886",
        body=body,
        kind=Kind.TEXT,
        received_at=NOW + n if at is None else at,
        profile_name="Maria",
        wa_id=address.removeprefix("whatsapp:+") if "+" in address else None,
        media=(Media("https://api.twilio.com/m/1", "image/jpeg"),),
        raw=(("MessageSid", sid(n)), ("Body", body), ("Twice", "1"), ("Twice", "2")),
    )


def opened(n: int = 1, *, contact_id: str = "c1", at: int | None = None) -> Conversation:
    """Return the n-th conversation, not stored yet."""
    time = NOW + n if at is None else at
    return Conversation(
        id=f"cv{n}", contact_id=contact_id, thread_id=f"th{n}", opened_at=time, updated_at=time
    )


def waiting(n: int = 1, *, contact_id: str = "c1", at: int | None = None) -> Conversation:
    """Return the n-th conversation, not stored yet, that waits for an agent since ``at``."""
    time = NOW + n if at is None else at
    return hand_over(
        opened(n, contact_id=contact_id, at=time), Handoff("asked", Trigger.KEYWORD, 1.0, "", time)
    )


def bumped(conversation: Conversation) -> Conversation:
    """Return the conversation as the next version."""
    return replace(conversation, version=conversation.version + 1)


async def stored(store: Store, conversation: Conversation) -> Conversation:
    """Store a new conversation."""
    new = bumped(conversation)
    await store.commit(Commit(new))
    return new


def said(
    conversation: Conversation, n: int, *, author: Author = Author.CUSTOMER, body: str = "Oi"
) -> Message:
    """Return a message at seq ``n`` that is not in the outbox."""
    return Message(
        id=f"{conversation.id}:{n}",
        conversation_id=conversation.id,
        contact_id=conversation.contact_id,
        seq=n,
        author=author,
        kind=Kind.TEXT,
        body=body,
        status=MessageStatus.RECEIVED,
        created_at=NOW + n,
    )


def outgoing(
    conversation: Conversation, n: int, *, author: Author = Author.BOT, due_at: int = NOW
) -> Message:
    """Return a message at seq ``n`` in the outbox."""
    return replace(
        said(conversation, n, author=author, body=f"Resposta {n}"),
        status=MessageStatus.QUEUED,
        delivery=Delivery(
            address=MARIA,
            position=position(conversation.opened_at, n),
            epoch=conversation.epoch,
            due_at=due_at,
        ),
    )


async def wrote(store: Store, conversation: Conversation, messages: Sequence[Message]) -> Conversation:
    """Append messages to a stored or new conversation."""
    new = replace(bumped(conversation), last_seq=conversation.last_seq + len(messages))
    await store.commit(Commit(new, messages=tuple(messages)))
    return new


def resume_row(conversation: Conversation) -> InboxRow:
    """Return the row that resumes the conversation's thread."""
    return InboxRow(
        id=f"resume:{conversation.id}:{conversation.epoch}",
        contact_id=conversation.contact_id,
        seq=0,
        kind=InboxKind.RESUME,
        received_at=NOW,
        due_at=NOW,
        conversation_id=conversation.id,
    )
