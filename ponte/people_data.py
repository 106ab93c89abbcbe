"""All that is kept of one customer: to hand it out, and to erase it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict
from typing import Final

from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation
from ponte.errors import Conflict
from ponte.ports import Checkpoints, Clock, MediaStore, Store

OpenCheckpoints = Callable[[], AbstractAsyncContextManager[Checkpoints]]

_PAGE: Final = 200
# Taken anew before each step, none of which takes so long; who dies meanwhile blocks the customer for it.
_LEASE_MS: Final = 60_000
_LEASE_TRIES: Final = 100
_LEASE_WAIT_MS: Final = 100


class PeopleData:
    """Exports and erases.

    Args:
        store: where all is kept.
        media: the files.
        checkpoints: opens the threads' checkpoints.
        clock: the time.
    """

    def __init__(self, store: Store, media: MediaStore, checkpoints: OpenCheckpoints, clock: Clock) -> None:
        self._store = store
        self._media = media
        self._checkpoints = checkpoints
        self._clock = clock

    async def everything(self, contact: Contact) -> dict[str, object]:
        """Return everything that is kept of a customer, files' contents apart, as plain values."""
        conversations: list[dict[str, object]] = []
        for conversation in await self._conversations(contact.id):
            messages: list[dict[str, object]] = []
            seq = 0
            while page := await self._store.messages(conversation.id, after=seq, limit=_PAGE):
                messages.extend(asdict(message) for message in page)
                seq = page[-1].seq
            kept = {
                "messages": messages,
                "decisions": await self._decisions(conversation.id),
                "marks": [asdict(mark) for mark in await self._store.marks(conversation.id)],
                "stretches": [asdict(fact) for fact in await self._store.stretches_of(conversation.id)],
            }
            conversations.append({**asdict(conversation), **kept})
        return {"contact": asdict(contact), "conversations": conversations}

    async def erase(self, contact: Contact) -> dict[str, int]:
        """Delete everything that is kept of a customer; returns how much of each.

        A file that another customer's messages have too stays for them. It cannot be undone; cut short, it
        can be run again. No turn of the customer runs meanwhile: it would write its thread again.

        Raises:
            Conflict: a turn of the customer went on for too long.
        """
        async with self._alone(contact.id) as keep:
            threads = [c.thread_id for c in await self._conversations(contact.id)]
            async with self._checkpoints() as checkpoints:
                for thread_id in threads:
                    await keep()
                    await checkpoints.delete_thread(thread_id)
            files = await self._erase_files(contact, keep)
            await keep()
            counts = await self._store.erase_contact(contact.id)
        return {**counts, "files": files, "threads": len(threads)}

    @asynccontextmanager
    async def _alone(self, contact_id: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """Hold the lease under which turns of the contact run; what it yields prolongs it.

        Raises Conflict.
        """
        owner = f"erase-{secrets.token_hex(8)}"
        busy = Conflict("A message of this customer is being worked on. Try again in a moment.")
        for _ in range(_LEASE_TRIES):
            lease = await self._store.acquire(f"contact:{contact_id}", owner, self._clock.now(), _LEASE_MS)
            if lease is not None:
                break
            await self._clock.sleep(_LEASE_WAIT_MS)
        else:
            raise busy

        async def keep() -> None:
            nonlocal lease
            again = await self._store.acquire(f"contact:{contact_id}", owner, self._clock.now(), _LEASE_MS)
            if again is None:
                raise busy
            lease = again

        try:
            yield keep
        finally:
            await self._store.release_lease(lease)

    async def _erase_files(self, contact: Contact, keep: Callable[[], Awaitable[None]]) -> int:
        """Delete the files of the messages, before the messages: cut short, it can be run again."""
        keys = await self._store.media_of(contact.id)
        own = keys - await self._store.media_elsewhere(contact.id, sorted(keys)) if keys else keys
        for key in own:
            await keep()
            await self._media.delete(key)
        return len(own)

    async def _decisions(self, conversation_id: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        seq = 0
        while page := await self._store.decisions(conversation_id, after=seq, limit=_PAGE):
            found.extend(asdict(decision) for decision in page)
            seq = page[-1].seq
        return found

    async def _conversations(self, contact_id: str) -> list[Conversation]:
        found: list[Conversation] = []
        cursor: str | None = None
        while True:
            page = await self._store.conversations(
                status=None, contact_id=contact_id, after=cursor, limit=_PAGE
            )
            found.extend(page.items)
            cursor = page.next
            if cursor is None:
                return found
