"""Run work that is keyed (here: by contact): one task a key, many keys at once, woken or polled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger(__name__)


class KeyedLoop:
    """Keeps at most one task a key and ``concurrency`` tasks in all.

    A key rung while its task runs is run once more after it, so nothing that came in meanwhile waits for
    the next poll. Rings are only a short cut: ``discover`` finds whatever was missed, other processes'
    work included.

    Args:
        name: for logs.
        work: does what there is to do for a key. What it raises is logged; the key comes back by
            ``discover``.
        discover: returns up to the given number of keys that have work due.
        poll_ms: how often to call ``discover``.
        concurrency: tasks at once.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[str], Awaitable[None]],
        discover: Callable[[int], Awaitable[list[str]]],
        *,
        poll_ms: int,
        concurrency: int,
    ) -> None:
        self._name = name
        self._work = work
        self._discover = discover
        self._poll_s = poll_ms / 1000
        self._concurrency = concurrency
        self._waiting: dict[str, None] = {}
        self._active: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()

    def ring(self, key: str) -> None:
        """Say that ``key`` has work. Call it from the loop's own thread."""
        self._waiting[key] = None
        self._wake.set()

    @property
    def active(self) -> int:
        """How many tasks run now."""
        return len(self._active)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set, then let the running tasks end."""
        poller = asyncio.create_task(self._poll(stop), name=f"{self._name}-poll")
        stopper = asyncio.create_task(self._wake_on(stop), name=f"{self._name}-stop")
        try:
            while not stop.is_set():
                await self._wake.wait()
                self._wake.clear()
                self._fill()
        finally:
            poller.cancel()
            stopper.cancel()
            await asyncio.gather(poller, stopper, *self._active.values(), return_exceptions=True)

    async def run_due(self) -> int:
        """Do once, one key after another, what is due now; returns how many keys. For tests and commands."""
        keys = list(dict.fromkeys([*self._waiting, *await self._discover(self._concurrency)]))
        self._waiting.clear()
        for key in keys:
            await self._work(key)
        return len(keys)

    async def _poll(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                for key in await self._discover(2 * self._concurrency):
                    if key not in self._active:
                        self._waiting.setdefault(key)
                self._wake.set()
            except Exception:
                # The loop's edge: a database that is down now must not end the loop.
                log.exception("discover_failed", loop=self._name)
            await asyncio.sleep(self._poll_s)

    async def _wake_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    def _fill(self) -> None:
        blocked: dict[str, None] = {}
        while self._waiting and len(self._active) < self._concurrency:
            key = next(iter(self._waiting))
            del self._waiting[key]
            if key in self._active:
                blocked[key] = None
                continue
            task = asyncio.create_task(self._guarded(key), name=f"{self._name}-work")
            self._active[key] = task
        self._waiting.update(blocked)

    async def _guarded(self, key: str) -> None:
        try:
            await self._work(key)
        except Exception:
            # The loop's edge: one key's failure must not end the others.
            log.exception("work_failed", loop=self._name)
        finally:
            del self._active[key]
            if self._waiting:
                self._wake.set()
