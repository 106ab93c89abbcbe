"""Lists of conversations in SQLite: for every combination of filters the index that is in the list's order.

What the index does not know is checked row by row on the way; only a combination of rare things reads more
than it shows, and never more than one of them alone would list.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from ponte.adapters.codec import CONVERSATION, Plain, read_cursor, write_cursor
from ponte.adapters.sqlite.store_rows import Part, conversation_from
from ponte.domain.conversation import Conversation, Status
from ponte.domain.urgency import bounds, urgency
from ponte.ports import HeldCount, Page

_COLUMNS = ", ".join(f"c.{name}" for name in CONVERSATION.names)
_FIRST_NEWEST = (2**62, "")
_FIRST_OLDEST = (-1, "")

HELD = """
    SELECT agent_id, count(*), sum(unread > 0) FROM conversations INDEXED BY conversations_held
    WHERE urgency IS NOT NULL AND agent_id IS NOT NULL GROUP BY agent_id
"""
PUT_OFF = """
    SELECT agent_id, count(*) FROM conversations INDEXED BY conversations_put_off
    WHERE snoozed_until IS NOT NULL GROUP BY agent_id
"""
SLEEPERS = f"""
    SELECT {_COLUMNS} FROM conversations AS c INDEXED BY conversations_snoozed
    WHERE snoozed_until IS NOT NULL AND snoozed_until <= :now ORDER BY snoozed_until, id LIMIT :limit
"""  # noqa: S608 - names of this package's own fields
# From one label to the next in the index, however many conversations have it.
LABELS = """
    WITH RECURSIVE used (label) AS (
        SELECT min(label) FROM conversation_labels
        UNION ALL
        SELECT (SELECT min(label) FROM conversation_labels WHERE label > used.label)
        FROM used WHERE used.label IS NOT NULL
    )
    SELECT label FROM used WHERE label IS NOT NULL LIMIT :limit
"""


@dataclass(frozen=True, slots=True)
class Listing:
    """Which filters a list has; ``order`` is ``w`` (urgency), ``s`` (waking) or ``u`` (latest change).

    ``raised`` is a ``priority`` above the normal one.
    """

    order: str
    waiting: bool = False
    status: bool = False
    contact: bool = False
    agent: bool = False
    label: bool = False
    language: bool = False
    priority: bool = False
    raised: bool = False


@cache
def statement(listing: Listing) -> str:
    """Return the statement of a list."""
    rows, key = _source(listing)
    where = [*_conditions(listing), f"{key} IS NOT NULL"]
    ascending = listing.order != "u"
    row_id = "l.conversation_id" if rows.startswith("conversation_labels") else "c.id"
    where.append(f"({key}, {row_id}) {'>' if ascending else '<'} (:key, :after_id)")
    if listing.priority and listing.order == "w":
        where.append(f"{key} >= :first AND {key} < :beyond")
    way = "" if ascending else " DESC"
    return (
        f"SELECT {_COLUMNS} FROM {rows} WHERE {' AND '.join(where)}"  # noqa: S608 - names of this module's own
        f" ORDER BY {key}{way}, {row_id}{way} LIMIT :limit"
    )


def _source(listing: Listing) -> tuple[str, str]:
    """Return the rows in the list's order, and the column that orders them."""
    column = {"w": "urgency", "s": "snoozed_until", "u": "updated_at"}[listing.order]
    if listing.label and listing.order != "s" and not (listing.contact or listing.agent):
        index = f"conversation_labels_{'urgency' if listing.order == 'w' else 'updated'}"
        joined = "CROSS JOIN conversations AS c ON c.id = l.conversation_id"
        return f"conversation_labels AS l INDEXED BY {index} {joined}", f"l.{column}"
    return f"conversations AS c INDEXED BY {_index(listing)}", f"c.{column}"


def _index(listing: Listing) -> str:  # noqa: PLR0911 - a table: one line an index
    if listing.order == "s":
        return "conversations_put_off" if listing.agent else "conversations_snoozed"
    if listing.contact:
        return "conversations_contact"
    if listing.order == "w":
        if listing.agent:
            return "conversations_held"
        return "conversations_queue_language" if listing.language else "conversations_queue"
    if listing.raised:
        return "conversations_priority"
    if listing.language:
        return "conversations_language"
    return "conversations_status" if listing.status else "conversations_updated"


def _conditions(listing: Listing) -> Iterator[str]:
    # A plus keeps SQLite from reading a condition as a wish for another index.
    if listing.label:
        driving = listing.order != "s" and not (listing.contact or listing.agent)
        yield (
            "l.label = :label"
            if driving
            else "EXISTS (SELECT 1 FROM conversation_labels AS l"
            " WHERE l.conversation_id = c.id AND l.label = :label)"
        )
    if listing.waiting:
        yield "c.status = 'AWAITING_AGENT'"
    elif listing.status:
        yield "c.status = :status"
    if listing.contact:
        yield "c.contact_id = :contact_id"
    if listing.agent:
        yield "c.agent_id = :agent_id"
    if listing.language:
        yield "c.language = :language"
    if listing.priority and listing.order != "w":
        yield "c.priority = :priority" + (" AND c.priority > 0" if listing.raised else "")


class SqliteQueue(Part):
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
        begin = _FIRST_NEWEST if order == "u" else _FIRST_OLDEST
        key, after_id = begin if after is None else read_cursor(order, after)
        listing = Listing(
            order=order,
            waiting=waiting,
            status=status is not None,
            contact=contact_id is not None,
            agent=agent_id is not None,
            label=label is not None,
            language=language is not None,
            priority=priority is not None,
            raised=bool(priority),
        )
        first, beyond = bounds(priority or 0)
        values: Plain = {
            "status": status and status.value,
            "contact_id": contact_id,
            "agent_id": agent_id,
            "label": label,
            "language": language,
            "priority": priority,
            "first": first,
            "beyond": beyond,
            "key": key,
            "after_id": after_id,
            "limit": limit + 1,
        }
        found = await self._list(statement(listing), values)
        items = found[:limit]
        if len(found) <= limit or not items:
            return Page(tuple(items), None)
        return Page(tuple(items), write_cursor(order, _key(order, items[-1]), items[-1].id))

    async def count_held(self) -> dict[str, HeldCount]:
        """Return what each agent holds, see the port."""
        rows, put_off = await self._engine.read(
            lambda db: (db.execute(HELD).fetchall(), dict(db.execute(PUT_OFF).fetchall()))
        )
        counts = {agent_id: HeldCount(awake, 0, unread) for agent_id, awake, unread in rows}
        for agent_id, snoozed in put_off.items():
            counts[agent_id] = replace(counts.get(agent_id, HeldCount(0, 0, 0)), snoozed=snoozed)
        return counts

    async def labels_in_use(self, limit: int) -> list[str]:
        """Return the labels that conversations have, see the port."""
        return await self._engine.read(lambda db: [row[0] for row in db.execute(LABELS, {"limit": limit})])

    async def sleepers(self, now: int, limit: int) -> list[Conversation]:
        """Return snoozed conversations that are to wake, see the port."""
        return await self._list(SLEEPERS, {"now": now, "limit": limit})

    async def _list(self, sql: str, values: Plain) -> list[Conversation]:
        rows = await self._engine.read(lambda db: db.execute(sql, values).fetchall())
        return [conversation_from(row) for row in rows]


def _key(order: str, last: Conversation) -> int:
    if order == "w":
        return urgency(last) or 0
    return (last.snoozed_until or 0) if order == "s" else last.updated_at
