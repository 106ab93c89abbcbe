"""The customers' files as the graph reads them: whole, and never more than fits."""

from __future__ import annotations

from typing import Final

from graph.unusable import Unusable
from ponte.domain.message import MediaError
from ponte.ports import MediaStore

_MOST: Final = 32 * 1024 * 1024


class StoredFiles:
    """A ``MediaSource`` over the media store.

    Args:
        store: where the files are.
        most: a file of more bytes is refused before it is read.
    """

    def __init__(self, store: MediaStore, most: int = _MOST) -> None:
        self._store = store
        self._most = most

    async def read(self, key: str) -> bytes:
        """Return a file. Raises NotFound, Unusable when it is too large, or StoreUnavailable."""
        stored = await self._store.stat(key)
        if stored is not None and stored.size > self._most:
            raise Unusable(MediaError.TOO_LARGE, f"{stored.size} bytes")
        return b"".join([piece async for piece in self._store.read(key)])
