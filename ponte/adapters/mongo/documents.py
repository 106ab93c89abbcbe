"""Documents to and from the domain's values: the plain dicts of ``codec`` with the id as ``_id``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from ponte.adapters.codec import (
    AGENT,
    AUDIT,
    CONTACT,
    CONVERSATION,
    DECISION,
    INBOX_ROW,
    MARK,
    MESSAGE,
    STRETCH_FACT,
    Codec,
    Plain,
    message_of,
)
from ponte.domain.agent import Agent
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation
from ponte.domain.decision import HandoffDecision, HandoffMark
from ponte.domain.facts import StretchFact
from ponte.domain.inbox import InboxRow
from ponte.domain.message import Author, Message
from ponte.domain.searching import joined_text, number_parts, words_of
from ponte.domain.urgency import urgency
from ponte.ports import AuditEntry

T = TypeVar("T")

Document = Mapping[str, Any]

_MOST_WORDS = 400


def conversation_document(conversation: Conversation) -> Plain:
    """Return a conversation's document, nulls included: they replace what was there."""
    plain = CONVERSATION.encode(conversation)
    plain["_id"] = plain.pop("id")
    return {**plain, "urgency": urgency(conversation)}


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
    """Return a message's document; without a ``delivery`` when it is not in the outbox.

    With the ``words`` by which it is found; what the system said has none.
    """
    document = _sparse(MESSAGE, message)
    if message.author is not Author.SYSTEM:
        document["words"] = message_words(message.body, document["media"])
    return document


def message_words(body: str, media: Sequence[Document]) -> list[str]:
    """Return the words by which a message is found, each once; the first ones of a very long one."""
    text = joined_text(body, [file.get("text") for file in media])
    return list(dict.fromkeys(words_of(text, _MOST_WORDS)))


def contact_words(name: str | None, address: str) -> list[str]:
    """Return the words by which a contact is found: the name's, and the number from each digit on."""
    bare = address.removeprefix("whatsapp:")
    number = bare.removeprefix("+")
    parts = number_parts(number) if number.isascii() and number.isdigit() else words_of(bare)
    return list(dict.fromkeys([*words_of(name or ""), *parts]))


def message_from(document: Document) -> Message:
    """Return the message of a document."""
    return message_of({**document, "id": document["_id"]})


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


def decision_document(decision: HandoffDecision) -> Plain:
    """Return a decision's document; without what it has not."""
    plain = _sparse(DECISION, decision)
    return {name: item for name, item in plain.items() if item != []}


def decision_from(document: Document) -> HandoffDecision:
    """Return the decision of a document."""
    return _from(DECISION, document)


def mark_document(mark: HandoffMark) -> Plain:
    """Return a mark's document, nulls included: they replace what was there."""
    plain = MARK.encode(mark)
    plain["_id"] = plain.pop("id")
    return plain


def mark_from(document: Document) -> HandoffMark:
    """Return the mark of a document."""
    return _from(MARK, document)


def stretch_document(fact: StretchFact) -> Plain:
    """Return a stretch's document, nulls included: they replace what was there."""
    plain = STRETCH_FACT.encode(fact)
    plain["_id"] = plain.pop("id")
    return plain


def stretch_from(document: Document) -> StretchFact:
    """Return the stretch of a document."""
    return _from(STRETCH_FACT, document)


def _sparse(codec: Codec[T], value: T) -> Plain:
    """Return a document without nulls: partial indexes then hold only what they are for."""
    plain = {name: item for name, item in codec.encode(value).items() if item is not None}
    plain["_id"] = plain.pop("id")
    return plain


def _from(codec: Codec[T], document: Document) -> T:
    return codec.decode({**document, "id": document["_id"]})
