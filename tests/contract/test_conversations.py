"""Contacts, conversations and transcripts."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ponte.domain.conversation import Conversation, Resume, ResumeAction, Status, claim
from ponte.domain.message import Author, Media, MediaError, MessageStatus
from ponte.errors import Conflict, InvalidInput, NotFound
from ponte.ports import Commit, Store
from tests.contract.builders import (
    JOAO,
    MARIA,
    NOW,
    bumped,
    inbound,
    opened,
    outgoing,
    said,
    sid,
    stored,
    waiting,
    wrote,
)


async def test_contacts_are_found_by_id_address_and_whatsapp_id(store: Store) -> None:
    """A contact is found by each of its names; an unknown one is not."""
    await store.accept(inbound(1), "c1")
    await store.accept(inbound(2, address=JOAO), "c2")
    maria, joao = await store.contact("c1"), await store.contact("c2")
    assert await store.contacts(["c2", "c1", "cX"]) == {"c1": maria, "c2": joao}
    assert await store.contacts([]) == {}
    assert await store.find_contact(MARIA) == await store.find_contact("5511900000001") == maria
    assert await store.find_contact(JOAO) == joao
    assert await store.find_contact("unknown") is None
    with pytest.raises(NotFound):
        await store.contact("cX")


async def test_a_conversation_comes_back_as_it_was_stored(store: Store) -> None:
    """Every field survives, nested values included."""
    conversation = replace(
        waiting(),
        version=1,
        last_turn_id="t1",
        last_customer_at=NOW,
        resume=Resume(ResumeAction.RETURNED, "paid already", 3, 5),
        disposition="sold",
        preview="Olá",
        reminded=True,
        unread=2,
    )
    await store.commit(Commit(conversation))
    assert await store.conversation("cv1") == conversation
    assert await store.current("c1") == conversation


async def test_unknown_conversations_and_messages_are_not_found(store: Store) -> None:
    """Reading by an unknown id raises NotFound; a contact without conversations has none."""
    with pytest.raises(NotFound):
        await store.conversation("cv1")
    with pytest.raises(NotFound):
        await store.message("m1")
    with pytest.raises(NotFound):
        await store.mark_seen("cv1", 1)
    assert await store.current("c1") is None
    assert await store.messages("cv1") == []


async def test_the_current_conversation_is_the_newest(store: Store) -> None:
    """The one opened last is current; of two of one instant, the one that is not closed."""
    closed = replace(opened(2), status=Status.RESOLVED, resolved_at=NOW + 9)
    await stored(store, closed)
    await stored(store, opened(1))
    assert (await store.current("c1")) == bumped(closed)
    await stored(store, opened(3, at=NOW + 2))
    current = await store.current("c1")
    assert current is not None
    assert current.id == "cv3"


async def test_a_commit_on_an_old_version_is_refused_whole(store: Store) -> None:
    """A stale commit, a second creation and a change of what is not there raise Conflict and do nothing."""
    await store.accept(inbound(1), "c1")
    first = await stored(store, opened())
    second = await stored(store, first)
    for stale in (second, bumped(first), bumped(bumped(second)), replace(first, version=1)):
        with pytest.raises(Conflict):
            await store.commit(Commit(stale, messages=(said(stale, 1),), done=(sid(1),), memory="x"))
    with pytest.raises(Conflict):
        await store.commit(Commit(replace(opened(7), version=2)))
    assert await store.conversation("cv1") == second
    assert await store.messages("cv1") == []
    assert len(await store.pending("c1", 10)) == 1
    assert (await store.contact("c1")).memory == ""


async def test_concurrent_commits_of_one_version_have_one_winner(store: Store) -> None:
    """Of many commits on the same version one succeeds and the others raise Conflict."""
    conversation = await stored(store, opened())
    results = await asyncio.gather(
        *(
            store.commit(
                Commit(replace(bumped(conversation), last_seq=1), (said(conversation, 1, body=str(n)),))
            )
            for n in range(10)
        ),
        return_exceptions=True,
    )
    assert sum(result is None for result in results) == 1
    assert all(result is None or isinstance(result, Conflict) for result in results)
    assert len(await store.messages("cv1")) == 1


async def test_a_commit_opts_a_contact_out_and_in_again(store: Store) -> None:
    """The contact is opted out since the conversation's ``updated_at``; None leaves it as it is."""
    await store.accept(inbound(1), "c1")
    assert (await store.contact("c1")).opted_out_at is None
    out = replace(bumped(opened()), updated_at=NOW + 50)
    await store.commit(Commit(out, opted_out=True))
    assert (await store.contact("c1")).opted_out_at == NOW + 50
    await store.commit(Commit(replace(out, version=2, updated_at=NOW + 60)))
    assert (await store.contacts(["c1"]))["c1"].opted_out_at == NOW + 50
    await store.commit(Commit(replace(out, version=3, updated_at=NOW + 70), opted_out=False))
    assert (await store.contact("c1")).opted_out_at is None


