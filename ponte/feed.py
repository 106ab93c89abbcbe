"""Tell consoles what changed: one reader of the store a process, any number of listeners."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog

from ponte.domain.conversation import Conversation
from ponte.errors import StoreUnavailable
from ponte.ports import Clock, ConversationStore

log = structlog.get_logger(__name__)

_PAGE: Final = 500
_QUEUE: Final = 1000
# Commits of other processes may become visible a little after their timestamp.
_OVERLAP_MS: Final = 5_000


class Lagged(Exception):
    """The listener read too slowly and missed changes: it must read everything anew."""


class ChangeFeed:
    """Polls ``changed_since`` and hands each changed conversation to every listener.

    Args:
        store: where conversations are.
        clock: the time.
        poll_ms: how long a change of another process may stay unnoticed.
    """

    def __init__(self, store: ConversationStore, clock: Clock, *, poll_ms: int = 300) -> None:
        self._store = store
        self._clock = clock
        self._poll_s = poll_ms / 1000
        self._listeners: set[asyncio.Queue[Conversation | None]] = set()
        self._seen: dict[str, tuple[int, int]] = {}
        self._wake = asyncio.Event()

    def ring(self) -> None:
        """Say that this process changed something."""
        self._wake.set()

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[AsyncIterator[Conversation]]:
        """Yield an iterator over the conversations that change from now on.

        The iterator raises ``Lagged`` when the listener was too slow.
        """
        queue: asyncio.Queue[Conversation | None] = asyncio.Queue(_QUEUE + 1)
        self._listeners.add(queue)
        try:
            yield self._drain(queue)
        finally:
            self._listeners.discard(queue)

    async def run(self, stop: asyncio.Event) -> None:
        """Poll until ``stop`` is set."""
        cursor = self._clock.now()
        while not stop.is_set():
            if self._listeners:
                try:
                    cursor = await self._publish(cursor)
                except StoreUnavailable as error:
                    log.warning("feed_store_unavailable", error=str(error))
            else:
                cursor = self._clock.now()
                self._seen.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._poll_s)
            self._wake.clear()

    async def _publish(self, cursor: int) -> int:
        changed = await self._store.changed_since(cursor - _OVERLAP_MS, _PAGE)
        for conversation in changed:
            stamp = (conversation.version, conversation.updated_at)
            if self._seen.get(conversation.id) == stamp:
                continue
            self._seen[conversation.id] = stamp
            for queue in list(self._listeners):
                self._offer(queue, conversation)
        if len(changed) == _PAGE:
            # More than a page within the overlap: move on, or the rest would never be read.
            return changed[-1].updated_at + _OVERLAP_MS
        self._forget(self._clock.now() - 2 * _OVERLAP_MS)
        return max([cursor, *(c.updated_at for c in changed)])

    def _offer(self, queue: asyncio.Queue[Conversation | None], conversation: Conversation) -> None:
        if queue.qsize() >= _QUEUE:
            self._listeners.discard(queue)
            queue.put_nowait(None)
        else:
            queue.put_nowait(conversation)

    def _forget(self, before: int) -> None:
        self._seen = {key: stamp for key, stamp in self._seen.items() if stamp[1] >= before}

    @staticmethod
    async def _drain(queue: asyncio.Queue[Conversation | None]) -> AsyncIterator[Conversation]:
        while (conversation := await queue.get()) is not None:
            yield conversation
        raise Lagged
