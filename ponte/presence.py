"""Who is here: one reader of the store a process, any number of listeners."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog

from ponte.domain.agent import Agent
from ponte.domain.presence import EXPIRES_MS, TYPING_MS, Presence, Present, merged
from ponte.errors import StoreUnavailable
from ponte.ports import Clock, PresenceStore

log = structlog.get_logger(__name__)

_LONGEST_TAB: Final = 40


class _Slot:
    """What a listener has not taken yet: only the newest counts."""

    def __init__(self) -> None:
        self.present: list[Present] | None = None
        self.filled = asyncio.Event()

    def put(self, present: list[Present]) -> None:
        self.present = present
        self.filled.set()

    async def take(self) -> list[Present]:
        await self.filled.wait()
        self.filled.clear()
        return self.present or []


class PresenceBoard:
    """Keeps what tabs show, and tells listeners when it changes.

    Args:
        store: where the tabs' rows are.
        clock: the time.
        poll_ms: how long what happens in another process may stay unnoticed.
    """

    def __init__(self, store: PresenceStore, clock: Clock, *, poll_ms: int = 1_000) -> None:
        self._store = store
        self._clock = clock
        self._poll_s = poll_ms / 1000
        self._slots: set[_Slot] = set()
        self._last: list[Present] = []
        self._wake = asyncio.Event()

    async def show(
        self, agent: Agent, tab: str, conversation_id: str | None, *, typing: bool = False
    ) -> None:
        """Store that an agent has this tab open. Called again at least every 15 s while it is.

        Args:
            agent: who.
            tab: the tab's own name.
            conversation_id: what can be seen in it; None when nothing can.
            typing: whether they type in that conversation now; counts for 6 s.
        """
        now = self._clock.now()
        until = now + TYPING_MS if typing and conversation_id is not None else 0
        await self._store.show_presence(
            Presence(agent.id, tab[:_LONGEST_TAB], agent.name, conversation_id, until, now, now)
        )
        self._wake.set()

    async def hide(self, agent_id: str, tab: str) -> None:
        """Store that a tab was closed."""
        await self._store.hide_presence(agent_id, tab[:_LONGEST_TAB])
        self._wake.set()

    async def present(self) -> list[Present]:
        """Return who is here, by name."""
        now = self._clock.now()
        return merged(await self._store.presences(now - EXPIRES_MS + 1), now)

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[AsyncIterator[list[Present]]]:
        """Yield an iterator over who is here: now, and whenever that changes; only the newest state."""
        slot = _Slot()
        self._slots.add(slot)
        slot.put(self._last)
        self._wake.set()
        try:
            yield _taken(slot)
        finally:
            self._slots.discard(slot)

    async def run(self, stop: asyncio.Event) -> None:
        """Look until ``stop`` is set; only while somebody listens."""
        while not stop.is_set():
            if self._slots:
                try:
                    self._publish(await self.present())
                except StoreUnavailable as error:
                    log.warning("presence_store_unavailable", error=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._poll_s)
            self._wake.clear()

    def ring(self) -> None:
        """Look at once."""
        self._wake.set()

    def _publish(self, present: list[Present]) -> None:
        if present != self._last:
            self._last = present
            for slot in self._slots:
                slot.put(present)


async def _taken(slot: _Slot) -> AsyncIterator[list[Present]]:
    while True:
        yield await slot.take()
