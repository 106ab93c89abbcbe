"""Who has the console open, in SQLite."""

from __future__ import annotations

from ponte.adapters.codec import PRESENCE
from ponte.adapters.sqlite.store_rows import Part
from ponte.domain.presence import Presence

_COLUMNS = ", ".join(PRESENCE.names)
_VALUES = ", ".join(f":{name}" for name in PRESENCE.names)

SHOW = f"""
    INSERT INTO presences ({_COLUMNS}) VALUES ({_VALUES})
    ON CONFLICT (agent_id, tab) DO UPDATE SET
        name = excluded.name, conversation_id = excluded.conversation_id,
        typing_until = excluded.typing_until, seen_at = excluded.seen_at
"""  # noqa: S608 - names of this package's own fields
HIDE = "DELETE FROM presences WHERE agent_id = :agent_id AND tab = :tab"
SHOWN = f"SELECT {_COLUMNS} FROM presences WHERE seen_at >= :since"  # noqa: S608 - as above


class SqlitePresences(Part):
    """``ponte.ports.PresenceStore``. Nothing here need survive a power failure."""

    async def show_presence(self, presence: Presence) -> None:
        """Store what a tab shows, see the port."""
        values = PRESENCE.encode(presence)
        await self._engine.write(lambda db: db.execute(SHOW, values).rowcount, durable=False)

    async def hide_presence(self, agent_id: str, tab: str) -> None:
        """Forget a tab."""
        values = {"agent_id": agent_id, "tab": tab}
        await self._engine.write(lambda db: db.execute(HIDE, values).rowcount, durable=False)

    async def presences(self, since: int) -> list[Presence]:
        """Return the tabs that are open, see the port."""
        rows = await self._engine.read(lambda db: db.execute(SHOWN, {"since": since}).fetchall())
        return sorted((Presence(*row) for row in rows), key=lambda p: (p.agent_id, p.tab))
