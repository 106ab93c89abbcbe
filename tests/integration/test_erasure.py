"""The erasure of a customer beside those who work on them, and when it is cut short."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from ponte.domain.agent import Role
from ponte.domain.message import Message
from ponte.errors import Conflict
from ponte.people import PeopleDesk
from ponte.people_data import PeopleData
from ponte.ports import Checkpoints, Lease, Store
from tests.fixtures.api_office import Office, open_office


class Threads:
    """Checkpoints that try to run a turn of the customer while their thread is deleted.

    Args:
        office: where it happens.
        contact_id: whose turn.
        slow_ms: how long a deletion takes.
    """

    def __init__(self, office: Office, contact_id: str, slow_ms: int = 0) -> None:
        self._office = office
        self._contact_id = contact_id
        self._slow_ms = slow_ms
        self.deleted: list[str] = []
        self.turns: list[Lease | None] = []

    async def delete_thread(self, thread_id: str) -> None:
        """Delete a thread."""
        self._office.clock.advance(self._slow_ms)
        self.turns.append(await turn(self._office, self._contact_id))
        self.deleted.append(thread_id)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Checkpoints]:
        """Open them."""
        yield cast("Checkpoints", self)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """Serve an API over an empty store."""
    async with open_office(tmp_path / "data") as opened:
        yield opened


async def turn(office: Office, contact_id: str) -> Lease | None:
    """Take the lease under which a turn runs."""
    return await office.ponte.store.acquire(f"contact:{contact_id}", "worker", office.clock.now(), 20_000)


async def test_no_turn_runs_while_a_customer_is_erased(office: Office) -> None:
    """A running turn is waited for, in vain where it goes on; meanwhile no other begins."""
    waiting = await office.waiting("apaguem tudo")
    store, contact_id = office.ponte.store, waiting.contact_id
    contact = await store.contact(contact_id)
    threads = Threads(office, contact_id, slow_ms=50_000)
    data = PeopleData(store, office.ponte.media, threads.open, office.clock)
    running = await turn(office, contact_id)
    assert running is not None
    with pytest.raises(Conflict):
        await data.erase(contact)
    assert threads.deleted == []
    await store.release_lease(running)
    assert (await data.erase(contact))["contacts"] == 1
    assert (threads.deleted, threads.turns) == ([waiting.thread_id], [None])
    assert await turn(office, contact_id) is not None


async def test_an_erasure_is_recorded_before_it_begins(office: Office) -> None:
    """Cut short, it is in the audit log; run again, it is completed."""
    rita, _ = await office.add_agent("Rita", Role.ADMIN)
    waiting = await office.waiting("apaguem tudo")
    ponte = office.ponte
    contact = await ponte.store.contact(waiting.contact_id)
    admin = await ponte.store.agent(rita)

    @asynccontextmanager
    async def broken() -> AsyncIterator[Checkpoints]:
        raise OSError("the disk is gone")
        yield

    data = PeopleData(ponte.store, ponte.media, broken, office.clock)
    desk = PeopleDesk(ponte.store, office.clock, ponte.signals, data)
    with pytest.raises(OSError, match="disk"):
        await desk.erase(admin, contact.id, contact.address[-4:])
    (entry,) = await ponte.store.audit_log(limit=1)
    assert (entry.actor, entry.action, entry.detail) == (rita, "contact_erase", contact.id)
    assert (await ponte.people.erase(admin, contact.id, contact.address[-4:]))["contacts"] == 1


async def test_an_export_has_each_message_once(office: Office) -> None:
    """Also where the numbers of the messages have gaps."""
    waiting = await office.waiting("oi")
    store = office.ponte.store
    (first,) = await store.messages(waiting.id)

    class Gaps:
        """A store whose transcript has gaps."""

        def __getattr__(self, name: str) -> object:
            return getattr(store, name)

        async def messages(self, conversation_id: str, *, after: int = 0, limit: int = 100) -> list[Message]:
            """Return a page of three messages."""
            del conversation_id
            return [replace(first, id=f"m{n}", seq=n) for n in (1, 5, 9) if n > after][:limit]

    data = PeopleData(cast("Store", Gaps()), office.ponte.media, Threads(office, "").open, office.clock)
    exported = await data.everything(await store.contact(waiting.contact_id))
    (conversation,) = cast("list[dict[str, list[dict[str, object]]]]", exported["conversations"])
    assert [message["seq"] for message in conversation["messages"]] == [1, 5, 9]
