"""Keep what is stored from growing without bound: old checkpoints, closed threads, done inbox rows, files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Final

import structlog

from ponte.domain.conversation import Conversation, Status, expire
from ponte.errors import Conflict, StoreUnavailable
from ponte.ports import Checkpoints, Clock, Commit, MediaStore, Store

log = structlog.get_logger(__name__)

_PAGE: Final = 200
_LEASE_MS: Final = 60_000
_DAY_MS: Final = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Pruned:
    """What one pass removed."""

    checkpoints: int
    threads: int
    rows: dict[str, int]
    files: int = 0


class Janitor:
    """Removes what nobody needs any more. Walks conversations in the order of their last change.

    Of a live thread only the newest checkpoint stays, and it never expires. The thread of a conversation
    that is over goes after the retention time, and so does a file that nobody sent or used since. Transcripts
    stay (see ``ponte data``).
    """

    def __init__(
        self,
        store: Store,
        checkpoints: Checkpoints,
        clock: Clock,
        *,
        retention_ms: int,
        idle_ms: int,
        owner: str,
        media: MediaStore | None = None,
    ) -> None:
        self._store = store
        self._checkpoints = checkpoints
        self._clock = clock
        self._retention_ms = retention_ms
        self._idle_ms = idle_ms
        self._owner = owner
        self._media = media

    async def run_once(self) -> Pruned | None:
        """Make one pass; None when another process is at it."""
        now = self._clock.now()
        lease = await self._store.acquire("janitor", self._owner, now, _LEASE_MS)
        if lease is None:
            return None
        try:
            checkpoints = 0
            async for conversation in self._walk("janitor.changed", until=now):
                checkpoints += await self._checkpoints.keep_newest(conversation.thread_id)
            threads = 0
            async for conversation in self._walk("janitor.closed", until=now - self._retention_ms):
                threads += await self._drop(conversation, now)
            rows = await self._store.prune(now - self._retention_ms)
            files = await self._media.prune(now - self._retention_ms) if self._media else 0
        finally:
            await self._store.release_lease(lease)
        return Pruned(checkpoints, threads, rows, files)

    async def run(self, every_ms: int) -> None:
        """Make a pass every ``every_ms`` until cancelled."""
        while True:
            await self._clock.sleep(every_ms)
            try:
                if pruned := await self.run_once():
                    log.debug(
                        "pruned",
                        checkpoints=pruned.checkpoints,
                        threads=pruned.threads,
                        rows=pruned.rows,
                        files=pruned.files,
                    )
            except (StoreUnavailable, Conflict) as error:
                log.warning("prune_failed", error=str(error))

    async def _walk(self, cursor_name: str, until: int) -> AsyncIterator[Conversation]:
        """Yield the conversations changed since the cursor and before ``until``; move the cursor a page on.

        What changed at the cursor's own instant may come twice: removing twice is harmless.
        """
        cursor = int(await self._store.get_value(cursor_name) or 0)
        while page := [c for c in await self._store.changed_since(cursor, _PAGE) if c.updated_at < until]:
            for conversation in page:
                yield conversation
            newest = page[-1].updated_at
            # A whole page within one instant would hold the cursor still.
            cursor = newest + 1 if newest == cursor else newest
            await self._store.set_value(cursor_name, str(cursor))
            if len(page) < _PAGE:
                return

    async def _drop(self, conversation: Conversation, now: int) -> int:
        if conversation.human or conversation.resume is not None:
            return 0
        if conversation.status is Status.BOT_ACTIVE:
            if now - conversation.updated_at < self._idle_ms:
                return 0
            closed = replace(expire(conversation, now), version=conversation.version + 1)
            await self._store.commit(Commit(closed))
        await self._checkpoints.delete_thread(conversation.thread_id)
        return 1


def retention_ms(days: int) -> int:
    """Return ``days`` in ms."""
    return days * _DAY_MS
