"""The search in SQLite: FTS5, read by its rows' numbers from the newest back, so a page costs a page."""

from __future__ import annotations

import sqlite3
from functools import partial

from ponte.adapters.codec import read_cursor, write_cursor
from ponte.adapters.sqlite.store_conversations import SqliteConversations
from ponte.adapters.sqlite.store_rows import (
    CONVERSATION_COLUMNS,
    MESSAGE_COLUMNS,
    conversation_from,
    first,
    message_from,
)
from ponte.domain.conversation import Conversation
from ponte.domain.message import Message
from ponte.domain.searching import LONGEST_WORD, Query, query_of
from ponte.ports import Hit, Page

NAMES = """
    SELECT rowid FROM search_names WHERE search_names MATCH :match AND rowid < :key
    ORDER BY rowid DESC LIMIT :limit
"""
WORDS = """
    SELECT rowid FROM search_words WHERE search_words MATCH :match AND rowid < :key
    ORDER BY rowid DESC LIMIT :limit
"""
NAMED = "SELECT contact_id FROM search_contacts WHERE id = :number"
WORDED = f"""
    SELECT {MESSAGE_COLUMNS} FROM messages
    WHERE id = (SELECT message_id FROM search_messages WHERE id = :number)
"""  # noqa: S608 - names of this package's own fields
CONVERSATION = f"SELECT {CONVERSATION_COLUMNS} FROM conversations WHERE id = :id"  # noqa: S608 - as above
NEWEST = f"""
    SELECT {CONVERSATION_COLUMNS} FROM conversations WHERE contact_id = :id
    ORDER BY opened_at DESC, resolved_at LIMIT 1
"""  # noqa: S608 - as above

_BEYOND = 2**62
_NO_ID = "-"  # a cursor needs an id; the number says it all here


_Found = tuple[Conversation, Message | None]


class SqliteSearch(SqliteConversations):
    """``ponte.ports.SearchStore``."""

    async def search(self, text: str, *, after: str | None, limit: int) -> Page[Hit]:
        """Find customers and messages, see the port."""
        phase, key = "c", _BEYOND
        if after is not None:
            phase = "c" if after.startswith("c") else "m"
            key, _ = read_cursor(phase, after)
        query = query_of(text)
        if not query or limit <= 0:
            return Page((), None)
        found, following = await self._engine.read(partial(_search, query, phase, key, limit))
        contacts = await self.contacts(list({c.contact_id for c, _ in found})) if found else {}
        hits = [Hit(c, contacts[c.contact_id], m) for c, m in found if c.contact_id in contacts]
        return Page(tuple(hits), following)


def _search(
    query: Query, phase: str, key: int, limit: int, db: sqlite3.Connection
) -> tuple[list[_Found], str | None]:
    found: list[tuple[str, int, _Found]] = []
    if phase == "c":
        match = f'"{query.digits}"*' if query.digits else _match(query)
        page = _page(db, NAMES, match, key, limit + 1)
        found += [("c", number, hit) for number, hit in page]
        key = _BEYOND
    if len(found) <= limit:
        rest = limit + 1 - len(found)
        page = _page(db, WORDS, _match(query), key, rest)
        found += [("m", number, hit) for number, hit in page]
    hits = [hit for _, _, hit in found[:limit]]
    if len(found) <= limit:
        return hits, None
    last, number, _ = found[limit - 1]
    return hits, write_cursor(last, number, _NO_ID)


def _match(query: Query) -> str:
    """Write the query for FTS5. Words are letters and digits only, so nothing in them is syntax."""
    words = [f'"{word}"*' if len(word) == LONGEST_WORD else f'"{word}"' for word in query.words]
    return " AND ".join([*words, f'"{query.beginning}"*'] if query.beginning else words)


def _page(db: sqlite3.Connection, sql: str, match: str, key: int, limit: int) -> list[tuple[int, _Found]]:
    """Return up to ``limit`` hits before row number ``key``; rows that lead nowhere are passed over."""
    found: list[tuple[int, _Found]] = []
    build = _customer if sql is NAMES else _message
    while len(found) < limit:
        wanted = limit - len(found)
        numbers = [row[0] for row in db.execute(sql, {"match": match, "key": key, "limit": wanted})]
        built = ((number, build(db, number)) for number in numbers)
        found += [(number, hit) for number, hit in built if hit is not None]
        if len(numbers) < wanted:
            break
        key = numbers[-1]
    return found


def _customer(db: sqlite3.Connection, number: int) -> _Found | None:
    """Return the customer's newest conversation; None for one who never got as far as that."""
    row = first(db, NAMED, {"number": number})
    newest = None if row is None else first(db, NEWEST, {"id": row[0]})
    return None if newest is None else (conversation_from(newest), None)


def _message(db: sqlite3.Connection, number: int) -> _Found | None:
    row = first(db, WORDED, {"number": number})
    if row is None:
        return None
    message = message_from(row)
    conversation = first(db, CONVERSATION, {"id": message.conversation_id})
    return None if conversation is None else (conversation_from(conversation), message)