async def test_twilio_may_tell_of_an_opt_out(store: Store) -> None:
    """It is recorded once, and the customer's own word takes it back."""
    await store.accept(inbound(1), "c1")
    assert await store.opt_out("c1", NOW + 5)
    assert not await store.opt_out("c1", NOW + 9)
    assert (await store.contact("c1")).opted_out_at == NOW + 5
    assert not await store.opt_out("unknown", NOW)
    await store.commit(Commit(bumped(opened()), opted_out=False))
    assert (await store.contact("c1")).opted_out_at is None


async def test_a_commit_carries_memory_and_finished_rows(store: Store) -> None:
    """The contact's memory is replaced only when given; done rows leave the inbox."""
    await store.accept(inbound(1), "c1")
    await store.postpone([sid(1)], NOW, "an error")
    await store.commit(Commit(bumped(opened()), done=(sid(1),), memory="likes horses"))
    await store.commit(Commit(bumped(bumped(opened()))))
    assert (await store.contact("c1")).memory == "likes horses"
    await store.commit(Commit(replace(opened(), version=3), memory=""))
    assert (await store.contact("c1")).memory == ""
    assert await store.pending("c1", 10) == []


async def test_time_of_change_never_goes_back(store: Store) -> None:
    """A commit computed before a message was settled does not undo the newer updated_at."""
    conversation = await wrote(store, opened(), [outgoing(opened(), 1)])
    assert await store.settle("cv1:1", MessageStatus.SENT, now=NOW + 500)
    await store.commit(Commit(replace(bumped(conversation), updated_at=NOW + 100)))
    assert (await store.conversation("cv1")).updated_at == NOW + 500


async def test_messages_come_in_order_and_by_ranges(store: Store) -> None:
    """The transcript is read forward from a seq, or backward from its end, always in order of seq."""
    conversation = opened()
    await wrote(store, conversation, [said(conversation, n) for n in range(1, 8)])

    async def seqs(**how: int) -> list[int]:
        return [message.seq for message in await store.messages("cv1", **how)]

    assert await seqs() == [1, 2, 3, 4, 5, 6, 7]
    assert await seqs(after=2, limit=3) == [3, 4, 5]
    assert await seqs(before=6, limit=2) == [4, 5]
    assert await seqs(after=4, before=7, limit=9) == [5, 6]
    assert await seqs(after=7) == []


async def test_a_message_comes_back_as_it_was_stored(store: Store) -> None:
    """Every field of a message survives, its delivery included."""
    message = replace(
        outgoing(opened(), 1),
        media=(Media("https://x/1", "image/png"), Media("https://x/2", "audio/ogg")),
        agent_id="ag1",
        prompt_version="abc",
        sid="SMx",
        error_code=63016,
    )
    await wrote(store, opened(), [message])
    assert await store.message("cv1:1") == message
    assert await store.messages("cv1") == [message]


async def test_seen_messages_are_not_unread(store: Store) -> None:
    """Seeing up to a seq recounts the customer's unseen messages, only forward, never past the end."""
    conversation = await stored(store, waiting())
    messages = [
        said(conversation, 1),
        said(conversation, 2, author=Author.AGENT),
        said(conversation, 3),
        said(conversation, 4),
    ]
    await store.commit(Commit(replace(bumped(conversation), last_seq=4, unread=3), tuple(messages)))
    await store.mark_seen("cv1", 2)
    seen = await store.conversation("cv1")
    assert (seen.seen_seq, seen.unread) == (2, 2)
    await store.mark_seen("cv1", 1)
    assert await store.conversation("cv1") == seen
    await store.mark_seen("cv1", 99)
    seen = await store.conversation("cv1")
    assert (seen.seen_seq, seen.unread, seen.last_seq) == (4, 0, 4)


async def test_seeing_is_not_lost_to_a_concurrent_commit(store: Store) -> None:
    """A commit based on what was read before an agent looked is refused, so that both can be kept."""
    conversation = await wrote(store, waiting(), [said(waiting(), 1)])
    await store.mark_seen("cv1", 1)
    with pytest.raises(Conflict):
        await store.commit(Commit(replace(bumped(conversation), unread=1)))
    assert (await store.conversation("cv1")).seen_seq == 1


