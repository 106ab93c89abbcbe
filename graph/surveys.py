"""CSAT: once an agent resolved a matter the customer is asked how content they were, from 1 to 5.

The answer belongs to the conversation that it is about. It opens no new one, and is thanked for once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from graph.chosen import payload_of
from graph.context import GraphContext
from graph.outreach import Outreach
from graph.transcript import Batch, received, say
from ponte.domain.choices import answered, to_details
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation, Resume, Status
from ponte.domain.inbox import InboxRow
from ponte.domain.message import Author, Inbound, Kind, Message
from ponte.domain.window import window_open
from ponte.errors import NotFound
from ponte.metrics import Metrics
from ponte.ports import Clock, Commit, Store

log = structlog.get_logger(__name__)

_HOUR_MS: Final = 60 * 60 * 1000
_PAYLOAD: Final = re.compile(r"csat:([1-5])")
_LONGEST: Final = 48
_STAR: Final = "\N{WHITE MEDIUM STAR}"
_RATING: Final = re.compile(
    r"(?:(?:a |la )?(?:minha |mi |my )?(?:nota|dou|doy|puntaje|calificaci[oó]n|rating|score)[ :e]{1,4})?"
    r"([1-5])(?: ?/ ?5| (?:estrelas?|estrellas?|stars?|pontos?|puntos?))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Rated:
    """A customer's answer: the row that brought it, the score, and the conversation that it is about."""

    row: InboxRow
    score: int
    conversation: Conversation


class Surveys:
    """Asks, and keeps the answers.

    Args:
        store: where conversations are.
        clock: the time.
        metrics: counts the answers.
        outreach: sends what must go out while the 24-hour window is closed.
    """

    def __init__(self, store: Store, clock: Clock, metrics: Metrics, outreach: Outreach) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._outreach = outreach

    async def asked(
        self, commit: Commit, contact: Contact, context: GraphContext, resume: Resume | None
    ) -> Commit:
        """Add the question to the commit that closes a resolved conversation, where it is to be asked.

        Only who talked to an agent is asked, and nobody who wants no messages.
        """
        current, policy = commit.conversation, context.prompts.policy
        if not policy.csat.enabled or contact.opted_out_at is not None or resume is None:
            return commit
        if current.csat_asked_at is not None:
            return commit  # an agent opened it again: nobody is asked twice about one matter
        if not await self._agent_spoke(current, resume):
            return commit
        now = self._clock.now()
        if window_open(contact.last_inbound_at, now):
            text = context.prompts.text("csat.ask", current.language)
            offer = to_details(context.prompts.choices("csat.ask", current.language))
            said = [(Author.SYSTEM, text, context.prompts.version)]
            asked = say(commit, contact, f"csat-{current.id}", said, now, offers=[offer])
        elif policy.templates.csat is not None:
            asked = await self._outreach.added(commit, contact, policy.templates.csat, f"csat-{current.id}")
        else:
            return commit
        if asked is commit:
            return commit
        return replace(asked, conversation=replace(asked.conversation, csat_asked_at=now))

    async def rated(self, batch: Batch, current: Conversation | None, context: GraphContext) -> list[Rated]:
        """Return the answers among a batch's messages. The first other message ends the look."""
        enabled = context.prompts.policy.csat.enabled
        found: list[Rated] = []
        for row in batch.rows:
            if row.inbound is None:
                continue
            if not (enabled or _PAYLOAD.fullmatch(payload_of(row.inbound.details))):
                break
            conversation, score = await self._rating(row.inbound, batch.contact_id, current, context)
            if conversation is None or score is None:
                break
            found.append(Rated(row, score, conversation))
        return found

    async def keep(
        self, batch: Batch, rated: Sequence[Rated], contact: Contact, context: GraphContext
    ) -> None:
        """Commit the answers, each to its conversation. The first one is thanked for.

        What is kept already, since the rest of the turn met a conflict, is passed over.

        Raises:
            Conflict: somebody else changed a conversation first.
        """
        for one in rated:
            now = self._clock.now()
            current = await self._store.conversation(one.conversation.id)
            if await self._kept(one.row):
                continue
            commit = received(current, replace(batch, rows=(one.row,)), now)
            if current.csat is None:
                self._metrics.csat.labels(str(one.score)).inc()
                thanks = context.prompts.text("csat.thanks", current.language)
                said = [] if contact.opted_out_at is not None else [(Author.SYSTEM, thanks, None)]
                commit = say(commit, contact, f"csat-thanks-{current.id}", said, now)
            changed = replace(
                commit.conversation,
                csat=one.score,
                csat_at=now,
                unread=current.unread,
                version=current.version + 1,
            )
            await self._store.commit(replace(commit, conversation=changed, done=(one.row.id,)))
            log.info("csat_kept", conversation=changed.id, score=one.score)

    async def _kept(self, row: InboxRow) -> bool:
        """Tell whether an answer was committed before. Ask after its conversation was read."""
        try:
            await self._store.message(row.id)
        except NotFound:
            return False
        return True

    async def _agent_spoke(self, current: Conversation, resume: Resume) -> bool:
        after = resume.stretch_from
        while page := await self._store.messages(current.id, after=after, limit=200):
            if any(m.author is Author.AGENT and m.kind is not Kind.NOTE for m in page):
                return True
            after = page[-1].seq
        return False

    async def _rating(
        self, inbound: Inbound, contact_id: str, current: Conversation | None, context: GraphContext
    ) -> tuple[Conversation | None, int | None]:
        """Return what a message rates, and how; (None, None) when it is no answer."""
        payload = _PAYLOAD.fullmatch(payload_of(inbound.details))
        about = await self._quoted(inbound, contact_id) if inbound.reply_to else None
        if payload is not None:
            # A button of ours says it by itself, however late it is tapped.
            about = about or current
            asked = about is not None and about.csat_asked_at is not None
            return (about, int(payload[1])) if asked else (None, None)
        about = current if about is None or about.csat_asked_at is None else about
        if about is None or about.status is not Status.RESOLVED or about.csat_asked_at is None:
            return None, None
        if self._clock.now() - about.csat_asked_at > context.prompts.policy.csat.hours * _HOUR_MS:
            return None, None
        score = score_of(inbound, context, about.language)
        return (about, score) if score is not None else (None, None)

    async def _quoted(self, inbound: Inbound, contact_id: str) -> Conversation | None:
        message: Message | None = await self._store.message_by_sid(inbound.reply_to or "")
        if message is None or message.contact_id != contact_id or not message.id.startswith("csat-"):
            return None
        try:
            return await self._store.conversation(message.conversation_id)
        except NotFound:
            return None


def score_of(inbound: Inbound, context: GraphContext, language: str) -> int | None:
    """Return the score, 1 to 5, that a customer's whole message gives; None when it gives none."""
    if inbound.kind not in {Kind.TEXT, Kind.CHOICE}:
        return None
    text = inbound.body.strip().rstrip(".!").strip()
    if text and set(text) <= {_STAR, "\N{VARIATION SELECTOR-16}"}:
        stars = text.count(_STAR)
        return stars if 1 <= stars <= 5 else None  # noqa: PLR2004 - the scale
    if found := _RATING.fullmatch(text):
        return int(found[1])
    choice = answered(text, context.prompts.choices("csat.ask", language))
    return None if choice is None else int(choice.id.rpartition(":")[2])


def may_rate(batch: Batch) -> bool:
    """Tell whether a batch begins with what may be an answer, before anything is read for it."""
    first = next(iter(batch.inbound), None)
    return first is not None and first.kind in {Kind.TEXT, Kind.CHOICE} and len(first.body) <= _LONGEST
