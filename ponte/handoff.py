"""What agents do with a conversation: claim, transfer, reply, give back, resolve.

Every change goes through the pure state machine and one compare-and-set commit; when somebody else was
first, it is read and decided again.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from ponte.domain import conversation as machine
from ponte.domain.agent import Agent, Permission
from ponte.domain.conversation import Conversation, Status
from ponte.domain.inbox import InboxKind, InboxRow
from ponte.domain.message import Author, Delivery, Kind, Message, MessageStatus, position
from ponte.domain.splitting import split_body
from ponte.domain.window import window_open
from ponte.errors import Conflict, Forbidden, InvalidInput, NotFound, NotHolder, WrongState
from ponte.ports import AuditEntry, Clock, Commit, Store
from ponte.signals import Signals

_TRIES: Final = 25
_MAX_REPLY: Final = 16_000
_PREVIEW: Final = 120


class HandoffDesk:
    """The agents' side of a conversation.

    Every method raises Forbidden for a role that may not, NotFound for an unknown conversation, and
    WrongState (or a subclass that carries the holder) where the conversation's state forbids it.
    """

    def __init__(self, store: Store, clock: Clock, signals: Signals) -> None:
        self._store = store
        self._clock = clock
        self._signals = signals

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
        self, agent: Agent, conversation_id: str, body: str, *, key: str | None = None
    ) -> list[Message]:
        """Answer the customer on WhatsApp. Returns the queued messages, in parts of 1600 characters.

        Args:
            agent: who answers; must hold the conversation.
            conversation_id: where.
            body: the text; 1 to 16,000 characters.
            key: the caller's own name for this reply; a second call with it sends nothing.

        Raises:
            InvalidInput: the body is empty or too long.
            WrongState: WhatsApp's 24-hour window has closed.
        """
        self._permit(agent, Permission.WORK)
        parts = self._parts(body)
        stem = f"a-{conversation_id}-{key or secrets.token_hex(12)}"
        written: list[Message] = []

        async def decide(current: Conversation, now: int) -> Commit | None:
            written.clear()
            if known := await self._known(f"{stem}:0"):
                written.extend([known, *await self._siblings(stem)])
                return None
            self._require_hold(agent, current)
            if current.status is not Status.AGENT_ACTIVE:
                raise WrongState("Claim the conversation before you answer it.")
            contact = await self._store.contact(current.contact_id)
            if not window_open(contact.last_inbound_at, now):
                raise WrongState(
                    "WhatsApp's 24-hour window has closed. Wait until the customer writes again."
                )
            for n, part in enumerate(parts):
                seq = current.last_seq + 1 + n
                written.append(
                    Message(
                        id=f"{stem}:{n}",
                        conversation_id=current.id,
                        contact_id=current.contact_id,
                        seq=seq,
                        author=Author.AGENT,
                        kind=Kind.TEXT,
                        body=part,
                        status=MessageStatus.QUEUED,
                        created_at=now,
                        agent_id=agent.id,
                        delivery=Delivery(
                            address=contact.address,
                            position=position(current.opened_at, seq),
                            epoch=current.epoch,
                            due_at=now,
                        ),
                    )
                )
            return Commit(self._appended(current, written, now, seen=True), messages=tuple(written))

        await self._change(agent, conversation_id, "reply", decide)
        return written

    async def note(self, agent: Agent, conversation_id: str, body: str) -> Message:
        """Leave a note in the transcript that only agents see."""
        self._permit(agent, Permission.WORK)
        self._parts(body)
        written: list[Message] = []

        async def decide(current: Conversation, now: int) -> Commit | None:
            commit = self._with_note(Commit(current), agent, body, now)
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
            self._signals.outbox(message.contact_id)
        return again

    async def _change(
        self,
        agent: Agent,
        conversation_id: str,
        action: str,
        decide: Callable[[Conversation, int], Awaitable[Commit | None]],
        *,
        detail: str = "",
    ) -> Conversation:
        for _ in range(_TRIES):
            current = await self._store.conversation(conversation_id)
            now = self._clock.now()
            commit = await decide(current, now)
            if commit is None:
                return current
            changed = replace(commit.conversation, version=current.version + 1)
            entry = AuditEntry(
                id=f"{changed.id}:{changed.version}",
                at=now,
                actor=agent.id,
                action=action,
                conversation_id=changed.id,
                detail=detail,
            )
            try:
                await self._store.commit(replace(commit, conversation=changed, audit=(entry,)))
            except Conflict:
                continue
            if commit.resume_row is not None:
                self._signals.inbox(changed.contact_id)
            self._signals.outbox(changed.contact_id)
            return changed
        raise Conflict(f"The conversation changed {_TRIES} times while this was tried. Try again.")

    def _with_note(self, commit: Commit, agent: Agent, body: str, now: int) -> Commit:
        current = commit.conversation
        note = Message(
            id=f"n-{current.id}-{secrets.token_hex(12)}",
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
    def _permit(agent: Agent, permission: Permission) -> None:
        if agent.disabled or not agent.may(permission):
            raise Forbidden(f"The role {agent.role} may not {permission}.")

    @staticmethod
    def _require_hold(agent: Agent, current: Conversation) -> None:
        """Whoever holds it may act; a supervisor may act on any."""
        if agent.may(Permission.OVERRIDE):
            return
        if current.status is Status.AGENT_ACTIVE and current.agent_id != agent.id:
            raise NotHolder(current.agent_id)
