"""The conversation and its state machine.

::

    BOT_ACTIVE --hand_over--> AWAITING_AGENT --claim/assign--> AGENT_ACTIVE --resolve--> RESOLVED
        ^  |                    |   ^   |                          |  |
        |  +---expire---+       |   |   +--------resolve-------+   |  +--assign--> AGENT_ACTIVE
        |               v       |   +------------release-------|---+
        +--------------RESOLVED |                              v   |
        +-------return_to_bot---+------------------------------+---+

An agent may also ``reopen`` a RESOLVED one: it becomes AGENT_ACTIVE, theirs, as a new human stretch.

Times are integers: ms since the epoch, UTC. The *owner* is the agent who holds the conversation, or the
bot when none does. ``epoch`` counts the changes of owner: what the bot wrote under an older epoch is
never sent (see ``ponte.delivery``). ``version`` counts the commits, for compare-and-set.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from ponte.domain.stretch import Stretch, begun
from ponte.errors import AlreadyClaimed, WrongState


class Status(StrEnum):
    """Who is to act. The names are stored and are part of the agent API."""

    BOT_ACTIVE = "BOT_ACTIVE"
    AWAITING_AGENT = "AWAITING_AGENT"
    AGENT_ACTIVE = "AGENT_ACTIVE"
    RESOLVED = "RESOLVED"


HUMAN_STATUSES = frozenset({Status.AWAITING_AGENT, Status.AGENT_ACTIVE})

# Priorities are 0 (normal), 1 (high) and 2 (urgent).
HIGHEST_PRIORITY = 2


class Trigger(StrEnum):
    """What brought a human in."""

    KEYWORD = "keyword"
    CLASSIFIER = "classifier"
    MODEL = "model"
    NO_ANSWER = "no_answer"
    MEDIA = "media"
    BOT_FAILED = "bot_failed"
    ERROR = "error"
    OPTED_OUT = "opted_out"
    REPEATED = "repeated"
    TOPIC = "topic"
    LANGUAGE = "language"


@dataclass(frozen=True, slots=True)
class Handoff:
    """Why a human was brought in.

    Args:
        reason: one sentence for the agent.
        trigger: what decided it.
        score: the decision's confidence, 0 to 1.
        summary: what the customer wants and what the bot already said.
        at: ms UTC.
    """

    reason: str
    trigger: Trigger
    score: float
    summary: str
    at: int


class ResumeAction(StrEnum):
    """How a human stretch ended."""

    RETURNED = "returned"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Resume:
    """The answer that the paused thread still has to receive.

    Args:
        action: how the human stretch ended.
        brief: what the agent wants the bot to know; empty when the agent wrote none.
        stretch_from: the transcript's seq after which the human stretch began.
        unseen_from: messages of the customer after this seq were seen by no agent.
    """

    action: ResumeAction
    brief: str
    stretch_from: int
    unseen_from: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """One matter of one customer: one LangGraph thread.

    Args:
        id: opaque.
        contact_id: whose it is.
        thread_id: the LangGraph thread; opaque, never a phone number.
        opened_at: ms UTC.
        updated_at: ms UTC of the last change that a console would show.
        status: who is to act.
        epoch: the number of changes of owner so far.
        version: the number of commits so far.
        last_seq: the seq of the newest message in the transcript.
        last_turn_id: the last turn committed; a turn commits once.
        agent_id: the owner, while a human is.
        language: the customer's, as a BCP 47 tag.
        waiting_since: when the customer began to wait for an agent; None when none is awaited.
        last_customer_at: when the customer last wrote.
        seen_seq: the newest seq that an agent has seen.
        unread: messages of the customer that no agent has seen, in the human stretch.
        handoff: why a human was brought in, last.
        handoff_seq: the newest seq at that moment: the human stretch follows it.
        resume: what the paused thread has yet to be told; None when nothing.
        resolved_at: ms UTC.
        disposition: how the agent filed it.
        preview: the first words of the newest message, for a list.
        reminded: the customer was told, in this wait, that it takes longer.
        csat: how content the customer was, 1 to 5; None until they say.
        csat_at: when they said it, ms UTC.
        csat_asked_at: when they were asked, ms UTC; None when they were not.
        stretch: the clock of the human stretch that it is in, or was in last.
        prompt_version: the prompt files that served it last.
        labels: words that agents file it under, in order of the alphabet.
        priority: 0 to ``HIGHEST_PRIORITY``.
        snoozed_until: its agent wants it back then, ms UTC; None when it is not put off.
        reopened: how often an agent opened it again.
        unanswered_since: since when what the customer wrote to a human has had no answer, ms UTC.
    """

    id: str
    contact_id: str
    thread_id: str
    opened_at: int
    updated_at: int
    status: Status = Status.BOT_ACTIVE
    epoch: int = 0
    version: int = 0
    last_seq: int = 0
    last_turn_id: str | None = None
    agent_id: str | None = None
    language: str = "pt-BR"
    waiting_since: int | None = None
    last_customer_at: int | None = None
    seen_seq: int = 0
    unread: int = 0
    handoff: Handoff | None = None
    handoff_seq: int = 0
    resume: Resume | None = None
    resolved_at: int | None = None
    disposition: str | None = None
    preview: str = ""
    reminded: bool = False
    csat: int | None = None
    csat_at: int | None = None
    csat_asked_at: int | None = None
    stretch: Stretch | None = None
    prompt_version: str | None = None
    labels: tuple[str, ...] = ()
    priority: int = 0
    snoozed_until: int | None = None
    reopened: int = 0
    unanswered_since: int | None = None

    @property
    def human(self) -> bool:
        """True while the customer waits for an agent or talks to one: the bot is silent."""
        return self.status in HUMAN_STATUSES


def hand_over(conversation: Conversation, handoff: Handoff) -> Conversation:
    """The bot asks for a human: BOT_ACTIVE to AWAITING_AGENT.

    Raises:
        WrongState: a human is awaited or active already, or the conversation is resolved.
    """
    _require(conversation, "hand over", Status.BOT_ACTIVE)
    return replace(
        conversation,
        status=Status.AWAITING_AGENT,
        handoff=handoff,
        handoff_seq=conversation.last_seq,
        seen_seq=conversation.last_seq,
        unread=0,
        waiting_since=handoff.at,
        reminded=False,
        unanswered_since=handoff.at,
        stretch=begun(conversation.stretch, handoff.at, handoff.trigger),
        updated_at=handoff.at,
    )


def claim(conversation: Conversation, agent_id: str, now: int) -> Conversation:
    """An agent takes a waiting conversation: AWAITING_AGENT to AGENT_ACTIVE.

    A claim repeated by the agent who holds it changes nothing.

    Raises:
        AlreadyClaimed: another agent holds it.
        WrongState: nobody waits for an agent.
    """
    if conversation.status is Status.AGENT_ACTIVE and conversation.agent_id is not None:
        if conversation.agent_id == agent_id:
            return conversation
        raise AlreadyClaimed(conversation.agent_id)
    _require(conversation, "claim", Status.AWAITING_AGENT)
    return _owned_by(conversation, agent_id, now)


def assign(conversation: Conversation, agent_id: str, now: int) -> Conversation:
    """Give the conversation to a named agent, from the queue or from another agent.

    Raises:
        WrongState: no human is awaited or active.
    """
    _require(conversation, "assign", Status.AWAITING_AGENT, Status.AGENT_ACTIVE)
    if conversation.agent_id == agent_id:
        return conversation
    return _owned_by(conversation, agent_id, now)


def release(conversation: Conversation, now: int) -> Conversation:
    """Put the conversation back into the queue: AGENT_ACTIVE to AWAITING_AGENT.

    Raises:
        WrongState: no agent holds it.
    """
    _require(conversation, "put back into the queue", Status.AGENT_ACTIVE)
    return replace(
        conversation,
        status=Status.AWAITING_AGENT,
        agent_id=None,
        epoch=conversation.epoch + 1,
        waiting_since=now,
        snoozed_until=None,
        reminded=False,
        stretch=conversation.stretch and conversation.stretch.released(),
        updated_at=now,
    )


def return_to_bot(conversation: Conversation, brief: str, now: int) -> Conversation:
    """The bot goes on: either human state to BOT_ACTIVE, with a resume for the paused thread.

    Raises:
        WrongState: no human is awaited or active.
    """
    _require(conversation, "return to the bot", Status.AWAITING_AGENT, Status.AGENT_ACTIVE)
    return replace(
        _disowned(conversation, now),
        status=Status.BOT_ACTIVE,
        resume=_resume(conversation, ResumeAction.RETURNED, brief),
        stretch=conversation.stretch and conversation.stretch.ended(ResumeAction.RETURNED, now),
    )


def resolve(conversation: Conversation, disposition: str | None, now: int) -> Conversation:
    """The matter is closed: either human state to RESOLVED, with a resume for the paused thread.

    Raises:
        WrongState: no human is awaited or active.
    """
    _require(conversation, "resolve", Status.AWAITING_AGENT, Status.AGENT_ACTIVE)
    return replace(
        _disowned(conversation, now),
        status=Status.RESOLVED,
        resume=_resume(conversation, ResumeAction.RESOLVED, ""),
        stretch=conversation.stretch and conversation.stretch.ended(ResumeAction.RESOLVED, now),
        resolved_at=now,
        disposition=disposition,
    )


def expire(conversation: Conversation, now: int) -> Conversation:
    """Close a conversation that the customer let go idle with the bot: BOT_ACTIVE to RESOLVED.

    Raises:
        WrongState: a human is awaited or active, or it is resolved already.
    """
    _require(conversation, "expire", Status.BOT_ACTIVE)
    return replace(
        conversation, status=Status.RESOLVED, resume=None, resolved_at=now, disposition="idle", updated_at=now
    )


def replied(conversation: Conversation, now: int) -> Conversation:
    """Note that an agent answers the customer at ``now``: the stretch's first answer stops its clock."""
    conversation = replace(conversation, unanswered_since=None)
    if conversation.stretch is None or not conversation.stretch.open:
        return conversation
    return replace(conversation, stretch=conversation.stretch.replied(now))


