"""A crash between any two writes leaves all of a change or nothing of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ponte.domain.conversation import Conversation, claim
from ponte.domain.message import Author, MessageStatus
from ponte.errors import Conflict, NotFound
from ponte.ports import AuditEntry, Commit, Store
from tests.contract.builders import (
    NOW,
    Crash,
    CrashAfter,
    OpenStore,
    bumped,
    inbound,
    opened,
    outgoing,
    resume_row,
    said,
    sid,
    stored,
    waiting,
    wrote,
)

# More than any store makes in one operation.
MANY = 30


def full_commit(conversation: Conversation, n: int) -> Commit:
    """Return a commit that has everything: what an agent's reply and a resume might do at once."""
    messages = (
        said(conversation, 2),
        outgoing(replace(conversation, epoch=1), 3, author=Author.AGENT),
    )
    changed = replace(bumped(claim(conversation, "ag1", NOW)), last_seq=3)
    return Commit(
        changed,
        messages=messages,
        done=(sid(n),),
        resume_row=resume_row(changed),
        silence_bot=True,
        memory=f"memory {n}",
        opted_out=True,
        audit=(AuditEntry(f"au{n}", NOW, "ag1", "claim", conversation.id),),
    )


async def begun(store: Store, n: int) -> Conversation:
    """Store a waiting conversation of a customer of its own, with the bot's message still in the outbox."""
    contact_id = await store.accept(inbound(n, address=f"whatsapp:+55{n}"), f"c{n}") or ""
    conversation = waiting(n, contact_id=contact_id)
    return await wrote(store, conversation, [outgoing(conversation, 1)])


async def outcome(store: Store, conversation: Conversation, n: int) -> bool:
    """Return whether the commit happened; fails unless it did so whole or not at all."""
    now = await store.conversation(conversation.id)
    happened = now.version > conversation.version
    messages = await store.messages(conversation.id)
    assert [m.seq for m in messages] == ([1, 2, 3] if happened else [1])
    assert messages[0].status is (MessageStatus.CANCELLED if happened else MessageStatus.QUEUED)
    inbox = [row.id for row in await store.pending(conversation.contact_id, 10)]
    assert inbox == ([f"resume:{conversation.id}:1"] if happened else [sid(n)])
    assert (await store.contact(conversation.contact_id)).memory == (f"memory {n}" if happened else "")
    assert ((await store.contact(conversation.contact_id)).opted_out_at is not None) is happened
    assert len(await store.audit_log(conversation_id=conversation.id)) == int(happened)
    head = await store.outbox_head(conversation.contact_id)
    assert head is not None
    assert head.id == messages[-1].id
    return happened


@pytest.mark.parametrize("by", ["recovery", "a reader", "the next commit"])
async def test_a_commit_is_all_or_nothing(open_store: OpenStore, by: str) -> None:
    """Wherever a commit is cut short, another process then sees all of it or nothing, whoever finds it."""
    crash = CrashAfter()
    outcomes = []
    async with open_store(crash) as dying, open_store() as other:
        await other.migrate()
        for n in range(1, MANY):
            conversation = await begun(other, n)
            crash.arm(n - 1)
            try:
                await dying.commit(full_commit(conversation, n))
            except Crash:
                crash.arm(None)
            else:
                assert await outcome(other, conversation, n)
                break
            if by == "recovery":
                await other.recover()
            elif by == "the next commit":
                with pytest.raises((Conflict, NotFound)):
                    await other.commit(Commit(replace(conversation, version=conversation.version + 9)))
            outcomes.append(await outcome(other, conversation, n))
        else:
            pytest.fail("The commit never ended.")
    # Nothing up to the deciding write, all from then on; and both were seen.
    assert outcomes == sorted(outcomes)
    assert {*outcomes} == {False, True}


