"""Texts as customers write them, broken ones included."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import Handoff, Trigger
from ponte.errors import InvalidInput
from ponte.ports import AuditEntry, Commit, Store
from tests.contract.builders import NOW, bumped, inbound, opened, said, sid

PLAIN = [
    "\U0001f434 cavalo",
    "a\x00b",
    "\u202e\u05e2\u05d1\u05e8",
    "e\u0301",
    "\ufeff",
    "' OR 1=1 --",
    "$where",
    "a.b",
    " " * 9,
]


@pytest.mark.parametrize("text", PLAIN)
async def test_any_text_is_kept_as_it_is(store: Store, text: str) -> None:
    """Emoji, NUL, other scripts and what looks like a query come back unchanged."""
    await store.accept(replace(inbound(1, body=text), profile_name=text, raw=((text, text),)), "c1")
    (row,) = await store.pending("c1", 10)
    assert row.inbound is not None
    assert (row.inbound.body, row.inbound.raw) == (text, ((text, text),))
    assert (await store.contact("c1")).name == text
    conversation = replace(bumped(opened()), preview=text, disposition=text, last_seq=1)
    await store.commit(Commit(conversation, (said(conversation, 1, body=text),), memory=text))
    assert await store.conversation("cv1") == conversation
    assert (await store.message("cv1:1")).body == text
    assert (await store.contact("c1")).memory == text


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ("a\ud83d", "a\ufffd"),
        ("\udc34b", "\ufffdb"),
        ("\ud83d\udc34", "\U0001f434"),
        ("é\udc80\ud800", "é\ufffd\ufffd"),
    ],
)
async def test_half_a_character_is_mended(store: Store, broken: str, mended: str) -> None:
    """An unpaired surrogate becomes U+FFFD, a pair becomes its character; nothing fails later."""
    message = replace(inbound(1, body=broken), profile_name=broken, wa_id=broken, raw=(("Body", broken),))
    await store.accept(message, "c1")
    (row,) = await store.pending("c1", 10)
    assert row.inbound is not None
    assert (row.inbound.body, row.inbound.profile_name, row.inbound.raw) == (
        mended,
        mended,
        (("Body", mended),),
    )
    assert (await store.contact("c1")).name == mended
    handoff = Handoff(broken, Trigger.MODEL, 0.5, broken, NOW)
    conversation = replace(
        bumped(opened()), preview=broken, disposition=broken, language=broken, handoff=handoff, last_seq=1
    )
    audit = AuditEntry("au1", NOW, "ag1", "note", "cv1", broken)
    await store.commit(
        Commit(conversation, (said(conversation, 1, body=broken),), memory=broken, audit=(audit,))
    )
    found = await store.conversation("cv1")
    assert found.handoff is not None
    assert {found.preview, found.disposition, found.language, found.handoff.summary} == {mended}
    assert (await store.message("cv1:1")).body == mended
    assert (await store.contact("c1")).memory == mended
    assert [entry.detail for entry in await store.audit_log()] == [mended]
    await store.bury([sid(1)], broken)
    assert (await store.dead(1))[0].error == mended


async def test_what_cannot_be_looked_up_is_refused(store: Store) -> None:
    """A name with half a character, or a number that is too large, raises InvalidInput, and only that."""
    await store.add_agent(Agent("ag1", "\ud800@example.com", "A\udc00", Role.AGENT, "x", NOW))
    assert (await store.agent("ag1")).name == "A\ufffd"
    for attempt in (
        store.agent_by_email("\ud800@example.com"),
        store.conversation("\udfff"),
        store.find_contact("\udfff"),
        store.messages("cv1", after=2**80),
        store.changed_since(2**80, 10),
        store.set_value("x", "\ud800"),
    ):
        with pytest.raises(InvalidInput):
            await attempt
    await store.ping()
