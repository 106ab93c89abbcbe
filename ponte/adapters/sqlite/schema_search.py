"""The search's tables: two full-text indexes that triggers keep in step, in the transaction of every change.

They hold words only (``content=''``), so a row is taken out by telling FTS5 the text that was put in
(https://www.sqlite.org/fts5.html#contentless_tables). Numbers of our own tie their rows to messages and
contacts: those tables' rowids may change.
"""

from __future__ import annotations

from typing import Final

_WORDS: Final = """
    fts5(text, content = '', columnsize = 0, prefix = '2 3', tokenize = "unicode61 remove_diacritics 2")
"""


def _message_text(row: str) -> str:
    """SQL: what is searched of a message, see ``ponte.domain.searching.joined_text``."""
    return f"""
        {row}.body || coalesce((
            SELECT group_concat(' ' || json_extract(file.value, '$.text'), '')
            FROM json_each({row}.media) AS file
            WHERE json_extract(file.value, '$.text') IS NOT NULL
        ), '')
    """  # noqa: S608 - ``row`` is a name of this module's own


def _contact_text(row: str) -> str:
    """SQL: what is searched of a contact: the name, and the number from each of its digits on."""
    digits = f"replace(replace({row}.address, 'whatsapp:', ''), '+', '')"
    return f"""
        coalesce({row}.name, '') || ' ' || {digits} || ' ' || coalesce((
            SELECT group_concat(substr({digits}, place.value), ' ')
            FROM json_each('[2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]') AS place
            WHERE {digits} NOT GLOB '*[^0-9]*' AND place.value <= length({digits}) - 3
        ), '')
    """  # noqa: S608 - as above


def _put(index: str, numbers: str, key: str, row: str, text: str) -> str:
    return f"INSERT INTO {index} (rowid, text) SELECT id, {text} FROM {numbers} WHERE {key} = {row}.id;"  # noqa: S608 - as above


def _take(index: str, numbers: str, key: str, text: str) -> str:
    return f"""
        INSERT INTO {index} ({index}, rowid, text)
            SELECT 'delete', id, {text} FROM {numbers} WHERE {key} = old.id;
    """  # noqa: S608 - as above


_MESSAGE: Final = ("search_words", "search_messages", "message_id")
_CONTACT: Final = ("search_names", "search_contacts", "contact_id")

SEARCH: Final = (
    "CREATE TABLE search_messages (id INTEGER PRIMARY KEY, message_id TEXT NOT NULL UNIQUE) STRICT",
    f"CREATE VIRTUAL TABLE search_words USING {_WORDS}",
    "CREATE TABLE search_contacts (id INTEGER PRIMARY KEY, contact_id TEXT NOT NULL UNIQUE) STRICT",
    f"CREATE VIRTUAL TABLE search_names USING {_WORDS}",
    """
    INSERT INTO search_messages (message_id)
        SELECT id FROM messages WHERE author <> 'system' ORDER BY created_at
    """,
    f"""
    INSERT INTO search_words (rowid, text)
        SELECT s.id, {_message_text("m")} FROM search_messages AS s JOIN messages AS m ON m.id = s.message_id
    """,  # noqa: S608 - as above
    "INSERT INTO search_contacts (contact_id) SELECT id FROM contacts ORDER BY created_at",
    f"""
    INSERT INTO search_names (rowid, text)
        SELECT s.id, {_contact_text("c")} FROM search_contacts AS s JOIN contacts AS c ON c.id = s.contact_id
    """,  # noqa: S608 - as above
    f"""
    CREATE TRIGGER messages_searchable AFTER INSERT ON messages WHEN new.author <> 'system' BEGIN
        INSERT INTO search_messages (message_id) VALUES (new.id);
        {_put(*_MESSAGE, "new", _message_text("new"))}
    END
    """,  # noqa: S608 - as above
    f"""
    CREATE TRIGGER messages_reworded AFTER UPDATE OF body, media ON messages
        WHEN new.author <> 'system' AND (old.body <> new.body OR old.media IS NOT new.media)
    BEGIN
        {_take(*_MESSAGE, _message_text("old"))}
        {_put(*_MESSAGE, "new", _message_text("new"))}
    END
    """,
    f"""
    CREATE TRIGGER messages_forgotten AFTER DELETE ON messages WHEN old.author <> 'system' BEGIN
        {_take(*_MESSAGE, _message_text("old"))}
        DELETE FROM search_messages WHERE message_id = old.id;
    END
    """,  # noqa: S608 - as above
    f"""
    CREATE TRIGGER contacts_searchable AFTER INSERT ON contacts BEGIN
        INSERT INTO search_contacts (contact_id) VALUES (new.id);
        {_put(*_CONTACT, "new", _contact_text("new"))}
    END
    """,  # noqa: S608 - as above
    f"""
    CREATE TRIGGER contacts_renamed AFTER UPDATE OF name, address ON contacts
        WHEN old.name IS NOT new.name OR old.address <> new.address
    BEGIN
        {_take(*_CONTACT, _contact_text("old"))}
        {_put(*_CONTACT, "new", _contact_text("new"))}
    END
    """,
    f"""
    CREATE TRIGGER contacts_forgotten AFTER DELETE ON contacts BEGIN
        {_take(*_CONTACT, _contact_text("old"))}
        DELETE FROM search_contacts WHERE contact_id = old.id;
    END
    """,  # noqa: S608 - as above
)

PRESENCES: Final = (
    """
    CREATE TABLE presences (
        agent_id TEXT NOT NULL, tab TEXT NOT NULL, name TEXT NOT NULL, conversation_id TEXT,
        typing_until INTEGER NOT NULL, seen_at INTEGER NOT NULL, since INTEGER NOT NULL,
        PRIMARY KEY (agent_id, tab)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX presences_seen ON presences (seen_at)",
)
