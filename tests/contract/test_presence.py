"""Who has the console open."""

from __future__ import annotations

from dataclasses import replace

from ponte.domain.presence import Presence
from ponte.ports import Store
from tests.contract.builders import NOW

ANA = Presence("ana", "t1", "Ana", "cv1", 0, NOW, NOW)


async def test_a_tab_shows_what_it_showed_last(store: Store) -> None:
    """A tab has one row, with its newest state and its first moment."""
    await store.show_presence(ANA)
    again = replace(ANA, conversation_id=None, typing_until=NOW + 9, seen_at=NOW + 5, since=NOW + 5)
    await store.show_presence(again)
    assert await store.presences(NOW) == [replace(again, since=NOW)]


async def test_tabs_are_read_by_when_they_showed_themselves(store: Store) -> None:
    """Each tab is its own; those that fell silent before a time are passed over."""
    second, rui = replace(ANA, tab="t2", seen_at=NOW + 10), replace(ANA, agent_id="rui", name="Rui")
    for presence in (rui, second, ANA):
        await store.show_presence(presence)
    assert await store.presences(NOW) == [ANA, second, rui]
    assert await store.presences(NOW + 1) == [second]
    assert await store.presences(NOW + 11) == []


async def test_a_closed_tab_is_forgotten(store: Store) -> None:
    """Hiding takes away one tab, and an unknown one without an error."""
    await store.show_presence(ANA)
    await store.show_presence(replace(ANA, tab="t2"))
    await store.hide_presence("ana", "t1")
    await store.hide_presence("ana", "t9")
    assert [p.tab for p in await store.presences(0)] == ["t2"]


async def test_old_tabs_are_pruned(store: Store) -> None:
    """What crashed tabs left behind goes with the rest of what is over."""
    await store.show_presence(ANA)
    await store.show_presence(replace(ANA, tab="t2", seen_at=NOW + 10))
    assert (await store.prune(NOW + 5))["presences"] == 1
    assert [p.tab for p in await store.presences(0)] == ["t2"]
