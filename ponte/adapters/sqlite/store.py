"""The store on SQLite, whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ponte.adapters.faults import WriteObserver, unobserved
from ponte.adapters.sqlite.engine import Engine
from ponte.adapters.sqlite.schema import migrate
from ponte.adapters.sqlite.store_agents import SqliteAgents
from ponte.adapters.sqlite.store_decisions import SqliteLedger
from ponte.adapters.sqlite.store_erase import SqliteErasure
from ponte.adapters.sqlite.store_inbox import SqliteInbox
from ponte.adapters.sqlite.store_leases import SqliteLeases
from ponte.adapters.sqlite.store_office import SqliteOffice
from ponte.adapters.sqlite.store_outbox import SqliteOutbox
from ponte.adapters.sqlite.store_people import SqlitePeople
from ponte.adapters.sqlite.store_presence import SqlitePresences
from ponte.adapters.sqlite.store_prompts import SqlitePrompts
from ponte.adapters.sqlite.store_reports import SqliteReports
from ponte.adapters.sqlite.store_search import SqliteSearch
from ponte.errors import StoreUnavailable

FILE = "ponte.db"

PING = "SELECT count(*) FROM pragma_user_version"
PRUNE_INBOX = """
    DELETE FROM inbox WHERE rowid IN (
        SELECT rowid FROM inbox WHERE state = 'done' AND received_at < :before LIMIT :limit
    )
"""
PRUNE_SESSIONS = """
    DELETE FROM sessions WHERE token_hash IN (
        SELECT token_hash FROM sessions WHERE expires_at < :before LIMIT :limit
    )
"""
PRUNE_THROTTLES = """
    DELETE FROM throttles WHERE key IN (SELECT key FROM throttles WHERE expires_at < :before LIMIT :limit)
"""
PRUNE_LEASES = """
    DELETE FROM leases WHERE key IN (SELECT key FROM leases WHERE expires_at < :before LIMIT :limit)
"""
PRUNE_PRESENCES = """
    DELETE FROM presences WHERE (agent_id, tab) IN (
        SELECT agent_id, tab FROM presences WHERE seen_at < :before LIMIT :limit
    )
"""

# So many rows a transaction, so that the messages coming in need not wait for the whole of it.
_PRUNED_AT_ONCE = 500


class SqliteStore(
    SqliteInbox,
    SqliteSearch,
    SqliteOutbox,
    SqliteAgents,
    SqliteLeases,
    SqliteErasure,
    SqliteLedger,
    SqlitePrompts,
    SqliteReports,
    SqlitePresences,
    SqliteOffice,
    SqlitePeople,
):
    """``ponte.ports.Store`` on one SQLite file, which several processes of one machine may share."""

    @property
    def engine(self) -> Engine:
        """What runs its statements; shared with the checkpoints in the same file."""
        return self._engine

    async def migrate(self) -> None:
        """Bring the schema to this version's. Raises StoreUnavailable when the file is of a newer Ponte."""
        await self._engine.write(migrate)

    async def ping(self) -> None:
        """Raise StoreUnavailable unless the database answers."""
        await self._engine.read(lambda db: db.execute(PING).fetchone())

    async def prune(self, before: int) -> dict[str, int]:
        """Delete what is over, see the port."""
        return {
            "inbox": await self._prune(PRUNE_INBOX, before),
            "sessions": await self._prune(PRUNE_SESSIONS, before),
            "throttles": await self._prune(PRUNE_THROTTLES, before),
            "leases": await self._prune(PRUNE_LEASES, before),
            "presences": await self._prune(PRUNE_PRESENCES, before),
        }

    async def _prune(self, sql: str, before: int) -> int:
        values = {"before": before, "limit": _PRUNED_AT_ONCE}
        total = 0
        while True:
            deleted = await self._engine.write(lambda db: db.execute(sql, values).rowcount)
            total += deleted
            if deleted < _PRUNED_AT_ONCE:
                return total


def prepare_folder(data_dir: Path) -> None:
    """Create the folder of the database files, for this user alone. Raises StoreUnavailable."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StoreUnavailable(
            f"The folder {data_dir} cannot be made: {error}. Set DATA_DIR to a folder that Ponte may write."
        ) from error


@asynccontextmanager
async def open_sqlite(data_dir: Path, observe: WriteObserver = unobserved) -> AsyncIterator[SqliteStore]:
    """Open ``ponte.db`` in ``data_dir``; both are made when missing. Call ``migrate`` before other use.

    Args:
        data_dir: a folder on a local disk.
        observe: for tests, see ``Engine``.

    Raises:
        StoreUnavailable: the file cannot be opened.
    """
    prepare_folder(data_dir)
    engine = Engine(data_dir / FILE, observe)
    await engine.open()
    try:
        yield SqliteStore(engine)
    finally:
        await engine.close()
