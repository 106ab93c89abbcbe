"""What agents say of a handoff afterwards: that it was not needed, or came late."""

from __future__ import annotations

from typing import Final

from ponte.domain.agent import Agent
from ponte.domain.conversation import Conversation
from ponte.domain.decision import HandoffDecision, HandoffMark, Mark, mark_id
from ponte.domain.message import Author, Message
from ponte.errors import InvalidInput, NotFound, WrongState
from ponte.ports import Store

_LOOKED_BACK: Final = 50


async def mark_of(
    store: Store,
    agent: Agent,
    current: Conversation,
    mark: Mark,
    *,
    at_seq: int | None,
    decision_id: str | None,
    now: int,
) -> HandoffMark | None:
    """Return the mark to keep; None when it is there already.

    Args:
        store: where the ledger is.
        agent: who says so.
        current: the conversation.
        mark: what.
        at_seq: for ``LATE``, the customer's message at which a human should have come; None: the last one
            before the turn in which one came.
        decision_id: which handoff; None: the conversation's newest.
        now: ms UTC.

    Raises:
        WrongState: no human was ever brought in.
        NotFound: the conversation has no such handoff.
        InvalidInput: ``at_seq`` is not a message of the customer, or is after the handoff.
    """
    decision = await _decision(store, current, decision_id)
    if decision.trigger is None:
        raise WrongState(
            "With that decision the bot went on; only one that brought a human in can be marked."
        )
    said = HandoffMark(
        id=mark_id(decision.id, agent.id),
        decision_id=decision.id,
        conversation_id=current.id,
        contact_id=current.contact_id,
        agent_id=agent.id,
        mark=mark,
        at=now,
        trigger=decision.trigger,
        prompt_version=decision.prompt_version,
        at_seq=await _late_at(store, decision, at_seq) if mark is Mark.LATE else None,
    )
    before = next((m for m in await store.marks(current.id) if m.id == said.id), None)
    if before is None and mark is Mark.NONE:
        return None
    same = before is not None and (before.mark, before.at_seq) == (said.mark, said.at_seq)
    return None if same else said


async def _decision(store: Store, current: Conversation, decision_id: str | None) -> HandoffDecision:
    if decision_id is not None:
        decision = await store.decision(decision_id)
        if decision.conversation_id != current.id:
            raise NotFound(f"The conversation has no decision {decision_id}.")
        return decision
    newest = await store.last_handoff(current.id)
    if newest is None:
        raise WrongState("No human was brought into this conversation, so there is no handoff to mark.")
    return newest


async def _late_at(store: Store, decision: HandoffDecision, at_seq: int | None) -> int:
    if at_seq is None:
        earlier = await store.messages(
            decision.conversation_id, before=decision.first_seq, limit=_LOOKED_BACK
        )
        own = [m.seq for m in earlier if m.author is Author.CUSTOMER]
        return own[-1] if own else decision.first_seq
    found = await store.messages(decision.conversation_id, after=at_seq - 1, limit=1)
    if not found or not _customers(found[0], at_seq) or at_seq > decision.seq:
        raise InvalidInput(
            f"Message {at_seq} is not one that the customer wrote up to the handoff (message {decision.seq})."
        )
    return at_seq


def _customers(message: Message, seq: int) -> bool:
    return message.seq == seq and message.author is Author.CUSTOMER
