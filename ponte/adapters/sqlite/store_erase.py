"""Erasing a customer in SQLite: one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from ponte.adapters.sqlite.store_rows import Part

INBOX_IN_TRANSCRIPT = """
    DELETE FROM inbox WHERE id IN (
        SELECT m.id FROM conversations c JOIN messages m ON m.conversation_id = c.id WHERE c.contact_id = :id
    )
"""
INBOX_PENDING = "DELETE FROM inbox WHERE contact_id = :id AND state = 'pending'"
INBOX_DEAD = "DELETE FROM inbox WHERE state = 'dead' AND received_at >= 0 AND contact_id = :id"
MESSAGES = """
    DELETE FROM messages WHERE conversation_id IN (SELECT id FROM conversations WHERE contact_id = :id)
"""
DECISIONS = """
    DELETE FROM decisions WHERE conversation_id IN (SELECT id FROM conversations WHERE contact_id = :id)
"""
MARKS = """
    DELETE FROM marks WHERE conversation_id IN (SELECT id FROM conversations WHERE contact_id = :id)
"""
STRETCHES = """
    DELETE FROM stretches WHERE conversation_id IN (SELECT id FROM conversations WHERE contact_id = :id)
"""
CONVERSATIONS = "DELETE FROM conversations WHERE contact_id = :id"
CONTACT = "DELETE FROM contacts WHERE id = :id"

MEDIA_OF = """
    SELECT DISTINCT f.key FROM conversations c
    JOIN messages m ON m.conversation_id = c.id JOIN message_files f ON f.message_id = m.id
    WHERE c.contact_id = :id
"""
MEDIA_ELSEWHERE = """
    SELECT DISTINCT key FROM message_files
    WHERE key IN (SELECT value FROM json_each(:keys)) AND contact_id <> :id
"""


class SqliteErasure(Part):
    """The erasure of ``ponte.ports.ConversationStore``."""

    async def media_of(self, contact_id: str) -> set[str]:
        """Return the contact's files, see the port."""
        rows = await self._engine.read(lambda db: db.execute(MEDIA_OF, {"id": contact_id}).fetchall())
        return {str(row[0]) for row in rows}

    async def media_elsewhere(self, contact_id: str, keys: Sequence[str]) -> set[str]:
        """Return the files that others have too, see the port."""
        values = {"id": contact_id, "keys": json.dumps(list(keys))}
        rows = await self._engine.read(lambda db: db.execute(MEDIA_ELSEWHERE, values).fetchall())
        return {str(row[0]) for row in rows}

    async def erase_contact(self, contact_id: str) -> dict[str, int]:
        """Delete all of a contact, see the port."""

        def erase(db: sqlite3.Connection) -> dict[str, int]:
            def deleted(sql: str) -> int:
                return db.execute(sql, {"id": contact_id}).rowcount

            inbox = deleted(INBOX_IN_TRANSCRIPT) + deleted(INBOX_PENDING) + deleted(INBOX_DEAD)
            return {
                "inbox": inbox,
                "messages": deleted(MESSAGES),
                "decisions": deleted(DECISIONS),
                "marks": deleted(MARKS),
                "stretches": deleted(STRETCHES),
                "conversations": deleted(CONVERSATIONS),
                "contacts": deleted(CONTACT),
            }

        return await self._engine.write(erase)
