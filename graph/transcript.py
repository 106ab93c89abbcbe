"""What a turn writes into the transcript: the customer's messages, and what goes out to them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Final

from graph.customer_text import preview_of, with_contact
from ponte.domain.choices import from_details
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation, heard
from ponte.domain.inbox import InboxRow
from ponte.domain.message import (
    SPOKEN,
    Author,
    Delivery,
    Details,
    Inbound,
    Kind,
    Media,
    Message,
    MessageStatus,
    position,
)
from ponte.domain.splitting import split_body
from ponte.ports import Commit

PREVIEW: Final = 120


@dataclass(frozen=True, slots=True)
class Batch:
    """A turn's inbox rows, fixed.

    Args:
        contact_id: whose they are.
        turn_id: names the turn, the same in every replay.
        rows: in order of acceptance.
        replay: the turn may have run before: look at the checkpoint first.
        attempts: times the turn was begun, this one included.
    """

    contact_id: str
    turn_id: str
    rows: tuple[InboxRow, ...]
    replay: bool
    attempts: int

    def again(self) -> Batch:
        """Return the same turn as a replay."""
        return replace(self, replay=True)

    @property
    def inbound(self) -> list[Inbound]:
        """The customer's messages among the rows."""
        return [row.inbound for row in self.rows if row.inbound is not None]

    @property
    def row_ids(self) -> tuple[str, ...]:
        """The ids of all rows."""
        return tuple(row.id for row in self.rows)


def opened(batch: Batch, previous: Conversation | None, language: str, now: int) -> Conversation:
    """A new conversation. Its id follows from the turn, so that a replay opens the same one.

    It is opened later than the one before, in the same ms too: the outbox is ordered by that.
    """
    digest = hashlib.sha256(f"{batch.contact_id}/{batch.turn_id}".encode()).hexdigest()
    return Conversation(
        id=f"cv_{digest[:24]}",
        contact_id=batch.contact_id,
        thread_id=f"th_{digest[24:48]}",
        opened_at=now if previous is None else max(now, previous.opened_at + 1),
        updated_at=now,
        language=language if previous is None else previous.language,
    )


def received(
    current: Conversation, batch: Batch, now: int, understood: Mapping[str, tuple[Media, ...]] | None = None
) -> Commit:
    """Append the batch's messages to the transcript, their files with what the turn understood of them."""
    known = understood or {}
    rows = tuple(
        Message(
            id=inbound.sid,
            conversation_id=current.id,
            contact_id=current.contact_id,
            seq=current.last_seq + n,
            author=Author.CUSTOMER,
            kind=inbound.kind,
            body=inbound.body,
            status=MessageStatus.RECEIVED,
            created_at=inbound.received_at,
            media=known.get(inbound.sid, inbound.media),
            sid=inbound.sid,
            details=with_contact(inbound.details, inbound.kind, known.get(inbound.sid, inbound.media)),
            reply_to=inbound.reply_to,
        )
        for n, inbound in enumerate(batch.inbound, start=1)
    )
    if not rows:
        return Commit(replace(current, updated_at=now))
    changed = replace(
        heard(current, rows[-1].created_at),
        last_seq=rows[-1].seq,
        unread=current.unread + len(rows),
        preview=preview_of(rows[-1].kind, rows[-1].body, rows[-1].details, rows[-1].media)[:PREVIEW],
        updated_at=now,
    )
    return Commit(changed, messages=rows, unpark=True)


@dataclass(frozen=True, slots=True)
class _Part:
    """One message of what goes out."""

    author: Author
    body: str
    version: str | None
    details: Details
    note: Media | None = None


def say(
    commit: Commit,
    contact: Contact,
    turn_id: str,
    said: Sequence[tuple[Author, str, str | None]],
    now: int,
    *,
    details: Details = (),
    notes: Sequence[Media | None] = (),
    offers: Sequence[Details] = (),
    text_beside: bool = False,
) -> Commit:
    """Append what goes out to a commit, in parts that WhatsApp takes.

    Args:
        commit: what is committed so far.
        contact: whom it goes to.
        turn_id: what causes it; the messages' ids follow from it, so that a replay writes the same ones.
        said: author, text and prompt version of each text.
        now: ms UTC.
        details: all the messages' details.
        notes: for each text its voice note, or None; may be empty.
        offers: for each text details of its own: the answers that it offers, what it rests on; may be empty.
        text_beside: whether the text follows its voice note. One that offers answers always does: they cannot
            be tapped on a voice note.
    """
    current = commit.conversation
    parts: list[_Part] = []
    for (author, body, version), note, offer in zip_longest(said, notes[: len(said)], offers[: len(said)]):
        if note is not None:
            parts.append(_Part(author, body.strip(), version, (*details, *SPOKEN), note))
        if note is None or text_beside or from_details(offer or ()):
            parts += [_Part(author, part, version, details) for part in split_body(body)]
        if offer and parts:
            parts[-1] = replace(parts[-1], details=(*parts[-1].details, *offer))
    rows = tuple(
        replace(
            queued(current, contact, f"{turn_id}:{n}", n, now),
            author=part.author,
            body=part.body,
            kind=Kind.TEXT if part.note is None else Kind.AUDIO,
            media=() if part.note is None else (part.note,),
            prompt_version=part.version,
            details=part.details,
        )
        for n, part in enumerate(parts)
    )
    if not rows:
        return commit
    changed = replace(current, last_seq=rows[-1].seq, preview=rows[-1].body[:PREVIEW])
    return replace(commit, conversation=changed, messages=(*commit.messages, *rows))


def queued(current: Conversation, contact: Contact, message_id: str, n: int, now: int) -> Message:
    """Return what all messages that wait to be sent have in common.

    Args:
        current: the conversation.
        contact: whom it goes to.
        message_id: the message's.
        n: its place behind the conversation's last message, from 0.
        now: ms UTC.
    """
    seq = current.last_seq + 1 + n
    return Message(
        id=message_id,
        conversation_id=current.id,
        contact_id=contact.id,
        seq=seq,
        author=Author.SYSTEM,
        kind=Kind.TEXT,
        body="",
        status=MessageStatus.QUEUED,
        created_at=now,
        delivery=Delivery(
            address=contact.address,
            position=position(current.opened_at, seq),
            epoch=current.epoch,
            due_at=now,
        ),
    )
