"""What agents do with a conversation: claim, transfer, reply, give back, resolve.

Every change goes through the pure state machine and one compare-and-set commit; when somebody else was
first, it is read and decided again.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from ponte.answers import (
    Part,
    file_parts,
    messages_of,
    template_part,
    text_parts,
    voice_part,
    with_original,
)
from ponte.desk import Desk
from ponte.domain import conversation as machine
from ponte.domain.agent import Agent, Permission
from ponte.domain.choices import Choice
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation, Status
from ponte.domain.decision import Mark
from ponte.domain.inbox import InboxKind, InboxRow
from ponte.domain.message import Author, Delivery, Kind, Media, Message, MessageStatus, position
from ponte.domain.splitting import split_body
from ponte.errors import InvalidInput, NotFound, WrongState
from ponte.handoff_marks import mark_of
from ponte.ports import AuditEntry, Clock, Commit, Store, Templates, Voice
from ponte.signals import Signals

_MAX_REPLY: Final = 16_000
_PREVIEW: Final = 120


class HandoffDesk(Desk):
    """The agents' side of a conversation.

    Every method raises Forbidden for a role that may not, NotFound for an unknown conversation, and
    WrongState (or a subclass that carries the holder) where the conversation's state forbids it.

    Args:
        store: where all is kept.
        clock: the time.
        signals: wakes delivery, worker and consoles.
        voice: speaks an agent's typed answer; None where no speech server is set.
        templates: the account's content templates; None where no account is set.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        signals: Signals,
        voice: Voice | None = None,
        templates: Templates | None = None,
    ) -> None:
        super().__init__(store, clock, signals)
        self._voice = voice
        self._templates = templates

    async def claim(self, agent: Agent, conversation_id: str) -> Conversation:
        """Take a waiting conversation. The bot's unsent words are withdrawn; a repeated claim is a no-op.

        Raises:
            AlreadyClaimed: another agent was first; carries who.
        """
        self._permit(agent, Permission.WORK)

        async def decide(current: Conversation, now: int) -> Commit | None:
            claimed = machine.claim(current, agent.id, now)
            return None if claimed is current else Commit(claimed, silence_bot=True)

        return await self._change(agent, conversation_id, "claim", decide)

    async def transfer(
        self, agent: Agent, conversation_id: str, *, to_agent_id: str | None, note: str = ""
    ) -> Conversation:
        """Give the conversation to another agent, or back to the queue with ``to_agent_id`` None.

        ``note`` is for colleagues only; the customer never sees it.
        """
        self._permit(agent, Permission.WORK)
        if to_agent_id is not None:
            target = await self._store.agent(to_agent_id)
            if target.disabled or not target.may(Permission.WORK):
                raise InvalidInput("That agent cannot take conversations. Choose another one.")

        async def decide(current: Conversation, now: int) -> Commit | None:
            self._require_hold(agent, current)
            if to_agent_id is None:
                moved = machine.release(current, now)
            else:
                moved = machine.assign(current, to_agent_id, now)
            if moved is current:
                return None
            commit = Commit(moved, silence_bot=moved.agent_id is not None)
            return self._with_note(commit, agent, note, now) if note.strip() else commit

        return await self._change(agent, conversation_id, "transfer", decide, detail=to_agent_id or "queue")

    async def reply(
        self,
        agent: Agent,
        conversation_id: str,
        body: str,
        *,
        key: str | None = None,
        voice: bool = False,
        choices: Sequence[Choice] = (),
        original: str = "",
    ) -> list[Message]:
        """Answer the customer on WhatsApp. Returns the messages, in parts of 1600 characters.

        They are queued; while WhatsApp's 24-hour window is closed they are parked, and sent when the customer
        writes again.

        Args:
            agent: who answers; must hold the conversation.
            conversation_id: where.
            body: the text; 1 to 16,000 characters.
            key: the caller's own name for this reply; a second call with it sends nothing.
            voice: speak the text; where that is not possible, it goes out in writing.
            choices: answers for the customer to tap, at most 10; the text follows a spoken answer then.
            original: the agent's own words, where ``body`` is a translation of them; kept for agents.

        Raises:
            InvalidInput: the body is empty or too long, a choice cannot be sent, or the answer is to be
                spoken and no speech server is set.
        """
        self._permit(agent, Permission.WORK)
        self._parts(body)
        parts = text_parts(body, choices)
        if voice and (spoken := await self._spoken(agent, conversation_id, body.strip(), key)):
            parts = [voice_part(body.strip(), spoken), *(parts if choices else ())]
        if original.strip():
            parts[0] = with_original(parts[0], original)
        return await self._send(agent, conversation_id, parts, key)

    async def reply_recorded(
        self, agent: Agent, conversation_id: str, recording: Media, *, key: str | None = None
    ) -> list[Message]:
        """Answer the customer with a recording that is in the ``MediaStore`` as a voice note.

        Args:
            agent: who answers; must hold the conversation.
            conversation_id: where.
            recording: the file, with its key.
            key: the caller's own name for this reply; a second call with it sends nothing.
        """
        self._permit(agent, Permission.WORK)
        return await self._send(agent, conversation_id, [voice_part("", recording)], key)

    async def send_file(
        self,
        agent: Agent,
        conversation_id: str,
        media: Media,
        caption: str = "",
        *,
        key: str | None = None,
    ) -> list[Message]:
        """Send the customer a file that is in the ``MediaStore``, as ``reply`` sends a text.

        Args:
            agent: who sends; must hold the conversation.
            conversation_id: where.
            media: the file, with key, size, and its type as its content shows.
            caption: a text to go with it; below an image or video, behind other files. May be empty.
            key: the caller's own name for this; a second call with it sends nothing.

        Raises:
            InvalidInput: WhatsApp does not take such a file, see ``ponte.domain.media_rules``.
        """
        self._permit(agent, Permission.WORK)
        if caption.strip():
            self._parts(caption)
        return await self._send(agent, conversation_id, file_parts(media, caption), key)

    async def send_template(
        self,
        agent: Agent,
        conversation_id: str,
        content_sid: str,
        variables: Mapping[str, str],
        *,
        key: str | None = None,
    ) -> list[Message]:
        """Send the customer a content template: what WhatsApp lets through when the window is closed.

        Args:
            agent: who sends; must hold the conversation.
            conversation_id: where.
            content_sid: Twilio's sid of the template.
            variables: its variables by name, each up to 1600 characters.
            key: the caller's own name for this; a second call with it sends nothing.

        Raises:
            InvalidInput: no Twilio account is set, or a variable is missing, unknown or too long.
            NotFound: there is no such template.
            WrongState: the window is closed and the template is not approved.
            MessengerError: Twilio did not list the templates.
        """
        self._permit(agent, Permission.WORK)
        if self._templates is None:
            raise InvalidInput("No Twilio account is set, so there are no templates.")
        found = await self._templates.templates()
        template = next((t for t in found if t.sid == content_sid), None)
        if template is None:
            raise NotFound("There is no such template. GET /v1/templates lists them.")
        current = await self._store.conversation(conversation_id)
        contact = await self._store.contact(current.contact_id)
        part = template_part(template, variables, contact, self._clock.now())
        return await self._send(agent, conversation_id, [part], key)

    async def withdraw(self, agent: Agent, message_id: str) -> bool:
        """Cancel a message that waits for the customer to write. False when it does not wait (any more)."""
        self._permit(agent, Permission.WORK)
        message = await self._store.message(message_id)
        current = await self._store.conversation(message.conversation_id)
        self._require_hold(agent, current)
        now = self._clock.now()
        withdrawn = await self._store.withdraw(message_id, now)
        if withdrawn:
            await self._store.audit(
                AuditEntry(f"withdraw:{message_id}", now, agent.id, "withdraw", current.id)
            )
            self._signals.changed()
        return withdrawn

    async def may_answer(self, agent: Agent, conversation_id: str, key: str | None = None) -> Conversation:
        """Return the conversation if the agent may answer in it: asked before an answer costs anything.

        Also when the answer called ``key`` was given already. The answer itself is checked again.
        """
        self._permit(agent, Permission.WORK)
        current = await self._store.conversation(conversation_id)
        if key is None or not await self._known(f"a-{conversation_id}-{key}:0"):
            self._require_hold(agent, current)
            self._require_claimed(current)
        return current

    async def _spoken(self, agent: Agent, conversation_id: str, body: str, key: str | None) -> Media | None:
        """Speak an agent's text."""
        if self._voice is None:
            raise InvalidInput(
                "No speech server is set, so this cannot be sent as voice. Send it as text, or set"
                " OPENAI_SPEECH_MODEL."
            )
        current = await self.may_answer(agent, conversation_id, key)
        return await self._voice.speak(body, current.language)

    async def _send(
        self,
        agent: Agent,
        conversation_id: str,
        parts: Sequence[Part],
        key: str | None,
    ) -> list[Message]:
        """Append an agent's messages to the transcript, with their ways out."""
        stem = f"a-{conversation_id}-{key or secrets.token_hex(12)}"
        written: list[Message] = []

        async def decide(current: Conversation, now: int) -> Commit | None:
            written.clear()
            if known := await self._known(f"{stem}:0"):
                written.extend([known, *await self._siblings(stem)])
                return None
            self._require_hold(agent, current)
            self._require_claimed(current)
            contact = await self._store.contact(current.contact_id)
            _require_opted_in(contact)
            written.extend(
                messages_of(parts, stem=stem, current=current, contact=contact, agent_id=agent.id, now=now)
            )
            answered = machine.replied(self._appended(current, written, now, seen=True), now)
            return Commit(answered, messages=tuple(written))

        await self._change(agent, conversation_id, "reply", decide)
        return written

    async def note(self, agent: Agent, conversation_id: str, body: str, *, key: str | None = None) -> Message:
        """Leave a note in the transcript that only agents see.

        ``key`` is the caller's own name for it; a second call with it leaves no other note.
        """
        self._permit(agent, Permission.WORK)
        self._parts(body)
        note_id = f"n-{conversation_id}-{key or secrets.token_hex(12)}"
        written: list[Message] = []

        async def decide(current: Conversation, now: int) -> Commit | None:
            if known := await self._known(note_id):
                written[:] = [known]
                return None
            commit = self._with_note(Commit(current), agent, body, now, note_id)
            written[:] = commit.messages
            return commit

        await self._change(agent, conversation_id, "note", decide)
        return written[0]

    async def return_to_bot(self, agent: Agent, conversation_id: str, brief: str = "") -> Conversation:
        """Give the conversation back. The bot gets ``brief`` and answers what no agent has seen."""
        self._permit(agent, Permission.WORK)

        async def decide(current: Conversation, now: int) -> Commit | None:
            self._require_hold(agent, current)
            changed = machine.return_to_bot(current, brief, now)
            return Commit(changed, resume_row=self._resume_row(changed, now))

        return await self._change(agent, conversation_id, "return", decide)

    async def resolve(
        self, agent: Agent, conversation_id: str, disposition: str | None = None
    ) -> Conversation:
        """Close the matter. The customer's next message opens a new conversation."""
        self._permit(agent, Permission.WORK)

        async def decide(current: Conversation, now: int) -> Commit | None:
            self._require_hold(agent, current)
            changed = machine.resolve(current, disposition, now)
            return Commit(changed, resume_row=self._resume_row(changed, now))

        return await self._change(agent, conversation_id, "resolve", decide, detail=disposition or "")

    async def mark_handoff(
        self,
        agent: Agent,
        conversation_id: str,
        mark: Mark,
        *,
        at_seq: int | None = None,
        decision_id: str | None = None,
    ) -> Conversation:
        """Say that a handoff was not needed or came late; an agent's next word on it replaces the last.

        Any agent may, also in a conversation that another one holds or that is resolved.

        Args:
            agent: who says so.
            conversation_id: where.
            mark: what; ``NONE`` takes it back.
            at_seq: for ``LATE``, the customer's message at which a human should have come; None: the last
                one before the turn in which one came.
            decision_id: which handoff; None: the conversation's newest.

        Raises:
            InvalidInput: ``at_seq`` is not a message of the customer up to the handoff.
        """
        self._permit(agent, Permission.WORK)

        async def decide(current: Conversation, now: int) -> Commit | None:
            said = await mark_of(
                self._store, agent, current, mark, at_seq=at_seq, decision_id=decision_id, now=now
            )
            return None if said is None else Commit(replace(current, updated_at=now), marks=(said,))

        return await self._change(agent, conversation_id, "mark_handoff", decide, detail=mark.value)

    async def seen(self, agent: Agent, conversation_id: str, seq: int) -> None:
        """Record what the agent has on the screen. Only the holder's reading counts as seen."""
        current = await self._store.conversation(conversation_id)
        if current.agent_id == agent.id and seq > current.seen_seq:
            await self._store.mark_seen(conversation_id, seq)
            self._signals.changed()

    async def retry(self, agent: Agent, message_id: str) -> bool:
        """Send a failed message of a human once more. False when it has not failed."""
        self._permit(agent, Permission.WORK)
        message = await self._store.message(message_id)
        current = await self._store.conversation(message.conversation_id)
        self._require_hold(agent, current)
        contact = await self._store.contact(message.contact_id)
        _require_opted_in(contact)
        now = self._clock.now()
        again = await self._store.requeue_failed(
            message_id,
            Delivery(
                address=contact.address,
                position=position(current.opened_at, message.seq),
                epoch=current.epoch,
                due_at=now,
            ),
        )
        if again:
            entry_id = f"retry:{message_id}:{secrets.token_hex(6)}"
            await self._store.audit(AuditEntry(entry_id, now, agent.id, "retry", current.id))
            self._signals.outbox(message.contact_id)
        return again

    def _with_note(
        self, commit: Commit, agent: Agent, body: str, now: int, note_id: str | None = None
    ) -> Commit:
        current = commit.conversation
        note = Message(
            id=note_id or f"n-{current.id}-{secrets.token_hex(12)}",
            conversation_id=current.id,
            contact_id=current.contact_id,
            seq=current.last_seq + 1,
            author=Author.AGENT,
            kind=Kind.NOTE,
            body=body.strip(),
            status=MessageStatus.INTERNAL,
            created_at=now,
            agent_id=agent.id,
        )
        return replace(
            commit,
            conversation=replace(current, last_seq=note.seq, updated_at=now),
            messages=(*commit.messages, note),
        )

    @staticmethod
    def _appended(current: Conversation, messages: list[Message], now: int, *, seen: bool) -> Conversation:
        return replace(
            current,
            last_seq=messages[-1].seq,
            seen_seq=messages[-1].seq if seen else current.seen_seq,
            unread=0 if seen else current.unread,
            preview=messages[-1].body[:_PREVIEW],
            updated_at=now,
        )

    @staticmethod
    def _resume_row(changed: Conversation, now: int) -> InboxRow:
        return InboxRow(
            id=f"resume:{changed.id}:{changed.version + 1}",
            contact_id=changed.contact_id,
            seq=0,
            kind=InboxKind.RESUME,
            received_at=now,
            due_at=now,
            conversation_id=changed.id,
        )

    async def _known(self, message_id: str) -> Message | None:
        try:
            return await self._store.message(message_id)
        except NotFound:
            return None

    async def _siblings(self, stem: str) -> list[Message]:
        found: list[Message] = []
        while message := await self._known(f"{stem}:{len(found) + 1}"):
            found.append(message)
        return found

    @staticmethod
    def _parts(body: str) -> list[str]:
        if len(body) > _MAX_REPLY:
            raise InvalidInput(f"The text has {len(body)} characters; the most is {_MAX_REPLY}.")
        parts = split_body(body)
        if not parts:
            raise InvalidInput("The text is empty. Write something first.")
        return parts

    @staticmethod
    def _require_claimed(current: Conversation) -> None:
        if current.status is not Status.AGENT_ACTIVE:
            raise WrongState("Claim the conversation before you answer it.")


def _require_opted_in(contact: Contact) -> None:
    if contact.opted_out_at is not None:
        raise WrongState(
            "The customer asked for no more messages, so nothing can be sent. It works again when the "
            "customer writes a word of prompts/opt_out.yaml, for example START."
        )
