"""The agents' queue: its order, its filters, what is put off."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ponte.domain.conversation import Conversation, Status, claim, heard, snooze
from ponte.domain.urgency import CLOSING_MS
from ponte.domain.window import WINDOW_MS
from ponte.errors import InvalidInput
from ponte.ports import HeldCount, Page, Store
from tests.contract.builders import NOW, bumped, opened, stored, waiting

_HOUR = 3_600_000


async def listed(
    store: Store,
    *,
    status: Status | None = None,
    after: str | None = None,
    limit: int = 50,
    agent_id: str | None = None,
    label: str | None = None,
    language: str | None = None,
    priority: int | None = None,
    snoozed: bool = False,
    contact_id: str | None = None,
) -> Page[Conversation]:
    """List conversations; what is not named is not asked for."""
    return await store.conversations(
        status=status,
        contact_id=contact_id,
        after=after,
        limit=limit,
        agent_id=agent_id,
        label=label,
        language=language,
        priority=priority,
        snoozed=snoozed,
    )


def ids(page: Page[Conversation]) -> list[str]:
    """Return the ids of a page."""
    return [conversation.id for conversation in page.items]


async def test_every_field_of_the_queue_comes_back(store: Store) -> None:
    """Labels, priority, snooze and the owed answer survive being stored."""
    conversation = replace(
        waiting(),
        version=1,
        labels=("reclamação", "vip"),
        priority=2,
        snoozed_until=NOW + 5,
        reopened=3,
        unanswered_since=NOW,
    )
    await stored(store, replace(conversation, version=0))
    assert await store.conversation("cv1") == conversation


async def test_the_queue_goes_by_priority_then_by_the_wait(store: Store) -> None:
    """What agents raised comes first; among equals, who waits longest; page after page."""
    for n, priority, at in ((1, 0, 30), (2, 0, 10), (3, 1, 40), (4, 2, 50), (5, 1, 20), (6, 0, 10)):
        await stored(store, replace(waiting(n, at=NOW + at), priority=priority))
    assert ids(await listed(store, status=Status.AWAITING_AGENT)) == [
        "cv4",
        "cv5",
        "cv3",
        "cv2",
        "cv6",
        "cv1",
    ]
    seen: list[str] = []
    after = None
    while True:
        page = await listed(store, status=Status.AWAITING_AGENT, after=after, limit=2)
        seen += ids(page)
        after = page.next
        if after is None:
            break
    assert seen == ["cv4", "cv5", "cv3", "cv2", "cv6", "cv1"]
    for priority, expected in ((2, ["cv4"]), (1, ["cv5", "cv3"]), (0, ["cv2", "cv6", "cv1"])):
        assert ids(await listed(store, status=Status.AWAITING_AGENT, priority=priority)) == expected


async def test_a_closing_window_counts_as_a_wait(store: Store) -> None:
    """Who waits only now, but whose 24 hours are almost over, comes before who waits a few minutes."""
    few_minutes = waiting(1, at=NOW - 600_000)
    closing = replace(waiting(2, at=NOW), last_customer_at=NOW - WINDOW_MS + CLOSING_MS - _HOUR)
    fresh = replace(waiting(3, at=NOW), last_customer_at=NOW - _HOUR)
    for conversation in (few_minutes, closing, fresh):
        await stored(store, conversation)
    assert ids(await listed(store, status=Status.AWAITING_AGENT)) == ["cv2", "cv1", "cv3"]


async def test_an_agents_own_are_read_without_the_others(store: Store) -> None:
    """A list of one agent holds only theirs, the one who waits longest for an answer first."""
    for n, agent_id, wrote in ((1, "ana", 500), (2, "rui", 100), (3, "ana", 50), (4, "ana", None)):
        held = claim(replace(waiting(n, at=NOW), unanswered_since=None), agent_id, NOW)
        held = replace(held, last_customer_at=NOW) if wrote is None else heard(held, NOW + wrote)
        await stored(store, held)
    assert ids(await listed(store, agent_id="ana")) == ["cv3", "cv1", "cv4"]
    assert ids(await listed(store, agent_id="rui", status=Status.AGENT_ACTIVE)) == ["cv2"]
    assert ids(await listed(store, agent_id="eva")) == []
    assert await listed(store, agent_id="ana", limit=3) == await listed(store, agent_id="ana")


async def test_labels_and_languages_narrow_every_list(store: Store) -> None:
    """A label or a language leaves what has it, in the list's own order, together too."""
    rows = (
        (waiting(1, at=NOW + 1), ("vip",), "es"),
        (waiting(2, at=NOW + 2), ("vip", "aula"), "pt-BR"),
        (waiting(3, at=NOW + 3), ("aula",), "es"),
        (opened(4, at=NOW + 4), ("vip",), "en"),
        (opened(5, at=NOW + 5), ("vip",), "es"),
    )
    for conversation, labels, language in rows:
        await stored(store, replace(conversation, labels=labels, language=language))
    assert ids(await listed(store, label="vip")) == ["cv5", "cv4", "cv2", "cv1"]
    assert ids(await listed(store, label="vip", status=Status.AWAITING_AGENT)) == ["cv1", "cv2"]
    assert ids(await listed(store, label="vip", status=Status.BOT_ACTIVE)) == ["cv5", "cv4"]
    assert ids(await listed(store, label="aula", language="es")) == ["cv3"]
    assert ids(await listed(store, language="es")) == ["cv5", "cv3", "cv1"]
    assert ids(await listed(store, language="es", status=Status.AWAITING_AGENT)) == ["cv1", "cv3"]
    assert ids(await listed(store, label="vip", contact_id="c1")) == ["cv5", "cv4", "cv2", "cv1"]
    assert ids(await listed(store, label="vi")) == []
    changed = replace(bumped(await store.conversation("cv5")), labels=("aula",), updated_at=NOW + 9)
    await stored(store, replace(changed, version=changed.version - 1))
    assert ids(await listed(store, label="vip")) == ["cv4", "cv2", "cv1"]
    assert ids(await listed(store, label="aula")) == ["cv5", "cv3", "cv2"]


