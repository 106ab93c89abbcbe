"""What a turn does to a conversation: run the thread or not, and commit all that follows from it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final, Protocol

import structlog

from graph.state import InboundItem, ResumeAnswer, StretchLine
from graph.turn import TurnResult
from ponte.domain import conversation as machine
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation, Handoff, Resume, ResumeAction, Status, Trigger
from ponte.domain.inbox import InboxKind, InboxRow
from ponte.domain.message import Author, Delivery, Inbound, Kind, Media, Message, MessageStatus, position
from ponte.domain.splitting import split_body
from ponte.errors import MessengerError
from ponte.metrics import Metrics
from ponte.ports import Clock, Commit, Messenger, Store
from ponte.signals import Signals

log = structlog.get_logger(__name__)

_STRETCH: Final = 30
_UNSEEN: Final = 50
_PREVIEW: Final = 120
# An answer that comes sooner needs no "typing...".
_TYPING_AFTER_S: Final = 0.3


@dataclass(frozen=True, slots=True)
class Batch:
    """A turn's inbox rows, fixed.

    Args:
        contact_id: whose they are.
        turn_id: names the turn, the same in every replay.
        rows: in order of acceptance.
        replay: the turn may have run before: look at the checkpoint first.
        attempts: times the turn was begun, this one included.
    """

    contact_id: str
    turn_id: str
    rows: tuple[InboxRow, ...]
    replay: bool
    attempts: int

    def again(self) -> Batch:
        """Return the same turn as a replay."""
        return replace(self, replay=True)

    @property
    def inbound(self) -> list[Inbound]:
        """The customer's messages among the rows."""
        return [row.inbound for row in self.rows if row.inbound is not None]

    @property
    def row_ids(self) -> tuple[str, ...]:
        """The ids of all rows."""
        return tuple(row.id for row in self.rows)


class RunThread(Protocol):
    """Runs one turn of a LangGraph thread; see ``graph.turn.run_turn``."""

    async def __call__(
        self,
        *,
        thread_id: str,
        turn_id: str,
        resume: ResumeAnswer | None,
        inbound: Sequence[InboundItem],
        memory: str,
        language: str,
        replay: bool,
    ) -> TurnResult:
        """Run the turn, or return what it left in the checkpoint when it ran before."""
        ...


class Texts(Protocol):
    """The fixed texts under ``prompts/messages``."""

    def text(self, key: str, locale: str, **variables: object) -> str:
        """Return a text in the customer's language."""
        ...


