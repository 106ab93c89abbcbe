"""All that is kept of one customer: to hand it out, and to erase it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from typing import Final

from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation
from ponte.ports import Checkpoints, MediaStore, Store

OpenCheckpoints = Callable[[], AbstractAsyncContextManager[Checkpoints]]

_PAGE: Final = 200


class PeopleData:
    """Exports and erases.

    Args:
        store: where all is kept.
        media: the files.
        checkpoints: opens the threads' checkpoints.
    """

    def __init__(self, store: Store, media: MediaStore, checkpoints: OpenCheckpoints) -> None:
        self._store = store
        self._media = media
        self._checkpoints = checkpoints

    async def everything(self, contact: Contact) -> dict[str, object]:
        """Return everything that is kept of a customer, files' contents apart, as plain values."""
        conversations: list[dict[str, object]] = []
        for conversation in await self._conversations(contact.id):
            messages: list[dict[str, object]] = []
            while page := await self._store.messages(conversation.id, after=len(messages), limit=_PAGE):
                messages.extend(asdict(message) for message in page)
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
        can be run again.
        """
        threads = [c.thread_id for c in await self._conversations(contact.id)]
        async with self._checkpoints() as checkpoints:
            for thread_id in threads:
                await checkpoints.delete_thread(thread_id)
        files = await self._erase_files(contact)
        counts = await self._store.erase_contact(contact.id)
        return {**counts, "files": files, "threads": len(threads)}

    async def _erase_files(self, contact: Contact) -> int:
        """Delete the files of the messages, before the messages: cut short, it can be run again."""
        keys: set[str] = set()
        for conversation in await self._conversations(contact.id):
            seq = 0
            while page := await self._store.messages(conversation.id, after=seq, limit=_PAGE):
                keys.update(media.key for message in page for media in message.media if media.key)
                seq = page[-1].seq
        own = keys - await self._store.media_elsewhere(contact.id, sorted(keys)) if keys else keys
        for key in own:
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
