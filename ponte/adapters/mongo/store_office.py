"""The office's documents, in MongoDB."""

from __future__ import annotations

from pymongo.errors import DuplicateKeyError

from ponte.adapters.codec import OFFICE_ITEM
from ponte.adapters.mongo.store_client import Part
from ponte.domain.office import OfficeItem, OfficeKind


class MongoOffice(Part):
    """``ponte.ports.OfficeStore``."""

    async def office(self, kind: OfficeKind, limit: int = 500) -> list[OfficeItem]:
        """Return the documents of a kind, by id."""
        found = await self._office.find({"kind": kind.value}, [("_id", 1)], limit)
        return [OFFICE_ITEM.decode(document) for document in found]

    async def office_item(self, kind: OfficeKind, item_id: str) -> OfficeItem | None:
        """Return a document; None when there is none."""
        found = await self._office.first({"_id": _key(kind, item_id)})
        return None if found is None else OFFICE_ITEM.decode(found)

    async def put_office(self, item: OfficeItem) -> None:
        """Store a document, see the port."""
        where, update = {"_id": _key(item.kind, item.id)}, {"$set": OFFICE_ITEM.encode(item)}
        try:
            await self._office.change(where, update, upsert=True)
        except DuplicateKeyError:  # put twice at once
            await self._office.change(where, update)

    async def drop_office(self, kind: OfficeKind, item_id: str) -> bool:
        """Delete a document; False when there was none."""
        return await self._office.delete({"_id": _key(kind, item_id)}) > 0


def _key(kind: OfficeKind, item_id: str) -> str:
    return f"{kind.value}/{item_id}"
