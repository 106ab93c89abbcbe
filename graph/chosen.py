"""The answer to a question with numbered choices: what stands behind the number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from graph.state import InboundItem
from ponte.domain.choices import MAX_ITEM_TITLE, answered, from_details
from ponte.domain.conversation import Conversation
from ponte.domain.message import Author, Kind
from ponte.ports import ConversationStore

_LOOK_BACK: Final = 10


async def chosen(
    store: ConversationStore, current: Conversation, items: Sequence[InboundItem]
) -> list[InboundItem]:
    """Return the items with the choice's title in place of its number, where our last message offered some.

    A button's answer names its title already.
    """
    if not any(_short(item) for item in items):
        return list(items)
    rows = await store.messages(current.id, before=current.last_seq + 1, limit=_LOOK_BACK)
    ours = [m for m in rows if m.author is not Author.CUSTOMER and m.kind is not Kind.NOTE]
    choices = from_details(ours[-1].details) if ours else ()
    if not choices:
        return list(items)
    found = [(item, answered(item.body, choices) if _short(item) else None) for item in items]
    return [item if choice is None else replace(item, body=choice.title) for item, choice in found]


def _short(item: InboundItem) -> bool:
    return item.kind is Kind.TEXT and 0 < len(item.body) <= MAX_ITEM_TITLE + 4