async def test_the_successor_of_a_cut_commit_succeeds(open_store: OpenStore) -> None:
    """A commit on top of one that was cut short completes that one first."""
    crash = CrashAfter()
    async with open_store(crash) as dying, open_store() as other:
        await other.migrate()
        for n in range(1, MANY):
            conversation = await begun(other, n)
            crash.arm(n - 1)
            commit = full_commit(conversation, n)
            try:
                await dying.commit(commit)
            except Crash:
                crash.arm(None)
            else:
                break
            # The next one decides by what it had planned, without a look at the store in between.
            following = Commit(replace(bumped(commit.conversation), preview="after"))
            try:
                await other.commit(following)
            except Conflict:
                assert not await outcome(other, conversation, n)
            else:
                assert await outcome(other, conversation, n)
                assert (await other.conversation(conversation.id)).preview == "after"


async def test_recovery_tells_how_many_and_leaves_nothing(open_store: OpenStore) -> None:
    """Recovery completes each cut commit once; a second one finds none."""
    crash = CrashAfter()
    async with open_store(crash) as dying, open_store() as other:
        await other.migrate()
        decided = 0
        for n in range(1, 5):
            conversation = await begun(other, n)
            crash.arm(2)
            try:
                await dying.commit(full_commit(conversation, n))
            except Crash:
                decided += 1
        assert await other.recover() in {0, decided}
        assert await other.recover() == 0


async def test_a_message_sent_meanwhile_is_not_sent_again(open_store: OpenStore) -> None:
    """Completing a commit whose message was already sent leaves that message sent."""
    crash = CrashAfter()
    async with open_store(crash) as dying, open_store() as other:
        await other.migrate()
        for writes in range(1, MANY):
            contact = f"c{writes}"
            conversation = opened(writes, contact_id=contact)
            new = replace(bumped(conversation), last_seq=1)
            crash.arm(writes)
            try:
                await dying.commit(Commit(new, messages=(outgoing(conversation, 1),), memory="x"))
            except Crash:
                crash.arm(None)
            else:
                break
            if (head := await other.outbox_head(contact)) is not None:
                assert await other.take(head, NOW, NOW + 1000)
                assert await other.settle(head.id, MessageStatus.SENT, now=NOW, sid=sid(writes))
            await other.recover()
            sent = [m.status for m in await other.messages(conversation.id)]
            assert sent == [MessageStatus.QUEUED if head is None else MessageStatus.SENT]


async def test_a_message_cut_short_on_acceptance_is_accepted_when_redelivered(open_store: OpenStore) -> None:
    """Wherever an acceptance dies, a redelivery leaves the message exactly once."""
    crash = CrashAfter()
    async with open_store(crash) as dying, open_store() as other:
        await other.migrate()
        for n in range(1, 6):
            message = inbound(n, address=f"whatsapp:+55{n}")
            crash.arm(n - 1)
            try:
                await dying.accept(message, f"c{n}")
            except Crash:
                crash.arm(None)
                await other.accept(message, f"d{n}")
            contact = await other.find_contact(message.address)
            assert contact is not None
            assert [row.id for row in await other.pending(contact.id, 10)] == [message.sid]


async def test_a_message_cut_short_on_settling_is_settled_by_the_next(open_store: OpenStore) -> None:
    """Wherever settling dies, the message is in the outbox or out of it, and settling again ends it."""
    crash = CrashAfter()
    async with open_store(crash) as dying, open_store() as other:
        await other.migrate()
        for n in range(1, 8):
            conversation = await stored(other, opened(n, contact_id=f"c{n}"))
            await wrote(other, conversation, [outgoing(conversation, 1)])
            crash.arm(n - 1)
            try:
                await dying.settle(f"cv{n}:1", MessageStatus.SENT, now=NOW, sid=sid(n))
            except Crash:
                crash.arm(None)
            message = await other.message(f"cv{n}:1")
            assert (message.delivery is None) == (message.sid == sid(n)) == (message.status == "sent")
            await other.settle(f"cv{n}:1", MessageStatus.SENT, now=NOW, sid=sid(n))
            assert await other.outbox_head(f"c{n}") is None
