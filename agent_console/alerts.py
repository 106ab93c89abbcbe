"""What an agent is called for: somebody new waits, a customer of theirs answers, a snooze is over.

An event stream asks once for each conversation that changed; the browser decides what makes a sound.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypedDict

from agent_console.view import name_of
from ponte.domain.agent import Agent, Permission
from ponte.domain.conversation import Conversation, Status
from ponte.errors import NotFound, StoreUnavailable
from ponte.ports import Store

_LONGEST: Final = 140


class Alert(TypedDict):
    """What the browser gets; ``key`` is the same in all tabs."""

    key: str
    kind: str
    id: str
    name: str
    text: str


class Alerts:
    """The alerts of one stream.

    Args:
        agent: whose stream it is.
        since: ms UTC; what happened before is no news.
        asleep: the agent's conversations that are snoozed now.
    """

    def __init__(self, agent: Agent, since: int, asleep: Iterable[str] = ()) -> None:
        self._agent = agent
        self._since = since
        self._asleep = set(asleep)
        self._told: dict[str, int] = {}

    def kind_of(self, conversation: Conversation) -> tuple[str, int] | None:
        """Return what there is to tell, and since when; None when nothing is, or it was told before."""
        if not self._agent.may(Permission.WORK):
            return None
        found = self._found(conversation)
        if found is None:
            return None
        kind, at = found
        if at <= self._told.get(conversation.id, self._since):
            return None
        self._told[conversation.id] = at
        return kind, at

    def _found(self, conversation: Conversation) -> tuple[str, int] | None:
        mine = conversation.agent_id == self._agent.id
        slept = conversation.id in self._asleep
        if mine and conversation.snoozed_until is not None:
            self._asleep.add(conversation.id)
            return None
        self._asleep.discard(conversation.id)
        if conversation.status is Status.AWAITING_AGENT and conversation.waiting_since is not None:
            return "waiting", conversation.waiting_since
        if not mine:
            return None
        if conversation.unread and conversation.last_customer_at is not None:
            return "answer", conversation.last_customer_at
        return ("woke", conversation.updated_at) if slept else None


async def alert_of(store: Store, conversation: Conversation, kind: str, at: int) -> Alert | None:
    """Return the alert in the words of the conversation; None when it is gone or cannot be read."""
    try:
        contact = await store.contact(conversation.contact_id)
    except (NotFound, StoreUnavailable):
        return None
    return Alert(
        key=f"{conversation.id}.{kind}.{at}",
        kind=kind,
        id=conversation.id,
        name=name_of(contact),
        text=conversation.preview[:_LONGEST],
    )
