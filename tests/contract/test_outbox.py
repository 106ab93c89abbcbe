"""The outbox."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ponte.domain.conversation import claim
from ponte.domain.message import (
    NEVER,
    SPOKEN,
    WRITTEN,
    Author,
    Delivery,
    Details,
    Kind,
    Media,
    Message,
    MessageStatus,
    parked,
)
from ponte.ports import Commit, Store
from tests.contract.builders import NOW, bumped, inbound, opened, outgoing, said, sid, stored, waiting, wrote

LEASE = NOW + 30_000


async def head(store: Store, contact_id: str = "c1") -> Message:
    """Return the head of the contact's outbox."""
    message = await store.outbox_head(contact_id)
    assert message is not None
    return message


async def taken(store: Store, now: int = NOW) -> Message:
    """Take the head."""
    message = await store.take(await head(store), now, now + 30_000)
    assert message is not None
    return message


def delivery(message: Message) -> Delivery:
    """Return the message's delivery."""
    assert message.delivery is not None
    return message.delivery


async def test_messages_leave_in_order(store: Store) -> None:
    """The head is the first message of the contact, over several conversations, until it is settled."""
    first = await wrote(store, opened(1), [outgoing(opened(1), 1), outgoing(opened(1), 2)])
    await wrote(store, opened(2), [outgoing(opened(2), 1)])
    assert first.id == "cv1"
    assert await store.outbox_size() == 3
    order = []
    while message := await store.outbox_head("c1"):
        order.append(message.id)
        assert await store.settle(message.id, MessageStatus.SENT, now=NOW)
    assert order == ["cv1:1", "cv1:2", "cv2:1"]
    assert await store.outbox_size() == 0


async def test_taking_leases_the_head_to_one_sender(store: Store) -> None:
    """Of many senders one takes the message; it is SENDING with one attempt, and certain."""
    await wrote(store, opened(), [outgoing(opened(), 1)])
    message = await head(store)
    won = [m for m in await asyncio.gather(*(store.take(message, NOW, LEASE) for _ in range(10))) if m]
    assert won == [
        replace(
            message,
            status=MessageStatus.SENDING,
            delivery=replace(delivery(message), attempts=1, lease_until=LEASE),
        )
    ]
    assert await head(store) == won[0]
    assert await store.take(won[0], NOW, LEASE) is None
    assert await store.due_outbox(NOW, 10) == []


async def test_a_dead_senders_message_is_uncertain(store: Store) -> None:
    """A message whose lease ran out is due again, and taken as uncertain: Twilio may have it."""
    await wrote(store, opened(), [outgoing(opened(), 1)])
    abandoned = await taken(store)
    assert await store.due_outbox(LEASE - 1, 10) == []
    assert await store.due_outbox(LEASE, 10) == ["c1"]
    again = await store.take(abandoned, LEASE, LEASE + 1000)
    assert again is not None
    assert (delivery(again).uncertain, delivery(again).attempts) == (True, 2)
    assert await store.take(abandoned, LEASE + 2000, LEASE + 3000) is None
    assert delivery(await head(store)).uncertain


async def test_only_contacts_whose_head_is_due_are_due(store: Store) -> None:
    """A head that backs off or is leased holds back what stands behind it; others are not starved."""
    await wrote(store, opened(1), [outgoing(opened(1), n) for n in range(1, 6)])
    other = opened(2, contact_id="c2")
    await wrote(store, other, [outgoing(other, 1, due_at=NOW + 3), outgoing(other, 2, due_at=NOW + 1)])
    third = opened(3, contact_id="c3")
    await wrote(store, third, [outgoing(third, 1, due_at=NOW + 2)])
    assert await store.due_outbox(NOW + 5, 10) == ["c1", "c3", "c2"]
    message = await taken(store)
    assert await store.due_outbox(NOW + 5, 1) == ["c3"]
    await store.put_back(
        message.id, replace(delivery(message), due_at=NOW + 900, lease_until=0, uncertain=True), 20429
    )
    assert await store.due_outbox(NOW + 5, 10) == ["c3", "c2"]
    assert await store.due_outbox(NOW + 2, 10) == ["c3"]
    assert await store.due_outbox(NOW + 900, 10) == ["c3", "c2", "c1"]
    back = await head(store)
    assert (back.status, back.error_code) == (MessageStatus.QUEUED, 20429)
    assert (delivery(back).uncertain, delivery(back).attempts) == (True, 1)