class Advance:
    """Takes a batch through its contact's conversation. Call ``run`` only while holding the contact's lease.

    Args:
        store: where all is kept.
        run_thread: runs the graph.
        messenger: for the typing indicator.
        texts: the fixed texts.
        clock: the time.
        signals: wakes delivery and consoles.
        metrics: counts turns and handoffs.
        idle_ms: a conversation idle with the bot this long is over.
        default_language: for a customer who has not written before.
    """

    def __init__(
        self,
        store: Store,
        run_thread: RunThread,
        *,
        messenger: Messenger,
        texts: Texts,
        clock: Clock,
        signals: Signals,
        metrics: Metrics,
        idle_ms: int,
        default_language: str,
    ) -> None:
        self._store = store
        self._run_thread = run_thread
        self._messenger = messenger
        self._texts = texts
        self._clock = clock
        self._signals = signals
        self._metrics = metrics
        self._idle_ms = idle_ms
        self._default_language = default_language

    async def run(self, batch: Batch) -> None:
        """Take the batch through: append it for the human who owns the conversation, or run the thread.

        Raises:
            Conflict: somebody else changed the conversation first; nothing was committed, run it again.
        """
        contact = await self._store.contact(batch.contact_id)
        current = await self._present(batch, contact)
        if current is None:
            return
        if current.human:
            await self._commit("human", batch, _received(current, batch, self._clock.now()))
        else:
            await self._bot_turn(batch, contact, current)

    async def give_up(self, batch: Batch) -> None:
        """Bring a human in for a batch that cannot be run, with a fixed text for the customer."""
        contact = await self._store.contact(batch.contact_id)
        current = await self._present(batch, contact)
        if current is None:
            return
        now = self._clock.now()
        commit = _received(current, batch, now)
        if not current.human:
            texts = [
                self._texts.text(key, current.language) for key in ("bot.unavailable", "handoff.transfer")
            ]
            commit = say(commit, contact, batch.turn_id, [(Author.SYSTEM, t, None) for t in texts], now)
            handoff = Handoff("The bot could not process the message.", Trigger.ERROR, 1.0, "", now)
            commit = replace(commit, conversation=machine.hand_over(commit.conversation, handoff))
        await self._commit("gave_up", batch, commit)

    async def _present(self, batch: Batch, contact: Contact) -> Conversation | None:
        """Return the conversation the batch belongs to, or a new one; None when it is done already."""
        now = self._clock.now()
        current = await self._store.current(batch.contact_id)
        if current is not None and current.resume is not None and current.status is Status.RESOLVED:
            current = await self._close(current, contact, batch)
        if current is not None and current.status is Status.BOT_ACTIVE and self._idle(current, now):
            current = replace(machine.expire(current, now), version=current.version + 1)
            await self._store.commit(Commit(current))
        has_work = batch.inbound or (current is not None and current.resume is not None)
        if current is not None and (not has_work or current.last_turn_id == batch.turn_id):
            # A resume that another turn took along, or a turn that was committed before.
            await self._store.commit(
                Commit(replace(current, version=current.version + 1), done=batch.row_ids)
            )
            return None
        if current is None or current.status is Status.RESOLVED:
            return _opened(contact, batch, current, self._default_language, now)
        return current

    def _idle(self, current: Conversation, now: int) -> bool:
        last = max(current.opened_at, current.last_customer_at or 0, current.updated_at)
        return current.resume is None and now - last >= self._idle_ms

    async def _close(self, current: Conversation, contact: Contact, batch: Batch) -> Conversation:
        """Tell the paused thread of a resolved conversation that it is over."""
        result = await self._run_thread(
            thread_id=current.thread_id,
            turn_id=f"close-{current.id}-{current.epoch}",
            resume=await self._answer(current, current.resume),
            inbound=(),
            memory=contact.memory,
            language=current.language,
            replay=True,
        )
        closed = replace(current, resume=None, version=current.version + 1)
        rows = tuple(r.id for r in batch.rows if r.kind is InboxKind.RESUME)
        await self._store.commit(Commit(closed, done=rows, memory=result.memory))
        return closed

    async def _bot_turn(self, batch: Batch, contact: Contact, current: Conversation) -> None:
        started = self._clock.now()
        items = [_item(inbound.sid, inbound.kind, inbound.body, inbound.media) for inbound in batch.inbound]
        if current.resume is not None:
            items = [*await self._unseen(current, current.resume), *items]
        async with self._typing(batch):
            result = await self._run_thread(
                thread_id=current.thread_id,
                turn_id=batch.turn_id,
                resume=await self._answer(current, current.resume),
                inbound=items,
                memory=contact.memory,
                language=current.language,
                replay=batch.replay,
            )
        now = self._clock.now()
        commit = _received(current, batch, now)
        said = [(out.author, out.body, result.prompt_version) for out in result.outgoing]
        commit = say(commit, contact, batch.turn_id, said, now)
        changed = replace(commit.conversation, resume=None, unread=0, language=result.language)
        if result.handoff is not None:
            found = result.handoff
            handoff = Handoff(found.reason, found.trigger, found.score, found.summary, now)
            changed = machine.hand_over(changed, handoff)
            self._metrics.handoffs.labels(found.trigger).inc()
        await self._commit("bot", batch, replace(commit, conversation=changed, memory=result.memory))
        self._metrics.turn_seconds.observe((now - started) / 1000)

    async def _commit(self, kind: str, batch: Batch, commit: Commit) -> None:
        changed = replace(
            commit.conversation, version=commit.conversation.version + 1, last_turn_id=batch.turn_id
        )
        await self._store.commit(replace(commit, conversation=changed, done=batch.row_ids))
        self._metrics.turns.labels(kind).inc()
        log.info(
            "turn_committed", turn=batch.turn_id, kind=kind, conversation=changed.id, status=changed.status
        )
        self._signals.outbox(batch.contact_id)

    async def _answer(self, current: Conversation, resume: Resume | None) -> ResumeAnswer | None:
        """Build what the paused thread is told of the human stretch. Notes are for agents only."""
        if resume is None:
            return None
        stretch = await self._store.messages(
            current.id, after=resume.stretch_from, before=current.last_seq + 1, limit=_STRETCH
        )
        return ResumeAnswer(
            action=resume.action,
            brief=resume.brief,
            stretch=tuple(
                StretchLine(author=m.author, text=m.body)
                for m in stretch
                if m.kind is not Kind.NOTE and m.body
            ),
        )

    async def _unseen(self, current: Conversation, resume: Resume) -> list[InboundItem]:
        """Return the customer's messages that no agent had seen when the conversation was given back."""
        if resume.action is not ResumeAction.RETURNED:
            return []
        rows = await self._store.messages(current.id, after=resume.unseen_from, limit=_UNSEEN)
        return [_item(m.id, m.kind, m.body, m.media) for m in rows if m.author is Author.CUSTOMER]

    @asynccontextmanager
    async def _typing(self, batch: Batch) -> AsyncIterator[None]:
        """Show the customer that an answer is being written, once it takes a moment."""
        if not batch.inbound:
            yield
            return

        async def show() -> None:
            await asyncio.sleep(_TYPING_AFTER_S)
            try:
                await self._messenger.typing(batch.inbound[-1].sid)
            except MessengerError as error:
                log.debug("typing_not_shown", error=str(error))

        task = asyncio.create_task(show(), name="typing")
        try:
            yield
        finally:
            task.cancel()


