"""What only MongoDB has: indexes, connection strings, a server that may be away."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from ponte.adapters.mongo import open_mongo, open_mongo_checkpoints
from ponte.adapters.mongo.schema import INDEXES, MIGRATIONS
from ponte.adapters.mongo.store_client import client_options
from ponte.errors import SettingsError, StoreUnavailable

AWAY = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=50"

Database = AsyncMongoClient[dict[str, Any]]


@pytest.fixture
async def database(mongo_uri: str) -> AsyncIterator[tuple[Database, str]]:
    """Return a client and the name of an empty database."""
    client: Database = AsyncMongoClient(mongo_uri)
    name = f"ponte_{uuid.uuid4().hex}"
    yield client, name
    await client.drop_database(name)
    await client.close()


async def test_every_index_is_made(mongo_uri: str, database: tuple[Database, str]) -> None:
    """Migrating makes each index with its keys and options, and can be repeated, also at the same time."""
    client, name = database
    async with open_mongo(mongo_uri, name) as one, open_mongo(mongo_uri, name) as other:
        await asyncio.gather(one.migrate(), other.migrate())
        await one.migrate()
    for collection, index, keys, options in INDEXES:
        found = (await client[name][collection].index_information())[index]
        assert list(found["key"]) == keys
        for option, value in options.items():
            assert found[option] == value


async def test_a_newer_database_is_refused(mongo_uri: str, database: tuple[Database, str]) -> None:
    """A database that a newer Ponte wrote is not touched."""
    client, name = database
    async with open_mongo(mongo_uri, name) as store:
        await store.migrate()
        await client[name]["schema"].update_one({"_id": "schema"}, {"$set": {"version": len(MIGRATIONS) + 1}})
        with pytest.raises(StoreUnavailable, match="newer"):
            await store.migrate()


async def test_a_server_that_is_away_is_unavailable() -> None:
    """Reading, writing, migrating and opening the checkpoints raise StoreUnavailable."""
    async with open_mongo(AWAY, "ponte") as store:
        for attempt in (store.ping(), store.contact("c1"), store.set_value("x", "1"), store.migrate()):
            with pytest.raises(StoreUnavailable):
                await attempt
    with pytest.raises(StoreUnavailable):
        async with open_mongo_checkpoints(AWAY, "ponte"):
            pass


@pytest.mark.parametrize("uri", ["http://x", "mongodb://user:p@ss:word@host", "mongodb://h:99999"])
async def test_a_malformed_address_is_a_settings_error(uri: str) -> None:
    """A malformed MONGO_URI is reported by its name, without what is in it."""
    with pytest.raises(SettingsError, match="MONGO_URI") as caught:
        async with open_mongo(uri, "ponte"):
            pass
    assert "p@ss" not in str(caught.value)


def test_the_addresss_options_win() -> None:
    """Durability and time-outs have defaults that the connection string overrides."""
    assert client_options("mongodb://h/")["w"] == "majority"
    assert client_options("mongodb://h/")["journal"] is True
    given = client_options("mongodb+srv://u:p@h/db?W=2&journal=false&socketTimeoutMS=1")
    assert not given.keys() & {"w", "journal", "socketTimeoutMS"}
