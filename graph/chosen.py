"""The answer to a question with choices: what it means, whether it was tapped, typed or numbered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from graph.state import InboundItem
from ponte.domain.choices import MAX_ITEM_TITLE, Choice, answered, from_details, tapped
from ponte.domain.conversation import Conversation
from ponte.domain.message import Author, Details, Kind, Message
from ponte.ports import ConversationStore

_LOOK_BACK: Final = 10
_LONGEST: Final = 2 * MAX_ITEM_TITLE


async def chosen(
    store: ConversationStore, current: Conversation, items: Sequence[InboundItem]
) -> list[InboundItem]:
    """Return the items with what a choice means in place of its number, words or button.

    A typed answer belongs to our last message, a tapped one to the newest that has such a button.
    """
    if not any(_may_choose(item) for item in items):
        return list(items)
    rows = await store.messages(current.id, before=current.last_seq + 1, limit=_LOOK_BACK)
    ours = [m for m in reversed(rows) if m.author is not Author.CUSTOMER and m.kind is not Kind.NOTE]
    return [_meant(item, ours) for item in items]


def _meant(item: InboundItem, ours: Sequence[Message]) -> InboundItem:
    choice = None
    if item.kind is Kind.CHOICE:
        payload = payload_of(item.details)
        found = (tapped(payload, from_details(m.details)) for m in ours if payload)
        choice = next((c for c in found if c is not None), None)
    elif ours and _may_choose(item):
        choice = answered(item.body, from_details(ours[0].details))
    return item if choice is None else replace(item, body=_words(item, choice))


def _words(item: InboundItem, choice: Choice) -> str:
    # A button's own text is what the customer saw when they tapped it.
    return choice.means or (item.body if item.kind is Kind.CHOICE and item.body else choice.title)


def payload_of(details: Details) -> str:
    """Return the id of the choice that was tapped, on a button or in a list; empty when none was."""
    carried = dict(details)
    return carried.get("button_payload") or carried.get("list_id", "")


def _may_choose(item: InboundItem) -> bool:
    return item.kind is Kind.CHOICE or (item.kind is Kind.TEXT and 0 < len(item.body) <= _LONGEST)
