"""The outbox in MongoDB: the messages that have a ``delivery``."""

from __future__ import annotations

from ponte.adapters.codec import DELIVERY, Plain, taken_message
from ponte.adapters.mongo.documents import message_from
from ponte.adapters.mongo.store_client import Part
from ponte.adapters.mongo.store_commit import unparking
from ponte.domain.message import Delivery, Details, Kind, Message, MessageStatus, statuses_before

_IN_OUTBOX: Plain = {"$exists": True}
_NOT_PARKED: Plain = {"$ne": MessageStatus.PARKED.value}


class MongoOutbox(Part):
    """``ponte.ports.OutboxStore``."""

    async def due_outbox(self, now: int, limit: int) -> list[str]:
        """Return contacts whose head is due, see the port."""
        due = await self._messages.pages(
            {
                "delivery.position": _IN_OUTBOX,
                "delivery.due_at": {"$lte": now},
                "delivery.lease_until": {"$lte": now},
                "status": _NOT_PARKED,
            },
            [("delivery.due_at", 1)],
            ["contact_id"],
            max(limit, 100),
        )
        # Only heads: what stands behind a head that backs off would wake the sender in vain.
        contacts: list[str] = []
        for page in due:
            heads = await self._heads(list({message["contact_id"] for message in page}))
            contacts += [m["contact_id"] for m in page if heads.get(m["contact_id"]) == m["_id"]]
            if len(contacts) >= limit:
                break
        return contacts[:limit]

    async def _heads(self, contact_ids: list[str]) -> dict[str, str]:
        """Return the id of the first message in the outbox of each contact."""
        rows = await self._messages.aggregate(
            {
                "$match": {
                    "contact_id": {"$in": contact_ids},
                    "delivery.position": _IN_OUTBOX,
                    "status": _NOT_PARKED,
                }
            },
            {"$sort": {"contact_id": 1, "delivery.position": 1}},
            {"$group": {"_id": "$contact_id", "head": {"$first": "$_id"}}},
        )
        return {row["_id"]: row["head"] for row in rows}

    async def outbox_head(self, contact_id: str) -> Message | None:
        """Return the contact's first message in the outbox."""
        document = await self._messages.first(
            {"contact_id": contact_id, "delivery.position": _IN_OUTBOX, "status": _NOT_PARKED},
            [("delivery.position", 1)],
        )
        return None if document is None else message_from(document)

    async def take(self, message: Message, now: int, lease_until: int) -> Message | None:
        """Take the head for sending, see the port."""
        taken = taken_message(message, now, lease_until)
        if taken is None or taken.delivery is None or message.delivery is None:
            return None
        won = await self._messages.change(
            {
                "_id": message.id,
                "status": message.status.value,
                "delivery.attempts": message.delivery.attempts,
                "delivery.lease_until": message.delivery.lease_until,
            },
            {"$set": {"status": taken.status.value, "delivery": DELIVERY.encode(taken.delivery)}},
        )
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
        """Take a message out of the outbox or move its status forward, see the port."""
        where: Plain = {"_id": message_id, "status": {"$in": [s.value for s in statuses_before(status)]}}
        changes: Plain = {"status": status.value}
        removed = {"delivery": ""}
        if error_code is None:
            removed["error_code"] = ""
        else:
            changes["error_code"] = error_code
        changed = None
        if sid is not None:
            # With its sid in one write. One that is there already stays, unless it is of a recalled attempt:
            # then what is told of the old one is no news.
            where["$or"] = [{"delivery.position": {"$exists": False}}, {"sid": {"$ne": sid}}]
            changed = await self._messages.change_and_get(
                {**where, "$or": [{"delivery.position": _IN_OUTBOX, "sid": {"$ne": sid}}, {"sid": None}]},
                {"$set": {**changes, "sid": sid}, "$unset": removed},
            )
        changed = changed or await self._messages.change_and_get(where, {"$set": changes, "$unset": removed})
        if changed is None and sid is not None:
            changed = await self._messages.change_and_get(
                {"_id": message_id, "sid": None, "author": {"$ne": "customer"}, "status": _NOT_PARKED},
                {"$set": {"sid": sid}},
            )
        if changed is None:
            return False
        await self._conversations.change({"_id": changed["conversation_id"]}, {"$max": {"updated_at": now}})
        return True

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
        where: Plain = {"_id": message_id, "status": {"$in": ["queued", "sending", "sent"]}}
        changes: Plain = {"status": status.value, "delivery": DELIVERY.encode(delivery)}
        update: Plain = {"$set": changes}
        if as_text is not None:
            changes |= {"kind": Kind.TEXT.value, "details": [list(pair) for pair in as_text]}
        if sid is not None:
            # What is told of the attempt that was recalled before, or of an older one than the last, is no
            # news.
            where["$or"] = [
                {"sid": None},
                {"delivery.position": _IN_OUTBOX, "sid": {"$ne": sid}},
                {"delivery.position": {"$exists": False}, "sid": sid},
            ]
            changes["sid"] = sid
        if error_code is None:
            update["$unset"] = {"error_code": ""}
        else:
            changes["error_code"] = error_code
        return await self._touching(where, update, now)

    async def withdraw(self, message_id: str, now: int) -> bool:
        """Cancel a PARKED message, see the port."""
        return await self._touching(
            {"_id": message_id, "status": MessageStatus.PARKED.value},
            {"$set": {"status": MessageStatus.CANCELLED.value}, "$unset": {"delivery": ""}},
            now,
        )

    async def _touching(self, where: Plain, update: Plain, now: int) -> bool:
        changed = await self._messages.change_and_get(where, update)
        if changed is None:
            return False
        await self._conversations.change({"_id": changed["conversation_id"]}, {"$max": {"updated_at": now}})
        return True

    async def unpark(self, contact_id: str, now: int) -> int:
        """Queue the contact's PARKED messages, see the port."""
        return await self._messages.change_all(*unparking(contact_id, now))

    async def parked_contacts(self, after: str, limit: int) -> list[str]:
        """Return contacts with PARKED messages, see the port."""
        rows = await self._messages.aggregate(
            {"$match": {"status": MessageStatus.PARKED.value, "contact_id": {"$gt": after}}},
            {"$group": {"_id": "$contact_id"}},
            {"$sort": {"_id": 1}},
            {"$limit": limit},
        )
        return [row["_id"] for row in rows]

    async def put_back(self, message_id: str, delivery: Delivery, error_code: int | None) -> None:
        """Return a SENDING message to QUEUED, see the port."""
        update: Plain = {
            "$set": {"status": MessageStatus.QUEUED.value, "delivery": DELIVERY.encode(delivery)}
        }
        if error_code is None:
            update["$unset"] = {"error_code": ""}
        else:
            update["$set"]["error_code"] = error_code
        await self._messages.change(
            {
                "_id": message_id,
                "status": MessageStatus.SENDING.value,
                "delivery.attempts": delivery.attempts,
            },
            update,
        )

    async def requeue_failed(self, message_id: str, delivery: Delivery) -> bool:
        """Put a FAILED message back into the outbox."""
        return await self._messages.change(
            {"_id": message_id, "status": MessageStatus.FAILED.value},
            {
                "$set": {"status": MessageStatus.QUEUED.value, "delivery": DELIVERY.encode(delivery)},
                "$unset": {"sid": "", "error_code": ""},
            },
        )

    async def message_by_sid(self, sid: str) -> Message | None:
        """Return the outbound message that Twilio knows as ``sid``."""
        document = await self._messages.first({"sid": sid, "author": {"$ne": "customer"}})
        return None if document is None else message_from(document)

    async def outbox_size(self) -> int:
        """Return how many messages are in the outbox."""
        return await self._messages.count({"delivery.position": _IN_OUTBOX, "status": _NOT_PARKED})
