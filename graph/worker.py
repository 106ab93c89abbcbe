"""The worker: takes what is in a contact's inbox through the conversation, one turn after another.

A turn is a batch of inbox rows fixed before it runs (their ``turn_id`` is written first), one run of the
LangGraph thread, and one commit. Whatever dies in between, the same turn runs again: a turn that reached the
checkpoint is not run twice, and a turn that was committed is done.

This file holds who works on what, when, and what happens when it fails; ``graph.advance`` holds what a turn
does to a conversation.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog

from graph.advance import Advance
from graph.transcript import Batch
from ponte.domain.inbox import InboxKind, InboxRow
from ponte.errors import Conflict, LeaseLost, StoreUnavailable
from ponte.keyed_loop import KeyedLoop
from ponte.logs import bind_correlation
from ponte.metrics import Metrics
from ponte.ports import Clock, Lease, Store
from ponte.signals import Signals

log = structlog.get_logger(__name__)

# A process that dies keeps its contacts waiting for at most this long.
LEASE_MS: Final = 6_000
MAX_ATTEMPTS: Final = 5
_BATCH: Final = 50
_BURST_FACTOR: Final = 5
_CONFLICTS: Final = 20
_FIRST_BACKOFF_MS: Final = 500
_MAX_BACKOFF_MS: Final = 30_000


class Worker:
    """Advances contacts, one at a time each, many at once; any number of workers share a store.

    Args:
        store: inbox, conversations and leases.
        advance: what a turn does.
        clock: the time.
        signals: wakes the worker when an inbox grew in this process.
        metrics: counts turns.
        owner: names this process in leases; unique.
        debounce_ms: how long to wait for more of a burst before the bot answers.
    """

    def __init__(
        self,
        store: Store,
        advance: Advance,
        *,
        clock: Clock,
        signals: Signals,
        metrics: Metrics,
        owner: str,
        debounce_ms: int,
    ) -> None:
        self._store = store
        self._advance = advance
        self._clock = clock
        self._signals = signals
        self._metrics = metrics
        self._owner = owner
        self._debounce_ms = debounce_ms

    def loop(self, *, concurrency: int, poll_ms: int = 500) -> KeyedLoop:
        """Return the loop that works, one task a contact. The caller runs it."""
        loop = KeyedLoop("worker", self.work, self._due, poll_ms=poll_ms, concurrency=concurrency)
        self._signals.on_inbox(loop.ring)
        return loop

    async def work(self, contact_id: str) -> None:
        """Take the contact's inbox through, until it is empty, backs off, or another process has it."""
        key = f"contact:{contact_id}"
        lease = await self._store.acquire(key, self._owner, self._clock.now(), LEASE_MS)
        if lease is None:
            return
        try:
            async with self._held(lease):
                while batch := await self._next_batch(contact_id):
                    with bind_correlation(batch.rows[0].id):
                        if not await self._run(batch):
                            break
        except LeaseLost:
            log.warning("lease_lost", contact=contact_id)
            return
        await self._store.release_lease(lease)

    async def _due(self, limit: int) -> list[str]:
        return await self._store.due_contacts(self._clock.now(), limit)

    async def _next_batch(self, contact_id: str) -> Batch | None:
        """Fix the next turn's rows, waiting for the end of a burst; None when nothing is due."""
        while rows := await self._store.pending(contact_id, _BATCH):
            now = self._clock.now()
            if rows[0].due_at > now:
                return None
            begun = next((row for row in rows if row.turn_id), None)
            if begun is not None:
                turn_id = begun.turn_id or ""
                batch = [row for row in rows if row.turn_id == turn_id]
                return await self._fix(contact_id, turn_id, batch, replay=True)
            wait = await self._burst_wait(contact_id, rows, now)
            if wait <= 0:
                return await self._fix(contact_id, f"t-{rows[0].id}", rows, replay=False)
            await self._clock.sleep(wait)
        return None

    async def _fix(self, contact_id: str, turn_id: str, rows: Sequence[InboxRow], *, replay: bool) -> Batch:
        await self._store.fix_turn([row.id for row in rows], turn_id)
        return Batch(contact_id, turn_id, tuple(rows), replay, rows[0].attempts + 1)

    async def _burst_wait(self, contact_id: str, rows: Sequence[InboxRow], now: int) -> int:
        """Return how many ms more of the burst to wait for. Nobody waits for a human's screen."""
        messages = [row for row in rows if row.kind is InboxKind.MESSAGE]
        if self._debounce_ms == 0 or len(messages) < len(rows):
            return 0
        quiet_at = messages[-1].received_at + self._debounce_ms
        latest = messages[0].received_at + _BURST_FACTOR * self._debounce_ms
        wait = min(quiet_at, latest) - now
        if wait > 0:
            current = await self._store.current(contact_id)
            if current is not None and current.human:
                return 0
        return wait

    async def _run(self, batch: Batch) -> bool:
        """Run a turn. Returns False when the contact has to wait before the next one."""
        try:
            await self._decide(batch)
        except (LeaseLost, StoreUnavailable):
            raise
        except Exception as error:
            # The loop's edge: whatever a turn raises, the customer's message must not be lost.
            log.exception("turn_failed", turn=batch.turn_id, attempts=batch.attempts)
            self._metrics.turn_failures.labels(type(error).__name__).inc()
            return await self._failed(batch, type(error).__name__)
        return True

    async def _decide(self, batch: Batch) -> None:
        """Run the turn; decide again while others change the conversation first. The thread runs once."""
        for _ in range(_CONFLICTS):
            with suppress(Conflict):
                return await self._advance.run(batch)
            batch = batch.again()
        raise Conflict("The conversation kept changing while a turn was committed.")

    async def _failed(self, batch: Batch, error: str) -> bool:
        ids = [row.id for row in batch.rows]
        if batch.attempts < MAX_ATTEMPTS:
            backoff = min(_MAX_BACKOFF_MS, _FIRST_BACKOFF_MS * 2 ** (batch.attempts - 1))
            await self._store.postpone(ids, self._clock.now() + backoff, error)
            return False
        try:
            await self._advance.give_up(batch)
        except (LeaseLost, StoreUnavailable):
            raise
        except Exception:
            # Not even a human can be shown it: keep it where `ponte doctor` shows it.
            log.exception("turn_buried", turn=batch.turn_id)
            await self._store.bury(ids, error)
        return True

    @asynccontextmanager
    async def _held(self, lease: Lease) -> AsyncIterator[None]:
        """Keep the lease alive; cancel what is inside, and raise LeaseLost, when it is lost."""
        holder = asyncio.current_task()
        lost = False

        async def beat(current: Lease) -> None:
            nonlocal lost
            while not lost:
                await asyncio.sleep(LEASE_MS / 3000)
                try:
                    current = await self._store.renew(current, self._clock.now(), LEASE_MS)
                except LeaseLost:
                    lost = True
                except StoreUnavailable:
                    lost = self._clock.now() > current.expires_at
            if holder is not None:
                holder.cancel()

        heart = asyncio.create_task(beat(lease), name="lease-heartbeat")
        try:
            yield
        except asyncio.CancelledError:
            if not lost or holder is None:
                raise
            holder.uncancel()
            raise LeaseLost(f"The lease on {lease.key} went to another process.") from None
        finally:
            heart.cancel()
