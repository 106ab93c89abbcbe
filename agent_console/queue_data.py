"""Read the queue for one run of the page: a page of rows or of hits, and the tabs' counts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ponte.domain.agent import Agent
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation, Status
from ponte.domain.searching import query_of
from ponte.ports import HeldCount, Hit, Page, Store

_NOTHING: Final = HeldCount(0, 0, 0)


class Tab(StrEnum):
    """The parts of the queue."""

    WAITING = "waiting"
    MINE = "mine"
    SNOOZED = "snoozed"
    ALL = "all"
    RESOLVED = "resolved"


_STATUS: Final = {Tab.WAITING: Status.AWAITING_AGENT, Tab.RESOLVED: Status.RESOLVED}


@dataclass(frozen=True, slots=True)
class Filters:
    """What the rows have to have; None asks for nothing."""

    label: str | None = None
    language: str | None = None
    priority: int | None = None

    def __bool__(self) -> bool:
        """True when they ask for something."""
        return self != Filters()


@dataclass(frozen=True, slots=True)
class Queue:
    """What the queue shows.

    Args:
        rows: in order; empty while something is searched for.
        hits: what was found; None while nothing is searched for.
        contacts: the rows' customers, by id.
        more: whether there is more than is shown.
        counts: how many conversations each tab has; resolved ones are not counted.
        unread: how many of the agent's own have words that they have not seen.
    """

    rows: tuple[Conversation, ...]
    hits: tuple[Hit, ...] | None
    contacts: dict[str, Contact]
    more: bool
    counts: dict[Tab, int]
    unread: int


async def read_queue(
    store: Store, agent: Agent, *, tab: Tab, rows: int, filters: Filters, search: str
) -> Queue:
    """Read a part of the queue: five queries, each of what is shown; six while something is searched for.

    Args:
        store: where conversations are.
        agent: who asks.
        tab: the part.
        rows: the most rows or hits.
        filters: what the rows must have; a search goes over everything.
        search: what to look for; empty for nothing.

    Raises:
        StoreUnavailable: the database did not answer.
    """
    searching = bool(query_of(search))
    counted, held, listed, found = await asyncio.gather(
        store.count_by_status(),
        store.count_held(),
        _nothing() if searching else _list(store, agent, tab, rows, filters),
        store.search(search, after=None, limit=rows) if searching else _no_hits(),
    )
    mine = held.get(agent.id, _NOTHING)
    ids = {conversation.contact_id for conversation in listed.items}
    contacts = await store.contacts(sorted(ids)) if ids else {}
    return Queue(
        rows=listed.items,
        hits=found.items if searching else None,
        contacts=contacts,
        more=(found if searching else listed).next is not None,
        counts={
            Tab.WAITING: counted.get(Status.AWAITING_AGENT, 0),
            Tab.MINE: mine.awake,
            Tab.SNOOZED: mine.snoozed,
            Tab.ALL: sum(count for status, count in counted.items() if status is not Status.RESOLVED),
        },
        unread=mine.unread,
    )


async def _list(store: Store, agent: Agent, tab: Tab, rows: int, filters: Filters) -> Page[Conversation]:
    return await store.conversations(
        status=_STATUS.get(tab),
        contact_id=None,
        after=None,
        limit=rows,
        agent_id=agent.id if tab in {Tab.MINE, Tab.SNOOZED} else None,
        label=filters.label,
        language=filters.language,
        priority=filters.priority,
        snoozed=tab is Tab.SNOOZED,
    )


async def _nothing() -> Page[Conversation]:
    return Page((), None)


async def _no_hits() -> Page[Hit]:
    return Page((), None)
