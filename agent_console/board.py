"""Read what one run of the page shows: who asks, a page of the queue, and one conversation.

The number of queries is fixed (about ten) and none reads more than is shown; one exception is named at
``_HELD``.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ponte.bootstrap import Ponte
from ponte.domain.agent import Agent, Permission
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation, Status
from ponte.domain.message import Message
from ponte.errors import NotFound
from ponte.ports import Page, Store

PAGE: Final = 50
# The store cannot list one agent's conversations, so these are picked out of all that agents hold now.
_HELD: Final = 200


class Tab(StrEnum):
    """The parts of the queue."""

    WAITING = "waiting"
    MINE = "mine"
    ALL = "all"
    RESOLVED = "resolved"


_STATUS: Final = {Tab.WAITING: Status.AWAITING_AGENT, Tab.ALL: None, Tab.RESOLVED: Status.RESOLVED}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the browser looks at.

    Args:
        tab: the part of the queue.
        conversation_id: the open conversation; None for none.
        rows: how many rows of the queue to show.
        messages: how many of the newest messages to show.
        visible: whether the browser's tab is in front, so that what is shown counts as seen.
    """

    tab: Tab
    conversation_id: str | None
    rows: int = PAGE
    messages: int = PAGE
    visible: bool = True


@dataclass(frozen=True, slots=True)
class Opened:
    """The open conversation with its newest messages; ``older`` when there are more before them."""

    conversation: Conversation
    contact: Contact
    messages: tuple[Message, ...]
    older: bool


@dataclass(frozen=True, slots=True)
class Board:
    """All that one run of the page shows.

    Args:
        now: ms UTC.
        agent: who asks.
        agents: everybody who logs in, by id.
        rows: the queue's rows, in order.
        contacts: the rows' customers, by id.
        more: whether the queue goes on.
        counts: how many conversations each tab has; resolved ones are not counted.
        opened: the open conversation.
        missing: a conversation was asked for that does not exist.
    """

    now: int
    agent: Agent
    agents: dict[str, Agent]
    rows: tuple[Conversation, ...]
    contacts: dict[str, Contact]
    more: bool
    counts: dict[Tab, int]
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
    held, counts, agents, opened = await asyncio.gather(
        _list(store, Status.AGENT_ACTIVE, _HELD),
        store.count_by_status(),
        store.agents(),
        _open(store, wanted),
    )
    mine = [c for c in held.items if c.agent_id == agent.id]
    if wanted.tab is Tab.MINE:
        rows, more = tuple(mine[: wanted.rows]), len(mine) > wanted.rows
    else:
        page = await _list(store, _STATUS[wanted.tab], wanted.rows)
        rows, more = page.items, page.next is not None
    contacts = await store.contacts(list({c.contact_id for c in rows})) if rows else {}
    if opened is not None and wanted.visible:
        await _mark_seen(ponte, agent, opened)
    return Board(
        now=ponte.clock.now(),
        agent=agent,
        agents={a.id: a for a in agents},
        rows=rows,
        contacts=contacts,
        more=more,
        counts={
            Tab.WAITING: counts.get(Status.AWAITING_AGENT, 0),
            Tab.MINE: len(mine),
            Tab.ALL: sum(count for status, count in counts.items() if status is not Status.RESOLVED),
        },
        opened=opened,
        missing=opened is None and wanted.conversation_id is not None,
    )


async def _list(store: Store, status: Status | None, limit: int) -> Page[Conversation]:
    return await store.conversations(status=status, contact_id=None, after=None, limit=limit)


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
    return Opened(conversation, contact, tuple(messages), older)


async def _mark_seen(ponte: Ponte, agent: Agent, opened: Opened) -> None:
    """What is on the holder's screen is seen; asked only when it is news, since it costs a write."""
    current = opened.conversation
    if current.agent_id == agent.id and current.last_seq > current.seen_seq:
        await ponte.desk.seen(agent, current.id, current.last_seq)
