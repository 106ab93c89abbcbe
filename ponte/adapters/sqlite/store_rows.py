"""Rows to and from the domain's values. Column names are the fields' names; nested values are JSON."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from typing import Any

from ponte.adapters.codec import CONTACT, CONVERSATION, DELIVERY, INBOX_ROW, MESSAGE, Plain, message_of
from ponte.adapters.sqlite.engine import Engine
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation
from ponte.domain.inbox import InboxRow
from ponte.domain.message import Message
from ponte.domain.urgency import urgency

Row = tuple[Any, ...]

write_json: Callable[[object], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

_MESSAGE_NAMES = tuple(name for name in MESSAGE.names if name != "delivery")
_NO_DELIVERY: Plain = dict.fromkeys(DELIVERY.names)

CONVERSATION_COLUMNS = ", ".join(CONVERSATION.names)
INBOX_COLUMNS = ", ".join(INBOX_ROW.names)
MESSAGE_COLUMNS = ", ".join((*_MESSAGE_NAMES, *DELIVERY.names))
CONVERSATION_VALUES = ", ".join(f":{name}" for name in CONVERSATION.names)
INBOX_VALUES = ", ".join(f":{name}" for name in INBOX_ROW.names)
MESSAGE_VALUES = ", ".join(f":{name}" for name in (*_MESSAGE_NAMES, *DELIVERY.names))


class Part:
    """A part of the store: it has the engine.

    Args:
        engine: opened by whoever builds the store.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine


def first(connection: sqlite3.Connection, sql: str, values: Plain) -> Row | None:
    """Return the first row of a query."""
    row: Row | None = connection.execute(sql, values).fetchone()
    return row


def conversation_row(conversation: Conversation) -> Plain:
    """Return the values of a conversation's columns."""
    plain = CONVERSATION.encode(conversation)
    for name in ("handoff", "resume", "stretch"):
        if plain[name] is not None:
            plain[name] = write_json(plain[name])
    plain["labels"] = write_json(plain["labels"])
    return {**plain, "urgency": urgency(conversation)}


def conversation_from(row: Row) -> Conversation:
    """Return the conversation of a row of ``CONVERSATION_COLUMNS``."""
    plain = dict(zip(CONVERSATION.names, row, strict=True))
    for name in ("handoff", "resume", "stretch"):
        if plain[name] is not None:
            plain[name] = json.loads(plain[name])
    plain["reminded"] = bool(plain["reminded"])
    plain["labels"] = json.loads(plain["labels"])
    return CONVERSATION.decode(plain)


def inbox_row(row: InboxRow) -> Plain:
    """Return the values of an inbox row's columns."""
    plain = INBOX_ROW.encode(row)
    if plain["inbound"] is not None:
        plain["inbound"] = write_json(plain["inbound"])
    return plain


def inbox_row_from(row: Row) -> InboxRow:
    """Return the inbox row of a row of ``INBOX_COLUMNS``."""
    plain = dict(zip(INBOX_ROW.names, row, strict=True))
    if plain["inbound"] is not None:
        plain["inbound"] = json.loads(plain["inbound"])
    return INBOX_ROW.decode(plain)


def message_row(message: Message) -> Plain:
    """Return the values of a message's columns; the delivery has columns of its own."""
    plain = MESSAGE.encode(message)
    for name in ("media", "details"):
        plain[name] = write_json(plain[name]) if plain[name] else None
    plain.update(plain.pop("delivery") or _NO_DELIVERY)
    return plain


def message_from(row: Row) -> Message:
    """Return the message of a row of ``MESSAGE_COLUMNS``."""
    split = len(_MESSAGE_NAMES)
    plain = dict(zip(_MESSAGE_NAMES, row[:split], strict=True))
    for name in ("media", "details"):
        plain[name] = json.loads(plain[name]) if plain[name] is not None else ()
    delivery = dict(zip(DELIVERY.names, row[split:], strict=True))
    if delivery["position"] is not None:
        delivery["uncertain"] = bool(delivery["uncertain"])
        plain["delivery"] = delivery
    return message_of(plain)


def contact_from(row: tuple[Any, ...]) -> Contact:
    """Return the contact of a row."""
    plain = dict(zip(CONTACT.names, row, strict=True))
    return CONTACT.decode(
        {**plain, "notes": json.loads(plain["notes"]), "labels": json.loads(plain["labels"])}
    )
