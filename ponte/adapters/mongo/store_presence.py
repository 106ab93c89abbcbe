"""Who has the console open, in MongoDB."""

from __future__ import annotations

from pymongo.errors import DuplicateKeyError

from ponte.adapters.codec import PRESENCE
from ponte.adapters.mongo.store_client import Part
from ponte.domain.presence import Presence


class MongoPresences(Part):
    """``ponte.ports.PresenceStore``."""

    async def show_presence(self, presence: Presence) -> None:
        """Store what a tab shows, see the port."""
        values = PRESENCE.encode(presence)
        since = values.pop("since")
        where = {"_id": f"{presence.agent_id}/{presence.tab}"}
        try:
            await self._presences.change(
                where, {"$set": values, "$setOnInsert": {"since": since}}, upsert=True
            )
        except DuplicateKeyError:  # shown twice at once
            await self._presences.change(where, {"$set": values})

    async def hide_presence(self, agent_id: str, tab: str) -> None:
        """Forget a tab."""
        await self._presences.delete({"_id": f"{agent_id}/{tab}"})

    async def presences(self, since: int) -> list[Presence]:
        """Return the tabs that are open, see the port."""
        found = await self._presences.find({"seen_at": {"$gte": since}}, [("seen_at", 1)])
        return sorted((PRESENCE.decode(d) for d in found), key=lambda p: (p.agent_id, p.tab))
