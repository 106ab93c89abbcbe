"""A database from before the queue had an order of its own, and before there was a search."""

from __future__ import annotations

import sqlite3
import uuid
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from ponte.adapters.mongo import open_mongo
from ponte.adapters.sqlite import open_sqlite
from ponte.adapters.sqlite.schema import MIGRATIONS
from ponte.domain.conversation import Status
from ponte.ports import Store
from tests.contract.builders import MARIA, NOW, inbound, said, waiting, wrote
from tests.fixtures.mongo_server import MONGO_TESTED

_OLD = next(n for n, steps in enumerate(MIGRATIONS) if any("ADD COLUMN labels" in step for step in steps))


async def check(store: Store) -> None:
    """What was there before is in the queue, and is found."""
    page = await store.conversations(status=Status.AWAITING_AGENT, contact_id=None, after=None, limit=9)
    assert [c.id for c in page.items] == ["cv2", "cv1"]
    assert (page.items[0].labels, page.items[0].priority) == ((), 0)
    found = await store.search("cavalo", after=None, limit=9)
    assert [hit.message.id for hit in found.items if hit.message] == ["cv1:1"]
    assert len((await store.search("maria", after=None, limit=9)).items) == 1
    assert len((await store.search("0001", after=None, limit=9)).items) == 1
    priority = await store.conversations(status=None, contact_id=None, after=None, limit=9, priority=0)
    assert len(priority.items) == 2


async def test_an_older_sqlite_file_gets_its_queue_and_its_search(tmp_path: Path) -> None:
    """Rows that an older version wrote are sorted and found after the upgrade."""
    connection = sqlite3.connect(tmp_path / "ponte.db")
    for steps in MIGRATIONS[:_OLD]:
        for step in steps:
            connection.execute(step)
    connection.execute(f"PRAGMA user_version = {_OLD:d}")
    connection.execute(
        "INSERT INTO contacts (id, address, created_at, name) VALUES ('c1', ?, ?, 'Maria')", (MARIA, NOW)
    )
    for n, since in ((1, NOW + 5), (2, NOW + 3)):
        connection.execute(
            "INSERT INTO conversations (id, contact_id, thread_id, opened_at, updated_at, status, epoch,"
            " version, last_seq, language, waiting_since, seen_seq, unread, handoff_seq, preview, reminded)"
            " VALUES (?, 'c1', ?, ?, ?, 'AWAITING_AGENT', 0, 1, 1, 'pt-BR', ?, 0, 0, 0, '', 0)",
            (f"cv{n}", f"th{n}", since, since, since),
        )
    for n, author in ((1, "customer"), (2, "system")):
        connection.execute(
            "INSERT INTO messages (id, conversation_id, contact_id, seq, author, kind, body, status,"
            " created_at) VALUES (?, 'cv1', 'c1', ?, ?, 'text', 'um cavalo', 'received', ?)",
            (f"cv1:{n}", n, author, NOW),
        )
    connection.commit()
    connection.close()
    async with open_sqlite(tmp_path) as store:
        await store.migrate()
        await check(store)


@pytest.mark.skipif(not MONGO_TESTED, reason="there is no MongoDB server to test with")
async def test_an_older_mongodb_gets_its_queue_and_its_search(mongo_uri: str) -> None:
    """Documents that an older version wrote are sorted and found after the upgrade."""
    name = f"ponte_{uuid.uuid4().hex}"
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongo_uri)
    try:
        async with open_mongo(mongo_uri, name) as store:
            await store.migrate()
            await store.accept(inbound(1), "c1")
            first = waiting(1, at=NOW + 5)
            await wrote(store, first, [said(first, 1, body="um cavalo")])
            await wrote(store, waiting(2, at=NOW + 3), [])
            new = ("labels", "priority", "snoozed_until", "reopened", "unanswered_since", "urgency", "words")
            for collection in ("conversations", "messages", "contacts"):
                await client[name][collection].update_many({}, {"$unset": dict.fromkeys(new, "")})
                await client[name][collection].drop_indexes()
            await client[name]["schema"].update_one({"_id": "schema"}, {"$set": {"version": 1}})
            await store.migrate()
            await check(store)
            indexes = await client[name]["conversations"].index_information()
            assert "queue" in indexes
    finally:
        await client.drop_database(name)
        await client.close()
