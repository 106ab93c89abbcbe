"""Contacts, conversations and transcripts in MongoDB."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ponte.adapters.codec import MEDIA, Plain, same_files
from ponte.adapters.mongo.documents import contact_from, conversation_from, message_from, message_words
from ponte.adapters.mongo.store_commit import MongoCommits
from ponte.adapters.mongo.store_queue import MongoQueue
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation, Status
from ponte.domain.message import Media, MediaError, Message
from ponte.errors import Conflict, NotFound
from ponte.ports import Commit

_UNRESOLVED = [status.value for status in Status if status is not Status.RESOLVED]


class MongoConversations(MongoQueue, MongoCommits):
    """``ponte.ports.ConversationStore``."""

    async def contact(self, contact_id: str) -> Contact:
        """Return a contact. Raises NotFound."""
        document = await self._contacts.first({"_id": contact_id})
        if document is None:
            raise NotFound(f"There is no contact {contact_id}.")
        return contact_from(document)

    async def contacts(self, contact_ids: Sequence[str]) -> dict[str, Contact]:
        """Return the contacts that exist, by id."""
        where: Plain = {"_id": {"$in": list(contact_ids)}}
        return {d["_id"]: contact_from(d) for d in await self._contacts.find(where, [("_id", 1)])}

    async def find_contact(self, address_or_wa_id: str) -> Contact | None:
        """Return the contact with this address or WhatsApp id."""
        document = await self._contacts.first({"address": address_or_wa_id})
        document = document or await self._contacts.first({"wa_id": address_or_wa_id}, [("created_at", -1)])
        return None if document is None else contact_from(document)

    async def opt_out(self, contact_id: str, now: int) -> bool:
        """Record that the contact wants no messages, see the port."""
        return await self._contacts.change(
            {"_id": contact_id, "opted_out_at": None}, {"$set": {"opted_out_at": now}}
        )

    async def conversation(self, conversation_id: str) -> Conversation:
        """Return a conversation, see the port. Raises NotFound."""
        document = await self._conversations.first({"_id": conversation_id})
        if document is None:
            raise NotFound(f"There is no conversation {conversation_id}.")
        return conversation_from(await self._completed(document))

    async def current(self, contact_id: str) -> Conversation | None:
        """Return the contact's newest conversation, see the port."""
        document = await self._conversations.first(
            {"contact_id": contact_id}, [("opened_at", -1), ("resolved_at", 1)]
        )
        return None if document is None else conversation_from(await self._completed(document))

    async def changed_since(self, updated_at: int, limit: int) -> list[Conversation]:
        """Return conversations changed at or after ``updated_at``, the longest ago first."""
        return await self._list({"updated_at": {"$gte": updated_at}}, [("updated_at", 1), ("_id", 1)], limit)

    async def count_by_status(self) -> dict[Status, int]:
        """Return how many conversations are in each status but RESOLVED."""
        rows = await self._conversations.aggregate(
            {"$match": {"status": {"$in": _UNRESOLVED}}}, {"$group": {"_id": "$status", "count": {"$sum": 1}}}
        )
        counted = {row["_id"]: int(row["count"]) for row in rows}
        return {Status(name): counted.get(name, 0) for name in _UNRESOLVED}

    async def overdue(self, waiting_before: int, limit: int) -> list[Conversation]:
        """Return conversations that wait too long, see the port."""
        where: Plain = {
            "status": Status.AWAITING_AGENT.value,
            "waiting_since": {"$lt": waiting_before},
            "reminded": False,
        }
        return await self._list(where, [("waiting_since", 1)], limit)

    async def messages(
        self, conversation_id: str, *, after: int = 0, before: int | None = None, limit: int = 50
    ) -> list[Message]:
        """Return messages in order of seq, see the port."""
        between: Plain = {"$gt": after} if before is None else {"$gt": after, "$lt": before}
        where = {"conversation_id": conversation_id, "seq": between}
        found = await self._messages.find(where, [("seq", 1 if before is None else -1)], limit)
        if before is not None:
            found.reverse()
        return [message_from(document) for document in found]

    async def message(self, message_id: str) -> Message:
        """Return a message. Raises NotFound."""
        document = await self._messages.first({"_id": message_id})
        if document is None:
            raise NotFound(f"There is no message {message_id}.")
        return message_from(document)

    async def set_media_text(self, message_id: str, media: Sequence[Media], now: int) -> bool:
        """Replace what is known of a message's files, see the port."""
        stored = await self._messages.first({"_id": message_id})
        files = [MEDIA.encode(one) for one in media]
        if stored is None or not same_files(stored.get("media", []), files):
            return False
        key = stored["media"][0].get("key")
        changed = await self._messages.change_and_get(
            {"_id": message_id, "media.key": key} if key else {"_id": message_id},
            {"$set": {"media": files, "words": message_words(stored["body"], files)}},
        )
        if changed is None:
            return False
        await self._conversations.change({"_id": changed["conversation_id"]}, {"$max": {"updated_at": now}})
        return True

    async def missing_files(self, after: int, until: int, limit: int) -> list[Message]:
        """Return messages with a file that was UNAVAILABLE, see the port."""
        where = {"media.error": MediaError.UNAVAILABLE.value, "created_at": {"$gt": after, "$lte": until}}
        found = await self._messages.find(where, [("created_at", 1)], limit)
        return [message_from(document) for document in found]

    async def mark_seen(self, conversation_id: str, seq: int) -> None:
        """Record what an agent saw, see the port."""
        while True:
            conversation = await self.conversation(conversation_id)
            seen = min(seq, conversation.last_seq)
            if seen <= conversation.seen_seq:
                return
            unread = await self._unseen(conversation_id, seen) if conversation.human else 0
            changed = replace(conversation, version=conversation.version + 1, seen_seq=seen, unread=unread)
            try:
                await self.commit(Commit(changed))
            except Conflict:
                continue  # somebody else got on; this loop ends when nobody does
            return

    async def _unseen(self, conversation_id: str, seen: int) -> int:
        return await self._messages.count(
            {"conversation_id": conversation_id, "seq": {"$gt": seen}, "author": "customer"}
        )
