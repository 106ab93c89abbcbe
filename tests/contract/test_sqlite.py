"""What only SQLite has: groups of writes, query plans, its file."""

from __future__ import annotations

import asyncio
import itertools
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from ponte.adapters.sqlite import (
    checkpoints,
    open_sqlite,
    open_sqlite_checkpoints,
    store,
    store_agents,
    store_commit,
    store_conversations,
    store_decisions,
    store_erase,
    store_inbox,
    store_leases,
    store_outbox,
    store_presence,
    store_prompts,
    store_queue,
    store_reports,
    store_search,
)
from ponte.adapters.sqlite.engine import Engine
from ponte.adapters.sqlite.schema import MIGRATIONS, migrate
from ponte.errors import NotFound, StoreUnavailable
from tests.contract.builders import CrashAfter, inbound

MODULES = [
    checkpoints,
    store,
    store_agents,
    store_commit,
    store_conversations,
    store_decisions,
    store_erase,
    store_inbox,
    store_leases,
    store_outbox,
    store_presence,
    store_prompts,
    store_queue,
    store_reports,
    store_search,
]


def statements(module: ModuleType) -> dict[str, str]:
    """Return the module's SQL statements by their names."""
    return {
        f"{module.__name__.rpartition('.')[2]}.{name}": text
        for name, text in vars(module).items()
        if isinstance(text, str)
        and re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE)\b", text)
        and name.isupper()
        and not name.startswith("_")
    }


STATEMENTS = {name: text for module in MODULES for name, text in statements(module).items()}

# These read a whole index on purpose: in order up to a limit, or to count what is little.
INDEX_READERS = {
    "store_agents.LOG",
    "store_inbox.DEAD",
    "store_outbox.SIZE",
    "store_outbox.DUE",
    "store_prompts.VERSIONS",
    "store_queue.HELD",
    "store_queue.PUT_OFF",
}

# What is handed to the statement, or is in one row.
# The last is what FTS5 reads, an index by itself.
VALUES = ("SCAN json_each", "SCAN pragma_", "SCAN file VIRTUAL", "SCAN search_", "SCAN used")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """Return an empty database with all tables, the saver's included."""
    folder = tmp_path_factory.mktemp("plans")

    async def make() -> None:
        async with open_sqlite(folder) as opened, open_sqlite_checkpoints(folder):
            await opened.migrate()

    asyncio.run(make())
    connection = sqlite3.connect(folder / "ponte.db")
    saver = sqlite3.connect(folder / "checkpoints.db")
    for (sql,) in saver.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"):
        connection.execute(sql)
    saver.close()
    yield connection
    connection.close()


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_query_uses_an_index(database: sqlite3.Connection, name: str) -> None:
    """No statement of the store reads a whole table or sorts one."""
    sql = STATEMENTS[name]
    values = dict.fromkeys(re.findall(r":(\w+)", sql), 1) or [1] * sql.count("?")
    plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    for step in plan:
        if step.startswith("SCAN") and not step.startswith(VALUES):
            assert "INDEX" in step, plan
            assert name in INDEX_READERS, plan
        if "TEMP B-TREE FOR ORDER BY" in step:
            assert name == "store_inbox.DUE", plan


@pytest.mark.parametrize("order", ["w", "s", "u"])
def test_every_list_of_conversations_is_in_its_indexs_order(database: sqlite3.Connection, order: str) -> None:
    """Whatever the filters, the rows come sorted from an index; a customer's own few may be sorted."""
    names = ("waiting", "contact", "agent", "label", "language", "priority")
    for chosen in itertools.product((False, True), repeat=len(names)):
        given = dict(zip(names, chosen, strict=True))
        for status, raised in itertools.product((given["waiting"], True), (False, given["priority"])):
            if order == "w" and not (given["waiting"] or given["agent"]):
                continue
            if order == "u" and (given["waiting"] or given["agent"]):
                continue
            sql = store_queue.statement(store_queue.Listing(order, status=status, raised=raised, **given))
            values = dict.fromkeys(re.findall(r":(\w+)", sql), 1)
            plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
            assert given["contact"] or not any("TEMP B-TREE" in step for step in plan), (given, plan)
            assert not any(step.startswith("SCAN") and "INDEX" not in step for step in plan), plan


def test_the_statements_are_found() -> None:
    """The plans above are checked for all of the store, not for a few."""
    assert len(STATEMENTS) > 50


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    """Return an engine with one table."""
    opened = Engine(tmp_path / "t.db", CrashAfter())
    await opened.open()
    await opened.write(lambda db: db.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)").rowcount)
    yield opened
    await opened.close()


def put(n: int) -> Callable[[sqlite3.Connection], int]:
    """Return a job that stores ``n``, and fails afterwards when ``n`` is a multiple of ten."""

    def job(db: sqlite3.Connection) -> int:
        db.execute("INSERT INTO t VALUES (?)", (n,))
        if n % 10 == 0:
            raise NotFound(str(n))
        return n

    return job


