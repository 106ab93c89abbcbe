"""Read what one run of the page shows: who asks, a page of the queue, and one conversation.

The number of queries is fixed (about a dozen) and none reads more than is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from agent_console.queue_data import Filters, Queue, Tab, read_queue
from ponte.bootstrap import Ponte
from ponte.domain.agent import Agent, Permission
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation, Status
from ponte.domain.decision import HandoffMark
from ponte.domain.message import Message
from ponte.domain.office import Disposition, OfficeItem, OfficeKind, dispositions_of, label_from
from ponte.domain.searching import fold
from ponte.errors import NotFound
from ponte.office_policy import OfficePolicy
from ponte.ports import Store

PAGE: Final = 50
# More rows than this at once would make every run slow.
MOST_ROWS: Final = 500
_ANY: Final = Filters()
_MOST_LABELS: Final = 100
_MOST_QUOTED: Final = 10
_MOST_DISPOSITIONS: Final = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the browser looks at.

    Args:
        tab: the part of the queue.
        conversation_id: the open conversation; None for none.
        rows: how many rows of the queue to show.
        visible: whether the browser's tab is in front, so that what is shown counts as seen.
        filters: what the queue's rows must have.
        search: what to look for in place of the rows; empty for nothing.
    """

    tab: Tab
    conversation_id: str | None
    rows: int = PAGE
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
        quoted: what these quote and is not among them.
        marks: what agents say of its handoffs, oldest first.
        superseded: it is resolved, and the customer has a newer one.
    """

    conversation: Conversation
    contact: Contact
    messages: tuple[Message, ...]
    quoted: tuple[Message, ...] = ()
    marks: tuple[HandoffMark, ...] = ()
    superseded: bool = False


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
        policy: the company's clock and targets.
        opened: the open conversation.
        missing: a conversation was asked for that does not exist.
    """

    now: int
    agent: Agent
    agents: dict[str, Agent]
    queue: Queue
    labels: tuple[tuple[str, str], ...]
    dispositions: tuple[Disposition, ...]
    policy: OfficePolicy
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
    (queue, opened, policy), (labels, known, filed, agents) = await asyncio.gather(
        asyncio.gather(_queue(store, agent, wanted), _open(store, wanted), ponte.reports.policy()),
        asyncio.gather(
            store.labels_in_use(_MOST_LABELS),
            store.office(OfficeKind.LABEL, _MOST_LABELS),
            store.office(OfficeKind.DISPOSITION, _MOST_DISPOSITIONS),
            store.agents(),
        ),
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
        policy=policy,
        opened=opened,
        missing=opened is None and wanted.conversation_id is not None,
    )


async def _queue(store: Store, agent: Agent, wanted: Wanted) -> Queue:
    return await read_queue(
        store,
        agent,
        tab=wanted.tab,
        rows=wanted.rows,
        filters=wanted.filters,
        search=wanted.search,
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
        store.messages(conversation.id, before=conversation.last_seq + 1, limit=PAGE),
    )
    quoted, marks, superseded = await asyncio.gather(
        quoted_by(store, messages),
        store.marks(conversation.id) if conversation.handoff is not None else _no_marks(),
        _superseded(store, conversation),
    )
    return Opened(conversation, contact, tuple(messages), quoted, tuple(marks), superseded)


async def quoted_by(store: Store, messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return what messages quote and is not among them, as far as it is kept: of the newest so many."""
    known = {message.sid for message in messages}
    sids = dict.fromkeys(m.reply_to for m in reversed(messages) if m.reply_to and m.reply_to not in known)
    contact_id = messages[-1].contact_id if messages else ""
    found = await asyncio.gather(*(_by_sid(store, sid) for sid in list(sids)[:_MOST_QUOTED]))
    return tuple(message for message in found if message is not None and message.contact_id == contact_id)


async def _by_sid(store: Store, sid: str) -> Message | None:
    """A customer's message is kept under its sid, ours under an id of our own."""
    if message := await store.message_by_sid(sid):
        return message
    with suppress(NotFound):
        return await store.message(sid)
    return None


async def _no_marks() -> list[HandoffMark]:
    return []


async def _superseded(store: Store, conversation: Conversation) -> bool:
    if conversation.status is not Status.RESOLVED:
        return False
    newest = await store.current(conversation.contact_id)
    return newest is not None and newest.id != conversation.id


async def _mark_seen(ponte: Ponte, agent: Agent, opened: Opened) -> None:
    """What is on the holder's screen is seen; asked only when it is news, since it costs a write."""
    current = opened.conversation
    if current.agent_id == agent.id and current.last_seq > current.seen_seq:
        await ponte.desk.seen(agent, current.id, current.last_seq)
