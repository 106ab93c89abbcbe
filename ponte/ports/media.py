"""Files: where they are kept, and how customers' ones are fetched.

Times are ms since the epoch, UTC. Every method of ``Store`` may raise ``StoreUnavailable``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from ponte.domain.message import Media


@dataclass(frozen=True, slots=True)
class StoredMedia:
    """A file in the ``MediaStore``."""

    key: str
    content_type: str
    size: int
    stored_at: int


class MediaStore(Protocol):
    """Files by the hash of their content: the same file is kept once. Never part of a checkpoint."""

    async def put(self, content: AsyncIterator[bytes], content_type: str, now: int) -> StoredMedia:
        """Store a file and return it; one that is there already only gets a new ``stored_at``."""
        ...

    async def stat(self, key: str) -> StoredMedia | None:
        """Return what is known of a file; None when it is not there."""
        ...

    def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from ``start`` up to, not including, ``end``. Raises NotFound."""
        ...

    async def delete(self, key: str) -> None:
        """Delete a file; one that is not there is no error."""
        ...

    async def prune(self, before: int) -> int:
        """Delete the files stored before ``before`` and not put again since; returns how many."""
        ...


class MediaFetcher(Protocol):
    """Brings customers' files into the ``MediaStore``."""

    async def fetch(self, media: Media) -> Media:
        """Fetch a file and return it with ``key``, ``size`` and its true ``content_type``; else ``error``.

        Raises MediaNotReady when another try may bring it, and StoreUnavailable.
        """
        ...
