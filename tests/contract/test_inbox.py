"""The inbox."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from ponte.domain.inbox import InboxKind, InboxState
from ponte.ports import Commit, Store
from tests.contract.builders import (
    JOAO,
    MARIA,
    NOW,
    bumped,
    inbound,
    opened,
    outgoing,
    resume_row,
    sid,
    stored,
)


async def test_a_message_is_kept_whole(store: Store) -> None:
    """What Twilio sent comes back as it was, repeated form fields included."""
    message = inbound(1, body="Olá, tudo bem?")
    assert await store.accept(message, "c1") == "c1"
    (row,) = await store.pending("c1", 10)
    assert row.inbound == message
    assert (row.id, row.kind, row.state, row.attempts, row.turn_id) == (
        sid(1),
        InboxKind.MESSAGE,
        InboxState.PENDING,
        0,
        None,
    )
    assert row.due_at == row.received_at == message.received_at


async def test_a_known_contact_keeps_its_id_and_learns_its_name(store: Store) -> None:
    """A second message goes to the contact of the first, whose last message and name move on."""
    await store.accept(replace(inbound(1), profile_name=None, wa_id=None), "c1")
    assert (await store.contact("c1")).name is None
    assert await store.accept(inbound(2), "c2") == "c1"
    contact = await store.contact("c1")
    assert (contact.address, contact.name, contact.wa_id) == (MARIA, "Maria", "5511900000001")
    assert (contact.created_at, contact.last_inbound_at) == (NOW + 1, NOW + 2)
    await store.accept(replace(inbound(3, at=NOW), profile_name=None, wa_id=None), "c3")
    contact = await store.contact("c1")
    assert (contact.name, contact.wa_id, contact.last_inbound_at) == ("Maria", "5511900000001", NOW + 2)


async def test_a_redelivered_message_changes_nothing(store: Store) -> None:
    """The same MessageSid again is told apart, even with other contents, and leaves no trace."""
    await store.accept(inbound(1), "c1")
    before = await store.contact("c1")
    assert await store.accept(replace(inbound(1, at=NOW + 9000), profile_name="X"), "c2") is None
    assert await store.accept(replace(inbound(1), address=JOAO), "c3") is None
    assert await store.contact("c1") == before
    assert await store.find_contact(JOAO) is None
    assert len(await store.pending("c1", 10)) == 1


async def test_a_message_done_long_ago_is_still_known(store: Store) -> None:
    """A MessageSid that went through a turn is not accepted again."""
    await store.accept(inbound(1), "c1")
    await store.commit(Commit(bumped(opened()), done=(sid(1),)))
    assert await store.accept(inbound(1), "c1") is None
    assert await store.pending("c1", 10) == []


async def test_concurrent_redeliveries_are_stored_once(store: Store) -> None:
    """Of many deliveries of one MessageSid at once, one is told that it was new."""
    results = await asyncio.gather(*(store.accept(inbound(1), f"c{n}") for n in range(20)))
    (contact_id,) = [result for result in results if result is not None]
    assert len(await store.pending(contact_id, 10)) == 1


async def test_concurrent_first_messages_make_one_contact(store: Store) -> None:
    """A new customer's burst becomes one contact, with every message once."""
    results = await asyncio.gather(*(store.accept(inbound(n), f"c{n}") for n in range(20)))
    assert len(set(results)) == 1
    rows = await store.pending(results[0] or "", 50)
    assert sorted(row.id for row in rows) == [sid(n) for n in range(20)]
    assert [row.seq for row in rows] == sorted({row.seq for row in rows})


async def test_pending_rows_come_in_order_of_acceptance(store: Store) -> None:
    """The order is that of arrival, whatever the times say; the limit cuts at the end."""
    for n in (3, 1, 2):
        await store.accept(inbound(n), "c1")
    assert [row.id for row in await store.pending("c1", 10)] == [sid(3), sid(1), sid(2)]
    assert [row.id for row in await store.pending("c1", 2)] == [sid(3), sid(1)]


async def test_due_contacts_wait_longest_first(store: Store) -> None:
    """Contacts with due rows are listed once each, the earliest due first, up to the limit."""
    await store.accept(inbound(2, at=NOW + 2), "c1")
    await store.accept(inbound(3, at=NOW + 3), "c1")
    await store.accept(inbound(1, at=NOW + 1, address=JOAO), "c2")
    await store.accept(inbound(4, at=NOW + 4, address="whatsapp:+1"), "c3")
    assert await store.due_contacts(NOW + 3, 10) == ["c2", "c1"]
    assert await store.due_contacts(NOW + 3, 1) == ["c2"]
    assert await store.due_contacts(NOW, 10) == []


