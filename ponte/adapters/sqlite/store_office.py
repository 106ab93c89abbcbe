"""The office's documents, in SQLite."""

from __future__ import annotations

import json
from typing import Any

from ponte.adapters.codec import OFFICE_ITEM, Plain
from ponte.adapters.sqlite.store_rows import Part, write_json
from ponte.domain.office import OfficeItem, OfficeKind

_COLUMNS = ", ".join(OFFICE_ITEM.names)
_VALUES = ", ".join(f":{name}" for name in OFFICE_ITEM.names)

PUT = f"""
    INSERT INTO office ({_COLUMNS}) VALUES ({_VALUES})
    ON CONFLICT (kind, id) DO UPDATE SET
        fields = excluded.fields, changed_at = excluded.changed_at, changed_by = excluded.changed_by
"""  # noqa: S608 - names of this package's own fields
DROP = "DELETE FROM office WHERE kind = :kind AND id = :id"
ONE = f"SELECT {_COLUMNS} FROM office WHERE kind = :kind AND id = :id"  # noqa: S608 - as above
LIST = f"SELECT {_COLUMNS} FROM office WHERE kind = :kind ORDER BY id LIMIT :limit"  # noqa: S608 - as above


class SqliteOffice(Part):
    """``ponte.ports.OfficeStore``."""

    async def office(self, kind: OfficeKind, limit: int = 500) -> list[OfficeItem]:
        """Return the documents of a kind, by id."""
        values = {"kind": kind.value, "limit": limit}
        return [_item(row) for row in await self._engine.read(lambda db: db.execute(LIST, values).fetchall())]

    async def office_item(self, kind: OfficeKind, item_id: str) -> OfficeItem | None:
        """Return a document; None when there is none."""
        values = {"kind": kind.value, "id": item_id}
        row = await self._engine.read(lambda db: db.execute(ONE, values).fetchone())
        return None if row is None else _item(row)

    async def put_office(self, item: OfficeItem) -> None:
        """Store a document, see the port."""
        values: Plain = OFFICE_ITEM.encode(item)
        values["fields"] = write_json(values["fields"])
        await self._engine.write(lambda db: db.execute(PUT, values).rowcount)

    async def drop_office(self, kind: OfficeKind, item_id: str) -> bool:
        """Delete a document; False when there was none."""
        values = {"kind": kind.value, "id": item_id}
        return await self._engine.write(lambda db: db.execute(DROP, values).rowcount > 0)


def _item(row: tuple[Any, ...]) -> OfficeItem:
    plain = dict(zip(OFFICE_ITEM.names, row, strict=True))
    return OFFICE_ITEM.decode({**plain, "fields": json.loads(plain["fields"])})
