"""A commit in MongoDB without a transaction.

One write on the conversation's document decides it: the compare-and-set on ``version`` also stores the
rest of the commit, as ``pending``, in the same document. Then the rest is carried out by steps that can be
repeated and overtaken, and ``pending`` is removed. Whoever reads a conversation with a ``pending`` first
carries it out, so a crash in between is never seen.
"""

from __future__ import annotations

from pymongo.errors import DuplicateKeyError

from ponte.adapters.codec import Plain, clean_text
from ponte.adapters.mongo.documents import (
    Document,
    audit_document,
    conversation_document,
    decision_document,
    inbox_document,
    mark_document,
    message_document,
    stretch_document,
)
from ponte.adapters.mongo.store_client import Collection, Part
from ponte.domain.facts import stretch_fact
from ponte.domain.message import position
from ponte.errors import Conflict
from ponte.ports import Commit

_AT_ONCE = 100


class MongoCommits(Part):
    """The part of ``ponte.ports.ConversationStore`` that changes conversations."""

    async def commit(self, commit: Commit) -> None:
        """Apply a commit, see the port. Raises Conflict."""
        document = conversation_document(commit.conversation)
        rest = _rest(commit)
        if rest:
            document["pending"] = rest
            document["unfinished"] = 1
        if commit.conversation.version == 1:
            if not await self._conversations.insert(document):
                raise _conflict()
        else:
            await self._replace(document)
        if rest:
            await self._complete(document)
        self._observe("commit.answer")

    async def recover(self) -> int:
        """Complete the commits that crashes cut short; returns how many there were."""
        completed = 0
        while found := await self._conversations.find({"unfinished": 1}, [("unfinished", 1)], _AT_ONCE):
            for document in found:
                await self._complete(document)
            completed += len(found)
        return completed

    async def _replace(self, document: Plain) -> None:
        """Write the new conversation over the one of the version before. Raises Conflict."""
        changes = {k: v for k, v in document.items() if k not in {"_id", "updated_at"}}
        # A settled message may have moved updated_at since the conversation was read; it never goes back.
        update = {"$set": changes, "$max": {"updated_at": document["updated_at"]}}
        before = document["version"] - 1
        where = {"_id": document["_id"], "version": before, "pending": {"$exists": False}}
        while not await self._conversations.change(where, update):
            stored = await self._conversations.first({"_id": document["_id"]})
            if stored is None or stored["version"] != before:
                raise _conflict()
            await self._completed(stored)

    async def _completed(self, document: Plain) -> Plain:
        """Return ``document`` after carrying out what it holds as pending."""
        if "pending" in document:
            await self._complete(document)
        return document

    async def _complete(self, document: Document) -> None:
        """Carry out the rest of a commit. Two processes may do it at once, or one long after the other."""
        rest = document["pending"]
        if "silence" in rest:
            await self._silence(document, rest["silence"])
        if "messages" in rest:
            # Insert only: a message that was sent meanwhile stays as it is.
            await self._messages.insert_missing(rest["messages"])
        if "done" in rest:
            await self._inbox.change_all(
                {"_id": {"$in": rest["done"]}, "state": "pending"},
                {"$set": {"state": "done"}, "$unset": {"error": ""}},
            )
        if "resume" in rest:
            await self._add_resume_row(rest["resume"])
        if "memory" in rest:
            await self._remember(document, rest["memory"])
        if "opted_out_at" in rest:
            await self._opt(document, rest["opted_out_at"])
        if "unpark" in rest:
            await self._unpark(document, rest["unpark"])
        await self._record(document, rest)
        await self._conversations.change(
            {"_id": document["_id"], "version": document["version"]},
            {"$unset": {"pending": "", "unfinished": ""}},
        )

    async def _record(self, document: Document, rest: Plain) -> None:
        """Keep what a commit says of itself."""
        if "audit" in rest:
            await self._audit.insert_missing(rest["audit"])
        if "decisions" in rest:
            await self._decisions.insert_missing(rest["decisions"])
        for mark in rest.get("marks", ()):
            await self._replace_older(self._marks, document, mark)
        if "stretch" in rest:
            await self._replace_older(self._stretches, document, rest["stretch"])

    async def _silence(self, document: Document, last_seq: int) -> None:
        await self._messages.change_all(
            {
                "contact_id": document["contact_id"],
                "delivery.position": {"$exists": True},
                "conversation_id": document["_id"],
                "seq": {"$lte": last_seq},
                "author": "bot",
                "status": "queued",
                "delivery.uncertain": False,
            },
            {"$set": {"status": "cancelled"}, "$unset": {"delivery": ""}},
        )

    async def _add_resume_row(self, row: Plain) -> None:
        if await self._inbox.first({"_id": row["_id"]}) is not None:
            return
        contact = await self._contacts.change_and_get({"_id": row["contact_id"]}, {"$inc": {"inbox_seq": 1}})
        await self._inbox.insert({**row, "seq": contact["inbox_seq"] if contact else row["seq"]})

    async def _remember(self, document: Document, memory: str) -> None:
        # An overtaken step must not bring back an older memory: commits of one contact sort by this.
        order = position(document["opened_at"], document["version"])
        await self._contacts.change(
            {"_id": document["contact_id"], "memory_order": {"$not": {"$gt": order}}},
            {"$set": {"memory": memory, "memory_order": order}},
        )

    async def _unpark(self, document: Document, due_at: int) -> None:
        # Repeated long after, it may queue what was parked since: that is parked again by its sender.
        await self._messages.change_all(*unparking(document["contact_id"], due_at))

    async def _replace_older(self, collection: Collection, document: Document, row: Plain) -> None:
        # As with the memory: an overtaken step must not bring back an older mark or stretch.
        version = document["version"]
        values = {k: v for k, v in row.items() if k != "_id"}
        where = {"_id": row["_id"], "version": {"$not": {"$gt": version}}}
        try:
            await collection.change(where, {"$set": {**values, "version": version}}, upsert=True)
        except DuplicateKeyError:
            return  # a later commit's is there

    async def _opt(self, document: Document, opted_out_at: int | None) -> None:
        # As with the memory: an overtaken step must not undo a later one.
        order = position(document["opened_at"], document["version"])
        await self._contacts.change(
            {"_id": document["contact_id"], "opted_order": {"$not": {"$gt": order}}},
            {"$set": {"opted_out_at": opted_out_at, "opted_order": order}},
        )


