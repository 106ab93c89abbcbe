"""What the decision ledger teaches: agents' marks as labelled examples, and counts by prompt version."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from ponte.domain.conversation import Trigger
from ponte.domain.decision import HandoffDecision, HandoffMark, Mark, Outcome
from ponte.domain.message import Author, Message
from ponte.errors import NotFound
from ponte.locales import LOCALES
from ponte.masking import masked
from ponte.ports import Store

HEADER: Final = ("lang", "label", "kind", "text")
_LABELS: Final = {Mark.NOT_NEEDED: "bot", Mark.LATE: "human"}
_PAGE: Final = 200
_LONGEST: Final = 1_600


@dataclass(frozen=True, slots=True)
class Labelled:
    """One example for review: the columns of ``handoff/examples/*.tsv``.

    Args:
        lang: the customer's language, one of Ponte's.
        label: ``human`` or ``bot``: what should have happened.
        kind: the mark.
        text: what the customer said, masked, on one line.
    """

    lang: str
    label: str
    kind: str
    text: str

    def row(self) -> str:
        """Return the example as a line of a TSV file, without its end."""
        return f"{self.lang}\t{self.label}\t{self.kind}\t{self.text}"


@dataclass(frozen=True, slots=True)
class VersionCount:
    """What one trigger did under one version of the prompt files.

    Args:
        prompt_version: the version.
        trigger: None for the turns that the bot went on with.
        decisions: how many turns it decided.
        not_needed: how many marks say that no human was needed.
        late: how many say that one should have come sooner.
    """

    prompt_version: str
    trigger: Trigger | None
    decisions: int
    not_needed: int = 0
    late: int = 0


async def labelled_examples(store: Store, since: int = 0) -> list[Labelled]:
    """Return the marks made at or after ``since`` (ms UTC) as examples, each once, in order of the marks.

    A mark on a turn without words gives none. Names of the customer and of agents, other names as far as
    rules find them, numbers and addresses are masked.
    """
    agents = [agent.name for agent in await store.agents()]
    found: dict[Labelled, None] = {}
    async for mark in _marks(store, since):
        label = _LABELS.get(mark.mark)
        if label is None:
            continue
        try:
            decision = await store.decision(mark.decision_id)
            contact = await store.contact(mark.contact_id)
        except NotFound:
            continue  # erased meanwhile
        # Masking a long text takes tens of ms.
        words, names = await _words(store, decision, mark), [contact.name or "", *agents]
        text = _clean(await asyncio.to_thread(masked, words, names))
        if text and decision.language in LOCALES:
            found[Labelled(decision.language, label, mark.mark.value, text)] = None
    return list(found)


async def counts_by_version(store: Store, since: int = 0) -> list[VersionCount]:
    """Return how often each trigger decided and was marked since ``since`` (ms UTC), the busiest first."""
    marked: dict[tuple[str, Trigger | None, Mark], int] = {
        (count.prompt_version, count.trigger, count.mark): count.count
        for count in await store.mark_counts(since)
    }
    counted: dict[tuple[str, Trigger | None], int] = {
        (count.prompt_version, count.trigger if count.outcome is Outcome.HUMAN else None): count.count
        for count in await store.decision_counts(since)
    }
    # A mark may be newer than ``since``, and what it is on older.
    keys = counted.keys() | {(version, trigger) for version, trigger, _ in marked}
    rows = [
        VersionCount(
            version,
            trigger,
            counted.get((version, trigger), 0),
            marked.get((version, trigger, Mark.NOT_NEEDED), 0),
            marked.get((version, trigger, Mark.LATE), 0),
        )
        for version, trigger in keys
    ]
    return sorted(rows, key=lambda row: (row.prompt_version, -row.decisions, row.trigger or ""))


async def _marks(store: Store, since: int) -> AsyncIterator[HandoffMark]:
    cursor: str | None = None
    while True:
        page = await store.marks_made(since, after=cursor, limit=_PAGE)
        for mark in page.items:
            yield mark
        cursor = page.next
        if cursor is None:
            return


async def _words(store: Store, decision: HandoffDecision, mark: HandoffMark) -> str:
    """Return what the customer said: in the turn that was decided, or where a human should have come."""
    first, last = decision.first_seq, decision.seq
    if mark.mark is Mark.LATE and mark.at_seq is not None:
        first = last = mark.at_seq
    rows = await store.messages(decision.conversation_id, after=first - 1, before=last + 1, limit=_PAGE)
    return "\n".join(said for row in rows if row.author is Author.CUSTOMER if (said := _said(row)))


def _said(message: Message) -> str:
    """Return a message's own words, written or spoken; what files say is not the customer's wish."""
    spoken = [m.text for m in message.media if m.text and m.content_type.startswith("audio/")]
    return "\n".join(filter(None, [message.body, *spoken]))


def _clean(text: str) -> str:
    """Return the text as a TSV cell: on one line, without tabs and control characters.

    A spreadsheet takes a cell that begins with one of these signs for a formula; no wish begins with one
    (https://owasp.org/www-community/attacks/CSV_Injection).
    """
    plain = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(plain.split()).lstrip("=+-@\uff1d\uff0b\uff0d\uff20 ")[:_LONGEST]
