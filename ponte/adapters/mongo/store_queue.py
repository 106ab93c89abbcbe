"""Lists of conversations in MongoDB."""

from __future__ import annotations

from ponte.adapters.codec import Plain, read_cursor, write_cursor
from ponte.adapters.mongo.documents import conversation_from
from ponte.adapters.mongo.store_client import Part
from ponte.domain.conversation import Conversation, Status
from ponte.domain.urgency import bounds, urgency
from ponte.ports import HeldCount, Page

_ORDERS = {"w": ("urgency", 1), "s": ("snoozed_until", 1), "u": ("updated_at", -1)}
# The partial indexes hold nothing else, so a query must say so too.
_THERE: Plain = {"$gt": 0}


class MongoQueue(Part):
    """The lists of ``ponte.ports.ConversationStore``."""

    async def conversations(
        self,
        *,
        status: Status | None,
        contact_id: str | None,
        after: str | None,
        limit: int,
        agent_id: str | None = None,
        label: str | None = None,
        language: str | None = None,
        priority: int | None = None,
        snoozed: bool = False,
    ) -> Page[Conversation]:
        """List conversations, see the port."""
        waiting = status is Status.AWAITING_AGENT
        order = "s" if snoozed else "w" if waiting or agent_id is not None else "u"
        key_name, direction = _ORDERS[order]
        given = {
            "status": status and status.value,
            "contact_id": contact_id,
            "agent_id": agent_id,
            "labels": label,
            "language": language,
        }
        where: Plain = {name: value for name, value in given.items() if value is not None}
        if order != "u":
            where[key_name] = dict(_THERE)
        if priority is not None:
            where["priority"] = priority
            if order == "w":
                first, beyond = bounds(priority)
                where["urgency"] = {"$gt": max(0, first - 1), "$lt": beyond}
        if after is not None:
            key, after_id = read_cursor(order, after)
            further = "$gt" if direction > 0 else "$lt"
            where["$or"] = [{key_name: {further: key}}, {key_name: key, "_id": {further: after_id}}]
        found = await self._list(where, [(key_name, direction), ("_id", direction)], limit + 1)
        items = tuple(found[:limit])
        if len(found) <= limit or not items:
            return Page(items, None)
        return Page(items, write_cursor(order, _key(order, items[-1]), items[-1].id))

    async def count_held(self) -> dict[str, HeldCount]:
        """Return what each agent holds, see the port."""
        held = await self._conversations.aggregate(
            {"$match": {"status": Status.AGENT_ACTIVE.value, "urgency": _THERE}},
            {
                "$group": {
                    "_id": "$agent_id",
                    "awake": {"$sum": 1},
                    "unread": {"$sum": {"$cond": [{"$gt": ["$unread", 0]}, 1, 0]}},
                }
            },
        )
        put_off = await self._conversations.aggregate(
            {"$match": {"snoozed_until": _THERE}}, {"$group": {"_id": "$agent_id", "count": {"$sum": 1}}}
        )
        snoozed = {row["_id"]: int(row["count"]) for row in put_off}
        counts = {
            row["_id"]: HeldCount(int(row["awake"]), snoozed.pop(row["_id"], 0), int(row["unread"]))
            for row in held
        }
        return {**counts, **{agent_id: HeldCount(0, count, 0) for agent_id, count in snoozed.items()}}

    async def labels_in_use(self, limit: int) -> list[str]:
        """Return the labels that conversations have, see the port."""
        return sorted(await self._conversations.distinct("labels"))[:limit]

    async def sleepers(self, now: int, limit: int) -> list[Conversation]:
        """Return snoozed conversations that are to wake, see the port."""
        where = {"snoozed_until": {**_THERE, "$lte": now}}
        return await self._list(where, [("snoozed_until", 1), ("_id", 1)], limit)

    async def _list(self, where: Plain, order: list[tuple[str, int]], limit: int) -> list[Conversation]:
        return [conversation_from(d) for d in await self._conversations.find(where, order, limit)]


def _key(order: str, last: Conversation) -> int:
    if order == "w":
        return urgency(last) or 0
    return (last.snoozed_until or 0) if order == "s" else last.updated_at
