"""What reports count: a row a human stretch, and a row a conversation. Ids and times, no word of anybody.

A stretch's row is a projection of its conversation, so every commit keeps it right without being told to.
A conversation's row is not stored at all: it is read from the conversation.
"""

from __future__ import annotations

from dataclasses import dataclass

from ponte.domain.conversation import Conversation, ResumeAction, Status, Trigger


@dataclass(frozen=True, slots=True)
class StretchFact:
    """One human stretch; see ``ponte.domain.stretch.Stretch`` for what is not said here.

    Args:
        id: follows from the conversation and the stretch's number.
        conversation_id: where.
        contact_id: whose conversation it is; it goes when they are erased.
        number: 1 for the conversation's first one.
        language: the customer's, as a BCP 47 tag.
        prompt_version: the prompt files that the conversation was served with; None when not known.
        asked_at: ms UTC.
        trigger: what brought the human in; None: an agent reopened the conversation.
        claimed_at: ms UTC.
        first_reply_at: ms UTC.
        ended_at: ms UTC.
        how: how it ended.
        agent_id: who has it, or had it last.
        transfers: how often it changed hands.
        disposition: how a resolved one was filed.
    """

    id: str
    conversation_id: str
    contact_id: str
    number: int
    language: str
    prompt_version: str | None
    asked_at: int
    trigger: Trigger | None
    claimed_at: int | None
    first_reply_at: int | None
    ended_at: int | None
    how: ResumeAction | None
    agent_id: str | None
    transfers: int
    disposition: str | None


@dataclass(frozen=True, slots=True)
class ConversationFact:
    """One conversation, as reports see it.

    Args:
        id: the conversation's.
        opened_at: ms UTC.
        updated_at: ms UTC of its last change.
        status: who is to act.
        resolved_at: ms UTC.
        language: the customer's.
        prompt_version: the prompt files that served it last; None when not known.
        human: whether an agent was ever asked for.
        agent_id: the agent of its last human stretch.
        reopened: how often an agent opened it again.
        csat: how content the customer was, 1 to 5.
        csat_asked: whether they were asked.
        resuming: whether its thread has yet to be told how a human stretch ended.
    """

    id: str
    opened_at: int
    updated_at: int
    status: Status
    resolved_at: int | None
    language: str
    prompt_version: str | None
    human: bool
    agent_id: str | None
    reopened: int
    csat: int | None
    csat_asked: bool
    resuming: bool

    def over(self, now: int, idle_ms: int) -> bool:
        """Tell whether the matter is closed: resolved, or with the bot and silent for ``idle_ms``.

        An idle conversation is marked as resolved only when the customer writes again.
        """
        if self.status is Status.BOT_ACTIVE:
            return not self.resuming and now - self.updated_at >= idle_ms
        return self.status is Status.RESOLVED


def stretch_fact(conversation: Conversation) -> StretchFact | None:
    """Return the row of the conversation's stretch that a commit of it has to keep.

    None when there is none, or when it ended before this change.
    """
    stretch = conversation.stretch
    if stretch is None or (stretch.ended_at is not None and stretch.ended_at < conversation.updated_at):
        return None
    return StretchFact(
        id=f"{conversation.id}:{stretch.number}",
        conversation_id=conversation.id,
        contact_id=conversation.contact_id,
        number=stretch.number,
        language=conversation.language,
        prompt_version=conversation.prompt_version,
        asked_at=stretch.asked_at,
        trigger=stretch.trigger,
        claimed_at=stretch.claimed_at,
        first_reply_at=stretch.first_reply_at,
        ended_at=stretch.ended_at,
        how=stretch.how,
        agent_id=stretch.agent_id,
        transfers=stretch.transfers,
        disposition=conversation.disposition if stretch.how is ResumeAction.RESOLVED else None,
    )