async def test_only_the_holder_puts_a_message_back(store: Store) -> None:
    """Putting back does nothing once the message was settled, or was taken again by another sender."""
    await wrote(store, opened(), [outgoing(opened(), 1), outgoing(opened(), 2)])
    slow = await taken(store)
    second = await store.take(slow, LEASE, LEASE + 30_000)
    assert second is not None
    await store.put_back(slow.id, replace(delivery(slow), lease_until=0), None)
    assert await head(store) == second
    assert await store.settle(second.id, MessageStatus.SENT, now=NOW)
    await store.put_back(second.id, replace(delivery(second), lease_until=0), None)
    assert (await store.message(second.id)).status is MessageStatus.SENT
    await store.put_back("unknown", delivery(second), None)


async def test_settling_takes_a_message_out_and_touches_the_conversation(store: Store) -> None:
    """A sent message keeps its sid, has no delivery, and its conversation counts as changed."""
    await wrote(store, opened(), [outgoing(opened(), 1)])
    message = await taken(store)
    assert await store.settle(message.id, MessageStatus.SENT, now=NOW + 700, sid="SMout")
    sent = await store.message(message.id)
    assert (sent.status, sent.sid, sent.delivery) == (MessageStatus.SENT, "SMout", None)
    assert await store.message_by_sid("SMout") == sent
    assert (await store.conversation("cv1")).updated_at == NOW + 700
    assert not await store.settle("unknown", MessageStatus.SENT, now=NOW, sid="SMx")


async def test_statuses_only_move_forward(store: Store) -> None:
    """A late status changes nothing; a failure counts until WhatsApp has delivered."""
    await wrote(store, opened(), [outgoing(opened(), 1), outgoing(opened(), 2)])

    async def settle(n: int, status: MessageStatus, code: int | None = None) -> bool:
        return await store.settle(f"cv1:{n}", status, now=NOW, error_code=code)

    assert await settle(1, MessageStatus.DELIVERED)
    assert not await settle(1, MessageStatus.SENT)
    assert not await settle(1, MessageStatus.DELIVERED)
    assert not await settle(1, MessageStatus.FAILED, 63016)
    assert await settle(1, MessageStatus.READ)
    assert await settle(2, MessageStatus.SENT)
    assert await settle(2, MessageStatus.FAILED, 63016)
    assert not await settle(2, MessageStatus.READ)
    read, failed = await store.messages("cv1")
    assert (read.status, read.error_code) == (MessageStatus.READ, None)
    assert (failed.status, failed.error_code) == (MessageStatus.FAILED, 63016)


async def test_a_late_status_still_brings_its_sid(store: Store) -> None:
    """A sid that comes with a late status is kept where none is, and never replaced."""
    await wrote(store, opened(), [outgoing(opened(), 1)])
    assert await store.settle("cv1:1", MessageStatus.DELIVERED, now=NOW)
    assert await store.settle("cv1:1", MessageStatus.SENT, now=NOW, sid="SMa")
    assert not await store.settle("cv1:1", MessageStatus.SENT, now=NOW, sid="SMb")
    assert await store.settle("cv1:1", MessageStatus.READ, now=NOW, sid="SMb")
    message = await store.message("cv1:1")
    assert (message.status, message.sid) == (MessageStatus.READ, "SMa")


async def test_a_failed_message_is_queued_again(store: Store) -> None:
    """Only a failed message can be queued again; the new attempt starts clean."""
    await wrote(store, opened(), [outgoing(opened(), 1)])
    fresh = delivery(await head(store))
    assert not await store.requeue_failed("cv1:1", fresh)
    await store.settle("cv1:1", MessageStatus.FAILED, now=NOW, sid="SMa", error_code=63016)
    assert await store.outbox_head("c1") is None
    assert await store.requeue_failed("cv1:1", fresh)
    message = await head(store)
    assert (message.status, message.sid, message.error_code) == (MessageStatus.QUEUED, None, None)
    assert message.delivery == fresh
    assert not await store.requeue_failed("unknown", fresh)