def _opened(
    contact: Contact, batch: Batch, previous: Conversation | None, language: str, now: int
) -> Conversation:
    """A new conversation. Its id follows from the turn, so that a replay opens the same one.

    It is opened later than the one before, in the same ms too: the outbox is ordered by that.
    """
    digest = hashlib.sha256(f"{contact.id}/{batch.turn_id}".encode()).hexdigest()
    return Conversation(
        id=f"cv_{digest[:24]}",
        contact_id=contact.id,
        thread_id=f"th_{digest[24:48]}",
        opened_at=now if previous is None else max(now, previous.opened_at + 1),
        updated_at=now,
        language=language if previous is None else previous.language,
    )


def _received(current: Conversation, batch: Batch, now: int) -> Commit:
    """Append the batch's messages to the transcript."""
    rows = tuple(
        Message(
            id=inbound.sid,
            conversation_id=current.id,
            contact_id=current.contact_id,
            seq=current.last_seq + n,
            author=Author.CUSTOMER,
            kind=inbound.kind,
            body=inbound.body,
            status=MessageStatus.RECEIVED,
            created_at=inbound.received_at,
            media=inbound.media,
            sid=inbound.sid,
        )
        for n, inbound in enumerate(batch.inbound, start=1)
    )
    if not rows:
        return Commit(replace(current, updated_at=now))
    changed = replace(
        current,
        last_seq=rows[-1].seq,
        unread=current.unread + len(rows),
        last_customer_at=rows[-1].created_at,
        preview=rows[-1].body[:_PREVIEW],
        updated_at=now,
    )
    return Commit(changed, messages=rows)


def say(
    commit: Commit, contact: Contact, turn_id: str, said: Sequence[tuple[Author, str, str | None]], now: int
) -> Commit:
    """Append what goes out to a commit, in parts that WhatsApp takes.

    Args:
        commit: what is committed so far.
        contact: whom it goes to.
        turn_id: what causes it; the messages' ids follow from it, so that a replay writes the same ones.
        said: author, text and prompt version of each text.
        now: ms UTC.
    """
    current = commit.conversation
    parts = [(author, part, version) for author, body, version in said for part in split_body(body)]
    rows = tuple(
        Message(
            id=f"{turn_id}:{n}",
            conversation_id=current.id,
            contact_id=contact.id,
            seq=current.last_seq + 1 + n,
            author=author,
            kind=Kind.TEXT,
            body=body,
            status=MessageStatus.QUEUED,
            created_at=now,
            prompt_version=version,
            delivery=Delivery(
                address=contact.address,
                position=position(current.opened_at, current.last_seq + 1 + n),
                epoch=current.epoch,
                due_at=now,
            ),
        )
        for n, (author, body, version) in enumerate(parts)
    )
    if not rows:
        return commit
    changed = replace(current, last_seq=rows[-1].seq, preview=rows[-1].body[:_PREVIEW])
    return replace(commit, conversation=changed, messages=(*commit.messages, *rows))


def _item(message_id: str, kind: Kind, body: str, media: Sequence[Media]) -> InboundItem:
    return InboundItem(message_id, kind, body, tuple(m.content_type for m in media))
