"""What reports read from MongoDB."""

from __future__ import annotations

from typing import Final

from ponte.adapters.codec import Plain, read_cursor, write_cursor
from ponte.adapters.mongo.documents import Document, stretch_from
from ponte.adapters.mongo.store_client import Part
from ponte.domain.conversation import Status
from ponte.domain.facts import ConversationFact, StretchFact
from ponte.ports import Page

_FIELDS: Final = (
    "opened_at",
    "updated_at",
    "status",
    "resolved_at",
    "language",
    "prompt_version",
    "handoff.at",
    "stretch.agent_id",
    "stretch.number",
    "reopened",
    "csat",
    "csat_asked_at",
    "resume.action",
)


class MongoReports(Part):
    """``ponte.ports.ReportStore``."""

    async def stretches_of(self, conversation_id: str) -> list[StretchFact]:
        """Return a conversation's stretches, the first one first."""
        found = await self._stretches.find({"conversation_id": conversation_id}, [("number", 1)])
        return [stretch_from(document) for document in found]

    async def stretches_asked(
        self, since: int, until: int, *, after: str | None, limit: int
    ) -> Page[StretchFact]:
        """List stretches, see the port."""
        where = _range("s", "asked_at", since, until, after)
        found = await self._stretches.find(where, [("asked_at", 1), ("_id", 1)], limit + 1)
        items = tuple(stretch_from(document) for document in found[:limit])
        more = len(found) > limit and bool(items)
        return Page(items, write_cursor("s", items[-1].asked_at, items[-1].id) if more else None)

    async def conversations_opened(
        self, since: int, until: int, *, after: str | None, limit: int
    ) -> Page[ConversationFact]:
        """List conversations, see the port."""
        where = _range("o", "opened_at", since, until, after)
        order = [("opened_at", 1), ("_id", 1)]
        found = await self._conversations.find(where, order, limit + 1, fields=_FIELDS)
        items = tuple(_conversation_from(document) for document in found[:limit])
        more = len(found) > limit and bool(items)
        return Page(items, write_cursor("o", items[-1].opened_at, items[-1].id) if more else None)


def _range(order: str, field: str, since: int, until: int, after: str | None) -> Plain:
    if after is None:
        return {field: {"$gte": since, "$lt": until}}
    key, after_id = read_cursor(order, after)
    return {"$or": [{field: {"$gt": key, "$lt": until}}, {field: key, "_id": {"$gt": after_id}}]}


def _conversation_from(document: Document) -> ConversationFact:
    stretch = document.get("stretch") or {}
    return ConversationFact(
        id=document["_id"],
        opened_at=document["opened_at"],
        updated_at=document["updated_at"],
        status=Status(document["status"]),
        resolved_at=document.get("resolved_at"),
        language=document["language"],
        prompt_version=document.get("prompt_version"),
        human=bool(document.get("handoff") or stretch),
        agent_id=stretch.get("agent_id"),
        reopened=document.get("reopened", 0),
        csat=document.get("csat"),
        csat_asked=document.get("csat_asked_at") is not None,
        resuming=bool(document.get("resume")),
    )
