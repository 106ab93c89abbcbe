"""Documents to and from the domain's values: the plain dicts of ``codec`` with the id as ``_id``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from ponte.adapters.codec import AGENT, AUDIT, CONTACT, CONVERSATION, INBOX_ROW, MESSAGE, Codec, Plain
from ponte.domain.agent import Agent
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation
from ponte.domain.inbox import InboxRow
from ponte.domain.message import Message
from ponte.ports import AuditEntry

T = TypeVar("T")

Document = Mapping[str, Any]


def conversation_document(conversation: Conversation) -> Plain:
    """Return a conversation's document, nulls included: they replace what was there."""
    plain = CONVERSATION.encode(conversation)
    plain["_id"] = plain.pop("id")
    return plain


def conversation_from(document: Document) -> Conversation:
    """Return the conversation of a document."""
    return _from(CONVERSATION, document)


def inbox_document(row: InboxRow) -> Plain:
    """Return an inbox row's document."""
    return _sparse(INBOX_ROW, row)


def inbox_row_from(document: Document) -> InboxRow:
    """Return the inbox row of a document."""
    return _from(INBOX_ROW, document)


def message_document(message: Message) -> Plain:
    """Return a message's document; without a ``delivery`` when it is not in the outbox."""
    return _sparse(MESSAGE, message)


def message_from(document: Document) -> Message:
    """Return the message of a document."""
    return _from(MESSAGE, document)


def contact_from(document: Document) -> Contact:
    """Return the contact of a document."""
    return _from(CONTACT, document)


def agent_document(agent: Agent) -> Plain:
    """Return an agent's document."""
    return _sparse(AGENT, agent)


def agent_from(document: Document) -> Agent:
    """Return the agent of a document."""
    return _from(AGENT, document)


def audit_document(entry: AuditEntry) -> Plain:
    """Return an audit entry's document."""
    return _sparse(AUDIT, entry)


def audit_from(document: Document) -> AuditEntry:
    """Return the audit entry of a document."""
    return _from(AUDIT, document)


def _sparse(codec: Codec[T], value: T) -> Plain:
    """Return a document without nulls: partial indexes then hold only what they are for."""
    plain = {name: item for name, item in codec.encode(value).items() if item is not None}
    plain["_id"] = plain.pop("id")
    return plain


def _from(codec: Codec[T], document: Document) -> T:
    return codec.decode({**document, "id": document["_id"]})