async def test_silence_spares_what_is_on_the_wire_and_the_new_owners_words(store: Store) -> None:
    """Of what is queued only the bot's certain messages of that conversation are cancelled."""
    await store.accept(inbound(1), "c1")
    conversation = waiting()
    messages = [
        outgoing(conversation, 1),
        outgoing(conversation, 2),
        outgoing(conversation, 3),
        outgoing(conversation, 4, author=Author.SYSTEM),
        outgoing(conversation, 5, author=Author.AGENT),
        said(conversation, 6),
    ]
    conversation = await wrote(store, conversation, messages)
    await taken(store)  # the first is on the wire
    doubted = replace(messages[1], delivery=replace(delivery(messages[1]), uncertain=True))
    await store.settle(messages[1].id, MessageStatus.FAILED, now=NOW)
    await store.requeue_failed(messages[1].id, delivery(doubted))
    claimed = replace(bumped(claim(conversation, "ag1", NOW)), last_seq=7)
    await store.commit(Commit(claimed, messages=(outgoing(claimed, 7),), silence_bot=True))
    assert [m.status.value for m in await store.messages("cv1")] == [
        "sending",
        "queued",
        "cancelled",
        "queued",
        "queued",
        "received",
        "queued",
    ]
    assert (await store.message("cv1:3")).delivery is None
    assert await store.outbox_size() == 5


async def test_a_customers_sid_is_no_outbound_message(store: Store) -> None:
    """Looking a sid up finds outbound messages only."""
    conversation = await stored(store, opened())
    await wrote(store, conversation, [replace(said(conversation, 1), sid=sid(1))])
    assert await store.message_by_sid(sid(1)) is None
    assert not await store.settle("cv1:1", MessageStatus.READ, now=NOW, sid=sid(2))


@pytest.mark.parametrize("status", [MessageStatus.RECEIVED, MessageStatus.CANCELLED])
async def test_what_is_not_waiting_is_not_taken(store: Store, status: MessageStatus) -> None:
    """A message that is neither queued nor abandoned cannot be taken, whatever the caller holds."""
    await wrote(store, opened(), [outgoing(opened(), 1)])
    message = await head(store)
    assert await store.take(replace(message, status=status), NOW, LEASE) is None
    assert await store.take(replace(message, delivery=None), NOW, LEASE) is None
    await store.settle(message.id, MessageStatus.FAILED, now=NOW)
    assert await store.take(message, NOW, LEASE) is None


async def parked_message(store: Store, n: int = 1) -> Message:
    """Park message ``n`` of the stored conversation."""
    message = await store.message(f"cv1:{n}")
    assert await store.recall(
        message.id, MessageStatus.PARKED, parked(delivery(message)), now=NOW + 5, error_code=63016
    )
    return await store.message(message.id)


async def test_a_parked_message_is_never_due_and_holds_nothing_up(store: Store) -> None:
    """It stays in the outbox with its place, while what stands behind it is the head."""
    await wrote(store, opened(), [outgoing(opened(), n, author=Author.AGENT) for n in (1, 2)])
    message = await parked_message(store)
    assert (message.status, message.error_code) == (MessageStatus.PARKED, 63016)
    assert delivery(message).due_at == NEVER
    assert (await head(store)).id == "cv1:2"
    assert await store.due_outbox(NOW, 10) == ["c1"]
    assert await store.outbox_size() == 1
    assert await store.take(message, NOW, LEASE) is None
    await store.settle("cv1:2", MessageStatus.SENT, now=NOW)
    assert await store.outbox_head("c1") is None
    assert await store.due_outbox(NEVER, 10) == []
    assert not await store.settle("cv1:1", MessageStatus.SENT, now=NOW, sid="SMx")
    assert (await store.conversation("cv1")).updated_at == NOW + 5


async def test_a_commit_queues_what_is_parked(store: Store) -> None:
    """All of the contact's parked messages are due in their old order, of older conversations too."""
    await wrote(store, opened(), [outgoing(opened(), n, author=Author.AGENT) for n in (1, 2)])
    other = opened(7, contact_id="c2")
    await wrote(store, other, [replace(outgoing(other, 1), status=MessageStatus.PARKED)])
    await parked_message(store, 1)
    await parked_message(store, 2)
    later = replace(opened(2), updated_at=NOW + 50)
    await store.commit(Commit(bumped(later), unpark=True))
    message = await head(store)
    assert (message.id, message.status, message.error_code) == ("cv1:1", MessageStatus.QUEUED, None)
    assert (delivery(message).due_at, delivery(message).attempts) == (NOW + 50, 0)
    assert await store.due_outbox(NOW + 49, 10) == []
    assert await store.due_outbox(NOW + 50, 10) == ["c1"]
    assert (await store.message("cv7:1")).status is MessageStatus.PARKED


