"""SQLite for asyncio: one thread that writes, one that reads, each with a connection of its own.

A row looked up by its key is read in the event loop's own thread, on a third connection: handing such a read
to another thread and back costs many times the read, and readers of a write-ahead log wait for no writer.

Writes are *committed in groups*: all jobs that wait when the writer is free share one transaction and so one
fsync, each in a savepoint of its own, so that a job which fails takes none of the others with it. A job's
future resolves after the COMMIT; with ``synchronous=FULL`` that means it is on the disk
(https://www.sqlite.org/pragma.html#pragma_synchronous). Other processes may use the same file: their
transactions are waited for.

A write that nobody outside is told of need not wait for the disk (``durable=False``): it survives the death
of every process, and a power failure may undo it only together with all that was written after it. The next
durable write takes it to the disk: all of them go through one log, in order
(https://www.sqlite.org/wal.html#performance_considerations).
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from ponte.adapters.faults import WriteObserver
from ponte.errors import InvalidInput, StoreUnavailable

T = TypeVar("T")

BUSY_MS = 10_000
_MAX_GROUP = 256
_STATEMENTS = 256


class _Job(Generic[T]):
    """A function to run in a lane's thread, and what came of it."""

    __slots__ = ("durable", "error", "future", "result", "run")

    def __init__(
        self, run: Callable[[sqlite3.Connection], T], future: asyncio.Future[T], *, durable: bool
    ) -> None:
        self.run = run
        self.future = future
        self.durable = durable
        self.result: T | None = None
        self.error: BaseException | None = None


_Jobs = list[_Job[Any]]


class Engine:
    """Runs functions of a connection in the writer's or the reader's thread, for one event loop.

    Args:
        path: the database file; its folder exists.
        observe: told ``sqlite.commit`` before each COMMIT and ``sqlite.answer`` after it, in the
            writer's thread.
    """

    def __init__(self, path: Path, observe: WriteObserver) -> None:
        self._path = path
        self._observe = observe
        self._synchronous = "FULL"
        self._own: sqlite3.Connection | None = None
        self._writer = _Lane("ponte-sqlite-writer", self._connect_writer, self._run_writes)
        self._reader = _Lane("ponte-sqlite-reader", self._connect_reader, self._run_reads)

    @property
    def path(self) -> Path:
        """The database file."""
        return self._path

    async def open(self) -> None:
        """Open the file. Raises StoreUnavailable."""
        await self._writer.start()
        try:
            await self._reader.start()
            self._own = self._connect_own()
        except BaseException:
            await self._reader.stop()
            await self._writer.stop()
            raise

    async def close(self) -> None:
        """Finish what is queued and close the file."""
        if self._own is not None:
            self._own.close()
            self._own = None
        await self._writer.stop()
        await self._reader.stop()

    def write(self, job: Callable[[sqlite3.Connection], T], *, durable: bool = True) -> asyncio.Future[T]:
        """Run ``job`` in a transaction; the future resolves once that is committed.

        What the job raises undoes what it did. Raises StoreUnavailable, or InvalidInput for values that
        SQLite cannot hold.

        Args:
            job: what to do.
            durable: whether the future waits for the disk too. False only where what follows from this
                write is itself made durable before anybody outside is told.
        """
        return self._writer.submit(job, durable=durable)

    def read(self, job: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Run ``job`` on a connection that cannot write. It sees every write whose future has resolved."""
        return self._reader.submit(job)

    async def look(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``job``, which reads a few rows by their key, at once, in this thread. Else as ``read``."""
        if self._own is None:
            raise StoreUnavailable("The SQLite store is closed.")
        try:
            return job(self._own)
        except sqlite3.OperationalError:
            # Busy, while another process restores the log, or worse: the reader's thread can wait, and tells.
            return await self.read(job)
        except Exception as error:
            told = self._translate(error)
            if told is error:
                raise
            raise told from error

    def _connect_own(self) -> sqlite3.Connection:
        connection = self._connect_reader()
        connection.execute("PRAGMA busy_timeout=0")
        return connection

    def _connect_writer(self) -> sqlite3.Connection:
        connection = self._connect()
        try:
            use_wal(connection)
            connection.execute("PRAGMA cache_size=-16000")
            connection.execute("PRAGMA synchronous=FULL")  # until ``_synchronize`` changes it
            connection.execute("PRAGMA foreign_keys=ON")
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect_reader(self) -> sqlite3.Connection:
        connection = self._connect()
        connection.execute("PRAGMA query_only=ON")
        return connection

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self._path,
                timeout=BUSY_MS / 1000,
                isolation_level=None,
                check_same_thread=True,
                cached_statements=_STATEMENTS,
            )
        except sqlite3.Error as error:
            raise StoreUnavailable(
                f"SQLite cannot open {self._path}: {error}. "
                "Check DATA_DIR, its rights and the free disk space."
            ) from error
        return connection

    def _run_reads(self, connection: sqlite3.Connection, jobs: _Jobs) -> None:
        for job in jobs:
            self._attempt(connection, job)

    def _run_writes(self, connection: sqlite3.Connection, jobs: _Jobs) -> None:
        try:
            self._synchronize(connection, jobs)
            connection.execute("BEGIN IMMEDIATE")
            if len(jobs) == 1:
                self._attempt(connection, jobs[0])
                if jobs[0].error is not None:
                    _rollback(connection)
                    return
            else:
                self._run_group(connection, jobs)
            self._observe("sqlite.commit")
            connection.execute("COMMIT")
            self._observe("sqlite.answer")
        except BaseException as error:  # noqa: BLE001 - the thread's edge: every job is told, whatever it was
            _rollback(connection)
            told = self._translate(error)
            for job in jobs:
                job.error = job.error or told

    def _synchronize(self, connection: sqlite3.Connection, jobs: _Jobs) -> None:
        wanted = "FULL" if any(job.durable for job in jobs) else "NORMAL"
        if wanted != self._synchronous:
            connection.execute(f"PRAGMA synchronous={wanted}")
            self._synchronous = wanted

    def _run_group(self, connection: sqlite3.Connection, jobs: _Jobs) -> None:
        for job in jobs:
            connection.execute("SAVEPOINT job")
            self._attempt(connection, job)
            if job.error is not None:
                # After e.g. a full disk SQLite has undone the whole transaction by itself; then this raises,
                # and the group fails as one.
                connection.execute("ROLLBACK TO job")
            connection.execute("RELEASE job")

    def _attempt(self, connection: sqlite3.Connection, job: _Job[Any]) -> None:
        try:
            job.result = job.run(connection)
        except BaseException as error:  # noqa: BLE001 - the thread's edge: it is raised where the job came from
            job.error = self._translate(error)

    def _translate(self, error: BaseException) -> BaseException:
        if isinstance(error, sqlite3.Error):
            told: BaseException = StoreUnavailable(
                f"SQLite did not carry out an operation on {self._path}: {error}. It can be tried again; "
                "if it goes on, check the free disk space and that the file is on a local disk."
            )
        elif isinstance(error, UnicodeEncodeError | OverflowError):
            told = InvalidInput(
                "A text with half a character (an unpaired surrogate), or a number over 64 bits, "
                "cannot be stored."
            )
        else:
            return error
        told.__cause__ = error
        return told


