"""A commit in SQLite: one transaction."""

from __future__ import annotations

import sqlite3

from ponte.adapters.codec import AUDIT, CONVERSATION, Plain, clean_text
from ponte.adapters.sqlite.store_decisions import DECIDE, MARK, decision_row, mark_row
from ponte.adapters.sqlite.store_inbox import add_resume_row
from ponte.adapters.sqlite.store_reports import STRETCH, stretch_row
from ponte.adapters.sqlite.store_rows import (
    CONVERSATION_COLUMNS,
    CONVERSATION_VALUES,
    MESSAGE_COLUMNS,
    MESSAGE_VALUES,
    conversation_row,
    inbox_row,
    message_row,
)
from ponte.domain.facts import stretch_fact
from ponte.errors import Conflict
from ponte.ports import Commit

_NAMES = (*CONVERSATION.names, "urgency")
_CHANGES = ", ".join(f"{name} = :{name}" for name in _NAMES if name not in {"id", "updated_at"})

CREATE = f"""
    INSERT INTO conversations ({CONVERSATION_COLUMNS}, urgency) VALUES ({CONVERSATION_VALUES}, :urgency)
"""  # noqa: S608 - names of this package's own fields
# A settled message may have moved updated_at since the conversation was read; it never goes back.
CHANGE = f"""
    UPDATE conversations SET {_CHANGES}, updated_at = max(updated_at, :updated_at)
    WHERE id = :id AND version = :version - 1
"""  # noqa: S608 - as above
APPEND = f"INSERT INTO messages ({MESSAGE_COLUMNS}) VALUES ({MESSAGE_VALUES})"  # noqa: S608 - as above
DONE = "UPDATE inbox SET state = 'done', error = NULL WHERE id = :id"
SILENCE = """
    UPDATE messages SET status = 'cancelled', address = NULL, position = NULL, epoch = NULL, due_at = NULL,
        attempts = NULL, lease_until = NULL, uncertain = NULL
    WHERE contact_id = :contact_id AND position IS NOT NULL AND conversation_id = :id
        AND author = 'bot' AND status = 'queued' AND uncertain = 0
"""
REMEMBER = "UPDATE contacts SET memory = :memory WHERE id = :contact_id"
OPT = "UPDATE contacts SET opted_out_at = :opted_out_at WHERE id = :contact_id"
UNPARK = """
    UPDATE messages SET status = 'queued', due_at = :updated_at, attempts = 0, lease_until = 0,
        uncertain = 0, error_code = NULL
    WHERE contact_id = :contact_id AND position IS NOT NULL AND status = 'parked'
"""
NOTE = """
    INSERT INTO audit (id, at, actor, action, conversation_id, detail)
    VALUES (:id, :at, :actor, :action, :conversation_id, :detail) ON CONFLICT (id) DO NOTHING
"""


class CommitJob:
    """A commit, encoded, to be run in the writer's thread.

    Args:
        commit: what to apply.
    """

    def __init__(self, commit: Commit) -> None:
        self._conversation = conversation_row(commit.conversation)
        self._messages = [message_row(m) for m in commit.messages]
        self._done = [{"id": row_id} for row_id in commit.done]
        self._resume = inbox_row(commit.resume_row) if commit.resume_row else None
        self._silence = commit.silence_bot
        self._memory = None if commit.memory is None else clean_text(commit.memory)
        self._opted_out = commit.opted_out
        self._unpark = commit.unpark
        stretch = stretch_fact(commit.conversation)
        records = (
            (NOTE, [AUDIT.encode(entry) for entry in commit.audit]),
            (DECIDE, [decision_row(decision) for decision in commit.decisions]),
            (MARK, [mark_row(mark) for mark in commit.marks]),
            (STRETCH, [stretch_row(stretch)] if stretch else []),
        )
        self._records = [(sql, rows) for sql, rows in records if rows]

    def __call__(self, connection: sqlite3.Connection) -> None:
        """Apply it. Raises Conflict."""
        conversation = self._conversation
        if self._silence:  # before the new messages, which are the new owner's
            connection.execute(SILENCE, conversation)
        try:
            self._change(connection, conversation)
            if self._messages:
                connection.executemany(APPEND, self._messages)
        except sqlite3.IntegrityError as error:
            raise Conflict("The conversation was changed by somebody else. Read it again.") from error
        if self._done:
            connection.executemany(DONE, self._done)
        if self._resume is not None:
            add_resume_row(self._resume, connection)
        if self._memory is not None:
            connection.execute(REMEMBER, {"memory": self._memory, **conversation})
        if self._opted_out is not None:
            since = conversation["updated_at"] if self._opted_out else None
            connection.execute(OPT, {"opted_out_at": since, **conversation})
        if self._unpark:
            connection.execute(UNPARK, conversation)
        for sql, rows in self._records:
            connection.executemany(sql, rows)

    @staticmethod
    def _change(connection: sqlite3.Connection, conversation: Plain) -> None:
        if conversation["version"] == 1:
            connection.execute(CREATE, conversation)
        elif connection.execute(CHANGE, conversation).rowcount == 0:
            raise Conflict("The conversation was changed by somebody else. Read it again.")