async def test_only_a_parked_message_is_withdrawn(store: Store) -> None:
    """A withdrawn message is cancelled and has left the outbox."""
    await wrote(store, opened(), [outgoing(opened(), 1, author=Author.AGENT)])
    assert not await store.withdraw("cv1:1", NOW)
    await parked_message(store)
    assert await store.withdraw("cv1:1", NOW)
    assert not await store.withdraw("cv1:1", NOW)
    assert not await store.withdraw("unknown", NOW)
    message = await store.message("cv1:1")
    assert (message.status, message.delivery) == (MessageStatus.CANCELLED, None)


async def test_a_recall_counts_once_an_attempt(store: Store) -> None:
    """A repeated or late word on a failed attempt touches neither the next attempt nor its outcome."""
    await wrote(store, opened(), [outgoing(opened(), 1)])
    fresh = delivery(await head(store))

    async def recall(sid: str) -> bool:
        return await store.recall("cv1:1", MessageStatus.QUEUED, fresh, now=NOW, sid=sid, error_code=63018)

    await taken(store)
    assert await store.settle("cv1:1", MessageStatus.SENT, now=NOW, sid="SMa")
    assert not await recall("SMb")
    assert await recall("SMa")
    assert not await recall("SMa")
    assert not await store.settle("cv1:1", MessageStatus.SENT, now=NOW, sid="SMa")
    assert (await store.message("cv1:1")).status is MessageStatus.QUEUED
    await taken(store)
    assert not await recall("SMa")
    assert not await store.settle("cv1:1", MessageStatus.FAILED, now=NOW, sid="SMa")
    assert await store.settle("cv1:1", MessageStatus.SENT, now=NOW, sid="SMb")
    assert not await recall("SMa")
    message = await store.message("cv1:1")
    assert (message.status, message.sid) == (MessageStatus.SENT, "SMb")
    await store.settle("cv1:1", MessageStatus.DELIVERED, now=NOW, sid="SMb")
    assert not await recall("SMb")


async def test_a_message_can_go_out_as_a_text_instead(store: Store) -> None:
    """A recall may drop the files and set other details, once an attempt; without, both stay."""
    media = (Media("", "audio/ogg", key="ab" * 32, size=7),)
    spoken = replace(outgoing(opened(), 1), kind=Kind.AUDIO, media=media, details=SPOKEN)
    await wrote(store, opened(), [spoken])
    fresh = delivery(await head(store))
    await taken(store)
    await store.settle("cv1:1", MessageStatus.SENT, now=NOW, sid="SMa")

    async def recall(sid: str, as_text: Details | None) -> bool:
        return await store.recall(
            "cv1:1", MessageStatus.QUEUED, fresh, now=NOW, sid=sid, error_code=63019, as_text=as_text
        )

    assert await recall("SMa", None)
    assert replace(await head(store), sid=None, error_code=None) == spoken
    assert not await recall("SMa", WRITTEN)
    await taken(store)
    await store.settle("cv1:1", MessageStatus.SENT, now=NOW, sid="SMb")
    assert await recall("SMb", WRITTEN)
    message = await head(store)
    assert (message.kind, message.media, message.details) == (Kind.TEXT, (), WRITTEN)
    assert (message.body, message.error_code) == (spoken.body, 63019)
    assert await store.media_of(message.contact_id) == {"ab" * 32}
    assert await store.media_elsewhere("c9", ["ab" * 32]) == {"ab" * 32}


async def test_unparking_queues_what_a_contact_has_parked(store: Store) -> None:
    """Parked messages of all the contact's conversations are due again; others' stay parked."""
    for number, contact_id in ((1, "c1"), (2, "c1"), (3, "c2")):
        conversation = opened(number, contact_id=contact_id)
        message = outgoing(conversation, 1, author=Author.AGENT)
        await wrote(
            store,
            conversation,
            [replace(message, status=MessageStatus.PARKED, delivery=parked(delivery(message)))],
        )
    assert await store.parked_contacts("", 10) == ["c1", "c2"]
    assert await store.parked_contacts("", 1) == ["c1"]
    assert await store.parked_contacts("c1", 10) == ["c2"]
    assert await store.outbox_head("c1") is None
    assert await store.unpark("c1", NOW + 7) == 2
    assert await store.unpark("c1", NOW + 8) == 0
    first = await head(store)
    assert (first.id, first.status, delivery(first).due_at) == ("cv1:1", MessageStatus.QUEUED, NOW + 7)
    assert await store.due_outbox(NOW + 7, 10) == ["c1"]
    assert await store.parked_contacts("", 10) == ["c2"]
