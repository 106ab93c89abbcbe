"""LangGraph's checkpoints in SQLite, in the store's own file.

One file has one log: a turn's checkpoint lies between the fixing of its inbox rows and its commit, and no
power failure can keep the later without the earlier. So a checkpoint need not wait for the disk by itself,
and checkpoints of many turns share a transaction.
"""

from __future__ import annotations

import asyncio
import copy
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.sqlite import SqliteSaver

from ponte.adapters.sqlite.engine import BUSY_MS, Engine, use_wal
from ponte.adapters.sqlite.store import SqliteStore, open_sqlite
from ponte.errors import StoreUnavailable

T = TypeVar("T")

# A subgraph has a namespace of its own, and its newest checkpoint is needed to resume it.
NEWEST = """
    SELECT checkpoint_ns, max(checkpoint_id) FROM checkpoints WHERE thread_id = ? GROUP BY checkpoint_ns
"""
DROP_CHECKPOINTS = "DELETE FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id < ?"
DROP_WRITES = "DELETE FROM writes WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id < ?"


class EngineSaver(SqliteSaver):
    """LangGraph's own SQLite saver, run in the engine's threads and within its transactions.

    Only the asynchronous methods can be used.

    Args:
        engine: of the file that holds the saver's tables.
    """

    def __init__(self, engine: Engine) -> None:
        with closing(sqlite3.connect(":memory:")) as nothing:
            super().__init__(nothing)
        self._engine = engine

    @contextmanager
    def cursor(self, transaction: bool = True) -> Iterator[sqlite3.Cursor]:  # noqa: FBT001, FBT002 - the saver's signature
        """Yield a cursor inside the engine's transaction, which the engine commits."""
        del transaction
        with closing(self.conn.cursor()) as cursor:
            yield cursor

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint, the newest unless ``config`` names one."""
        return await self._engine.look(self._bound(lambda saver: saver.get_tuple(config)))

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - the saver's signature
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Yield checkpoints, newest first."""
        found = await self._engine.read(
            self._bound(lambda saver: [*saver.list(config, filter=filter, before=before, limit=limit)])
        )
        for checkpoint in found:
            yield checkpoint

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Save a checkpoint."""
        return await self._engine.write(
            self._bound(lambda saver: saver.put(config, checkpoint, metadata, new_versions)), durable=False
        )

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Save what a task wrote."""
        await self._engine.write(
            self._bound(lambda saver: saver.put_writes(config, writes, task_id, task_path)), durable=False
        )

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete a thread."""
        await self._engine.write(self._bound(lambda saver: saver.delete_thread(thread_id)))

    def _bound(self, work: Callable[[SqliteSaver], T]) -> Callable[[sqlite3.Connection], T]:
        """Return ``work`` as a job of the engine: on a copy of this saver that has the job's connection."""

        def job(connection: sqlite3.Connection) -> T:
            saver = copy.copy(self)
            saver.conn = connection
            return work(saver)

        return job


class SqliteCheckpoints:
    """``ponte.ports.Checkpoints`` on one SQLite file.

    Args:
        engine: of the file; it has the saver's tables.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._saver = EngineSaver(engine)

    @property
    def saver(self) -> BaseCheckpointSaver[str]:
        """The saver to compile the graph with."""
        return self._saver

    async def keep_newest(self, thread_id: str) -> int:
        """Delete all checkpoints of a thread but the newest of each namespace; returns how many went."""
        return await self._engine.write(partial(_keep_newest, thread_id), durable=False)

    async def delete_thread(self, thread_id: str) -> None:
        """Delete a thread."""
        await self._saver.adelete_thread(thread_id)


def _keep_newest(thread_id: str, connection: sqlite3.Connection) -> int:
    dropped = 0
    for namespace, checkpoint_id in connection.execute(NEWEST, (thread_id,)).fetchall():
        of_namespace = (thread_id, namespace, checkpoint_id)
        gone = connection.execute(DROP_CHECKPOINTS, of_namespace).rowcount
        if gone > 0:
            connection.execute(DROP_WRITES, of_namespace)
            dropped += gone
    return dropped


@asynccontextmanager
async def open_sqlite_checkpoints(where: SqliteStore | Path) -> AsyncIterator[SqliteCheckpoints]:
    """Open the checkpoints, and make their tables when missing.

    Args:
        where: the open store whose file holds them. A folder stands for the store in it, which is then
            opened for this alone.

    Raises:
        StoreUnavailable: the file cannot be opened.
    """
    if isinstance(where, Path):
        async with open_sqlite(where) as store, open_sqlite_checkpoints(store) as checkpoints:
            yield checkpoints
        return
    await asyncio.to_thread(_prepare, where.engine.path)
    yield SqliteCheckpoints(where.engine)


def _prepare(path: Path) -> None:
    """Make the saver's tables, by its own means, on a connection of their own: it commits as it likes."""
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_MS / 1000)) as connection:
            use_wal(connection)
            SqliteSaver(connection).setup()
    except sqlite3.Error as error:
        raise StoreUnavailable(
            f"SQLite cannot make the tables for checkpoints in {path}: {error}. "
            "Check DATA_DIR, its rights and the free disk space."
        ) from error
