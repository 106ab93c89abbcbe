"""The outbox in SQLite: the rows of ``messages`` that have a position."""

from __future__ import annotations

import sqlite3
from functools import partial

from ponte.adapters.codec import DELIVERY, Plain, taken_message
from ponte.adapters.sqlite.store_commit import UNPARK
from ponte.adapters.sqlite.store_rows import MESSAGE_COLUMNS, Part, first, message_from, write_json
from ponte.domain.message import Delivery, Details, Message, MessageStatus, statuses_before

_MESSAGE = f"SELECT {MESSAGE_COLUMNS} FROM messages"  # noqa: S608 - names of this package's own fields
_OUT = """address = NULL, position = NULL, epoch = NULL, due_at = NULL, attempts = NULL, lease_until = NULL,
    uncertain = NULL"""
_IN = ", ".join(f"{name} = :{name}" for name in DELIVERY.names)

# Only heads: what stands behind a head that backs off would wake the sender in vain.
DUE = """
    SELECT due.contact_id FROM messages AS due
    WHERE due.position IS NOT NULL AND due.due_at <= :now AND due.lease_until <= :now
        AND due.status <> 'parked'
        AND NOT EXISTS (
            SELECT 1 FROM messages AS ahead
            WHERE ahead.contact_id = due.contact_id AND ahead.position IS NOT NULL
                AND ahead.position < due.position AND ahead.status <> 'parked'
        )
    ORDER BY due.due_at LIMIT :limit
"""
HEAD = f"""
    {_MESSAGE} WHERE contact_id = :contact_id AND position IS NOT NULL AND status <> 'parked'
    ORDER BY position LIMIT 1
"""
TAKE = """
    UPDATE messages SET status = 'sending', attempts = attempts + 1, lease_until = :until,
        uncertain = :uncertain
    WHERE id = :id AND position IS NOT NULL AND status = :status AND attempts = :attempts
        AND lease_until = :lease_until
"""
SETTLE = f"""
    UPDATE messages SET status = :status, error_code = :error_code, {_OUT},
        sid = CASE WHEN position IS NULL THEN coalesce(sid, :sid) ELSE coalesce(:sid, sid) END
    WHERE id = :id AND status IN (SELECT value FROM json_each(:before))
        AND NOT (position IS NOT NULL AND sid IS NOT NULL AND sid IS :sid)
"""  # noqa: S608 - as above
KEEP_SID = """
    UPDATE messages SET sid = :sid
    WHERE id = :id AND sid IS NULL AND author <> 'customer' AND status <> 'parked'
"""
# What is told of the attempt that was recalled before, or of an older one than the last, is no news.
RECALL = f"""
    UPDATE messages SET status = :status, sid = coalesce(:sid, sid), error_code = :error_code, {_IN},
        kind = CASE WHEN :details IS NULL THEN kind ELSE 'text' END,
        details = coalesce(:details, details)
    WHERE id = :id AND status IN ('queued', 'sending', 'sent')
        AND NOT (position IS NOT NULL AND sid IS NOT NULL AND sid IS :sid)
        AND (status <> 'sent' OR sid IS NULL OR :sid IS NULL OR sid = :sid)
"""  # noqa: S608 - as above
WITHDRAW = f"""
    UPDATE messages SET status = 'cancelled', {_OUT} WHERE id = :id AND status = 'parked'
"""  # noqa: S608 - as above
PARKED = """
    SELECT DISTINCT contact_id FROM messages WHERE status = 'parked' AND contact_id > :after
    ORDER BY contact_id LIMIT :limit
"""
TOUCH = """
    UPDATE conversations SET updated_at = max(updated_at, :now)
    WHERE id = (SELECT conversation_id FROM messages WHERE id = :id)
"""
PUT_BACK = f"""
    UPDATE messages SET status = 'queued', error_code = :error_code, {_IN}
    WHERE id = :id AND status = 'sending' AND attempts = :attempts
"""  # noqa: S608 - as above
REQUEUE = f"""
    UPDATE messages SET status = 'queued', sid = NULL, error_code = NULL, {_IN}
    WHERE id = :id AND status = 'failed'
"""  # noqa: S608 - as above
BY_SID = f"{_MESSAGE} WHERE sid = :sid AND author <> 'customer' LIMIT 1"
SIZE = "SELECT count(*) FROM messages WHERE position IS NOT NULL AND status <> 'parked'"