async def test_a_turn_is_fixed_and_counted(store: Store) -> None:
    """The turn and one attempt are written on the given rows only."""
    for n in (1, 2, 3):
        await store.accept(inbound(n), "c1")
    await store.fix_turn([sid(1), sid(2)], "t1")
    await store.fix_turn([sid(1), sid(2)], "t1")
    rows = await store.pending("c1", 10)
    assert [(row.turn_id, row.attempts) for row in rows] == [("t1", 2), ("t1", 2), (None, 0)]


async def test_postponed_rows_stay_pending(store: Store) -> None:
    """A postponed row is listed as pending, is not due before its time, and keeps the error."""
    await store.accept(inbound(1), "c1")
    await store.postpone([sid(1)], NOW + 5000, "model down")
    (row,) = await store.pending("c1", 10)
    assert (row.due_at, row.error) == (NOW + 5000, "model down")
    assert await store.due_contacts(NOW + 4999, 10) == []
    assert await store.due_contacts(NOW + 5000, 10) == ["c1"]


async def test_a_dead_row_is_listed_and_revived(store: Store) -> None:
    """A buried row leaves the inbox, shows among the dead, and comes back fresh, once."""
    await store.accept(inbound(1), "c1")
    await store.accept(inbound(2), "c1")
    await store.fix_turn([sid(1), sid(2)], "t1")
    await store.bury([sid(2), sid(1)], "gave up")
    assert await store.pending("c1", 10) == []
    assert await store.due_contacts(NOW + 99, 10) == []
    assert [(row.id, row.error, row.state) for row in await store.dead(10)] == [
        (sid(1), "gave up", InboxState.DEAD),
        (sid(2), "gave up", InboxState.DEAD),
    ]
    assert await store.revive(sid(1), NOW + 50)
    assert not await store.revive(sid(1), NOW + 50)
    assert not await store.revive("SMunknown", NOW)
    (row,) = await store.pending("c1", 10)
    assert (row.attempts, row.turn_id, row.due_at) == (0, None, NOW + 50)
    assert [row.id for row in await store.dead(10)] == [sid(2)]


async def test_a_resume_goes_behind_what_is_waiting(store: Store) -> None:
    """A resume row is numbered by the store, after the messages before it and before those after it."""
    await store.accept(inbound(1), "c1")
    conversation = await stored(store, opened())
    await store.commit(Commit(bumped(conversation), resume_row=resume_row(conversation)))
    await store.accept(inbound(2), "c1")
    rows = await store.pending("c1", 10)
    assert [row.id for row in rows] == [sid(1), resume_row(conversation).id, sid(2)]
    assert (rows[1].kind, rows[1].conversation_id) == (InboxKind.RESUME, "cv1")


async def test_the_newest_acceptance_is_known(store: Store) -> None:
    """The newest received_at is None at first and only ever a customer's message."""
    assert await store.newest_received_at() is None
    await store.accept(inbound(5), "c1")
    await store.accept(inbound(2), "c1")
    conversation = await stored(store, opened())
    late = replace(resume_row(conversation), received_at=NOW + 999)
    await store.commit(Commit(bumped(conversation), resume_row=late))
    assert await store.newest_received_at() == NOW + 5


async def test_pruning_leaves_what_is_not_over(store: Store) -> None:
    """Only rows that are done and old go; how many is told."""
    for n in (1, 2, 3, 4):
        await store.accept(inbound(n), "c1")
    await store.commit(Commit(bumped(opened()), done=(sid(1), sid(4))))
    await store.bury([sid(2)], "gave up")
    assert (await store.prune(NOW + 4))["inbox"] == 1
    assert [row.id for row in await store.pending("c1", 10)] == [sid(3)]
    assert [row.id for row in await store.dead(10)] == [sid(2)]
    assert await store.accept(inbound(4), "c1") is None


async def test_a_limit_of_zero_is_nothing(store: Store) -> None:
    """Who asks for no rows gets none, from every list."""
    await store.accept(inbound(1), "c1")
    conversation = await stored(store, opened())
    await store.commit(Commit(replace(bumped(conversation), last_seq=1), (outgoing(conversation, 1),)))
    assert await store.due_contacts(NOW + 9, 0) == []
    assert await store.due_outbox(NOW + 9, 0) == []
    assert await store.pending("c1", 0) == []
    assert await store.messages("cv1", limit=0) == []
    assert await store.changed_since(0, 0) == []
    page = await store.conversations(status=None, contact_id=None, after=None, limit=0)
    assert page.items == ()
