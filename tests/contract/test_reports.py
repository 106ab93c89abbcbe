"""What reports read: a row a human stretch, kept by every commit, and conversations in slices of time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ponte.domain.conversation import (
    Conversation,
    Handoff,
    ResumeAction,
    Status,
    Trigger,
    assign,
    claim,
    hand_over,
    release,
    replied,
    resolve,
    return_to_bot,
)
from ponte.domain.facts import ConversationFact, StretchFact, stretch_fact
from ponte.errors import Conflict, InvalidInput
from ponte.ports import Commit, Page, Store
from tests.contract.builders import (
    NOW,
    Crash,
    CrashAfter,
    OpenStore,
    bumped,
    inbound,
    opened,
    stored,
    waiting,
)

LATER = NOW + 1_000_000
MANY = 30


async def kept(store: Store, conversation: Conversation) -> Conversation:
    """Commit the next version of a conversation."""
    new = bumped(conversation)
    await store.commit(Commit(new))
    return new


async def asked(store: Store, *, after: str | None = None, limit: int = 10) -> Page[StretchFact]:
    """Return a page of all the stretches."""
    return await store.stretches_asked(0, LATER, after=after, limit=limit)


async def test_a_stretch_is_kept_from_its_beginning_to_its_end(store: Store) -> None:
    """Each change of a conversation changes its row: asked, claimed, answered, moved, resolved."""
    current = await stored(store, replace(waiting(1), prompt_version="v1", language="es"))
    (row,) = (await asked(store)).items
    assert row == StretchFact(
        id="cv1:1",
        conversation_id="cv1",
        contact_id="c1",
        number=1,
        language="es",
        prompt_version="v1",
        asked_at=NOW + 1,
        trigger=Trigger.KEYWORD,
        claimed_at=None,
        first_reply_at=None,
        ended_at=None,
        how=None,
        agent_id=None,
        transfers=0,
        disposition=None,
    )
    current = await kept(store, claim(current, "ag1", NOW + 10))
    current = await kept(store, replied(current, NOW + 20))
    current = await kept(store, assign(current, "ag2", NOW + 30))
    current = await kept(store, replied(current, NOW + 40))
    current = await kept(store, release(current, NOW + 50))
    current = await kept(store, claim(current, "ag1", NOW + 60))
    await kept(store, resolve(current, "solved", NOW + 70))
    assert (await asked(store)).items == (
        replace(
            row,
            claimed_at=NOW + 10,
            first_reply_at=NOW + 20,
            ended_at=NOW + 70,
            how=ResumeAction.RESOLVED,
            agent_id="ag1",
            transfers=2,
            disposition="solved",
        ),
    )


async def test_each_stretch_of_a_conversation_has_a_row(store: Store) -> None:
    """A second handoff begins a second row; the first one stays as it ended, whatever comes after."""
    current = await stored(store, waiting(1))
    current = await kept(store, return_to_bot(current, "", NOW + 10))
    current = await kept(store, replace(current, updated_at=NOW + 15, language="en"))
    handoff = Handoff("again", Trigger.MODEL, 0.9, "", NOW + 20)
    current = await kept(store, hand_over(current, handoff))
    first, second = await store.stretches_of("cv1")
    assert (first.ended_at, first.how, first.language) == (NOW + 10, ResumeAction.RETURNED, "pt-BR")
    assert (second.id, second.trigger, second.ended_at) == ("cv1:2", Trigger.MODEL, None)
    assert await store.stretches_of("cv9") == []
    assert current.stretch is not None
    assert (await store.conversation("cv1")).stretch == current.stretch


async def test_a_lost_race_leaves_the_row_alone(store: Store) -> None:
    """A commit that somebody else was quicker than changes no row."""
    current = await stored(store, waiting(1))
    await kept(store, claim(current, "ag1", NOW + 10))
    with pytest.raises(Conflict):
        await kept(store, claim(current, "ag2", NOW + 11))
    (row,) = await store.stretches_of("cv1")
    assert row.agent_id == "ag1"


async def test_a_crash_leaves_the_row_as_the_conversation_says(open_store: OpenStore) -> None:
    """Whichever write a claim dies after, the row and the conversation agree once it was recovered."""
    for writes in range(MANY):
        crash = CrashAfter()
        async with open_store(crash) as store:
            await store.migrate()
            current = await stored(store, waiting(100 + writes))
            crash.arm(writes)
            try:
                await kept(store, claim(current, "ag1", NOW + 200))
                done = True
            except Crash:
                done = False
        async with open_store() as again:
            await again.recover()
            conversation = await again.conversation(current.id)
            (row,) = await again.stretches_of(current.id)
            assert row == stretch_fact(conversation)
        if done:
            return
    pytest.fail("A commit has more writes than expected.")


async def test_stretches_come_in_order_a_page_at_a_time(store: Store) -> None:
    """The list goes by when agents were asked for, has an end that is not included, and a cursor."""
    for n in (3, 1, 2, 5, 4):
        await stored(store, waiting(n))
    first = await asked(store, limit=2)
    second = await asked(store, after=first.next, limit=2)
    third = await asked(store, after=second.next, limit=2)
    assert third.next is None
    ids = [row.conversation_id for page in (first, second, third) for row in page.items]
    assert ids == ["cv1", "cv2", "cv3", "cv4", "cv5"]
    within = await store.stretches_asked(NOW + 2, NOW + 4, after=None, limit=9)
    assert [row.asked_at for row in within.items] == [NOW + 2, NOW + 3]
    with pytest.raises(InvalidInput):
        await asked(store, after="o1.cv1")


async def test_conversations_come_in_order_a_page_at_a_time(store: Store) -> None:
    """A conversation's row says how it ended, who had it, and what the customer thought of it."""
    await stored(store, opened(1))
    current = await stored(store, replace(waiting(2), prompt_version="v2"))
    current = await kept(store, claim(current, "ag1", NOW + 10))
    current = await kept(store, resolve(current, "solved", NOW + 20))
    current = await kept(store, replace(current, resume=None, csat_asked_at=NOW + 21))
    await kept(store, replace(current, csat=4, csat_at=NOW + 30))
    first = await store.conversations_opened(0, LATER, after=None, limit=1)
    second = await store.conversations_opened(0, LATER, after=first.next, limit=1)
    assert second.next is None
    assert first.items == (
        ConversationFact(
            id="cv1",
            opened_at=NOW + 1,
            updated_at=NOW + 1,
            status=Status.BOT_ACTIVE,
            resolved_at=None,
            language="pt-BR",
            prompt_version=None,
            human=False,
            agent_id=None,
            reopened=0,
            csat=None,
            csat_asked=False,
            resuming=False,
        ),
    )
    assert second.items == (
        ConversationFact(
            id="cv2",
            opened_at=NOW + 2,
            updated_at=NOW + 20,
            status=Status.RESOLVED,
            resolved_at=NOW + 20,
            language="pt-BR",
            prompt_version="v2",
            human=True,
            agent_id="ag1",
            reopened=0,
            csat=4,
            csat_asked=True,
            resuming=False,
        ),
    )
    assert (await store.conversations_opened(NOW + 2, NOW + 2, after=None, limit=9)).items == ()


async def test_rows_go_with_the_contact(store: Store) -> None:
    """Erasing a customer erases what reports count of them, and nothing of others."""
    await store.accept(inbound(1), "c1")
    await stored(store, waiting(1))
    await stored(store, waiting(2, contact_id="c2"))
    counts = await store.erase_contact("c1")
    assert counts["stretches"] == 1
    assert [row.conversation_id for row in (await asked(store)).items] == ["cv2"]