def reopen(conversation: Conversation, agent_id: str, now: int) -> Conversation:
    """An agent opens a closed matter again and holds it: RESOLVED to AGENT_ACTIVE.

    It is a new human stretch. What the thread had yet to be told of the old end is not told any more; one
    that was told has ended, and learns of this stretch when it ends. The caller makes sure that this is the
    contact's newest conversation. Repeated by the agent who holds it, it changes nothing.

    Raises:
        AlreadyClaimed: another agent holds it.
        WrongState: it is not resolved.
    """
    if conversation.status is Status.AGENT_ACTIVE and conversation.agent_id is not None:
        if conversation.agent_id == agent_id:
            return conversation
        raise AlreadyClaimed(conversation.agent_id)
    _require(conversation, "reopen", Status.RESOLVED)
    fresh = replace(
        conversation,
        handoff_seq=conversation.last_seq,
        resume=None,
        resolved_at=None,
        disposition=None,
        reopened=conversation.reopened + 1,
        stretch=begun(conversation.stretch, now, None),
    )
    return _owned_by(fresh, agent_id, now)


def snooze(conversation: Conversation, until: int, now: int) -> Conversation:
    """Put a conversation off until ``until`` (ms UTC); it stays with its agent.

    Only one that an agent holds: a customer who waits for an agent must not disappear from the queue.

    Raises:
        WrongState: no agent holds it.
    """
    _require(conversation, "snooze", Status.AGENT_ACTIVE)
    if conversation.snoozed_until == until:
        return conversation
    return replace(conversation, snoozed_until=until, updated_at=now)


