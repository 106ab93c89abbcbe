"""The search in MongoDB, with plain indexes: every message and contact carries its folded words.

A word is looked up in the index whose order is the list's, so a page costs a page. A search for nothing but
the beginning of a word reads the index entries of all words that begin so, and sorts those.
"""

from __future__ import annotations

from collections.abc import Sequence

from ponte.adapters.codec import Plain, read_cursor, write_cursor
from ponte.adapters.mongo.documents import contact_from, conversation_from, message_from
from ponte.adapters.mongo.store_conversations import MongoConversations
from ponte.domain.searching import Query, query_of
from ponte.ports import Hit, Page

_NEWEST = [("created_at", -1), ("_id", -1)]


class MongoSearch(MongoConversations):
    """``ponte.ports.SearchStore``."""

    async def search(self, text: str, *, after: str | None, limit: int) -> Page[Hit]:
        """Find customers and messages, see the port."""
        phase = "c" if after is None or after.startswith("c") else "m"
        beyond = None if after is None else read_cursor(phase, after)
        query = query_of(text)
        if not query or limit <= 0:
            return Page((), None)
        found: list[tuple[str, Plain, Hit]] = []
        if phase == "c":
            words = [_beginning(query.digits)] if query.digits else _words(query)
            found += await self._customers(words, beyond, limit + 1)
            beyond = None
        if len(found) <= limit:
            found += await self._said(_words(query), beyond, limit + 1 - len(found))
        hits = tuple(hit for _, _, hit in found[:limit])
        if len(found) <= limit:
            return Page(hits, None)
        last, document, _ = found[limit - 1]
        return Page(hits, write_cursor(last, document["created_at"], document["_id"]))

    async def _customers(
        self, words: Sequence[Plain], beyond: tuple[int, str] | None, limit: int
    ) -> list[tuple[str, Plain, Hit]]:
        """Return up to ``limit`` customers; who never got as far as a conversation is passed over."""
        hits: list[tuple[str, Plain, Hit]] = []
        while len(hits) < limit:
            wanted = limit - len(hits)
            found = await self._contacts.find(_where(words, beyond), _NEWEST, wanted)
            for document in found:
                conversation = await self.current(document["_id"])
                if conversation is not None:
                    hits.append(("c", document, Hit(conversation, contact_from(document), None)))
            if len(found) < wanted:
                break
            beyond = found[-1]["created_at"], found[-1]["_id"]
        return hits

    async def _said(
        self, words: Sequence[Plain], beyond: tuple[int, str] | None, limit: int
    ) -> list[tuple[str, Plain, Hit]]:
        """Return up to ``limit`` messages; one whose customer is just being erased is passed over."""
        found = await self._messages.find(_where(words, beyond), _NEWEST, limit)
        ids = sorted({document["conversation_id"] for document in found})
        stored = await self._conversations.find({"_id": {"$in": ids}}, [("_id", 1)]) if ids else []
        conversations = {d["_id"]: conversation_from(await self._completed(d)) for d in stored}
        contacts = await self.contacts(sorted({c.contact_id for c in conversations.values()}))
        hits: list[tuple[str, Plain, Hit]] = []
        for document in found:
            conversation = conversations.get(document["conversation_id"])
            contact = contacts.get(document["contact_id"])
            if conversation is not None and contact is not None:
                hits.append(("m", document, Hit(conversation, contact, message_from(document))))
        return hits


def _words(query: Query) -> list[Plain]:
    whole: list[Plain] = [{"words": word} for word in query.words]
    return [*whole, _beginning(query.beginning)] if query.beginning else whole


def _beginning(letters: str) -> Plain:
    # Letters and digits only, so nothing in them is syntax; anchored, so that the index serves.
    return {"words": {"$regex": f"^{letters}"}}


def _where(words: Sequence[Plain], beyond: tuple[int, str] | None) -> Plain:
    if beyond is None:
        return {"$and": [*words]}
    key, after_id = beyond
    older = {"$or": [{"created_at": {"$lt": key}}, {"created_at": key, "_id": {"$lt": after_id}}]}
    return {"$and": [*words, older]}
