"""Contacts, conversations and transcripts in SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from functools import partial

from ponte.adapters.codec import MEDIA, Plain, same_files
from ponte.adapters.sqlite.store_commit import CommitJob
from ponte.adapters.sqlite.store_queue import SqliteQueue
from ponte.adapters.sqlite.store_rows import (
    CONVERSATION_COLUMNS,
    MESSAGE_COLUMNS,
    contact_from,
    conversation_from,
    first,
    message_from,
    write_json,
)
from ponte.domain.contact import Contact
from ponte.domain.conversation import HUMAN_STATUSES, Conversation, Status
from ponte.domain.message import Media, Message
from ponte.errors import NotFound
from ponte.ports import Commit

_CONTACT = """
    SELECT id, address, created_at, wa_id, name, last_inbound_at, memory, opted_out_at, notes, labels,
        language
    FROM contacts
"""
_CONVERSATION = f"SELECT {CONVERSATION_COLUMNS} FROM conversations"  # noqa: S608 - names of this package's own fields
_MESSAGE = f"SELECT {MESSAGE_COLUMNS} FROM messages"  # noqa: S608 - as above

CONTACT_BY_ID = f"{_CONTACT} WHERE id = :id"
CONTACTS_BY_ID = f"{_CONTACT} WHERE id IN (SELECT value FROM json_each(:ids))"  # noqa: S608 - as above
CONTACT_BY_ADDRESS = f"{_CONTACT} WHERE address = :name"
CONTACT_BY_WA_ID = f"{_CONTACT} WHERE wa_id = :name ORDER BY created_at DESC LIMIT 1"
OPT_OUT = "UPDATE contacts SET opted_out_at = :now WHERE id = :id AND opted_out_at IS NULL"
BY_ID = f"{_CONVERSATION} WHERE id = :id"
CURRENT = f"{_CONVERSATION} WHERE contact_id = :contact_id ORDER BY opened_at DESC, resolved_at LIMIT 1"
CHANGED = f"{_CONVERSATION} WHERE updated_at >= :since ORDER BY updated_at, id LIMIT :limit"
COUNT = """
    SELECT status, count(*) FROM conversations
    WHERE status IN ('BOT_ACTIVE', 'AWAITING_AGENT', 'AGENT_ACTIVE') GROUP BY status
"""
OVERDUE = f"""
    SELECT {CONVERSATION_COLUMNS} FROM conversations INDEXED BY conversations_overdue
    WHERE status = 'AWAITING_AGENT' AND reminded = 0 AND waiting_since < :before
    ORDER BY waiting_since LIMIT :limit
"""  # noqa: S608 - as above
MESSAGE_BY_ID = f"{_MESSAGE} WHERE id = :id"
AFTER = f"{_MESSAGE} WHERE conversation_id = :id AND seq > :after ORDER BY seq LIMIT :limit"
BETWEEN = f"""
    {_MESSAGE} WHERE conversation_id = :id AND seq > :after AND seq < :before ORDER BY seq DESC LIMIT :limit
"""
SEEING = "SELECT seen_seq, last_seq, status FROM conversations WHERE id = :id"
UNSEEN = "SELECT count(*) FROM messages WHERE conversation_id = :id AND seq > :seen AND author = 'customer'"
SEE = """
    UPDATE conversations SET seen_seq = :seen, unread = :unread, version = version + 1 WHERE id = :id
"""

# The index's own condition: see messages_missing_files in the schema.
MISSING_FILES = f"""
    SELECT {MESSAGE_COLUMNS} FROM messages
    WHERE instr(media, '"error":"unavailable"') > 0 AND created_at > :after AND created_at <= :until
    ORDER BY created_at LIMIT :limit
