"""Who has the console open, and what they look at or type in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

# A tab shows itself this often while it is open, and counts as closed when it has been silent so long.
HEARTBEAT_MS: Final = 15_000
EXPIRES_MS: Final = 45_000
# One key press counts as typing for so long.
TYPING_MS: Final = 6_000


@dataclass(frozen=True, slots=True)
class Presence:
    """One open tab.

    Args:
        agent_id: whose.
        tab: names it among the agent's tabs.
        name: the agent's name, so that nobody has to look it up.
        conversation_id: what is open in it and can be seen; None when nothing is.
        typing_until: the agent types in that conversation until then, ms UTC; 0 when not.
        seen_at: when it last showed itself, ms UTC.
        since: when it was opened, ms UTC.
    """

    agent_id: str
    tab: str
    name: str
    conversation_id: str | None
    typing_until: int
    seen_at: int
    since: int


@dataclass(frozen=True, slots=True)
class Present:
    """An agent who is here: all their tabs as one.

    Args:
        agent_id: who.
        name: their name.
        since: when the oldest of their tabs was opened, ms UTC.
        looking: the conversations that they have before their eyes.
        typing: of those, where they type, and until when that counts, ms UTC.
    """

    agent_id: str
    name: str
    since: int
    looking: tuple[str, ...] = ()
    typing: dict[str, int] = field(default_factory=dict)


def merged(tabs: Iterable[Presence], now: int) -> list[Present]:
    """Return who is here at ``now`` (ms UTC), by name; tabs that went silent do not count."""
    by_agent: dict[str, list[Presence]] = {}
    for tab in tabs:
        if now - tab.seen_at < EXPIRES_MS:
            by_agent.setdefault(tab.agent_id, []).append(tab)
    return sorted(
        (_one(open_tabs, now) for open_tabs in by_agent.values()), key=lambda p: (p.name, p.agent_id)
    )


def _one(tabs: list[Presence], now: int) -> Present:
    typing: dict[str, int] = {}
    for tab in tabs:
        if tab.conversation_id is not None and tab.typing_until > now:
            typing[tab.conversation_id] = max(tab.typing_until, typing.get(tab.conversation_id, 0))
    newest = max(tabs, key=lambda tab: tab.seen_at)
    return Present(
        agent_id=newest.agent_id,
        name=newest.name,
        since=min(tab.since for tab in tabs),
        looking=tuple(sorted({tab.conversation_id for tab in tabs if tab.conversation_id is not None})),
        typing=dict(sorted(typing.items())),
    )
