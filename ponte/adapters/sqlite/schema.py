"""The tables, and how an older database is brought to this version."""

from __future__ import annotations

import sqlite3

from ponte.adapters.sqlite.schema_search import PRESENCES, SEARCH
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

_V3 = (
    "ALTER TABLE conversations ADD COLUMN csat INTEGER",
    "ALTER TABLE conversations ADD COLUMN csat_at INTEGER",
    "ALTER TABLE conversations ADD COLUMN csat_asked_at INTEGER",
    "CREATE INDEX messages_parked ON messages (contact_id) WHERE status = 'parked'",
    """
    CREATE TABLE message_files (
        key TEXT NOT NULL, contact_id TEXT NOT NULL, message_id TEXT NOT NULL, PRIMARY KEY (key, message_id)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX message_files_message ON message_files (message_id)",
    """
    INSERT OR IGNORE INTO message_files (key, contact_id, message_id)
        SELECT json_extract(file.value, '$.key'), m.contact_id, m.id
        FROM messages AS m, json_each(m.media) AS file
        WHERE m.media IS NOT NULL AND json_extract(file.value, '$.key') IS NOT NULL
    """,
    """
    CREATE TRIGGER messages_with_files AFTER INSERT ON messages WHEN new.media IS NOT NULL BEGIN
        INSERT OR IGNORE INTO message_files (key, contact_id, message_id)
            SELECT json_extract(file.value, '$.key'), new.contact_id, new.id
            FROM json_each(new.media) AS file WHERE json_extract(file.value, '$.key') IS NOT NULL;
    END
    """,
    """
    CREATE TRIGGER messages_without_files AFTER DELETE ON messages WHEN old.media IS NOT NULL BEGIN
        DELETE FROM message_files WHERE message_id = old.id;
    END
    """,
)

_V4 = (
    """
    CREATE TABLE decisions (
        id TEXT PRIMARY KEY, conversation_id TEXT NOT NULL, contact_id TEXT NOT NULL, at INTEGER NOT NULL,
        first_seq INTEGER NOT NULL, seq INTEGER NOT NULL, outcome TEXT NOT NULL, language TEXT NOT NULL,
        prompt_version TEXT NOT NULL, trigger TEXT, scores TEXT, thresholds TEXT, phrase TEXT
    ) STRICT
    """,
    "CREATE INDEX decisions_conversation ON decisions (conversation_id, seq, id)",
    "CREATE INDEX decisions_handoffs ON decisions (conversation_id, seq, id) WHERE outcome = 'human'",
    "CREATE INDEX decisions_counted ON decisions (at, prompt_version, outcome, trigger)",
    """
    CREATE TABLE marks (
        id TEXT PRIMARY KEY, decision_id TEXT NOT NULL, conversation_id TEXT NOT NULL,
        contact_id TEXT NOT NULL, agent_id TEXT NOT NULL, mark TEXT NOT NULL, at INTEGER NOT NULL,
        trigger TEXT NOT NULL, prompt_version TEXT NOT NULL, at_seq INTEGER
    ) STRICT
    """,
    "CREATE INDEX marks_conversation ON marks (conversation_id, at, id)",
    "CREATE INDEX marks_at ON marks (at, id)",
)

_V5 = (
    "CREATE TABLE prompt_files (hash TEXT PRIMARY KEY, content BLOB NOT NULL) STRICT",
    """
    CREATE TABLE prompt_versions (
        version TEXT PRIMARY KEY, first_served_at INTEGER NOT NULL, files TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX prompt_versions_served ON prompt_versions (first_served_at, version)",
    """
    CREATE TABLE prompt_serving (
        id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, value TEXT NOT NULL
    ) STRICT
    """,
)

_V6 = (
    "ALTER TABLE conversations ADD COLUMN stretch TEXT",
    "ALTER TABLE conversations ADD COLUMN prompt_version TEXT",
    "CREATE INDEX conversations_opened ON conversations (opened_at, id)",
    """
    CREATE TABLE stretches (
        id TEXT PRIMARY KEY, conversation_id TEXT NOT NULL, contact_id TEXT NOT NULL, number INTEGER NOT NULL,
        language TEXT NOT NULL, prompt_version TEXT, asked_at INTEGER NOT NULL, trigger TEXT,
        claimed_at INTEGER, first_reply_at INTEGER, ended_at INTEGER, how TEXT, agent_id TEXT,
        transfers INTEGER NOT NULL, disposition TEXT
    ) STRICT
    """,
    "CREATE INDEX stretches_asked ON stretches (asked_at, id)",
    "CREATE INDEX stretches_conversation ON stretches (conversation_id, number)",
)

_V7 = (
    "ALTER TABLE conversations ADD COLUMN labels TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE conversations ADD COLUMN priority INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE conversations ADD COLUMN snoozed_until INTEGER",
    "ALTER TABLE conversations ADD COLUMN reopened INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE conversations ADD COLUMN unanswered_since INTEGER",
    "ALTER TABLE conversations ADD COLUMN urgency INTEGER",
    # See ponte.domain.urgency: nothing had a priority yet.
    """
    UPDATE conversations SET urgency = 200000000000000 + min(
        coalesce(waiting_since, updated_at + 72000000), coalesce(last_customer_at, updated_at) + 72000000
    ) WHERE status IN ('AWAITING_AGENT', 'AGENT_ACTIVE')
    """,
    """
    CREATE INDEX conversations_queue ON conversations (urgency, id)
        WHERE urgency IS NOT NULL AND status = 'AWAITING_AGENT'
    """,
    """
    CREATE INDEX conversations_queue_language ON conversations (language, urgency, id)
        WHERE urgency IS NOT NULL AND status = 'AWAITING_AGENT'
    """,
    """
    CREATE INDEX conversations_held ON conversations (agent_id, urgency, id)
        WHERE urgency IS NOT NULL AND agent_id IS NOT NULL
    """,
    "CREATE INDEX conversations_snoozed ON conversations (snoozed_until, id) WHERE snoozed_until IS NOT NULL",
    """
    CREATE INDEX conversations_put_off ON conversations (agent_id, snoozed_until, id)
        WHERE snoozed_until IS NOT NULL
    """,
    "CREATE INDEX conversations_language ON conversations (language, updated_at, id)",
    "CREATE INDEX conversations_priority ON conversations (priority, updated_at, id) WHERE priority > 0",
    """
    CREATE TABLE conversation_labels (
        label TEXT NOT NULL, conversation_id TEXT NOT NULL, updated_at INTEGER NOT NULL, urgency INTEGER,
        PRIMARY KEY (conversation_id, label)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX conversation_labels_updated ON conversation_labels (label, updated_at, conversation_id)",
    """
    CREATE INDEX conversation_labels_urgency ON conversation_labels (label, urgency, conversation_id)
        WHERE urgency IS NOT NULL
    """,
    """
    CREATE TRIGGER conversations_relabelled AFTER UPDATE OF labels, updated_at, urgency ON conversations
        WHEN old.labels <> '[]' OR new.labels <> '[]'
    BEGIN
        DELETE FROM conversation_labels WHERE conversation_id = old.id;
        INSERT INTO conversation_labels (label, conversation_id, updated_at, urgency)
            SELECT each.value, new.id, new.updated_at, new.urgency FROM json_each(new.labels) AS each;
    END
    """,
    """
    CREATE TRIGGER conversations_labelled AFTER INSERT ON conversations WHEN new.labels <> '[]' BEGIN
        INSERT INTO conversation_labels (label, conversation_id, updated_at, urgency)
            SELECT each.value, new.id, new.updated_at, new.urgency FROM json_each(new.labels) AS each;
    END
    """,
    """
    CREATE TRIGGER conversations_unlabelled AFTER DELETE ON conversations WHEN old.labels <> '[]' BEGIN
        DELETE FROM conversation_labels WHERE conversation_id = old.id;
    END
    """,
    *SEARCH,
    *PRESENCES,
)

_V8 = (
    "ALTER TABLE contacts ADD COLUMN notes TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE contacts ADD COLUMN labels TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE contacts ADD COLUMN language TEXT",
    """
    CREATE TABLE office (
        kind TEXT NOT NULL, id TEXT NOT NULL, fields TEXT NOT NULL, changed_at INTEGER NOT NULL,
        changed_by TEXT NOT NULL, PRIMARY KEY (kind, id)
    ) STRICT, WITHOUT ROWID
    """,
)

_V9 = (
    "CREATE INDEX audit_actor ON audit (actor, at, id)",
    "CREATE INDEX audit_action ON audit (action, at, id)",
    "CREATE INDEX audit_actor_action ON audit (actor, action, at, id)",
    "CREATE INDEX decisions_at ON decisions (at, id)",
    "CREATE INDEX decisions_outcome ON decisions (outcome, at, id)",
    "CREATE INDEX decisions_trigger ON decisions (trigger, at, id) WHERE trigger IS NOT NULL",
    "CREATE INDEX decisions_version ON decisions (prompt_version, outcome, at, id)",
    "CREATE INDEX decisions_of_version ON decisions (prompt_version, at, id)",
    "CREATE INDEX marks_said ON marks (mark, at, id)",
)

_V10 = (
    """
    CREATE INDEX messages_missing_files ON messages (created_at)
        WHERE instr(media, '"error":"unavailable"') > 0
    """,
    """
    CREATE TRIGGER messages_got_files AFTER UPDATE OF media ON messages WHEN new.media IS NOT NULL BEGIN
        INSERT OR IGNORE INTO message_files (key, contact_id, message_id)
            SELECT json_extract(file.value, '$.key'), new.contact_id, new.id
            FROM json_each(new.media) AS file WHERE json_extract(file.value, '$.key') IS NOT NULL;
    END
    """,
)

# One entry a schema version, in order; an entry that was released never changes.
MIGRATIONS: tuple[tuple[str, ...], ...] = (_V1, _V2, _V3, _V4, _V5, _V6, _V7, _V8, _V9, _V10)


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
