"""LangGraph's checkpoints in MongoDB.

``MongoDBSaver`` blocks; its async methods run in the event loop's default executor, which whoever opens the
checkpoints makes large enough. Its ``ttl`` is not used: it would expire what a paused thread still needs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.mongodb import MongoDBSaver
from pymongo import MongoClient

from ponte.adapters.codec import Plain
from ponte.adapters.mongo.store_client import client_options, settings_checked, translated


class _Saver(MongoDBSaver):
    """The saver, mended: MongoDB refuses a bulk write of nothing."""

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        if writes:
            super().put_writes(config, writes, task_id, task_path)


class MongoCheckpoints:
    """``ponte.ports.Checkpoints`` on MongoDB.

    Args:
        saver: with its indexes made.
    """

    def __init__(self, saver: MongoDBSaver) -> None:
        self._saver = saver

    @property
    def saver(self) -> BaseCheckpointSaver[str]:
        """The saver to compile the graph with."""
        return self._saver

    async def keep_newest(self, thread_id: str) -> int:
        """Delete all checkpoints of a thread but the newest of each namespace; returns how many went."""
        return await asyncio.to_thread(self._keep_newest, thread_id)

    async def delete_thread(self, thread_id: str) -> None:
        """Delete a thread."""
        with translated():
            await self._saver.adelete_thread(thread_id)

    def _keep_newest(self, thread_id: str) -> int:
        checkpoints, writes = self._saver.checkpoint_collection, self._saver.writes_collection
        dropped = 0
        with translated():
            # A subgraph has a namespace of its own, and its newest checkpoint is needed to resume it.
            newest = checkpoints.aggregate(
                [
                    {"$match": {"thread_id": thread_id}},
                    {"$group": {"_id": "$checkpoint_ns", "newest": {"$max": "$checkpoint_id"}}},
                ]
            )
            for row in newest:
                older: Plain = {
                    "thread_id": thread_id,
                    "checkpoint_ns": row["_id"],
                    "checkpoint_id": {"$lt": row["newest"]},
                }
                gone = checkpoints.delete_many(older).deleted_count
                if gone:
                    writes.delete_many(older)
                dropped += gone
        return dropped


@asynccontextmanager
async def open_mongo_checkpoints(uri: str, db_name: str) -> AsyncIterator[MongoCheckpoints]:
    """Open the checkpoints in a database, and make their indexes.

    Raises:
        SettingsError: the connection string is malformed.
        StoreUnavailable: the server does not answer.
    """
    with settings_checked():
        client: MongoClient[Plain] = MongoClient(uri, **client_options(uri))
    try:
        with translated():
            saver = await asyncio.to_thread(_Saver, client, db_name)
        yield MongoCheckpoints(saver)
    finally:
        await asyncio.to_thread(client.close)