async def test_a_failing_write_takes_no_other_with_it(engine: Engine) -> None:
    """Of a group of writes each failure is its own, undone and reported; the others are stored."""
    results = await asyncio.gather(*(engine.write(put(n)) for n in range(200)), return_exceptions=True)
    for n, result in enumerate(results):
        if n % 10 == 0:
            assert isinstance(result, NotFound)
        else:
            assert result == n
    stored = await engine.read(lambda db: [row[0] for row in db.execute("SELECT n FROM t ORDER BY n")])
    assert stored == [n for n in range(200) if n % 10]


async def test_many_writes_share_a_commit(tmp_path: Path) -> None:
    """Writes that wait together are made durable together."""
    observed = CrashAfter()
    async with open_sqlite(tmp_path, observed) as opened:
        await opened.migrate()
        observed.arm(None)
        await asyncio.gather(*(opened.accept(inbound(n), "c1") for n in range(200)))
        assert observed.points.count("sqlite.commit") < 50


async def test_a_failing_commit_fails_the_whole_group(tmp_path: Path) -> None:
    """When the transaction cannot be made durable every writer of the group is told, and nothing is there."""
    observed = CrashAfter()
    async with open_sqlite(tmp_path, observed) as opened:
        await opened.migrate()
        observed.arm(0)
        results = await asyncio.gather(
            *(opened.accept(inbound(n), "c1") for n in range(20)), return_exceptions=True
        )
        assert all(isinstance(result, Exception) for result in results)
        observed.arm(None)
        assert await opened.newest_received_at() is None


async def test_a_cancelled_caller_leaves_the_store_working(tmp_path: Path) -> None:
    """A caller that goes away before its answer disturbs nobody."""
    async with open_sqlite(tmp_path) as opened:
        await opened.migrate()
        waiting = [asyncio.ensure_future(opened.accept(inbound(n), "c1")) for n in range(10)]
        await asyncio.sleep(0)
        for task in waiting[::2]:
            task.cancel()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert results[1::2] == ["c1"] * 5
        await opened.ping()


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """A foreign file in the database's place raises StoreUnavailable that names the setting."""
    (tmp_path / "ponte.db").write_text("not a database " * 100)
    with pytest.raises(StoreUnavailable, match="DATA_DIR"):
        async with open_sqlite(tmp_path):
            pass
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="DATA_DIR"):
        async with open_sqlite(tmp_path / "file" / "data"):
            pass


async def test_a_broken_table_is_reported_as_unavailable(tmp_path: Path) -> None:
    """What SQLite refuses reaches the caller as StoreUnavailable, on reading and on writing."""
    async with open_sqlite(tmp_path) as opened:
        with pytest.raises(StoreUnavailable, match="no such table"):
            await opened.accept(inbound(1), "c1")
        with pytest.raises(StoreUnavailable, match="no such table"):
            await opened.contact("c1")


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    """Using a store after its end raises StoreUnavailable."""
    async with open_sqlite(tmp_path) as opened:
        await opened.migrate()
    with pytest.raises(StoreUnavailable, match="closed"):
        await opened.ping()


async def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    """A file that a newer Ponte wrote is not touched."""
    async with open_sqlite(tmp_path) as opened:
        await opened.migrate()
        await opened.migrate()
    connection = sqlite3.connect(tmp_path / "ponte.db")
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StoreUnavailable, match="newer"):
        migrate(connection)
    connection.close()
    async with open_sqlite(tmp_path) as opened:
        with pytest.raises(StoreUnavailable, match="newer"):
            await opened.migrate()


async def test_processes_migrate_at_the_same_time(tmp_path: Path) -> None:
    """Several processes that start at once all end with the same schema."""
    async with open_sqlite(tmp_path) as a, open_sqlite(tmp_path) as b, open_sqlite(tmp_path) as c:
        await asyncio.gather(a.migrate(), b.migrate(), c.migrate())
        await a.set_value("x", "1")
        assert await c.get_value("x") == "1"


async def test_files_of_older_messages_are_known_after_the_migration(tmp_path: Path) -> None:
    """Messages written before the table of files existed are in it, and leave it when they are erased."""
    connection = sqlite3.connect(tmp_path / "ponte.db")
    for statement in (*MIGRATIONS[0], *MIGRATIONS[1]):
        connection.execute(statement)
    for contact in ("c1", "c2"):
        connection.execute(
            "INSERT INTO conversations VALUES (?, ?, 't', 1, 1, 'BOT_ACTIVE', 0, 1, 1, NULL, NULL, 'pt-BR',"
            " NULL, NULL, 0, 0, NULL, 0, NULL, NULL, NULL, '', 0)",
            (f"cv-{contact}", contact),
        )
        connection.execute(
            "INSERT INTO messages (id, conversation_id, contact_id, seq, author, kind, body, status,"
            " created_at, media) VALUES (?, ?, ?, 1, 'customer', 'image', '', 'received', 1, ?)",
            (f"m-{contact}", f"cv-{contact}", contact, '[{"key": "k1"}, {"key": "k1"}, {"key": null}]'),
        )
    connection.execute("PRAGMA user_version = 2")
    connection.commit()
    connection.close()
    async with open_sqlite(tmp_path) as store:
        await store.migrate()
        assert await store.media_elsewhere("c1", ["k1", "k2"]) == {"k1"}
        await store.erase_contact("c2")
        assert await store.media_elsewhere("c1", ["k1"]) == set()
