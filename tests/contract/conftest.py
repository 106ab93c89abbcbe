"""Each test of the contract runs on every store: SQLite, and MongoDB where a server can be had."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from ponte.adapters.faults import WriteObserver, unobserved
from ponte.adapters.mongo import open_mongo, open_mongo_checkpoints
from ponte.adapters.sqlite import open_sqlite, open_sqlite_checkpoints
from ponte.ports import Checkpoints, Store
from tests.contract.builders import OpenCheckpoints, OpenStore
from tests.fixtures.mongo_server import MONGO_TESTED, mongo_server

BACKENDS = ["sqlite", "mongo"] if MONGO_TESTED else ["sqlite"]

# mongoeco needs Python 3.13; without a server MongoDB's own tests are not collected.
collect_ignore = [] if MONGO_TESTED else ["test_mongo.py"]


@pytest.fixture(scope="session")
def mongo_uri() -> Iterator[str]:
    """Return the address of a MongoDB server that this process of the tests has to itself."""
    with mongo_server() as uri:
        yield uri


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Return the name of the store under test."""
    return str(request.param)


@pytest.fixture
async def open_store(
    backend: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[OpenStore]:
    """Return a function that opens the test's database, as often as wanted: each is like a process."""
    if backend == "sqlite":

        @asynccontextmanager
        async def sqlite(observe: WriteObserver = unobserved) -> AsyncIterator[Store]:
            async with open_sqlite(tmp_path / "data", observe) as store:
                yield store

        yield sqlite
        return
    uri: str = request.getfixturevalue("mongo_uri")
    name = f"ponte_{uuid.uuid4().hex}"

    @asynccontextmanager
    async def mongo(observe: WriteObserver = unobserved) -> AsyncIterator[Store]:
        async with open_mongo(uri, name, observe) as store:
            yield store

    yield mongo
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(uri)
    await client.drop_database(name)
    await client.close()


@pytest.fixture
async def store(open_store: OpenStore) -> AsyncIterator[Store]:
    """Return an empty store."""
    async with open_store() as opened:
        await opened.migrate()
        yield opened


@pytest.fixture
def open_checkpoints(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> OpenCheckpoints:
    """Return a function that opens checkpoints in an empty database."""
    uri: str = "" if backend == "sqlite" else request.getfixturevalue("mongo_uri")

    @asynccontextmanager
    async def opened() -> AsyncIterator[Checkpoints]:
        name = f"ponte_{uuid.uuid4().hex}"
        if backend == "sqlite":
            async with open_sqlite_checkpoints(tmp_path / name) as checkpoints:
                yield checkpoints
        else:
            async with open_mongo_checkpoints(uri, name) as checkpoints:
                yield checkpoints

    return opened
