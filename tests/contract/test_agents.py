"""Agents, logins, throttles and the audit log."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ponte.domain.agent import Agent, AgentSession, Role
from ponte.errors import InvalidInput, NotFound
from ponte.ports import AuditEntry, AuditFilter, Commit, Store
from tests.contract.builders import NOW, bumped, opened

ANA = Agent("ag1", "ana@example.com", "Ana", Role.SUPERVISOR, "$argon2id$1", NOW)
BIA = Agent("ag2", "bia@example.com", "Bia", Role.AGENT, "$argon2id$2", NOW, disabled=True)


async def test_agents_are_kept_and_found(store: Store) -> None:
    """An agent is found by id and e-mail, and all are listed by e-mail."""
    await store.add_agent(BIA)
    await store.add_agent(ANA)
    assert await store.agent("ag1") == ANA
    assert await store.agent_by_email("bia@example.com") == BIA
    assert await store.agent_by_email("nobody@example.com") is None
    assert await store.agents() == [ANA, BIA]
    with pytest.raises(NotFound):
        await store.agent("agX")


async def test_an_email_belongs_to_one_agent(store: Store) -> None:
    """A taken e-mail is refused, on adding, also at once, and on changing."""
    taken = await asyncio.gather(
        *(store.add_agent(replace(ANA, id=f"ag{n}")) for n in range(3)), return_exceptions=True
    )
    assert sum(result is None for result in taken) == 1
    assert sum(isinstance(result, InvalidInput) for result in taken) == 2
    await store.add_agent(replace(BIA, id="ag9"))
    with pytest.raises(InvalidInput):
        await store.update_agent(replace(BIA, id="ag9", email=ANA.email))


async def test_an_agent_is_replaced(store: Store) -> None:
    """Changing an agent replaces every field; an unknown one is not found."""
    await store.add_agent(ANA)
    changed = replace(ANA, name="Ana Lúcia", disabled=True, role=Role.ADMIN, email="al@example.com")
    await store.update_agent(changed)
    assert await store.agents() == [changed]
    with pytest.raises(NotFound):
        await store.update_agent(BIA)


async def test_logins_end_one_by_one_or_all_at_once(store: Store) -> None:
    """A login is found by its hash until it, or all of its agent's, are ended or pruned."""
    for n, agent_id in ((1, "ag1"), (2, "ag1"), (3, "ag1"), (4, "ag2")):
        await store.add_session(AgentSession(f"h{n}", agent_id, NOW, NOW + n))
    assert await store.session("h1") == AgentSession("h1", "ag1", NOW, NOW + 1)
    assert await store.session("hX") is None
    await store.end_session("h1")
    await store.end_session("h1")
    assert await store.session("h1") is None
    assert await store.end_sessions("ag1") == 2
    assert await store.end_sessions("ag1") == 0
    assert (await store.prune(NOW + 4))["sessions"] == 0
    assert (await store.prune(NOW + 5))["sessions"] == 1


async def test_tries_are_counted_within_a_window(store: Store) -> None:
    """Tries add up until the window that began with the first one has passed, per key."""
    assert [await store.hit("a", NOW + n, 100) for n in (0, 50, 99)] == [1, 2, 3]
    assert await store.hit("b", NOW, 100) == 1
    assert [await store.hit("a", NOW + n, 100) for n in (100, 101, 199, 200)] == [1, 2, 3, 1]
    await store.forgive("a")
    await store.forgive("a")
    assert await store.hit("a", NOW + 201, 100) == 1
    assert (await store.prune(NOW + 101))["throttles"] == 1
    assert await store.hit("a", NOW + 202, 100) == 2


async def test_concurrent_tries_all_count(store: Store) -> None:
    """Tries at the same time are each counted, also at the beginning of a window."""
    assert sorted(await asyncio.gather(*(store.hit("a", NOW, 100) for _ in range(20)))) == list(range(1, 21))
    later = await asyncio.gather(*(store.hit("a", NOW + 100, 100) for _ in range(20)))
    assert sorted(later) == list(range(1, 21))


async def test_the_audit_log_is_read_newest_first(store: Store) -> None:
    """Entries of commits and others come newest first; one id is recorded once."""
    entries = [
        AuditEntry("au1", NOW + 1, "ag1", "login"),
        AuditEntry("au2", NOW + 2, "ag1", "claim", "cv1", "from the queue"),
        AuditEntry("au3", NOW + 2, "bot", "hand over", "cv2"),
    ]
    await store.audit(entries[0])
    await store.audit(entries[0])
    await store.commit(Commit(bumped(opened()), audit=(entries[1], entries[1])))
    await store.audit(entries[2])
    assert await store.audit_log() == [entries[2], entries[1], entries[0]]
    assert await store.audit_log(limit=1) == [entries[2]]
    assert await store.audit_log(conversation_id="cv1") == [entries[1]]


async def test_the_audit_log_is_paged_and_filtered(store: Store) -> None:
    """Pages follow each other without gaps, newest first, for each filter and all of them together."""
    entries = [
        AuditEntry(f"au{n}", NOW + n // 2, f"ag{n % 2}", ("claim", "note")[n // 3 % 2], f"cv{n % 3}")
        for n in range(12)
    ]
    for entry in entries:
        await store.audit(entry)
    filters = [
        AuditFilter(),
        AuditFilter(actor="ag1"),
        AuditFilter(action="note"),
        AuditFilter(actor="ag0", action="claim"),
        AuditFilter(conversation_id="cv1"),
        AuditFilter(actor="ag0", action="claim", conversation_id="cv0"),
        AuditFilter(since=NOW + 3),
        AuditFilter(until=NOW + 3),
        AuditFilter(actor="ag0", since=NOW + 3, until=NOW + 4),
        AuditFilter(conversation_id="cv1", until=NOW + 3),
    ]
    for wanted in filters:
        expected = [
            e
            for e in sorted(entries, key=lambda e: (e.at, e.id), reverse=True)
            if wanted.actor in {None, e.actor}
            and wanted.action in {None, e.action}
            and wanted.conversation_id in {None, e.conversation_id}
            and (wanted.since or 0) <= e.at
            and (wanted.until is None or e.at < wanted.until)
        ]
        found: list[AuditEntry] = []
        cursor: str | None = None
        while True:
            page = await store.audit_page(wanted, after=cursor, limit=2)
            found += page.items
            cursor = page.next
            if cursor is None:
                break
        assert found == expected
    with pytest.raises(InvalidInput):
        await store.audit_page(AuditFilter(), after="nonsense", limit=2)


async def test_an_agents_valid_logins_are_listed(store: Store) -> None:
    """Those that ended, and those of others, are not among them."""
    logins = [AgentSession(f"h{n}", "ag1", NOW, NOW + n) for n in range(4)]
    for login in [*logins, AgentSession("other", "ag2", NOW, NOW + 9)]:
        await store.add_session(login)
    assert sorted(s.token_hash for s in await store.sessions("ag1", NOW + 1)) == ["h2", "h3"]
    assert len(await store.sessions("ag1", NOW, limit=2)) == 2
