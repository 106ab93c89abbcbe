"""Read what one run of the page shows: who asks, a page of the queue, and one conversation.

The number of queries is fixed (about a dozen) and none reads more than is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agent_console.queue_data import Filters, Queue, Tab, read_queue
from ponte.bootstrap import Ponte
from ponte.domain.agent import Agent, Permission
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation
from ponte.domain.decision import HandoffMark
from ponte.domain.message import Message
from ponte.domain.office import Disposition, OfficeItem, OfficeKind, dispositions_of, label_from
from ponte.domain.searching import fold
from ponte.errors import NotFound
from ponte.ports import Store

PAGE: Final = 50
_ANY: Final = Filters()
_MOST_LABELS: Final = 100
_MOST_DISPOSITIONS: Final = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the browser looks at.

    Args:
        tab: the part of the queue.
        conversation_id: the open conversation; None for none.
        rows: how many rows of the queue to show.
        messages: how many of the newest messages to show.
        visible: whether the browser's tab is in front, so that what is shown counts as seen.
        filters: what the queue's rows must have.
        search: what to look for in place of the rows; empty for nothing.
    """

    tab: Tab
    conversation_id: str | None
    rows: int = PAGE
    messages: int = PAGE
    visible: bool = True
    filters: Filters = _ANY
    search: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """The open conversation with its newest messages.

    Args:
        conversation: which.
        contact: the customer.
        messages: the newest.
        older: there are more before them.
        marks: what agents say of its handoffs, oldest first.
    """

    conversation: Conversation
    contact: Contact
    messages: tuple[Message, ...]
    older: bool
    marks: tuple[HandoffMark, ...] = ()


@dataclass(frozen=True, slots=True)
class Board:
    """All that one run of the page shows.

    Args:
        now: ms UTC.
        agent: who asks.
        agents: everybody who logs in, by id.
        queue: the part of the queue that is shown, and its counts.
        labels: the labels to choose from, each with its colour's name, empty for none.
        dispositions: how conversations are filed, the retired ones included.
        opened: the open conversation.
        missing: a conversation was asked for that does not exist.
    """

    now: int
    agent: Agent
    agents: dict[str, Agent]
    queue: Queue
    labels: tuple[tuple[str, str], ...]
    dispositions: tuple[Disposition, ...]
    opened: Opened | None
    missing: bool

    def takers(self) -> list[Agent]:
        """Return who could be given the open conversation: agents who may work, not its holder."""
        holder = self.opened.conversation.agent_id if self.opened else None
        able = [a for a in self.agents.values() if a.may(Permission.WORK) and not a.disabled]
        return [a for a in able if a.id != holder]


async def load(ponte: Ponte, token: str, wanted: Wanted) -> Board:
    """Read the board for the owner of ``token``.

    Raises:
        Unauthenticated: the session ended.
        Forbidden: never; every role may read. A role that may not would see an empty board.
        StoreUnavailable: the database did not answer.
    """
    agent = await ponte.accounts.who(token)
    store = ponte.store
    queue, labels, known, filed, agents, opened = await asyncio.gather(
        read_queue(
            store,
            agent,
            tab=wanted.tab,
            rows=wanted.rows,
            filters=wanted.filters,
            search=wanted.search,
        ),
        store.labels_in_use(_MOST_LABELS),
        store.office(OfficeKind.LABEL, _MOST_LABELS),
        store.office(OfficeKind.DISPOSITION, _MOST_DISPOSITIONS),
        store.agents(),
        _open(store, wanted),
    )
    if opened is not None and wanted.visible:
        await _mark_seen(ponte, agent, opened)
    return Board(
        now=ponte.clock.now(),
        agent=agent,
        agents={a.id: a for a in agents},
        queue=queue,
        labels=_labels(known, labels),
        dispositions=tuple(dispositions_of(filed)),
        opened=opened,
        missing=opened is None and wanted.conversation_id is not None,
    )


def _labels(items: Sequence[OfficeItem], used: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return the office's labels and those in use beside them, each once, by name."""
    colours = {item.id: label_from(item) for item in items}
    found = {label.name: label.colour for label in colours.values()}
    for name in used:
        known = colours.get(fold(name))
        found.setdefault(name, "" if known is None else known.colour)
    return tuple(sorted(found.items(), key=lambda pair: fold(pair[0])))


async def _open(store: Store, wanted: Wanted) -> Opened | None:
    if wanted.conversation_id is None:
        return None
    try:
        conversation = await store.conversation(wanted.conversation_id)
    except NotFound:
        return None
    contact, messages = await asyncio.gather(
        store.contact(conversation.contact_id),
        store.messages(conversation.id, before=conversation.last_seq + 1, limit=wanted.messages),
    )
    older = bool(messages) and messages[0].seq > 1
    marks = await store.marks(conversation.id) if conversation.handoff is not None else []
    return Opened(conversation, contact, tuple(messages), older, tuple(marks))


async def _mark_seen(ponte: Ponte, agent: Agent, opened: Opened) -> None:
    """What is on the holder's screen is seen; asked only when it is news, since it costs a write."""
    current = opened.conversation
    if current.agent_id == agent.id and current.last_seq > current.seen_seq:
        await ponte.desk.seen(agent, current.id, current.last_seq)