async def test_a_label_keeps_its_place_as_the_conversation_changes(store: Store) -> None:
    """Lists by label follow changes of time and urgency, page by page."""
    for n in (1, 2, 3):
        await stored(store, replace(opened(n, at=NOW + n), labels=("vip",)))
    await stored(store, replace(await store.conversation("cv1"), updated_at=NOW + 50))
    page = await listed(store, label="vip", limit=2)
    assert ids(page) == ["cv1", "cv3"]
    assert ids(await listed(store, label="vip", limit=2, after=page.next)) == ["cv2"]


async def test_raised_ones_are_found_in_every_list(store: Store) -> None:
    """A priority narrows the lists that go by the latest change too."""
    for n, priority in ((1, 0), (2, 2), (3, 1), (4, 2)):
        await stored(store, replace(opened(n), priority=priority))
    assert ids(await listed(store, priority=2)) == ["cv4", "cv2"]
    assert ids(await listed(store, priority=0, status=Status.BOT_ACTIVE)) == ["cv1"]
    assert ids(await listed(store, priority=1, status=Status.RESOLVED)) == []


async def test_what_is_snoozed_leaves_the_queue_until_it_wakes(store: Store) -> None:
    """A snoozed conversation is in the list of snoozed ones only, the next to wake first."""
    for n, until in ((1, 300), (2, None), (3, 100), (4, 200)):
        held = claim(waiting(n), "ana" if n < 4 else "rui", NOW)
        await stored(store, held if until is None else snooze(held, NOW + until, NOW))
    assert ids(await listed(store, agent_id="ana")) == ["cv2"]
    assert ids(await listed(store, snoozed=True)) == ["cv3", "cv4", "cv1"]
    page = await listed(store, snoozed=True, agent_id="ana", limit=1)
    assert ids(page) == ["cv3"]
    assert ids(await listed(store, snoozed=True, agent_id="ana", limit=1, after=page.next)) == ["cv1"]
    assert [c.id for c in await store.sleepers(NOW + 200, 9)] == ["cv3", "cv4"]
    assert [c.id for c in await store.sleepers(NOW + 200, 1)] == ["cv3"]
    assert await store.sleepers(NOW + 99, 9) == []


async def test_the_labels_in_use_are_listed(store: Store) -> None:
    """Each label that a conversation has is named once; one that the last lost is not."""
    assert await store.labels_in_use(9) == []
    for n, labels in ((1, ("vip", "aula")), (2, ("vip",)), (3, ())):
        await stored(store, replace(opened(n), labels=labels))
    assert await store.labels_in_use(9) == ["aula", "vip"]
    assert await store.labels_in_use(1) == ["aula"]
    await stored(store, replace(await store.conversation("cv1"), labels=("éguas",)))
    assert await store.labels_in_use(9) == ["vip", "éguas"]


async def test_what_agents_hold_is_counted(store: Store) -> None:
    """For each agent who holds something: how many are awake, put off, and have unseen words."""
    assert await store.count_held() == {}
    for n, agent_id, unread in ((1, "ana", 0), (2, "ana", 3), (3, "rui", 1)):
        await stored(store, replace(claim(waiting(n), agent_id, NOW), unread=unread))
    await stored(store, snooze(claim(waiting(4), "ana", NOW), NOW + 9, NOW))
    await stored(store, snooze(claim(waiting(5), "eva", NOW), NOW + 9, NOW))
    await stored(store, waiting(6))
    assert await store.count_held() == {
        "ana": HeldCount(awake=2, snoozed=1, unread=1),
        "rui": HeldCount(awake=1, snoozed=0, unread=1),
        "eva": HeldCount(awake=0, snoozed=1, unread=0),
    }


async def test_a_cursor_belongs_to_its_order(store: Store) -> None:
    """A cursor of the queue is refused by the list of the latest changes, and the other way round."""
    for n in (1, 2):
        await stored(store, waiting(n))
    queue = (await listed(store, status=Status.AWAITING_AGENT, limit=1)).next
    latest = (await listed(store, limit=1)).next
    with pytest.raises(InvalidInput):
        await listed(store, after=queue)
    with pytest.raises(InvalidInput):
        await listed(store, status=Status.AWAITING_AGENT, after=latest)
