"""From a turn's result to its line in the decision ledger."""

from __future__ import annotations

from dataclasses import replace

from graph.state import TurnHandoff
from graph.turn import TurnResult
from ponte.domain.conversation import Handoff, Trigger, hand_over
from ponte.domain.decision import Figures, HandoffDecision, Outcome, decision_id
from ponte.domain.message import Author
from ponte.ports import Commit


def decided(commit: Commit, decision: HandoffDecision) -> Commit:
    """Return the commit with a decision."""
    return replace(commit, decisions=(*commit.decisions, decision))


def decision_of(
    result: TurnResult, commit: Commit, turn_id: str, now: int, unseen_from: int | None
) -> HandoffDecision:
    """Return what the turn's detection came to, with all that was measured and what it was held against.

    Args:
        result: of the turn.
        commit: what the turn writes, the customer's messages among it.
        turn_id: the decision's id follows from it.
        now: ms UTC.
        unseen_from: the turn also answers the customer's messages after this seq; None: only its own.
    """
    found = result.handoff
    first, last = _seqs(commit, unseen_from)
    return HandoffDecision(
        id=decision_id(turn_id),
        conversation_id=commit.conversation.id,
        contact_id=commit.conversation.contact_id,
        at=now,
        first_seq=first,
        seq=last,
        outcome=Outcome.BOT if found is None else Outcome.HUMAN,
        language=result.language,
        prompt_version=result.prompt_version,
        trigger=None if found is None else found.trigger,
        scores=result.scores if found is None else _with(result.scores, found.trigger, found.score),
        thresholds=result.thresholds if found is None else _held(result.thresholds, found),
        phrase=None if found is None else found.phrase,
    )


def undetected(commit: Commit, handoff: Handoff, turn_id: str, version: str) -> Commit:
    """Return the commit with a human brought in, for a turn in which the thread was not asked.

    Args:
        commit: what the turn writes.
        handoff: why a human comes.
        turn_id: the decision's id follows from it.
        version: of the prompt files.
    """
    first, last = _seqs(commit, None)
    decision = HandoffDecision(
        id=decision_id(turn_id),
        conversation_id=commit.conversation.id,
        contact_id=commit.conversation.contact_id,
        at=handoff.at,
        first_seq=first,
        seq=last,
        outcome=Outcome.HUMAN,
        language=commit.conversation.language,
        prompt_version=version,
        trigger=handoff.trigger,
    )
    served = replace(commit.conversation, prompt_version=version)
    return decided(replace(commit, conversation=hand_over(served, handoff)), decision)


def _seqs(commit: Commit, unseen_from: int | None) -> tuple[int, int]:
    """Return the seqs of the turn's first and last message of the customer."""
    own = [message.seq for message in commit.messages if message.author is Author.CUSTOMER]
    # A turn without messages of its own answers older ones: those before what it says.
    before = commit.conversation.last_seq - len(commit.messages)
    first = own[0] if own else before
    return (first if unseen_from is None else unseen_from + 1), (own[-1] if own else before)


def _held(thresholds: Figures, found: TurnHandoff) -> Figures:
    """Return the deciding trigger's thresholds and the turn's; a name that both have is the latter's."""
    taken = {name for name, _ in thresholds}
    own = tuple((f"{found.trigger}.{n}" if n in taken else n, value) for n, value in found.thresholds)
    return (*own, *thresholds)


def _with(scores: Figures, trigger: Trigger, score: float) -> Figures:
    """Return the turn's scores, the deciding one among them."""
    if trigger is Trigger.CLASSIFIER or any(name == trigger.value for name, _ in scores):
        return scores
    return (*scores, (trigger.value, score))
