"""The inbox in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import partial

from ponte.adapters.codec import Plain, clean_text
from ponte.adapters.sqlite.store_rows import (
    INBOX_COLUMNS,
    INBOX_VALUES,
    Part,
    first,
    inbox_row,
    inbox_row_from,
)
from ponte.domain.inbox import InboxKind, InboxRow
from ponte.domain.message import Inbound

KNOWN = "SELECT 1 FROM inbox WHERE id = :id"
MEET = """
    INSERT INTO contacts (id, address, created_at, wa_id, name, last_inbound_at, inbox_seq)
    VALUES (:contact_id, :address, :received_at, :wa_id, :name, :received_at, 1)
    ON CONFLICT (address) DO UPDATE SET
        wa_id = coalesce(excluded.wa_id, wa_id), name = coalesce(excluded.name, name),
        last_inbound_at = max(coalesce(last_inbound_at, 0), excluded.last_inbound_at),
        inbox_seq = inbox_seq + 1
    RETURNING id, inbox_seq
"""
ADD = f"INSERT INTO inbox ({INBOX_COLUMNS}) VALUES ({INBOX_VALUES})"  # noqa: S608 - names of this package's own fields
NEXT_SEQ = "UPDATE contacts SET inbox_seq = inbox_seq + 1 WHERE id = :contact_id RETURNING inbox_seq"
DUE = """
    SELECT contact_id FROM inbox INDEXED BY inbox_due WHERE state = 'pending' AND due_at <= :now
    GROUP BY contact_id ORDER BY min(due_at), contact_id LIMIT :limit
"""
PENDING = f"""
    SELECT {INBOX_COLUMNS} FROM inbox WHERE state = 'pending' AND contact_id = :contact_id
    ORDER BY seq LIMIT :limit
"""  # noqa: S608 - as above
DEAD = f"SELECT {INBOX_COLUMNS} FROM inbox WHERE state = 'dead' ORDER BY received_at, id LIMIT :limit"  # noqa: S608 - as above
FIX = "UPDATE inbox SET turn_id = :turn_id, attempts = attempts + 1 WHERE id = :id AND state = 'pending'"
POSTPONE = "UPDATE inbox SET due_at = :due_at, error = :error WHERE id = :id AND state = 'pending'"
BURY = "UPDATE inbox SET state = 'dead', error = :error WHERE id = :id AND state = 'pending'"
REVIVE = """
    UPDATE inbox SET state = 'pending', attempts = 0, turn_id = NULL, due_at = :now
    WHERE id = :id AND state = 'dead'
"""
NEWEST = "SELECT max(received_at) FROM inbox WHERE kind = 'message'"


class SqliteInbox(Part):
    """``ponte.ports.InboxStore``."""

    async def accept(self, inbound: Inbound, contact_id: str) -> str | None:
        """Store a customer's message, see the port."""
        row = inbox_row(
            InboxRow(
                id=clean_text(inbound.sid),
                contact_id=contact_id,
                seq=0,
                kind=InboxKind.MESSAGE,
                received_at=inbound.received_at,
                due_at=inbound.received_at,
                inbound=inbound,
            )
        )
        contact = {
            "contact_id": contact_id,
            "address": clean_text(inbound.address),
            "received_at": inbound.received_at,
            "wa_id": inbound.wa_id and clean_text(inbound.wa_id),
            "name": inbound.profile_name and clean_text(inbound.profile_name),
        }
        return await self._engine.write(partial(_accept, row, contact))

    async def due_contacts(self, now: int, limit: int) -> list[str]:
        """Return contacts with pending rows due, see the port."""
        values = {"now": now, "limit": limit}
        return await self._engine.read(lambda db: [row[0] for row in db.execute(DUE, values)])

    async def pending(self, contact_id: str, limit: int) -> list[InboxRow]:
        """Return the contact's pending rows, see the port."""
        values = {"contact_id": contact_id, "limit": limit}
        rows = await self._engine.look(lambda db: db.execute(PENDING, values).fetchall())
        return [inbox_row_from(row) for row in rows]

    async def fix_turn(self, row_ids: Sequence[str], turn_id: str) -> None:
        """Write the turn on the rows, see the port.

        Without waiting for the disk: the turn's checkpoint and its commit come later in the same log, so
        no power failure leaves them without this.
        """
        values = [{"id": i, "turn_id": turn_id} for i in row_ids]
        await self._engine.write(lambda db: db.executemany(FIX, values).rowcount, durable=False)

    async def postpone(self, row_ids: Sequence[str], due_at: int, error: str) -> None:
        """Keep the rows pending until later, see the port."""
        text = clean_text(error)
        await self._each(POSTPONE, [{"id": i, "due_at": due_at, "error": text} for i in row_ids])

    async def bury(self, row_ids: Sequence[str], error: str) -> None:
        """Make the rows dead."""
        text = clean_text(error)
        await self._each(BURY, [{"id": i, "error": text} for i in row_ids])

    async def dead(self, limit: int) -> list[InboxRow]:
        """Return dead rows, oldest first."""
        rows = await self._engine.read(lambda db: db.execute(DEAD, {"limit": limit}).fetchall())
        return [inbox_row_from(row) for row in rows]

    async def revive(self, row_id: str, now: int) -> bool:
        """Make a dead row pending again, see the port."""
        values = {"id": row_id, "now": now}
        return await self._engine.write(lambda db: db.execute(REVIVE, values).rowcount > 0)

    async def newest_received_at(self) -> int | None:
        """Return when the newest message was accepted."""
        row = await self._engine.read(lambda db: first(db, NEWEST, {}))
        return None if row is None else row[0]

    async def _each(self, sql: str, values: list[Plain]) -> None:
        await self._engine.write(lambda db: db.executemany(sql, values).rowcount)


def _accept(row: Plain, contact: Plain, connection: sqlite3.Connection) -> str | None:
    if first(connection, KNOWN, row) is not None:
        return None
    (contact_id, seq) = connection.execute(MEET, contact).fetchall()[0]
    row["contact_id"] = contact_id
    row["seq"] = seq
    connection.execute(ADD, row)
    return str(contact_id)


def add_resume_row(row: Plain, connection: sqlite3.Connection) -> None:
    """Add an inbox row at the end of its contact's inbox, unless it is there; ``seq`` is given here."""
    if first(connection, KNOWN, row) is None:
        numbered = connection.execute(NEXT_SEQ, row).fetchall()
        row["seq"] = numbered[0][0] if numbered else row["seq"]
        connection.execute(ADD, row)