class _Lane:
    """A thread with a connection, which runs jobs in the order in which they came, several at a time."""

    def __init__(
        self,
        name: str,
        connect: Callable[[], sqlite3.Connection],
        run: Callable[[sqlite3.Connection, _Jobs], None],
    ) -> None:
        self._connect = connect
        self._run = run
        self._queue: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self._closed = True

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = self._loop.create_future()
        self._queue.put(_Job(lambda _: None, ready, durable=False))
        self._thread.start()
        await ready
        self._closed = False

    async def stop(self) -> None:
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)

    def submit(self, run: Callable[[sqlite3.Connection], T], *, durable: bool = False) -> asyncio.Future[T]:
        if self._closed:
            raise StoreUnavailable("The SQLite store is closed.")
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(_Job(run, future, durable=durable))
        return future

    def _work(self) -> None:
        try:
            connection = self._connect()
        except BaseException as error:  # noqa: BLE001 - the thread's edge: start() raises it
            job = self._queue.get()
            if job is not None:
                job.error = error
                self._loop.call_soon_threadsafe(_answer, [job])
            return
        try:
            while jobs := self._next():
                try:
                    self._run(connection, jobs)
                except BaseException as error:  # noqa: BLE001 - the thread's edge: every job is told
                    for job in jobs:
                        job.error = job.error or error
                # One wake-up of the event loop for all of them.
                self._loop.call_soon_threadsafe(_answer, jobs)
        finally:
            connection.close()

    def _next(self) -> _Jobs:
        """Return the jobs that wait, at least one; none at the end."""
        job = self._queue.get()
        jobs: _Jobs = []
        while job is not None:
            jobs.append(job)
            if len(jobs) == _MAX_GROUP:
                return jobs
            try:
                job = self._queue.get_nowait()
            except Empty:
                return jobs
        if jobs:
            self._queue.put(None)
        return jobs


def _answer(jobs: _Jobs) -> None:
    for job in jobs:
        if job.future.done():  # its caller was cancelled
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.result)


def _rollback(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def use_wal(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging.

    The switch takes the whole file and does not wait by ``busy_timeout`` for another process that is just
    switching too: https://www.sqlite.org/wal.html#sometimes_queries_return_sqlite_busy_in_wal_mode
    """
    deadline = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise StoreUnavailable(
                    f"SQLite cannot open its file: {error}. Check DATA_DIR and its rights."
                ) from error
            time.sleep(0.01)
            continue
        except sqlite3.DatabaseError as error:
            raise StoreUnavailable(
                f"SQLite cannot open its file: {error}. Check that DATA_DIR holds Ponte's own database."
            ) from error
        if mode != "wal":
            raise StoreUnavailable(
                f"SQLite cannot keep a write-ahead log under DATA_DIR (it offers {mode}). "
                "Put it on a local disk."
            )
        return
