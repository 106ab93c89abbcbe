"""The connection, and the few operations that the store uses, each with the same treatment of errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from bson.errors import InvalidDocument, InvalidStringData
from pymongo import AsyncMongoClient, ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError

from ponte.adapters.codec import Plain
from ponte.adapters.faults import WriteObserver
from ponte.errors import InvalidInput, SettingsError, StoreUnavailable

Order = Sequence[tuple[str, int]]
Client = AsyncMongoClient[Plain]
Database = AsyncDatabase[Plain]

_DUPLICATE_KEY: Final = 11000

# Used where MONGO_URI does not say otherwise. An acknowledged write survives the loss of a server.
_DEFAULTS: Final[Plain] = {
    "serverSelectionTimeoutMS": 5_000,
    "connectTimeoutMS": 5_000,
    "socketTimeoutMS": 20_000,
    "w": "majority",
    "journal": True,
    "appName": "ponte",
}


def client_options(uri: str) -> Plain:
    """Return the options that ``uri`` leaves open, for a pymongo client."""
    given = {name.lower() for name, _ in parse_qsl(urlsplit(uri).query, keep_blank_values=True)}
    if "j" in given:
        given.add("journal")
    return {name: value for name, value in _DEFAULTS.items() if name.lower() not in given}


@contextmanager
def settings_checked() -> Iterator[None]:
    """Turn what pymongo says of a malformed address into a SettingsError without the address's password."""
    try:
        yield
    except (PyMongoError, ValueError) as error:
        raise SettingsError(
            f"MONGO_URI cannot be used ({type(error).__name__}). It looks like "
            "mongodb://user:password@host:27017/ or mongodb+srv://...; escape special characters."
        ) from error


@contextmanager
def translated() -> Iterator[None]:
    """Turn pymongo's errors, but for duplicate keys, into Ponte's."""
    try:
        yield
    except DuplicateKeyError:
        raise
    except PyMongoError as error:
        raise StoreUnavailable(
            f"MongoDB did not carry out an operation: {type(error).__name__}. "
            "It can be tried again; if it goes on, check the server and MONGO_URI."
        ) from error
    except (UnicodeEncodeError, OverflowError, InvalidStringData, InvalidDocument) as error:
        raise InvalidInput(
            "A text with half a character (an unpaired surrogate), or a number over 64 bits, "
            "cannot be stored."
        ) from error


class Collection:
    """One collection.

    Args:
        collection: pymongo's.
        observe: told ``<collection>.<operation>`` before each write.
    """

    def __init__(self, collection: AsyncCollection[Plain], observe: WriteObserver) -> None:
        self._collection = collection
        self._observe = observe

    async def first(self, where: Plain, order: Order | None = None) -> Plain | None:
        """Return the first document."""
        with translated():
            return await self._collection.find_one(where, sort=order)

    async def find(
        self, where: Plain, order: Order, limit: int | None = None, *, fields: Sequence[str] | None = None
    ) -> list[Plain]:
        """Return the first ``limit`` documents; None is all. With ``fields``, only these and the id."""
        if limit is not None and limit <= 0:
            return []  # to MongoDB a limit of 0 is none
        with translated():
            found = self._collection.find(where, sort=order, limit=limit or 0, projection=fields)
            return await found.to_list()

    async def pages(self, where: Plain, order: Order, fields: Sequence[str], size: int) -> list[list[Plain]]:
        """Return all documents with only these fields, in pages of ``size``."""
        with translated():
            found = await self._collection.find(where, sort=order, projection=list(fields)).to_list()
        return [found[n : n + size] for n in range(0, len(found), size)]

    async def aggregate(self, *stages: Plain) -> list[Plain]:
        """Return what a pipeline yields."""
        with translated():
            return await (await self._collection.aggregate(list(stages))).to_list()

    async def distinct(self, field: str) -> list[str]:
        """Return the texts that documents have in a field, or in its array; read from the field's index."""
        with translated():
            return [value for value in await self._collection.distinct(field) if isinstance(value, str)]

    async def count(self, where: Plain) -> int:
        """Return how many documents there are."""
        with translated():
            return await self._collection.count_documents(where)

    async def insert(self, document: Plain) -> bool:
        """Insert a document. False when a unique key of it is there."""
        self._observe(f"{self._collection.name}.insert")
        try:
            with translated():
                await self._collection.insert_one(document)
        except DuplicateKeyError:
            return False
        return True

    async def insert_missing(self, documents: Sequence[Plain]) -> None:
        """Insert those documents whose ids are not there."""
        self._observe(f"{self._collection.name}.insert")
        with translated():
            try:
                await self._collection.insert_many(documents, ordered=False)
            except BulkWriteError as error:
                failures = error.details.get("writeErrors", [])
                real = [f for f in failures if f["code"] != _DUPLICATE_KEY]
                if real or error.details.get("writeConcernErrors"):
                    raise

    async def change(self, where: Plain, update: Plain, *, upsert: bool = False) -> bool:
        """Change the document; tells whether there was one. Raises DuplicateKeyError."""
        self._observe(f"{self._collection.name}.update")
        with translated():
            done = await self._collection.update_one(where, update, upsert=upsert)
        return done.matched_count > 0 or done.upserted_id is not None

    async def change_all(self, where: Plain, update: Plain) -> int:
        """Change all documents that match; returns how many there were."""
        self._observe(f"{self._collection.name}.update")
        with translated():
            return (await self._collection.update_many(where, update)).matched_count

    async def change_and_get(self, where: Plain, update: Plain, *, upsert: bool = False) -> Plain | None:
        """Change the document and return it as it is then; None when there is none.

        Raises DuplicateKeyError.
        """
        self._observe(f"{self._collection.name}.update")
        with translated():
            changed: Plain | None = await self._collection.find_one_and_update(
                where, update, upsert=upsert, return_document=ReturnDocument.AFTER
            )
        return changed

    async def delete(self, where: Plain) -> int:
        """Delete all documents that match; returns how many."""
        self._observe(f"{self._collection.name}.delete")
        with translated():
            return (await self._collection.delete_many(where)).deleted_count


class Part:
    """A part of the store: it has the collections.

    Args:
        database: where they are.
        observe: told of each write.
    """

    def __init__(self, database: Database, observe: WriteObserver) -> None:
        self._database = database
        self._observe = observe
        self._contacts = Collection(database["contacts"], observe)
        self._inbox = Collection(database["inbox"], observe)
        self._conversations = Collection(database["conversations"], observe)
        self._messages = Collection(database["messages"], observe)
        self._agents = Collection(database["agents"], observe)
        self._sessions = Collection(database["sessions"], observe)
        self._throttles = Collection(database["throttles"], observe)
        self._audit = Collection(database["audit"], observe)
        self._decisions = Collection(database["decisions"], observe)
        self._marks = Collection(database["marks"], observe)
        self._stretches = Collection(database["stretches"], observe)
        self._leases = Collection(database["leases"], observe)
        self._values = Collection(database["named_values"], observe)
        self._presences = Collection(database["presences"], observe)
        self._office = Collection(database["office"], observe)
