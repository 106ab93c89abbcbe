"""Bring back snoozed conversations when their time has come."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import structlog

from ponte.domain.conversation import wake
from ponte.errors import Conflict, StoreUnavailable
from ponte.ports import Clock, Commit, Store
from ponte.signals import Signals

log = structlog.get_logger(__name__)

_PAGE: Final = 100
_EVERY_MS: Final = 5_000


class Wakes:
    """Ends snoozes. Any number of processes may: a conversation wakes once.

    Args:
        store: where conversations are.
        clock: the time.
        signals: wakes consoles.
    """

    def __init__(self, store: Store, clock: Clock, signals: Signals) -> None:
        self._store = store
        self._clock = clock
        self._signals = signals

    async def run_once(self) -> int:
        """Wake what is due; returns how many."""
        now = self._clock.now()
        woken = 0
        for asleep in await self._store.sleepers(now, _PAGE):
            changed = replace(wake(asleep, now), version=asleep.version + 1)
            try:
                await self._store.commit(Commit(changed))
            except Conflict:
                continue  # the customer, an agent or another process was quicker
            woken += 1
        if woken:
            self._signals.changed()
        return woken

    async def run(self) -> None:
        """Look every 5 s until cancelled."""
        while True:
            try:
                await self.run_once()
            except StoreUnavailable as error:
                log.warning("wakes_failed", error=str(error))
            await self._clock.sleep(_EVERY_MS)
