"""The inbox in MongoDB."""

from __future__ import annotations

from collections.abc import Sequence

from pymongo.errors import DuplicateKeyError

from ponte.adapters.codec import Plain, clean_text
from ponte.adapters.mongo.documents import contact_words, inbox_document, inbox_row_from
from ponte.adapters.mongo.store_client import Part
from ponte.domain.inbox import InboxKind, InboxRow
from ponte.domain.message import Inbound


class MongoInbox(Part):
    """``ponte.ports.InboxStore``."""

    async def accept(self, inbound: Inbound, contact_id: str) -> str | None:
        """Store a customer's message, see the port.

        The contact's counter gives the order; a crash before the row is there leaves only a gap.
        """
        sid = clean_text(inbound.sid)
        if await self._inbox.first({"_id": sid}) is not None:
            return None
        contact = await self._meet(inbound, contact_id)
        row = InboxRow(
            id=sid,
            contact_id=contact["_id"],
            seq=contact["inbox_seq"],
            kind=InboxKind.MESSAGE,
            received_at=inbound.received_at,
            due_at=inbound.received_at,
            inbound=inbound,
        )
        return str(contact["_id"]) if await self._inbox.insert(inbox_document(row)) else None

    async def _meet(self, inbound: Inbound, contact_id: str) -> Plain:
        update: Plain = {
            "$setOnInsert": {"_id": contact_id, "created_at": inbound.received_at, "memory": ""},
            "$inc": {"inbox_seq": 1},
            "$max": {"last_inbound_at": inbound.received_at},
        }
        told = {"wa_id": inbound.wa_id, "name": inbound.profile_name}
        known: Plain = {name: clean_text(text) for name, text in told.items() if text is not None}
        address = clean_text(inbound.address)
        words = contact_words(known.get("name"), address)
        if "name" in known:
            known["words"] = words
        else:
            update["$setOnInsert"]["words"] = words
        if known:
            update["$set"] = known
        where = {"address": address}
        contact = None
        while contact is None:
            try:
                contact = await self._contacts.change_and_get(where, update, upsert=True)
            except DuplicateKeyError:  # another process met the contact at the same time
                contact = await self._contacts.change_and_get(
                    where, {key: value for key, value in update.items() if key != "$setOnInsert"}
                )
        return contact

    async def due_contacts(self, now: int, limit: int) -> list[str]:
        """Return contacts with pending rows due, see the port."""
        if limit <= 0:
            return []
        rows = await self._inbox.aggregate(
            {"$match": {"state": "pending", "due_at": {"$lte": now}}},
            {"$group": {"_id": "$contact_id", "due_at": {"$min": "$due_at"}}},
            {"$sort": {"due_at": 1, "_id": 1}},
            {"$limit": limit},
        )
        return [row["_id"] for row in rows]

    async def pending(self, contact_id: str, limit: int) -> list[InboxRow]:
        """Return the contact's pending rows, see the port."""
        rows = await self._inbox.find({"state": "pending", "contact_id": contact_id}, [("seq", 1)], limit)
        return [inbox_row_from(row) for row in rows]

    async def fix_turn(self, row_ids: Sequence[str], turn_id: str) -> None:
        """Write the turn on the rows, see the port: one by one, so that a crash leaves the first ones."""
        for row_id in row_ids:
            await self._inbox.change(
                {"_id": row_id, "state": "pending"}, {"$set": {"turn_id": turn_id}, "$inc": {"attempts": 1}}
            )

    async def postpone(self, row_ids: Sequence[str], due_at: int, error: str) -> None:
        """Keep the rows pending until later, see the port."""
        await self._inbox.change_all(
            {"_id": {"$in": list(row_ids)}, "state": "pending"},
            {"$set": {"due_at": due_at, "error": clean_text(error)}},
        )

    async def bury(self, row_ids: Sequence[str], error: str) -> None:
        """Make the rows dead."""
        await self._inbox.change_all(
            {"_id": {"$in": list(row_ids)}, "state": "pending"},
            {"$set": {"state": "dead", "error": clean_text(error)}},
        )

    async def dead(self, limit: int) -> list[InboxRow]:
        """Return dead rows, oldest first."""
        rows = await self._inbox.find({"state": "dead"}, [("received_at", 1), ("_id", 1)], limit)
        return [inbox_row_from(row) for row in rows]

    async def revive(self, row_id: str, now: int) -> bool:
        """Make a dead row pending again, see the port."""
        return await self._inbox.change(
            {"_id": row_id, "state": "dead"},
            {"$set": {"state": "pending", "attempts": 0, "due_at": now}, "$unset": {"turn_id": ""}},
        )

    async def newest_received_at(self) -> int | None:
        """Return when the newest message was accepted."""
        row = await self._inbox.first({"kind": "message"}, [("received_at", -1)])
        return None if row is None else row["received_at"]
