"""Tell customers who wait for an agent that it takes longer, or when one is there: none waits in silence."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import structlog

from graph.closed import closed_notice, told_when_handed_over
from graph.contexts import Contexts
from graph.transcript import say
from ponte.domain.message import Author
from ponte.errors import Conflict, StoreUnavailable
from ponte.ports import Clock, Commit, Store
from ponte.signals import Signals

log = structlog.get_logger(__name__)

_PAGE: Final = 100
_MINUTE_MS: Final = 60_000
_EVERY_MS: Final = 15_000


class Reminders:
    """Sends one notice to each customer whose wait passed the limit; once a wait.

    Args:
        store: where conversations are.
        clock: the time.
        signals: wakes delivery.
        contexts: the prompt files: the limit and the text.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        signals: Signals,
        contexts: Contexts,
    ) -> None:
        self._store = store
        self._clock = clock
        self._signals = signals
        self._contexts = contexts

    async def run_once(self) -> int:
        """Send the notices that are due; returns how many.

        While no agent is there the notice says when one is; who was told so at the handoff is reminded once
        agents are there again.
        """
        now = self._clock.now()
        after_ms = self._contexts.current().prompts.waiting_reminder_ms
        sent = 0
        for waiting in await self._store.overdue(now - after_ms, _PAGE):
            prompts = self._contexts.for_conversation(waiting).prompts
            text = closed_notice(prompts, waiting.language, now)
            if text is not None and told_when_handed_over(prompts, waiting):
                continue
            contact = await self._store.contact(waiting.contact_id)
            if text is None:
                minutes = (now - (waiting.waiting_since or now)) // _MINUTE_MS
                text = prompts.text("handoff.waiting", waiting.language, minutes=minutes)
            stem = f"w-{waiting.id}-{waiting.waiting_since}"
            # A customer who opted out is told nothing; the wait counts as dealt with all the same.
            said = [] if contact.opted_out_at is not None else [(Author.SYSTEM, text, None)]
            commit = say(Commit(waiting), contact, stem, said, now)
            changed = replace(commit.conversation, reminded=True, version=waiting.version + 1, updated_at=now)
            try:
                await self._store.commit(replace(commit, conversation=changed))
            except Conflict:
                # An agent or the customer was quicker; the next look decides again.
                continue
            self._signals.outbox(waiting.contact_id)
            sent += 1
        return sent

    async def run(self) -> None:
        """Look every 15 s until cancelled."""
        while True:
            try:
                await self.run_once()
            except StoreUnavailable as error:
                log.warning("reminders_failed", error=str(error))
            await self._clock.sleep(_EVERY_MS)