class SqliteOutbox(Part):
    """``ponte.ports.OutboxStore``."""

    async def due_outbox(self, now: int, limit: int) -> list[str]:
        """Return contacts whose head is due, see the port."""
        values = {"now": now, "limit": limit}
        return await self._engine.read(lambda db: [row[0] for row in db.execute(DUE, values)])

    async def outbox_head(self, contact_id: str) -> Message | None:
        """Return the contact's first message in the outbox."""
        return await self._message(HEAD, {"contact_id": contact_id})

    async def take(self, message: Message, now: int, lease_until: int) -> Message | None:
        """Take the head for sending, see the port."""
        taken = taken_message(message, now, lease_until)
        if taken is None or taken.delivery is None or message.delivery is None:
            return None
        values = {
            "id": message.id,
            "status": message.status.value,
            "attempts": message.delivery.attempts,
            "lease_until": message.delivery.lease_until,
            "until": lease_until,
            "uncertain": taken.delivery.uncertain,
        }
        won = await self._engine.write(lambda db: db.execute(TAKE, values).rowcount > 0)
        return taken if won else None

    async def settle(
        self,
        message_id: str,
        status: MessageStatus,
        *,
        now: int,
        sid: str | None = None,
        error_code: int | None = None,
    ) -> bool:
        """Take a message out of the outbox or move its status forward, see the port.

        Only a failure waits for the disk. A power failure may leave a message that was sent as SENDING:
        then it is looked up at Twilio before another try.
        """
        values = {
            "id": message_id,
            "status": status.value,
            "before": write_json([s.value for s in statuses_before(status)]),
            "now": now,
            "sid": sid,
            "error_code": error_code,
        }
        return await self._engine.write(partial(_settle, values), durable=status is MessageStatus.FAILED)

    async def recall(
        self,
        message_id: str,
        status: MessageStatus,
        delivery: Delivery,
        *,
        now: int,
        sid: str | None = None,
        error_code: int | None = None,
        as_text: Details | None = None,
    ) -> bool:
        """Put a message that was not delivered back into the outbox, see the port."""
        values = {
            **DELIVERY.encode(delivery),
            "id": message_id,
            "status": status.value,
            "now": now,
            "sid": sid,
            "error_code": error_code,
            "details": None if as_text is None else write_json(as_text),
        }
        return await self._engine.write(partial(_touching, RECALL, values))

    async def withdraw(self, message_id: str, now: int) -> bool:
        """Cancel a PARKED message, see the port."""
        return await self._engine.write(partial(_touching, WITHDRAW, {"id": message_id, "now": now}))

    async def unpark(self, contact_id: str, now: int) -> int:
        """Queue the contact's PARKED messages, see the port."""
        values = {"contact_id": contact_id, "updated_at": now}
        return await self._engine.write(lambda db: db.execute(UNPARK, values).rowcount)

    async def parked_contacts(self, after: str, limit: int) -> list[str]:
        """Return contacts with PARKED messages, see the port."""
        values = {"after": after, "limit": limit}
        return await self._engine.read(lambda db: [row[0] for row in db.execute(PARKED, values)])

    async def put_back(self, message_id: str, delivery: Delivery, error_code: int | None) -> None:
        """Return a SENDING message to QUEUED, see the port."""
        values = {**DELIVERY.encode(delivery), "id": message_id, "error_code": error_code}
        await self._engine.write(lambda db: db.execute(PUT_BACK, values).rowcount)

    async def requeue_failed(self, message_id: str, delivery: Delivery) -> bool:
        """Put a FAILED message back into the outbox."""
        values = {**DELIVERY.encode(delivery), "id": message_id}
        return await self._engine.write(lambda db: db.execute(REQUEUE, values).rowcount > 0)

    async def message_by_sid(self, sid: str) -> Message | None:
        """Return the outbound message that Twilio knows as ``sid``."""
        return await self._message(BY_SID, {"sid": sid})

    async def outbox_size(self) -> int:
        """Return how many messages are in the outbox."""
        return await self._engine.read(lambda db: int(db.execute(SIZE).fetchone()[0]))

    async def _message(self, sql: str, values: Plain) -> Message | None:
        row = await self._engine.look(lambda db: first(db, sql, values))
        return None if row is None else message_from(row)


def _settle(values: Plain, connection: sqlite3.Connection) -> bool:
    changed = connection.execute(SETTLE, values).rowcount > 0
    if not changed and values["sid"] is not None:
        changed = connection.execute(KEEP_SID, values).rowcount > 0
    if changed:
        connection.execute(TOUCH, values)
    return changed


def _touching(sql: str, values: Plain, connection: sqlite3.Connection) -> bool:
    changed = connection.execute(sql, values).rowcount > 0
    if changed:
        connection.execute(TOUCH, values)
    return changed