async def pages(
    store: Store, status: Status | None, contact_id: str | None = None, limit: int = 2
) -> list[list[str]]:
    """Return the ids of all pages."""
    found: list[list[str]] = []
    after = None
    while True:
        page = await store.conversations(status=status, contact_id=contact_id, after=after, limit=limit)
        found.append([conversation.id for conversation in page.items])
        after = page.next
        if after is None:
            return found


async def test_conversations_are_listed_by_pages(store: Store) -> None:
    """The latest changed come first; those that wait, longest waiting first; no page repeats or skips."""
    for n in (1, 2, 3):
        await stored(store, opened(n))
    await stored(store, opened(9, at=NOW + 2, contact_id="c2"))
    for n, at in ((4, NOW + 40), (5, NOW + 30), (6, NOW + 30), (7, NOW + 20), (8, NOW + 35)):
        await stored(store, waiting(n, at=at, contact_id="c2"))
    assert await pages(store, None, limit=100) == [
        ["cv4", "cv8", "cv6", "cv5", "cv7", "cv3", "cv9", "cv2", "cv1"]
    ]
    assert await pages(store, None, limit=3) == [
        ["cv4", "cv8", "cv6"],
        ["cv5", "cv7", "cv3"],
        ["cv9", "cv2", "cv1"],
    ]
    assert await pages(store, Status.BOT_ACTIVE) == [["cv3", "cv9"], ["cv2", "cv1"]]
    assert await pages(store, Status.AWAITING_AGENT) == [["cv7", "cv5"], ["cv6", "cv8"], ["cv4"]]
    assert await pages(store, None, "c1") == [["cv3", "cv2"], ["cv1"]]
    assert await pages(store, Status.BOT_ACTIVE, "c2") == [["cv9"]]
    assert await pages(store, Status.AWAITING_AGENT, "c2", 9) == [["cv7", "cv5", "cv6", "cv8", "cv4"]]
    assert await pages(store, Status.RESOLVED) == [[]]


@pytest.mark.parametrize(
    "cursor", ["", "x", "u12", "u.id", "uzz.id", "w12.id", "u-1.id", "u99999999999999999999.id"]
)
async def test_a_foreign_cursor_is_refused(store: Store, cursor: str) -> None:
    """A cursor that the list did not give out raises InvalidInput."""
    with pytest.raises(InvalidInput):
        await store.conversations(status=None, contact_id=None, after=cursor, limit=2)


async def test_changes_are_read_from_a_time_on(store: Store) -> None:
    """Conversations changed at or after a time come the longest ago first, up to the limit."""
    for n in (3, 1, 2):
        await stored(store, opened(n))
    assert [c.id for c in await store.changed_since(NOW + 2, 10)] == ["cv2", "cv3"]
    assert [c.id for c in await store.changed_since(0, 2)] == ["cv1", "cv2"]


async def test_statuses_are_counted(store: Store) -> None:
    """Each status but RESOLVED has its count, zero included."""
    assert set((await store.count_by_status()).values()) == {0}
    await stored(store, opened(1))
    await stored(store, waiting(2))
    await stored(store, waiting(3))
    await stored(store, replace(opened(4), status=Status.RESOLVED))
    assert await store.count_by_status() == {
        Status.BOT_ACTIVE: 1,
        Status.AWAITING_AGENT: 2,
        Status.AGENT_ACTIVE: 0,
    }


async def test_those_who_wait_too_long_are_found(store: Store) -> None:
    """Only conversations that wait since before the time, and were not reminded, longest first."""
    await stored(store, waiting(1, at=NOW + 10))
    await stored(store, waiting(2, at=NOW + 5))
    await stored(store, waiting(3, at=NOW + 20))
    await stored(store, replace(waiting(4, at=NOW), reminded=True))
    await stored(store, claim(waiting(5, at=NOW), "ag1", NOW))
    assert [c.id for c in await store.overdue(NOW + 20, 10)] == ["cv2", "cv1"]
    assert [c.id for c in await store.overdue(NOW + 20, 1)] == ["cv2"]


async def test_an_erased_contact_leaves_nothing_behind_and_others_untouched(store: Store) -> None:
    """Contact, conversations, messages and inbox rows go; another customer's stay."""
    for n, address, contact_id in ((1, MARIA, "c1"), (2, JOAO, "c2"), (3, MARIA, "c1")):
        await store.accept(inbound(n, address=address), contact_id)
    await store.bury([sid(3)], "E")
    for n, contact_id in ((1, "c1"), (2, "c2")):
        conversation = opened(n, contact_id=contact_id)
        row = said(conversation, 1)
        appended = replace(conversation, version=1, last_seq=1)
        await store.commit(Commit(appended, messages=(replace(row, id=sid(n)),), done=(sid(n),)))
    counts = await store.erase_contact("c1")
    assert {name: n for name, n in counts.items() if n} == {
        "inbox": 2,
        "messages": 1,
        "conversations": 1,
        "contacts": 1,
    }
    assert await store.find_contact(MARIA) is None
    assert await store.current("c1") is None
    assert await store.dead(10) == []
    assert await store.accept(inbound(1), "c9") == "c9"
    assert len(await store.messages((await _current(store, "c2")).id)) == 1


