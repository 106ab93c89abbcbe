"""The decision ledger in MongoDB."""

from __future__ import annotations

from ponte.adapters.codec import Plain, read_cursor, write_cursor
from ponte.adapters.mongo.documents import decision_from, mark_from
from ponte.adapters.mongo.store_client import Part
from ponte.domain.conversation import Trigger
from ponte.domain.decision import (
    MARKS,
    DecisionCount,
    DecisionFilter,
    HandoffDecision,
    HandoffMark,
    Mark,
    MarkCount,
    Outcome,
)
from ponte.errors import NotFound
from ponte.ports import Page

_UP = [("seq", 1), ("_id", 1)]
_DOWN = [("seq", -1), ("_id", -1)]
_NEWEST = [("at", -1), ("_id", -1)]


class MongoLedger(Part):
    """``ponte.ports.LedgerStore``."""

    async def decisions(
        self, conversation_id: str, *, outcome: Outcome | None = None, after: int = 0, limit: int = 50
    ) -> list[HandoffDecision]:
        """Return decisions in order of seq, see the port."""
        where: Plain = {"conversation_id": conversation_id, "seq": {"$gt": after}}
        if outcome is not None:
            where["outcome"] = outcome.value
        return [decision_from(d) for d in await self._decisions.find(where, _UP, limit)]

    async def decision(self, decision_id: str) -> HandoffDecision:
        """Return a decision. Raises NotFound."""
        document = await self._decisions.first({"_id": decision_id})
        if document is None:
            raise NotFound(f"There is no decision {decision_id}.")
        return decision_from(document)

    async def decisions_made(
        self, wanted: DecisionFilter, *, after: str | None, limit: int
    ) -> Page[HandoffDecision]:
        """List decisions, see the port."""
        where: Plain = {}
        if wanted.outcome is not None or wanted.trigger is not None:
            # The index by trigger holds handoffs alone.
            where["outcome"] = (wanted.outcome or Outcome.HUMAN).value
        if wanted.trigger is not None:
            where["trigger"] = wanted.trigger.value
        if wanted.prompt_version is not None:
            where["prompt_version"] = wanted.prompt_version
        if after is not None:
            where["$or"] = _older("d", after)
        found = [decision_from(d) for d in await self._decisions.find(where, _NEWEST, limit + 1)]
        items = tuple(found[:limit])
        more = len(found) > limit and bool(items)
        return Page(items, write_cursor("d", items[-1].at, items[-1].id) if more else None)

    async def last_handoff(self, conversation_id: str) -> HandoffDecision | None:
        """Return the newest decision that brought a human in."""
        where: Plain = {"conversation_id": conversation_id, "outcome": Outcome.HUMAN.value}
        document = await self._decisions.first(where, _DOWN)
        return None if document is None else decision_from(document)

    async def marks(self, conversation_id: str) -> list[HandoffMark]:
        """Return the marks of a conversation, oldest first."""
        found = await self._marks.find({"conversation_id": conversation_id}, [("at", 1), ("_id", 1)])
        return [mark_from(document) for document in found]

    async def marks_made(self, since: int, *, after: str | None, limit: int) -> Page[HandoffMark]:
        """List marks, see the port."""
        where: Plain = {"at": {"$gte": since}}
        if after is not None:
            key, after_id = read_cursor("m", after)
            where = {"$or": [{"at": {"$gt": key}}, {"at": key, "_id": {"$gt": after_id}}]}
        found = [mark_from(d) for d in await self._marks.find(where, [("at", 1), ("_id", 1)], limit + 1)]
        items = tuple(found[:limit])
        more = len(found) > limit and bool(items)
        return Page(items, write_cursor("m", items[-1].at, items[-1].id) if more else None)

    async def marks_of(
        self,
        mark: Mark,
        *,
        trigger: Trigger | None = None,
        prompt_version: str | None = None,
        after: str | None,
        limit: int,
    ) -> Page[HandoffMark]:
        """List marks, see the port."""
        where: Plain = {"mark": mark.value}
        if trigger is not None:
            where["trigger"] = trigger.value
        if prompt_version is not None:
            where["prompt_version"] = prompt_version
        if after is not None:
            where["$or"] = _older("mo", after)
        found = [mark_from(d) for d in await self._marks.find(where, _NEWEST, limit + 1)]
        items = tuple(found[:limit])
        more = len(found) > limit and bool(items)
        return Page(items, write_cursor("mo", items[-1].at, items[-1].id) if more else None)

    async def decision_counts(self, since: int) -> list[DecisionCount]:
        """Count decisions, see the port."""
        # A field that is absent has no place in a compound key, so its absence is written as null.
        trigger = {"$ifNull": ["$trigger", None]}
        key = {"version": "$prompt_version", "outcome": "$outcome", "trigger": trigger}
        rows = await self._decisions.aggregate(
            {"$match": {"at": {"$gte": since}}}, {"$group": {"_id": key, "count": {"$sum": 1}}}
        )
        return [
            DecisionCount(
                row["_id"]["version"],
                Outcome(row["_id"]["outcome"]),
                Trigger(row["_id"]["trigger"]) if row["_id"].get("trigger") else None,
                int(row["count"]),
            )
            for row in rows
        ]

    async def mark_counts(self, since: int) -> list[MarkCount]:
        """Count marks, see the port."""
        key = {"version": "$prompt_version", "trigger": "$trigger", "mark": "$mark"}
        rows = await self._marks.aggregate(
            {"$match": {"at": {"$gte": since}, "mark": {"$in": [mark.value for mark in MARKS]}}},
            {"$group": {"_id": key, "count": {"$sum": 1}}},
        )
        return [
            MarkCount(
                row["_id"]["version"],
                Trigger(row["_id"]["trigger"]),
                Mark(row["_id"]["mark"]),
                int(row["count"]),
            )
            for row in rows
        ]


def _older(kind: str, cursor: str) -> list[Plain]:
    key, after_id = read_cursor(kind, cursor)
    return [{"at": {"$lt": key}}, {"at": key, "_id": {"$lt": after_id}}]
