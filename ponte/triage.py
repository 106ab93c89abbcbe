"""How agents keep their queue in order: labels, priority, snooze, reopen, and the next one to take."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from ponte.desk import Desk
from ponte.domain import conversation as machine
from ponte.domain.agent import Agent, Permission
from ponte.domain.conversation import HIGHEST_PRIORITY, Conversation, Status
from ponte.domain.searching import fold
from ponte.errors import Conflict, InvalidInput, WrongState
from ponte.handoff import HandoffDesk
from ponte.ports import Clock, Commit, Store
from ponte.signals import Signals

MOST_LABELS: Final = 20
LONGEST_LABEL: Final = 40
LONGEST_SNOOZE_MS: Final = 90 * 24 * 60 * 60 * 1000
# So many of the queue's first are tried before it is read again.
_NEXT: Final = 5
_ROUNDS: Final = 20
_LEASE_MS: Final = 5_000
_LEASE_TRIES: Final = 30
_LEASE_WAIT_MS: Final = 100


class Triage(Desk):
    """Raises Forbidden, NotFound and WrongState as ``ponte.handoff.HandoffDesk`` does.

    Args:
        store: where all is kept.
        clock: the time.
        signals: wakes consoles.
        desk: claims.
    """

    def __init__(self, store: Store, clock: Clock, signals: Signals, desk: HandoffDesk) -> None:
        super().__init__(store, clock, signals)
        self._desk = desk

    async def label(
        self, agent: Agent, conversation_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> Conversation:
        """Put labels on a conversation and take others off. Whoever works may, whoever holds it.

        A label is there once, however it is spelt in case and accents.

        Raises:
            InvalidInput: a label is empty or longer than 40 characters, or there would be more than 20.
        """
        self._permit(agent, Permission.WORK)
        # Of several spellings of one label the first counts, and one that is there before all.
        wanted = [_label(text) for text in reversed(add)]
        unwanted = {fold(text.strip()) for text in remove}
        told = [*(f"+{text}" for text in reversed(wanted)), *(f"-{text.strip()}" for text in remove)]

        async def decide(current: Conversation, now: int) -> Commit | None:
            kept = {fold(text): text for text in wanted}
            kept.update({fold(text): text for text in current.labels})
            labels = tuple(kept[key] for key in sorted(kept) if key not in unwanted)
            if len(labels) > MOST_LABELS:
                raise InvalidInput(f"A conversation has at most {MOST_LABELS} labels. Take one off first.")
            if labels == current.labels:
                return None
            return Commit(replace(current, labels=labels, updated_at=now))

        return await self._change(agent, conversation_id, "label", decide, detail=" ".join(told)[:200])

    async def prioritise(self, agent: Agent, conversation_id: str, priority: int) -> Conversation:
        """Say how urgent a conversation is: 0 normal, 1 high, 2 urgent. Whoever works may.

        Raises:
            InvalidInput: there is no such priority.
        """
        self._permit(agent, Permission.WORK)
        if not 0 <= priority <= HIGHEST_PRIORITY:
            raise InvalidInput(f"The priority is 0 (normal), 1 (high) or 2 (urgent), not {priority}.")

        async def decide(current: Conversation, now: int) -> Commit | None:
            if current.priority == priority:
                return None
            return Commit(replace(current, priority=priority, updated_at=now))

        return await self._change(agent, conversation_id, "prioritise", decide, detail=str(priority))

    async def snooze(self, agent: Agent, conversation_id: str, until: int | None) -> Conversation:
        """Put a conversation off until ``until`` (ms UTC), or take it back at once with None.

        It stays with its agent, and comes back by itself then, or as soon as the customer writes.

        Raises:
            InvalidInput: the time is past, or more than 90 days away.
            WrongState: no agent holds it.
        """
        self._permit(agent, Permission.WORK)
        now = self._clock.now()
        if until is not None and not now < until <= now + LONGEST_SNOOZE_MS:
            raise InvalidInput("A conversation is put off to a time in the future, at most 90 days away.")

        async def decide(current: Conversation, now: int) -> Commit | None:
            self._require_hold(agent, current)
            changed = machine.wake(current, now) if until is None else machine.snooze(current, until, now)
            return None if changed is current else Commit(changed)

        action = "wake" if until is None else "snooze"
        return await self._change(agent, conversation_id, action, decide, detail=str(until or ""))

    async def reopen(self, agent: Agent, conversation_id: str) -> Conversation:
        """Open a resolved conversation again; the agent holds it then.

        Only the customer's newest one: an older one's thread must not come back beside a newer one. The
        contact's lease is held meanwhile, so that no turn opens a new conversation at the same moment.

        Raises:
            AlreadyClaimed: another agent was first; carries who.
            WrongState: it is not resolved, or the customer has a newer one.
            Conflict: a turn of the customer went on for too long.
        """
        self._permit(agent, Permission.WORK)
        contact_id = (await self._store.conversation(conversation_id)).contact_id
        async with self._alone(contact_id):
            newest = await self._store.current(contact_id)
            if newest is not None and newest.id != conversation_id:
                raise WrongState("The customer has a newer conversation since. Go on in that one.")

            async def decide(current: Conversation, now: int) -> Commit | None:
                opened = machine.reopen(current, agent.id, now)
                return None if opened is current else Commit(opened, silence_bot=True)

            return await self._change(agent, conversation_id, "reopen", decide)

    async def claim_next(self, agent: Agent) -> Conversation | None:
        """Claim the most urgent conversation that waits; None when nobody waits.

        One that another agent takes at the same moment is passed over.
        """
        self._permit(agent, Permission.WORK)
        for _ in range(_ROUNDS):
            page = await self._store.conversations(
                status=Status.AWAITING_AGENT, contact_id=None, after=None, limit=_NEXT
            )
            if not page.items:
                return None
            for waiting in page.items:
                try:
                    return await self._desk.claim(agent, waiting.id)
                except WrongState:
                    continue  # somebody else was quicker
        raise Conflict("Others took every conversation that was tried. Try again.")

    @asynccontextmanager
    async def _alone(self, contact_id: str) -> AsyncIterator[None]:
        """Hold the lease under which turns of the contact run. Raises Conflict."""
        owner = f"reopen-{secrets.token_hex(8)}"
        for _ in range(_LEASE_TRIES):
            lease = await self._store.acquire(f"contact:{contact_id}", owner, self._clock.now(), _LEASE_MS)
            if lease is not None:
                break
            await self._clock.sleep(_LEASE_WAIT_MS)
        else:
            raise Conflict("A message of this customer is being worked on. Try again in a moment.")
        try:
            yield
        finally:
            await self._store.release_lease(lease)
            # A turn that came meanwhile found the lease taken.
            self._signals.inbox(contact_id)


def _label(text: str) -> str:
    label = " ".join(text.split())
    if not label:
        raise InvalidInput("A label needs a word.")
    if len(label) > LONGEST_LABEL:
        raise InvalidInput(f"A label has at most {LONGEST_LABEL} characters, not {len(label)}.")
    return label
