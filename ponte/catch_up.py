"""Find what the webhook missed.

Twilio tries a webhook once more at most unless its URL says otherwise
(https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides), so what arrives while everything
is down would be lost. Twilio's list of messages still has it: it goes through the same intake, which knows
each MessageSid.
"""

from __future__ import annotations

from typing import Final

import structlog

from ponte.domain.message import Inbound
from ponte.errors import InvalidInput, MessengerError, StoreUnavailable
from ponte.intake import Intake
from ponte.metrics import Metrics
from ponte.ports import Clock, Messenger, Store

log = structlog.get_logger(__name__)

_CURSOR: Final = "catch_up.cursor"
# Covers webhooks still on their way, clocks that differ, and Twilio's listing delay.
_OVERLAP_MS: Final = 10 * 60 * 1000
_FIRST_LOOK_MS: Final = 60 * 60 * 1000
# It only spares Twilio needless reading, so it need not outlive the process that holds it by much.
_LEASE_MS: Final = 20_000
_SOON_MS: Final = 15_000


class CatchUp:
    """Reads Twilio's list since the last look and takes in what is new. One process at a time."""

    def __init__(
        self,
        store: Store,
        messenger: Messenger,
        intake: Intake,
        *,
        clock: Clock,
        metrics: Metrics,
        owner: str,
    ) -> None:
        self._store = store
        self._messenger = messenger
        self._intake = intake
        self._clock = clock
        self._metrics = metrics
        self._owner = owner

    async def run_once(self) -> int | None:
        """Look once; returns how many messages were found. The cursor moves only after a whole look.

        None when another process is looking: whether it lives to the end is not known.

        Raises:
            MessengerError: Twilio could not be read; the next look covers the same time.
        """
        now = self._clock.now()
        lease = await self._store.acquire("catch-up", self._owner, now, _LEASE_MS)
        if lease is None:
            return None
        found = 0
        try:
            cursor = await self._store.get_value(_CURSOR)
            since = int(cursor) if cursor else now - _FIRST_LOOK_MS
            async for inbound in self._messenger.received_since(since - _OVERLAP_MS):
                found += await self._accept(inbound)
            await self._store.set_value(_CURSOR, str(now))
        finally:
            await self._store.release_lease(lease)
        if found:
            self._metrics.caught_up.inc(found)
            log.warning("caught_up", messages=found)
        return found

    async def _accept(self, inbound: Inbound) -> bool:
        try:
            return await self._intake.accept(inbound, source="catch_up")
        except InvalidInput as error:
            # One that cannot be stored must not keep the others from being found.
            log.warning("listed_message_refused", sid=inbound.sid, error=str(error))
            return False

    async def run(self, every_ms: int) -> None:
        """Look now and then every ``every_ms``, until cancelled; soon again unless it was a whole look."""
        while True:
            whole = False
            try:
                whole = await self.run_once() is not None
            except (MessengerError, StoreUnavailable) as error:
                log.warning("catch_up_failed", error=str(error))
            await self._clock.sleep(every_ms if whole else min(every_ms, _SOON_MS))
