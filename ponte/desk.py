"""What every act of an agent on a conversation has in common: permission, compare-and-set, audit, signals."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from ponte.domain.agent import Agent, Permission
from ponte.domain.conversation import Conversation, Status
from ponte.errors import Conflict, Forbidden, NotHolder
from ponte.ports import AuditEntry, Clock, Commit, Store
from ponte.signals import Signals

_TRIES: Final = 25

Decide = Callable[[Conversation, int], Awaitable[Commit | None]]


class Desk:
    """The base of the services through which agents act.

    Args:
        store: where all is kept.
        clock: the time.
        signals: wakes delivery, worker and consoles.
    """

    def __init__(self, store: Store, clock: Clock, signals: Signals) -> None:
        self._store = store
        self._clock = clock
        self._signals = signals

    async def _change(
        self, agent: Agent, conversation_id: str, action: str, decide: Decide, *, detail: str = ""
    ) -> Conversation:
        """Commit what ``decide`` makes of the conversation; decide again when somebody else was first.

        Args:
            agent: who acts.
            conversation_id: where.
            action: for the audit log.
            decide: gets the conversation and the time in ms UTC; None changes nothing.
            detail: for the audit log.

        Raises:
            Conflict: others changed it all the time.
        """
        for _ in range(_TRIES):
            current = await self._store.conversation(conversation_id)
            now = self._clock.now()
            commit = await decide(current, now)
            if commit is None:
                return current
            changed = replace(commit.conversation, version=current.version + 1)
            entry = AuditEntry(
                id=f"{changed.id}:{changed.version}",
                at=now,
                actor=agent.id,
                action=action,
                conversation_id=changed.id,
                detail=detail,
            )
            try:
                await self._store.commit(replace(commit, conversation=changed, audit=(entry,)))
            except Conflict:
                continue
            if commit.resume_row is not None:
                self._signals.inbox(changed.contact_id)
            self._signals.outbox(changed.contact_id)
            return changed
        raise Conflict(f"The conversation changed {_TRIES} times while this was tried. Try again.")

    @staticmethod
    def _permit(agent: Agent, permission: Permission) -> None:
        if agent.disabled or not agent.may(permission):
            raise Forbidden(f"The role {agent.role} may not {permission}.")

    @staticmethod
    def _require_hold(agent: Agent, current: Conversation) -> None:
        """Whoever holds it may act; a supervisor may act on any."""
        if agent.may(Permission.OVERRIDE):
            return
        if current.status is Status.AGENT_ACTIVE and current.agent_id != agent.id:
            raise NotHolder(current.agent_id)