async def test_files_that_others_have_too_are_found(store: Store) -> None:
    """Of a customer's files, those that are in another customer's messages are told apart."""
    keys = {"c1": ("a" * 64, "b" * 64), "c2": ("b" * 64, "c" * 64)}
    for n, (contact_id, files) in enumerate(keys.items(), start=1):
        await store.accept(inbound(n, address=(MARIA, JOAO)[n - 1]), contact_id)
        conversation = opened(n, contact_id=contact_id)
        row = replace(said(conversation, 1), media=tuple(Media("", "image/png", key=key) for key in files))
        bare = said(conversation, 2)
        await store.commit(Commit(replace(conversation, version=1, last_seq=2), messages=(row, bare)))
    assert await store.media_elsewhere("c1", keys["c1"]) == {"b" * 64}
    assert await store.media_elsewhere("c1", []) == set()
    assert [await store.media_of(name) for name in ("c1", "c2", "c3")] == [*map(set, keys.values()), set()]


async def _current(store: Store, contact_id: str) -> Conversation:
    current = await store.current(contact_id)
    assert current is not None
    return current


async def test_what_a_file_says_can_come_later(store: Store) -> None:
    """The words of a message's files replace what was known; the conversation counts as changed."""
    conversation = opened()
    file = Media("https://api.twilio.com/m/1", "audio/ogg", key="ab" * 32, size=7)
    await wrote(store, conversation, [replace(said(conversation, 1), media=(file, file))])
    heard = replace(file, text="quanto custa?", language="pt", confidence=0.9, duration_ms=1_200)
    before = await store.conversation(conversation.id)
    assert await store.set_media_text("cv1:1", [file, heard], NOW + 500)
    assert (await store.message("cv1:1")).media == (file, heard)
    after = await store.conversation(conversation.id)
    assert after == replace(before, updated_at=NOW + 500)
    assert not await store.set_media_text("cv1:1", [file, heard], NOW + 600)
    assert not await store.set_media_text("cv1:1", [heard], NOW + 600)
    assert not await store.set_media_text("cv1:1", [replace(heard, key="cd" * 32), heard], NOW + 600)
    assert not await store.set_media_text("unknown", [heard], NOW + 600)
    assert (await store.conversation(conversation.id)).updated_at == NOW + 500


async def test_a_file_that_was_not_to_be_had_comes_later(store: Store) -> None:
    """Messages with such a file are found by their age until it is there; the file is then the message's."""
    lost = Media("https://api.twilio.com/m/1", "audio/ogg", error=MediaError.UNAVAILABLE)
    refused = replace(lost, error=MediaError.REFUSED)
    kept = replace(lost, error=None, key="ab" * 32, size=7)
    files = [(kept, lost), (refused,), (lost,), (kept,), ()]
    conversation = opened()
    rows = [replace(said(conversation, n), media=media) for n, media in enumerate(files, start=1)]
    await wrote(store, conversation, rows)

    async def missing(after: int, until: int, limit: int = 10) -> list[str]:
        return [m.id for m in await store.missing_files(NOW + after, NOW + until, limit)]

    assert await missing(0, 9) == ["cv1:1", "cv1:3"]
    assert await missing(0, 9, limit=1) == ["cv1:1"]
    assert await missing(1, 3) == ["cv1:3"]
    assert await missing(3, 9) == []
    found = replace(lost, error=None, key="cd" * 32, size=9)
    assert not await store.set_media_text("cv1:1", [found], NOW)
    assert not await store.set_media_text("cv1:1", [kept, replace(found, url="https://other")], NOW)
    assert await store.set_media_text("cv1:1", [kept, found], NOW)
    assert (await store.message("cv1:1")).media == (kept, found)
    assert await missing(0, 9) == ["cv1:3"]
    assert await store.media_elsewhere("c2", ["cd" * 32]) == {"cd" * 32}


async def test_how_content_the_customer_was_is_kept(store: Store) -> None:
    """The answer of a customer who was asked stays with the conversation."""
    conversation = await stored(store, opened())
    rated = replace(bumped(conversation), csat=5, csat_at=NOW + 2, csat_asked_at=NOW + 1)
    await store.commit(Commit(rated))
    assert await store.conversation(conversation.id) == rated