"""  # noqa: S608 - names of this package's own fields
MEDIA_OF = "SELECT media, conversation_id FROM messages WHERE id = :id"
SET_MEDIA = "UPDATE messages SET media = :media WHERE id = :id"
TOUCH = "UPDATE conversations SET updated_at = max(updated_at, :now) WHERE id = :conversation_id"


class SqliteConversations(SqliteQueue):
    """``ponte.ports.ConversationStore``."""

    async def contact(self, contact_id: str) -> Contact:
        """Return a contact. Raises NotFound."""
        found = await self._contact(CONTACT_BY_ID, {"id": contact_id})
        if found is None:
            raise NotFound(f"There is no contact {contact_id}.")
        return found

    async def contacts(self, contact_ids: Sequence[str]) -> dict[str, Contact]:
        """Return the contacts that exist, by id."""
        values = {"ids": write_json(list(contact_ids))}
        rows = await self._engine.read(lambda db: db.execute(CONTACTS_BY_ID, values).fetchall())
        return {row[0]: contact_from(row) for row in rows}

    async def find_contact(self, address_or_wa_id: str) -> Contact | None:
        """Return the contact with this address or WhatsApp id."""
        values = {"name": address_or_wa_id}
        return await self._contact(CONTACT_BY_ADDRESS, values) or await self._contact(
            CONTACT_BY_WA_ID, values
        )

    async def _contact(self, sql: str, values: Plain) -> Contact | None:
        row = await self._engine.look(lambda db: first(db, sql, values))
        return None if row is None else contact_from(row)

    async def opt_out(self, contact_id: str, now: int) -> bool:
        """Record that the contact wants no messages, see the port."""
        values = {"id": contact_id, "now": now}
        return await self._engine.write(lambda db: db.execute(OPT_OUT, values).rowcount > 0)

    async def conversation(self, conversation_id: str) -> Conversation:
        """Return a conversation. Raises NotFound."""
        row = await self._engine.look(lambda db: first(db, BY_ID, {"id": conversation_id}))
        if row is None:
            raise NotFound(f"There is no conversation {conversation_id}.")
        return conversation_from(row)

    async def current(self, contact_id: str) -> Conversation | None:
        """Return the contact's newest conversation."""
        row = await self._engine.look(lambda db: first(db, CURRENT, {"contact_id": contact_id}))
        return None if row is None else conversation_from(row)

    async def changed_since(self, updated_at: int, limit: int) -> list[Conversation]:
        """Return conversations changed at or after ``updated_at``, the longest ago first."""
        return await self._list(CHANGED, {"since": updated_at, "limit": limit})

    async def count_by_status(self) -> dict[Status, int]:
        """Return how many conversations are in each status but RESOLVED."""
        rows = await self._engine.read(lambda db: db.execute(COUNT).fetchall())
        counted = {Status(status): count for status, count in rows}
        return {status: counted.get(status, 0) for status in Status if status is not Status.RESOLVED}

    async def overdue(self, waiting_before: int, limit: int) -> list[Conversation]:
        """Return conversations that wait too long, see the port."""
        return await self._list(OVERDUE, {"before": waiting_before, "limit": limit})

    async def commit(self, commit: Commit) -> None:
        """Apply a commit. Raises Conflict.

        One that finishes inbox rows need not wait for the disk: a power failure that undoes it leaves the
        rows pending, and what it sends is on the disk before the send, by ``take``.
        """
        await self._engine.write(CommitJob(commit), durable=not commit.done)

    async def recover(self) -> int:
        """Return 0: SQLite's transactions leave no commit half done."""
        return 0

    async def messages(
        self, conversation_id: str, *, after: int = 0, before: int | None = None, limit: int = 50
    ) -> list[Message]:
        """Return messages in order of seq, see the port."""
        values = {"id": conversation_id, "after": after, "before": before, "limit": limit}
        sql = AFTER if before is None else BETWEEN
        rows = await self._engine.read(lambda db: db.execute(sql, values).fetchall())
        if before is not None:
            rows.reverse()
        return [message_from(row) for row in rows]

    async def message(self, message_id: str) -> Message:
        """Return a message. Raises NotFound."""
        row = await self._engine.look(lambda db: first(db, MESSAGE_BY_ID, {"id": message_id}))
        if row is None:
            raise NotFound(f"There is no message {message_id}.")
        return message_from(row)

    async def set_media_text(self, message_id: str, media: Sequence[Media], now: int) -> bool:
        """Replace what is known of a message's files, see the port."""
        files = [MEDIA.encode(one) for one in media]
        return await self._engine.write(partial(_set_media, message_id, files, now))

    async def missing_files(self, after: int, until: int, limit: int) -> list[Message]:
        """Return messages with a file that was UNAVAILABLE, see the port."""
        values = {"after": after, "until": until, "limit": limit}
        rows = await self._engine.read(lambda db: db.execute(MISSING_FILES, values).fetchall())
        return [message_from(row) for row in rows]

    async def mark_seen(self, conversation_id: str, seq: int) -> None:
        """Record what an agent saw, see the port."""
        await self._engine.write(partial(_mark_seen, conversation_id, seq))


def _set_media(message_id: str, media: list[Plain], now: int, connection: sqlite3.Connection) -> bool:
    row = first(connection, MEDIA_OF, {"id": message_id})
    stored = json.loads(row[0]) if row is not None and row[0] is not None else []
    if row is None or not same_files(stored, media):
        return False
    connection.execute(SET_MEDIA, {"id": message_id, "media": write_json(media)})
    connection.execute(TOUCH, {"conversation_id": row[1], "now": now})
    return True


def _mark_seen(conversation_id: str, seq: int, connection: sqlite3.Connection) -> None:
    row = first(connection, SEEING, {"id": conversation_id})
    if row is None:
        raise NotFound(f"There is no conversation {conversation_id}.")
    seen_seq, last_seq, status = row
    seen = min(seq, last_seq)
    if seen <= seen_seq:
        return
    values = {"id": conversation_id, "seen": seen, "unread": 0}
    if Status(status) in HUMAN_STATUSES:
        values["unread"] = connection.execute(UNSEEN, values).fetchone()[0]
    connection.execute(SEE, values)
