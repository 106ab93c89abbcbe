"""What a turn does to a conversation: run the thread or not, and commit all that follows from it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final, Protocol

import structlog

from graph.chosen import chosen
from graph.closed import closed_notice
from graph.context import GraphContext
from graph.contexts import Contexts
from graph.customer_text import told_by
from graph.ledger import decided, decision_of, undetected
from graph.opt_out import Said, Wishes, wishes_of
from graph.outgoing_files import OutgoingFiles, with_files
from graph.output_check import WITHHELD
from graph.state import InboundItem, ResumeAnswer, StretchLine
from graph.surveys import Surveys, may_rate
from graph.transcript import Batch, opened, received, say
from graph.turn import TurnResult
from graph.voice_answers import VoiceAnswers
from ponte.domain import conversation as machine
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation, Handoff, Resume, ResumeAction, Status, Trigger
from ponte.domain.inbox import InboxKind, InboxRow
from ponte.domain.message import (
    OPT_OUT_NOTICE,
    Author,
    Inbound,
    Kind,
    Media,
    Message,
)
from ponte.errors import MessengerError, NotFound
from ponte.media_intake import MediaIntake
from ponte.metrics import Metrics
from ponte.ports import Clock, Commit, Messenger, Store, Voice
from ponte.signals import Signals

log = structlog.get_logger(__name__)

_STRETCH: Final = 30
_UNSEEN: Final = 50
_PREVIEW: Final = 120
_SUMMARY: Final = 600
# A quoted document may be long.
_QUOTED: Final = 1_600
# An answer that comes sooner needs no "typing...".
_TYPING_AFTER_S: Final = 0.3


class RunThread(Protocol):
    """Runs one turn of a LangGraph thread; see ``graph.turn.run_turn``."""

    async def __call__(
        self,
        context: GraphContext,
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


class Understand(Protocol):
    """Finds out what files say; see ``graph.late_words.LateWords``."""

    async def soon(self, context: GraphContext, files: Sequence[Media], language: str) -> Sequence[Media]:
        """Return the files in the same order, each with its words or without."""
        ...

    def follow(self, messages: Sequence[Message]) -> None:
        """Add the words that were not there soon to these messages, once they are known."""
        ...


class Advance:
    """Takes a batch through its contact's conversation. Call ``run`` only while holding the contact's lease.

    Args:
        store: where all is kept.
        run_thread: runs the graph.
        messenger: for the typing indicator.
        contexts: the prompt files; a turn keeps to its end those that it began with.
        clock: the time.
        signals: wakes delivery and consoles.
        metrics: counts turns and handoffs.
        idle_ms: a conversation idle with the bot this long is over.
        default_language: for a customer who has not written before.
        voice: speaks answers; None where no speech server is set.
        media: fetches the files that customers send; None leaves them where they are.
        understand: hears and reads files for the agent who owns a conversation; None: the agent does.
        surveys: asks customers how content they were, where the policy says so; None: nobody is asked.
        files: sends files of the knowledge base along with answers; None: they stay behind.
    """

    def __init__(
        self,
        store: Store,
        run_thread: RunThread,
        *,
        messenger: Messenger,
        contexts: Contexts,
        clock: Clock,
        signals: Signals,
        metrics: Metrics,
        idle_ms: int,
        default_language: str,
        voice: Voice | None = None,
        media: MediaIntake | None = None,
        understand: Understand | None = None,
        surveys: Surveys | None = None,
        files: OutgoingFiles | None = None,
    ) -> None:
        self._store = store
        self._run_thread = run_thread
        self._messenger = messenger
        self._contexts = contexts
        self._clock = clock
        self._signals = signals
        self._metrics = metrics
        self._idle_ms = idle_ms
        self._default_language = default_language
        self._voice = voice
        self._media = media
        self._understand = understand
        self._surveys = surveys
        self._files = files

    async def run(self, batch: Batch) -> None:
        """Take the batch through: append it for the human who owns the conversation, or run the thread.

        Raises:
            Conflict: somebody else changed the conversation first; nothing was committed, run it again.
        """
        batch = await self._without_ratings(batch)
        if not batch.rows:
            return
        current = await self._present(batch)
        if current is None:
            return
        batch = await self._with_files(batch)
        # Read after the conversation: a commit that a crash cut short may have changed the contact.
        contact = await self._store.contact(batch.contact_id)
        context = self._contexts.for_conversation(current)
        wishes = _wishes(batch.inbound, contact, context)
        if wishes.out:
            await self._silent_turn(context, batch, contact, current, wishes)
        elif current.human or (wishes.wish and not wishes.left and current.resume is None):
            batch = await self._with_words(context, batch, current.language)
            commit = received(current, batch, self._clock.now())
            await self._commit("human", batch, self._confirmed(context, commit, contact, batch, wishes))
            if self._understand is not None:
                self._understand.follow(commit.messages)
        else:
            await self._bot_turn(context, batch, contact, current, wishes)

    async def _without_ratings(self, batch: Batch) -> Batch:
        """Keep the answers to the question how content the customer was; return what is left to do."""
        if self._surveys is None or not may_rate(batch):
            return batch
        current = await self._store.current(batch.contact_id)
        if current is None:
            return batch
        context = self._contexts.for_conversation(current)
        rated = await self._surveys.rated(batch, current, context)
        if not rated:
            return batch
        contact = await self._store.contact(batch.contact_id)
        await self._surveys.keep(batch, rated, contact, context)
        self._metrics.turns.labels("csat").inc()
        self._signals.outbox(batch.contact_id)
        kept = {one.row.id for one in rated}
        return replace(batch, rows=tuple(row for row in batch.rows if row.id not in kept))

    async def give_up(self, batch: Batch) -> None:
        """Bring a human in for a batch that cannot be run, with a fixed text for the customer."""
        current = await self._present(batch)
        if current is None:
            return
        batch = await self._with_files(batch)
        contact = await self._store.contact(batch.contact_id)
        now = self._clock.now()
        commit = received(current, batch, now)
        if not current.human:
            keys = () if contact.opted_out_at is not None else ("bot.unavailable", "handoff.transfer")
            prompts = self._contexts.for_conversation(current).prompts
            texts = [prompts.text(key, current.language) for key in keys]
            if keys and (closed := closed_notice(prompts, current.language, now)) is not None:
                texts.append(closed)
            commit = say(commit, contact, batch.turn_id, [(Author.SYSTEM, t, None) for t in texts], now)
            handoff = Handoff(
                prompts.text("reason.error", self._default_language), Trigger.ERROR, 1.0, "", now
            )
            commit = undetected(commit, handoff, batch.turn_id, prompts.version)
            self._metrics.handoffs.labels(Trigger.ERROR).inc()
        await self._commit("gave_up", batch, commit)

    async def _with_files(self, batch: Batch) -> Batch:
        """Return the batch with its messages' files fetched, or with why they could not be."""
        intake = self._media
        if intake is None or not any(inbound.media for inbound in batch.inbound):
            return batch

        async def fetched(row: InboxRow) -> InboxRow:
            if row.inbound is None or not row.inbound.media:
                return row
            return replace(row, inbound=replace(row.inbound, media=await intake.fetch(row.inbound)))

        return replace(batch, rows=tuple(await asyncio.gather(*map(fetched, batch.rows))))

    async def _with_words(self, context: GraphContext, batch: Batch, language: str) -> Batch:
        """Return the batch with what its files say, as far as that is known soon: the agent waits for it."""
        files = [media for inbound in batch.inbound for media in inbound.media]
        if self._understand is None or not files:
            return batch
        told = iter(await self._understand.soon(context, files, language))

        def with_words(row: InboxRow) -> InboxRow:
            if row.inbound is None:
                return row
            media = tuple(next(told) for _ in row.inbound.media)
            return replace(row, inbound=replace(row.inbound, media=media))

        return replace(batch, rows=tuple(with_words(row) for row in batch.rows))

    async def _present(self, batch: Batch) -> Conversation | None:
        """Return the conversation the batch belongs to, or a new one; None when it is done already."""
        now = self._clock.now()
        current = await self._store.current(batch.contact_id)
        if current is not None and current.resume is not None and current.status is Status.RESOLVED:
            current = await self._close(current, batch)
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
            return opened(batch, current, self._default_language, now)
        return current

    def _idle(self, current: Conversation, now: int) -> bool:
        last = max(current.opened_at, current.last_customer_at or 0, current.updated_at)
        return current.resume is None and now - last >= self._idle_ms

    async def _close(self, current: Conversation, batch: Batch) -> Conversation:
        """Tell the paused thread of a resolved conversation that it is over."""
        contact = await self._store.contact(batch.contact_id)
        context = self._contexts.for_conversation(current)
        result = await self._run_thread(
            context,
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
        commit = Commit(closed, done=rows, memory=result.memory)
        if self._surveys is not None and not batch.inbound:
            commit = await self._surveys.asked(commit, contact, context, current.resume)
        await self._store.commit(commit)
        if commit.messages:
            self._signals.outbox(batch.contact_id)
        return commit.conversation

    def _confirmed(
        self, context: GraphContext, commit: Commit, contact: Contact, batch: Batch, wishes: Wishes
    ) -> Commit:
        """Add to a commit that the customer changed their mind about our messages, and the answer to it."""
        if wishes.wish is None:
            return commit
        language = wishes.wish.answered_in(commit.conversation.language)
        key = "opt_out.confirmed" if wishes.out else "opt_out.welcome_back"
        said = [(Author.SYSTEM, context.prompts.text(key, language), None)]
        stem = f"{batch.turn_id}:opt"
        commit = say(commit, contact, stem, said, self._clock.now(), details=OPT_OUT_NOTICE)
        # What the bot has not sent yet is not wanted any more.
        return replace(commit, opted_out=wishes.out, silence_bot=wishes.out)

    async def _silent_turn(
        self, context: GraphContext, batch: Batch, contact: Contact, current: Conversation, wishes: Wishes
    ) -> None:
        """Send nothing to a customer who opted out, but one confirmation.

        What else they write is for a human to see, so that nobody is lost; courtesies are only kept.
        """
        left = [batch.inbound[i].body for i in wishes.left]
        memory = None
        if not current.human and current.resume is not None:
            unseen = await self._unseen(current, current.resume)
            left = [*(unseen[i].body for i in _wishes(unseen, contact, context).left), *left]
            result = await self._run_thread(
                context,
                thread_id=current.thread_id,
                turn_id=batch.turn_id,
                resume=await self._answer(current, current.resume),
                inbound=(),
                memory=contact.memory,
                language=current.language,
                replay=batch.replay,
            )
            current, memory = replace(current, resume=None), result.memory
        now = self._clock.now()
        # What waits for the customer to write would be refused, and waits on.
        kept = replace(received(current, batch, now), unpark=False)
        commit = self._confirmed(context, kept, contact, batch, wishes)
        if not current.human:
            commit = replace(commit, conversation=replace(commit.conversation, unread=0))
        if left and not current.human:
            reason = context.prompts.text("reason.opted_out", self._default_language)
            summary = " / ".join(filter(None, left))[:_SUMMARY]
            handoff = Handoff(reason, Trigger.OPTED_OUT, 1.0, summary, now)
            commit = undetected(commit, handoff, batch.turn_id, context.prompts.version)
            self._metrics.handoffs.labels(Trigger.OPTED_OUT).inc()
        await self._commit("opted_out", batch, replace(commit, memory=memory))

    async def _items(self, batch: Batch, indexes: Sequence[int]) -> list[InboundItem]:
        return [await self._item(batch.inbound[i], batch.inbound[i].sid, batch.contact_id) for i in indexes]

    async def _item(self, message: Inbound | Message, message_id: str, contact_id: str) -> InboundItem:
        """Return a message as a turn sees it, with the text of the message that it quotes."""
        quoted = "" if message.reply_to is None else await self._quoted(message.reply_to, contact_id)
        return InboundItem(
            message_id, message.kind, message.body, tuple(message.media), message.details, quoted
        )

    async def _quoted(self, sid: str, contact_id: str) -> str:
        """Return a message of this contact's in words; empty when there is none, e.g. once erased."""
        message = await self._store.message_by_sid(sid)
        if message is None:
            try:
                message = await self._store.message(sid)
            except NotFound:
                return ""
        return told_by(message)[:_QUOTED] if message.contact_id == contact_id else ""

    async def _bot_turn(
        self, context: GraphContext, batch: Batch, contact: Contact, current: Conversation, wishes: Wishes
    ) -> None:
        started = self._clock.now()
        items = await self._items(batch, wishes.left)
        unseen = [] if current.resume is None else await self._unseen(current, current.resume)
        items = [*unseen, *items]
        items = await chosen(self._store, current, items)
        async with self._typing(batch):
            result = await self._run_thread(
                context,
                thread_id=current.thread_id,
                turn_id=batch.turn_id,
                resume=await self._answer(current, current.resume),
                inbound=items,
                memory=contact.memory,
                # What agents say of the customer's language goes before what was detected.
                language=contact.language or current.language,
                replay=batch.replay,
            )
            notes = await self._spoken(context, result, items)
        now = self._clock.now()
        commit = received(current, batch, now, result.media)
        texts = [out for out in result.outgoing if out.file is None]
        said = [(out.author, out.body, result.prompt_version) for out in texts]
        commit = self._confirmed(context, commit, contact, batch, wishes)
        beside = self._voice is not None and context.prompts.policy.voice.text_beside
        offers = [out.details for out in texts]
        for reason in (value for offer in offers for name, value in offer if name == WITHHELD):
            self._metrics.withheld.labels(reason).inc()
        commit = say(
            commit, contact, batch.turn_id, said, now, notes=notes, offers=offers, text_beside=beside
        )
        files = [out.file for out in result.outgoing if out.file is not None]
        if files and self._files is not None:
            kept = await self._files.kept(files, context.prompts)
            commit = with_files(commit, contact, batch.turn_id, kept, version=result.prompt_version, now=now)
        changed = replace(
            commit.conversation,
            resume=None,
            unread=0,
            language=result.language,
            prompt_version=result.prompt_version,
        )
        if result.handoff is not None:
            found = result.handoff
            handoff = Handoff(found.reason, found.trigger, found.score, found.summary, now)
            changed = machine.hand_over(changed, handoff)
            self._metrics.handoffs.labels(found.trigger).inc()
        if items:
            unseen_from = current.resume.unseen_from if current.resume is not None and unseen else None
            commit = decided(commit, decision_of(result, commit, batch.turn_id, now, unseen_from))
        await self._commit("bot", batch, replace(commit, conversation=changed, memory=result.memory))
        self._metrics.turn_seconds.observe((now - started) / 1000)
        for item in unseen:
            # Their rows are there already; what the turn heard in them comes behind.
            if item.id in result.media:
                await self._store.set_media_text(item.id, result.media[item.id], self._clock.now())

    async def _spoken(
        self, context: GraphContext, result: TurnResult, items: Sequence[InboundItem]
    ) -> Sequence[Media | None]:
        """Return what the turn says as voice notes, where it is to be spoken and can be."""
        if self._voice is None:
            return ()
        heard = any(item.kind is Kind.AUDIO for item in items)
        answers = VoiceAnswers(self._voice, context.prompts.policy.voice)
        texts = [out.body for out in result.outgoing if out.file is None]
        return await answers.speak(texts, result.language, heard=heard)

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
                StretchLine(author=m.author, text=told_by(m)[:_QUOTED])
                for m in stretch
                if m.kind is not Kind.NOTE
            ),
        )

    async def _unseen(self, current: Conversation, resume: Resume) -> list[InboundItem]:
        """Return the customer's messages that no agent had seen when the conversation was given back."""
        if resume.action is not ResumeAction.RETURNED:
            return []
        rows = await self._store.messages(current.id, after=resume.unseen_from, limit=_UNSEEN)
        return [await self._item(m, m.id, m.contact_id) for m in rows if m.author is Author.CUSTOMER]

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


def _wishes(messages: Sequence[Said], contact: Contact, context: GraphContext) -> Wishes:
    out = contact.opted_out_at is not None
    return wishes_of(messages, context.prompts.opt_out, context.prompts.smalltalk, out=out)
