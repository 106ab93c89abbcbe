"""The tables, and how an older database is brought to this version."""

from __future__ import annotations

import sqlite3

from ponte.errors import StoreUnavailable

_V1 = (
    """
    CREATE TABLE contacts (
        id TEXT PRIMARY KEY, address TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL, wa_id TEXT, name TEXT,
        last_inbound_at INTEGER, memory TEXT NOT NULL DEFAULT '', inbox_seq INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX contacts_wa_id ON contacts (wa_id, created_at) WHERE wa_id IS NOT NULL",
    """
    CREATE TABLE inbox (
        id TEXT PRIMARY KEY, contact_id TEXT NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL,
        received_at INTEGER NOT NULL, due_at INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
        turn_id TEXT, inbound TEXT, conversation_id TEXT, error TEXT
    ) STRICT
    """,
    "CREATE INDEX inbox_pending ON inbox (contact_id, seq) WHERE state = 'pending'",
    "CREATE INDEX inbox_due ON inbox (due_at, contact_id) WHERE state = 'pending'",
    "CREATE INDEX inbox_dead ON inbox (received_at, id) WHERE state = 'dead'",
    "CREATE INDEX inbox_done ON inbox (received_at) WHERE state = 'done'",
    "CREATE INDEX inbox_received ON inbox (kind, received_at)",
    """
    CREATE TABLE conversations (
        id TEXT PRIMARY KEY, contact_id TEXT NOT NULL, thread_id TEXT NOT NULL, opened_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL, status TEXT NOT NULL, epoch INTEGER NOT NULL, version INTEGER NOT NULL,
        last_seq INTEGER NOT NULL, last_turn_id TEXT, agent_id TEXT, language TEXT NOT NULL,
        waiting_since INTEGER, last_customer_at INTEGER, seen_seq INTEGER NOT NULL, unread INTEGER NOT NULL,
        handoff TEXT, handoff_seq INTEGER NOT NULL, resume TEXT, resolved_at INTEGER, disposition TEXT,
        preview TEXT NOT NULL, reminded INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX conversations_current ON conversations (contact_id, opened_at DESC, resolved_at)",
    "CREATE INDEX conversations_contact ON conversations (contact_id, updated_at, id)",
    "CREATE INDEX conversations_updated ON conversations (updated_at, id)",
    "CREATE INDEX conversations_status ON conversations (status, updated_at, id)",
    "CREATE INDEX conversations_waiting ON conversations (waiting_since, id) WHERE status = 'AWAITING_AGENT'",
    """
    CREATE INDEX conversations_overdue ON conversations (waiting_since)
        WHERE status = 'AWAITING_AGENT' AND reminded = 0
    """,
    """
    CREATE TABLE messages (
        id TEXT PRIMARY KEY, conversation_id TEXT NOT NULL REFERENCES conversations (id),
        contact_id TEXT NOT NULL, seq INTEGER NOT NULL, author TEXT NOT NULL, kind TEXT NOT NULL,
        body TEXT NOT NULL, status TEXT NOT NULL, created_at INTEGER NOT NULL, media TEXT, agent_id TEXT,
        prompt_version TEXT, sid TEXT, error_code INTEGER, address TEXT, position TEXT, epoch INTEGER,
        due_at INTEGER, attempts INTEGER, lease_until INTEGER, uncertain INTEGER
    ) STRICT
    """,
    "CREATE UNIQUE INDEX messages_seq ON messages (conversation_id, seq)",
    "CREATE INDEX messages_sid ON messages (sid) WHERE sid IS NOT NULL",
    "CREATE INDEX messages_outbox ON messages (contact_id, position) WHERE position IS NOT NULL",
    """
    CREATE INDEX messages_due ON messages (due_at, lease_until, contact_id, position)
        WHERE position IS NOT NULL
    """,
    """
    CREATE TABLE agents (
        id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, role TEXT NOT NULL,
        password_hash TEXT NOT NULL, created_at INTEGER NOT NULL, disabled INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE sessions (
        token_hash TEXT PRIMARY KEY, agent_id TEXT NOT NULL, created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX sessions_agent ON sessions (agent_id)",
    "CREATE INDEX sessions_expiry ON sessions (expires_at)",
    """
    CREATE TABLE throttles (
        key TEXT PRIMARY KEY, began_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, tries INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX throttles_expiry ON throttles (expires_at)",
    """
    CREATE TABLE audit (
        id TEXT PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
        conversation_id TEXT, detail TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX audit_at ON audit (at, id)",
    "CREATE INDEX audit_conversation ON audit (conversation_id, at, id)",
    """
    CREATE TABLE leases (
        key TEXT PRIMARY KEY, owner TEXT, token INTEGER NOT NULL, expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX leases_expiry ON leases (expires_at)",
    "CREATE TABLE named_values (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
)

_V2 = (
    "ALTER TABLE messages ADD COLUMN details TEXT",
    "ALTER TABLE messages ADD COLUMN reply_to TEXT",
    "ALTER TABLE contacts ADD COLUMN opted_out_at INTEGER",
    "CREATE INDEX messages_media ON messages (contact_id) WHERE media IS NOT NULL",
)

# One entry a schema version, in order; an entry that was released never changes.
MIGRATIONS: tuple[tuple[str, ...], ...] = (_V1, _V2)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the database to the newest schema, inside the transaction that is open.

    The version is SQLite's ``user_version``, which is part of the transaction: of several processes the
    first migrates, and the others find nothing left to do.

    Raises:
        StoreUnavailable: the database is of a newer Ponte.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    newest = len(MIGRATIONS)
    if version > newest:
        raise StoreUnavailable(
            f"The database has schema version {version}, this Ponte knows up to {newest}. "
            "Run the Ponte that wrote it, or a newer one."
        )
    for statements in MIGRATIONS[version:]:
        for statement in statements:
            connection.execute(statement)
    if version < newest:
        connection.execute(f"PRAGMA user_version = {newest:d}")
