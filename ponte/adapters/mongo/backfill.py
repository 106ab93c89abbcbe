"""What an older database lacks: fields that newer queries ask for. Each step can be repeated."""

from __future__ import annotations

from typing import Final

from pymongo import UpdateOne

from ponte.adapters.codec import Plain
from ponte.adapters.mongo.documents import contact_words, conversation_from, message_words
from ponte.adapters.mongo.store_client import Database
from ponte.domain.urgency import urgency

_AT_ONCE: Final = 500
_NEW: Final[Plain] = {
    "labels": [],
    "priority": 0,
    "snoozed_until": None,
    "reopened": 0,
    "unanswered_since": None,
}


async def add_queue_and_words(database: Database) -> None:
    """Give conversations their place in the queue, and messages and contacts the words they are found by."""
    conversations = database["conversations"]
    await conversations.update_many({"priority": {"$exists": False}}, {"$set": _NEW})
    changes: list[UpdateOne] = []
    human = {"status": {"$in": ["AWAITING_AGENT", "AGENT_ACTIVE"]}, "urgency": {"$exists": False}}
    async for document in conversations.find(human):
        place = urgency(conversation_from(document))
        changes.append(UpdateOne({"_id": document["_id"]}, {"$set": {"urgency": place}}))
    if changes:
        await conversations.bulk_write(changes, ordered=False)
    await _words(database, "messages", {"author": {"$ne": "system"}})
    await _words(database, "contacts", {})


async def _words(database: Database, name: str, where: Plain) -> None:
    changes: list[UpdateOne] = []
    async for document in database[name].find({**where, "words": {"$exists": False}}):
        words = (
            message_words(document["body"], document.get("media", []))
            if name == "messages"
            else contact_words(document.get("name"), document["address"])
        )
        changes.append(UpdateOne({"_id": document["_id"]}, {"$set": {"words": words}}))
        if len(changes) == _AT_ONCE:
            await database[name].bulk_write(changes, ordered=False)
            changes.clear()
    if changes:
        await database[name].bulk_write(changes, ordered=False)
