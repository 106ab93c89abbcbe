"""The store on MongoDB, whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from pymongo import AsyncMongoClient

from ponte.adapters.faults import WriteObserver, unobserved
from ponte.adapters.mongo.media import MongoMedia
from ponte.adapters.mongo.schema import migrate
from ponte.adapters.mongo.store_agents import MongoAgents
from ponte.adapters.mongo.store_client import Client, client_options, settings_checked, translated
from ponte.adapters.mongo.store_decisions import MongoLedger
from ponte.adapters.mongo.store_inbox import MongoInbox
from ponte.adapters.mongo.store_leases import MongoLeases
from ponte.adapters.mongo.store_office import MongoOffice
from ponte.adapters.mongo.store_outbox import MongoOutbox
from ponte.adapters.mongo.store_people import MongoPeople
from ponte.adapters.mongo.store_presence import MongoPresences
from ponte.adapters.mongo.store_prompts import MongoPrompts
from ponte.adapters.mongo.store_reports import MongoReports
from ponte.adapters.mongo.store_search import MongoSearch


class MongoStore(
    MongoInbox,
    MongoSearch,
    MongoOutbox,
    MongoAgents,
    MongoLeases,
    MongoLedger,
    MongoPrompts,
    MongoReports,
    MongoPresences,
    MongoOffice,
    MongoPeople,
):
    """``ponte.ports.Store`` on one MongoDB database, 4.4 or later, standalone or a replica set."""

    @property
    def media(self) -> MongoMedia:
        """The files, in the same database."""
        return MongoMedia(self._database, self._observe)

    async def migrate(self) -> None:
        """Bring indexes to this version's. Raises StoreUnavailable when the database is of a newer Ponte."""
        await migrate(self._database)

    async def ping(self) -> None:
        """Raise StoreUnavailable unless the database answers."""
        with translated():
            await self._database.command("ping")

    async def media_of(self, contact_id: str) -> set[str]:
        """Return the contact's files, see the port."""
        keys: set[str] = set()
        for conversation in await self._conversations.find({"contact_id": contact_id}, [("opened_at", 1)]):
            for message in await self._messages.find({"conversation_id": conversation["_id"]}, [("seq", 1)]):
                keys.update(file["key"] for file in message.get("media", []) if file.get("key"))
        return keys

    async def media_elsewhere(self, contact_id: str, keys: Sequence[str]) -> set[str]:
        """Return the files that others have too, see the port."""
        wanted = set(keys)
        others = {"media.key": {"$in": sorted(wanted)}, "contact_id": {"$ne": contact_id}}
        found = await self._messages.find(others, [("_id", 1)])
        return {file["key"] for message in found for file in message["media"] if file["key"] in wanted}

    async def erase_contact(self, contact_id: str) -> dict[str, int]:
        """Delete all of a contact, see the port. The contact goes last: cut short, it can be run again."""
        of_contact = {"contact_id": contact_id}
        found = await self._conversations.find(of_contact, [("opened_at", 1)])
        counts = dict.fromkeys(("inbox", "messages", "decisions", "marks", "stretches", "conversations"), 0)
        for conversation in found:
            of_conversation = {"conversation_id": conversation["_id"]}
            sids = [m["_id"] for m in await self._messages.find(of_conversation, [("seq", 1)])]
            counts["inbox"] += await self._inbox.delete({"_id": {"$in": sids}})
            counts["messages"] += await self._messages.delete(of_conversation)
            counts["decisions"] += await self._decisions.delete(of_conversation)
            counts["marks"] += await self._marks.delete(of_conversation)
            counts["stretches"] += await self._stretches.delete(of_conversation)
            counts["conversations"] += await self._conversations.delete({"_id": conversation["_id"]})
        for state in ("pending", "dead"):
            counts["inbox"] += await self._inbox.delete({**of_contact, "state": state})
        return {**counts, "contacts": await self._contacts.delete({"_id": contact_id})}

    async def prune(self, before: int) -> dict[str, int]:
        """Delete what is over, see the port."""
        expired = {"expires_at": {"$lt": before}}
        return {
            "inbox": await self._inbox.delete({"state": "done", "received_at": {"$lt": before}}),
            "sessions": await self._sessions.delete(expired),
            "throttles": await self._throttles.delete(expired),
            "leases": await self._leases.delete(expired),
            "presences": await self._presences.delete({"seen_at": {"$lt": before}}),
        }


@asynccontextmanager
async def open_mongo(
    uri: str, db_name: str, observe: WriteObserver = unobserved
) -> AsyncIterator[MongoStore]:
    """Open a database. Connects at the first use; call ``migrate`` before other use.

    Args:
        uri: MongoDB's connection string. Its options win over Ponte's time-outs and write concern.
        db_name: the database.
        observe: for tests: told ``<collection>.<operation>`` before each write.

    Raises:
        SettingsError: the connection string is malformed.
    """
    with settings_checked():
        client: Client = AsyncMongoClient(uri, **client_options(uri))
    try:
        yield MongoStore(client[db_name], observe)
    finally:
        await client.close()
