"""What reports read from SQLite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from ponte.adapters.codec import STRETCH_FACT, Plain, read_cursor, write_cursor
from ponte.adapters.sqlite.store_rows import Part, Row
from ponte.domain.conversation import Status
from ponte.domain.facts import ConversationFact, StretchFact
from ponte.ports import Page

T = TypeVar("T")

_STRETCH_COLUMNS: Final = ", ".join(STRETCH_FACT.names)
_CHANGES: Final = ", ".join(
    f"{name} = excluded.{name}"
    for name in STRETCH_FACT.names
    if name not in {"id", "conversation_id", "contact_id", "number", "asked_at"}
)

STRETCH = f"""
    INSERT INTO stretches ({_STRETCH_COLUMNS}) VALUES ({", ".join(f":{name}" for name in STRETCH_FACT.names)})
    ON CONFLICT (id) DO UPDATE SET {_CHANGES}
"""  # noqa: S608 - names of this package's own fields
STRETCHES_OF = f"SELECT {_STRETCH_COLUMNS} FROM stretches WHERE conversation_id = :id ORDER BY number"  # noqa: S608 - as above
STRETCHES_ASKED = f"""
    SELECT {_STRETCH_COLUMNS} FROM stretches
    WHERE (asked_at, id) > (:key, :after_id) AND asked_at < :until ORDER BY asked_at, id LIMIT :limit
"""  # noqa: S608 - as above
CONVERSATIONS_OPENED = """
    SELECT id, opened_at, updated_at, status, resolved_at, language, prompt_version,
        handoff IS NOT NULL OR stretch IS NOT NULL, stretch ->> '$.agent_id', reopened, csat,
        csat_asked_at IS NOT NULL, resume IS NOT NULL
    FROM conversations
    WHERE (opened_at, id) > (:key, :after_id) AND opened_at < :until ORDER BY opened_at, id LIMIT :limit
"""


class SqliteReports(Part):
    """``ponte.ports.ReportStore``."""

    async def stretches_of(self, conversation_id: str) -> list[StretchFact]:
        """Return a conversation's stretches, the first one first."""
        rows = await self._engine.read(
            lambda db: db.execute(STRETCHES_OF, {"id": conversation_id}).fetchall()
        )
        return [_stretch_from(row) for row in rows]

    async def stretches_asked(
        self, since: int, until: int, *, after: str | None, limit: int
    ) -> Page[StretchFact]:
        """List stretches, see the port."""
        values = _range("s", since, until, after, limit)
        return await self._page(
            STRETCHES_ASKED, values, _stretch_from, lambda f: write_cursor("s", f.asked_at, f.id)
        )

    async def conversations_opened(
        self, since: int, until: int, *, after: str | None, limit: int
    ) -> Page[ConversationFact]:
        """List conversations, see the port."""
        values = _range("o", since, until, after, limit)
        return await self._page(
            CONVERSATIONS_OPENED,
            values,
            _conversation_from,
            lambda f: write_cursor("o", f.opened_at, f.id),
        )

    async def _page(
        self, sql: str, values: Plain, build: Callable[[Row], T], cursor: Callable[[T], str]
    ) -> Page[T]:
        rows = await self._engine.read(lambda db: db.execute(sql, values).fetchall())
        limit = values["limit"] - 1
        items = tuple(build(row) for row in rows[:limit])
        return Page(items, cursor(items[-1]) if len(rows) > limit and items else None)


def stretch_row(fact: StretchFact) -> Plain:
    """Return the values of a stretch's columns."""
    return STRETCH_FACT.encode(fact)


def _range(order: str, since: int, until: int, after: str | None, limit: int) -> Plain:
    # No id is empty, so this begins with the first row at ``since``.
    key, after_id = (since, "") if after is None else read_cursor(order, after)
    return {"key": key, "after_id": after_id, "until": until, "limit": limit + 1}


def _stretch_from(row: Row) -> StretchFact:
    return STRETCH_FACT.decode(dict(zip(STRETCH_FACT.names, row, strict=True)))


def _conversation_from(row: Row) -> ConversationFact:
    head, human, agent_id, reopened, csat, asked, resuming = row[:7], *row[7:]
    fact_id, opened_at, updated_at, status, resolved_at, language, version = head
    return ConversationFact(
        id=fact_id,
        opened_at=opened_at,
        updated_at=updated_at,
        status=Status(status),
        resolved_at=resolved_at,
        language=language,
        prompt_version=version,
        human=bool(human),
        agent_id=agent_id,
        reopened=reopened,
        csat=csat,
        csat_asked=bool(asked),
        resuming=bool(resuming),
    )