def wake(conversation: Conversation, now: int) -> Conversation:
    """End a snooze. Waking what is awake changes nothing, in every state."""
    if conversation.snoozed_until is None:
        return conversation
    return replace(conversation, snoozed_until=None, updated_at=now)


def heard(conversation: Conversation, at: int) -> Conversation:
    """Note that the customer wrote at ``at`` (ms UTC): it ends a snooze, and a human owes an answer."""
    owed = conversation.unanswered_since
    if conversation.human and owed is None:
        owed = at
    return replace(conversation, last_customer_at=at, snoozed_until=None, unanswered_since=owed)


def _owned_by(conversation: Conversation, agent_id: str, now: int) -> Conversation:
    transferred = conversation.agent_id is not None
    return replace(
        conversation,
        status=Status.AGENT_ACTIVE,
        agent_id=agent_id,
        epoch=conversation.epoch + 1,
        waiting_since=None,
        snoozed_until=None,
        seen_seq=conversation.last_seq,
        unread=0,
        stretch=conversation.stretch and conversation.stretch.taken(agent_id, now, transferred=transferred),
        updated_at=now,
    )


def _disowned(conversation: Conversation, now: int) -> Conversation:
    """The owner changes only where there was one: a wait that ends unclaimed silences nobody."""
    had_owner = conversation.agent_id is not None
    return replace(
        conversation,
        agent_id=None,
        epoch=conversation.epoch + 1 if had_owner else conversation.epoch,
        waiting_since=None,
        snoozed_until=None,
        unanswered_since=None,
        unread=0,
        updated_at=now,
    )


def _resume(conversation: Conversation, action: ResumeAction, brief: str) -> Resume:
    return Resume(
        action=action,
        brief=brief.strip(),
        stretch_from=conversation.handoff_seq,
        unseen_from=conversation.seen_seq,
    )


def _require(conversation: Conversation, verb: str, *allowed: Status) -> None:
    if conversation.status not in allowed:
        wanted = " or ".join(allowed)
        raise WrongState(f"Cannot {verb} a conversation that is {conversation.status}; it must be {wanted}.")
