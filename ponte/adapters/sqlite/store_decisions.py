"""The decision ledger in SQLite."""

from __future__ import annotations

import json

from ponte.adapters.codec import DECISION, Plain, read_cursor, write_cursor
from ponte.adapters.codec import MARK as MARK_CODEC
from ponte.adapters.sqlite.store_rows import Part, Row, first, write_json
from ponte.domain.conversation import Trigger
from ponte.domain.decision import (
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

_DECISION_COLUMNS = ", ".join(DECISION.names)
_MARK_COLUMNS = ", ".join(MARK_CODEC.names)
_DECISION = f"SELECT {_DECISION_COLUMNS} FROM decisions"  # noqa: S608 - names of this package's own fields
_MARK = f"SELECT {_MARK_COLUMNS} FROM marks"  # noqa: S608 - as above
_IN_ORDER = "ORDER BY seq, id LIMIT :limit"
_SAID = ", ".join(f"{name} = excluded.{name}" for name in ("mark", "at", "at_seq"))
# Without statistics SQLite may take another index and sort.
_HANDOFF = f"SELECT {_DECISION_COLUMNS} FROM decisions INDEXED BY decisions_handoffs"  # noqa: S608 - as above

DECIDE = f"""
    INSERT INTO decisions ({_DECISION_COLUMNS}) VALUES ({", ".join(f":{name}" for name in DECISION.names)})
    ON CONFLICT (id) DO NOTHING
"""  # noqa: S608 - as above
MARK = f"""
    INSERT INTO marks ({_MARK_COLUMNS}) VALUES ({", ".join(f":{name}" for name in MARK_CODEC.names)})
    ON CONFLICT (id) DO UPDATE SET {_SAID}
"""  # noqa: S608 - as above
DECISIONS = f"{_DECISION} WHERE conversation_id = :id AND seq > :after {_IN_ORDER}"
HANDOFFS = f"{_HANDOFF} WHERE conversation_id = :id AND outcome = 'human' AND seq > :after {_IN_ORDER}"
LEFT_TO_BOT = f"{_DECISION} WHERE conversation_id = :id AND outcome = 'bot' AND seq > :after {_IN_ORDER}"
DECISION_BY_ID = f"{_DECISION} WHERE id = :id"
LAST_HANDOFF = f"""
    {_HANDOFF} WHERE conversation_id = :id AND outcome = 'human' ORDER BY seq DESC, id DESC LIMIT 1
"""
MARKS = f"{_MARK} WHERE conversation_id = :id ORDER BY at, id"
MARKS_MADE = f"{_MARK} WHERE (at, id) > (:key, :after_id) ORDER BY at, id LIMIT :limit"
_NEWEST = "AND (at, id) < (:key, :after_id) ORDER BY at DESC, id DESC LIMIT :limit"
# Later than any moment.
_END = 2**62


def _made(index: str, where: str) -> str:
    """Return a statement; without statistics SQLite may take another index and sort."""
    return f"SELECT {_DECISION_COLUMNS} FROM decisions INDEXED BY {index} WHERE {where} {_NEWEST}"  # noqa: S608 - as above


MADE = _made("decisions_at", "at >= 0")
MADE_OUTCOME = _made("decisions_outcome", "outcome = :outcome")
MADE_TRIGGER = _made(
    "decisions_trigger",
    "trigger = :trigger AND trigger IS NOT NULL AND prompt_version = coalesce(:version, prompt_version)",
)
MADE_VERSION = _made("decisions_of_version", "prompt_version = :version")
MADE_BOTH = _made("decisions_version", "prompt_version = :version AND outcome = :outcome")
MARKS_OF = f"""
    {_MARK} WHERE mark = :mark AND trigger = coalesce(:trigger, trigger)
    AND prompt_version = coalesce(:version, prompt_version) {_NEWEST}
"""
DECISION_COUNTS = """
    SELECT prompt_version, outcome, trigger, count(*) FROM decisions INDEXED BY decisions_counted
    WHERE at >= :since
    GROUP BY prompt_version, outcome, trigger
"""
MARK_COUNTS = """
    SELECT prompt_version, trigger, mark, count(*) FROM marks WHERE at >= :since AND mark <> 'none'
    GROUP BY prompt_version, trigger, mark
"""


class SqliteLedger(Part):
    """``ponte.ports.LedgerStore``."""

    async def decisions(
        self, conversation_id: str, *, outcome: Outcome | None = None, after: int = 0, limit: int = 50
    ) -> list[HandoffDecision]:
        """Return decisions in order of seq, see the port."""
        sql = {None: DECISIONS, Outcome.HUMAN: HANDOFFS, Outcome.BOT: LEFT_TO_BOT}[outcome]
        values = {"id": conversation_id, "after": after, "limit": limit}
        rows = await self._engine.read(lambda db: db.execute(sql, values).fetchall())
        return [_decision_from(row) for row in rows]

    async def decision(self, decision_id: str) -> HandoffDecision:
        """Return a decision. Raises NotFound."""
        row = await self._engine.look(lambda db: first(db, DECISION_BY_ID, {"id": decision_id}))
        if row is None:
            raise NotFound(f"There is no decision {decision_id}.")
        return _decision_from(row)

    async def decisions_made(
        self, wanted: DecisionFilter, *, after: str | None, limit: int
    ) -> Page[HandoffDecision]:
        """List decisions, see the port."""
        key, after_id = (_END, "") if after is None else read_cursor("d", after)
        values = {
            "outcome": wanted.outcome,
            "trigger": wanted.trigger,
            "version": wanted.prompt_version,
            "key": key,
            "after_id": after_id,
            "limit": limit + 1,
        }
        rows = await self._engine.read(lambda db: db.execute(_statement(wanted), values).fetchall())
        items = tuple(_decision_from(row) for row in rows[:limit])
        more = len(rows) > limit and bool(items)
        return Page(items, write_cursor("d", items[-1].at, items[-1].id) if more else None)

    async def last_handoff(self, conversation_id: str) -> HandoffDecision | None:
        """Return the newest decision that brought a human in."""
        row = await self._engine.look(lambda db: first(db, LAST_HANDOFF, {"id": conversation_id}))
        return None if row is None else _decision_from(row)

    async def marks(self, conversation_id: str) -> list[HandoffMark]:
        """Return the marks of a conversation, oldest first."""
        values = {"id": conversation_id}
        rows = await self._engine.read(lambda db: db.execute(MARKS, values).fetchall())
        return [_mark_from(row) for row in rows]

    async def marks_made(self, since: int, *, after: str | None, limit: int) -> Page[HandoffMark]:
        """List marks, see the port."""
        # No id is empty, so this begins with the first mark at ``since``.
        key, after_id = (since, "") if after is None else read_cursor("m", after)
        values = {"key": key, "after_id": after_id, "limit": limit + 1}
        rows = await self._engine.read(lambda db: db.execute(MARKS_MADE, values).fetchall())
        items = tuple(_mark_from(row) for row in rows[:limit])
        more = len(rows) > limit and bool(items)
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
        key, after_id = (_END, "") if after is None else read_cursor("mo", after)
        values = {
            "mark": mark,
            "trigger": trigger,
            "version": prompt_version,
            "key": key,
            "after_id": after_id,
            "limit": limit + 1,
        }
        rows = await self._engine.read(lambda db: db.execute(MARKS_OF, values).fetchall())
        items = tuple(_mark_from(row) for row in rows[:limit])
        more = len(rows) > limit and bool(items)
        return Page(items, write_cursor("mo", items[-1].at, items[-1].id) if more else None)

    async def decision_counts(self, since: int) -> list[DecisionCount]:
        """Count decisions, see the port."""
        rows = await self._engine.read(lambda db: db.execute(DECISION_COUNTS, {"since": since}).fetchall())
        return [DecisionCount(v, Outcome(o), Trigger(t) if t else None, n) for v, o, t, n in rows]

    async def mark_counts(self, since: int) -> list[MarkCount]:
        """Count marks, see the port."""
        rows = await self._engine.read(lambda db: db.execute(MARK_COUNTS, {"since": since}).fetchall())
        return [MarkCount(version, Trigger(t), Mark(m), n) for version, t, m, n in rows]


def _statement(wanted: DecisionFilter) -> str:
    if wanted.trigger is not None:
        return MADE_TRIGGER
    if wanted.outcome is not None:
        return MADE_OUTCOME if wanted.prompt_version is None else MADE_BOTH
    return MADE if wanted.prompt_version is None else MADE_VERSION


def decision_row(decision: HandoffDecision) -> Plain:
    """Return the values of a decision's columns."""
    plain = DECISION.encode(decision)
    for name in ("scores", "thresholds"):
        plain[name] = write_json(plain[name]) if plain[name] else None
    return plain


def mark_row(mark: HandoffMark) -> Plain:
    """Return the values of a mark's columns."""
    return MARK_CODEC.encode(mark)


def _decision_from(row: Row) -> HandoffDecision:
    plain = dict(zip(DECISION.names, row, strict=True))
    for name in ("scores", "thresholds"):
        plain[name] = json.loads(plain[name]) if plain[name] is not None else ()
    return DECISION.decode(plain)


def _mark_from(row: Row) -> HandoffMark:
    return MARK_CODEC.decode(dict(zip(MARK_CODEC.names, row, strict=True)))