def unparking(contact_id: str, due_at: int) -> tuple[Plain, Plain]:
    """Return which messages to queue when the 24-hour window opens, and how."""
    where: Plain = {
        "contact_id": contact_id,
        "delivery.position": {"$exists": True},
        "status": "parked",
    }
    queued: Plain = {
        "status": "queued",
        "delivery.due_at": due_at,
        "delivery.attempts": 0,
        "delivery.lease_until": 0,
        "delivery.uncertain": False,
    }
    return where, {"$set": queued, "$unset": {"error_code": ""}}


def _rest(commit: Commit) -> Plain:
    """Return what there is to a commit besides the conversation itself."""
    rest: Plain = {}
    if commit.silence_bot:
        rest["silence"] = commit.conversation.last_seq - len(commit.messages)
    if commit.messages:
        rest["messages"] = [message_document(m) for m in commit.messages]
    if commit.done:
        rest["done"] = list(commit.done)
    if commit.resume_row is not None:
        rest["resume"] = inbox_document(commit.resume_row)
    if commit.memory is not None:
        rest["memory"] = clean_text(commit.memory)
    if commit.opted_out is not None:
        rest["opted_out_at"] = commit.conversation.updated_at if commit.opted_out else None
    if commit.unpark:
        rest["unpark"] = commit.conversation.updated_at
    return {**rest, **_records(commit)}


def _records(commit: Commit) -> Plain:
    """Return what a commit says of itself."""
    records = {
        "audit": [audit_document(entry) for entry in commit.audit],
        "decisions": [decision_document(decision) for decision in commit.decisions],
        "marks": [mark_document(mark) for mark in commit.marks],
    }
    kept: Plain = {name: documents for name, documents in records.items() if documents}
    if (stretch := stretch_fact(commit.conversation)) is not None:
        kept["stretch"] = stretch_document(stretch)
    return kept


def _conflict() -> Conflict:
    return Conflict("The conversation was changed by somebody else. Read it again.")
