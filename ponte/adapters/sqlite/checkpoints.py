"""LangGraph's checkpoints in SQLite: a file of their own, so that they never wait for the store's writer.

``synchronous=FULL``: a turn that was answered is not forgotten by the bot after a power failure. It costs
one fsync a turn.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiosqlite
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from ponte.adapters.sqlite.engine import BUSY_MS, use_wal
from ponte.adapters.sqlite.store import prepare_folder
from ponte.errors import StoreUnavailable

FILE = "checkpoints.db"

# A subgraph has a namespace of its own, and its newest checkpoint is needed to resume it.
NEWEST = """
    SELECT checkpoint_ns, max(checkpoint_id) FROM checkpoints WHERE thread_id = ? GROUP BY checkpoint_ns
"""
DROP_CHECKPOINTS = "DELETE FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id < ?"
DROP_WRITES = "DELETE FROM writes WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id < ?"


class SqliteCheckpoints:
    """``ponte.ports.Checkpoints`` on one SQLite file.

    Args:
        saver: set up already.
    """

    def __init__(self, saver: AsyncSqliteSaver) -> None:
        self._saver = saver

    @property
    def saver(self) -> BaseCheckpointSaver[str]:
        """The saver to compile the graph with."""
        return self._saver

    async def keep_newest(self, thread_id: str) -> int:
        """Delete all checkpoints of a thread but the newest of each namespace; returns how many went."""
        connection = self._saver.conn
        dropped = 0
        with _translated():
            # The saver's lock: its transaction and this one share the connection.
            async with self._saver.lock:
                async with connection.execute(NEWEST, (thread_id,)) as found:
                    newest = list(await found.fetchall())
                for namespace, checkpoint_id in newest:
                    of_namespace = (thread_id, namespace, checkpoint_id)
                    async with connection.execute(DROP_CHECKPOINTS, of_namespace) as gone:
                        dropped += gone.rowcount
                    if gone.rowcount > 0:
                        await (await connection.execute(DROP_WRITES, of_namespace)).close()
                await connection.commit()
        return dropped

    async def delete_thread(self, thread_id: str) -> None:
        """Delete a thread."""
        with _translated():
            await self._saver.adelete_thread(thread_id)


@asynccontextmanager
async def open_sqlite_checkpoints(data_dir: Path) -> AsyncIterator[SqliteCheckpoints]:
    """Open ``checkpoints.db`` in ``data_dir``; both are made when missing.

    Raises:
        StoreUnavailable: the file cannot be opened.
    """
    prepare_folder(data_dir)
    path = data_dir / FILE
    await asyncio.to_thread(_prepare, path)
    async with aiosqlite.connect(path, timeout=BUSY_MS / 1000) as connection:
        with _translated():
            await (await connection.execute("PRAGMA synchronous=FULL")).close()
            saver = AsyncSqliteSaver(connection)
            await saver.setup()
        yield SqliteCheckpoints(saver)


def _prepare(path: Path) -> None:
    """Switch the file to WAL with patience, before the saver does so without."""
    with _translated():
        connection = sqlite3.connect(path, timeout=BUSY_MS / 1000)
        try:
            use_wal(connection)
        finally:
            connection.close()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreUnavailable(
            f"SQLite did not carry out an operation on the checkpoints: {error}. It can be tried again; "
            "if it goes on, check DATA_DIR, its rights and the free disk space."
        ) from error
