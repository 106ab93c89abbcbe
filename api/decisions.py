"""The decision ledger for agents: why a human came or did not, and what agents say of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query

from api.context import CallerDep, PonteDep, ReaderDep
from api.documented import errors
from api.schemas import AgentOut, ConversationOut, DecisionMarkOut, DecisionOut, DecisionPage, HandoffMarkIn
from api.views import agent_names, conversation_out, moment
from ponte.domain.decision import HandoffDecision, HandoffMark, Mark, Outcome

_MAX_SEQ: Final = 2**53 - 1

router = APIRouter(prefix="/v1", tags=["Decisions"], responses=errors(400, 401, 403, 404, 413, 422, 503))

ConversationId = Annotated[str, Path(max_length=200, description="The conversation.", examples=["cv_77d0"])]


@router.get("/conversations/{conversation_id}/decisions")
async def list_decisions(
    conversation_id: ConversationId,
    _caller: ReaderDep,
    ponte: PonteDep,
    outcome: Annotated[Outcome | None, Query(description="Only those with this outcome.")] = None,
    after: Annotated[int, Query(ge=0, le=_MAX_SEQ, description="Only decisions after this seq.")] = 0,
    limit: Annotated[int, Query(ge=1, le=200, description="The most items.")] = 50,
) -> DecisionPage:
    """Read what detection decided, turn by turn, in order of seq, with agents' marks."""
    await ponte.store.conversation(conversation_id)
    found = await ponte.store.decisions(conversation_id, outcome=outcome, after=after, limit=limit + 1)
    marks = [m for m in await ponte.store.marks(conversation_id) if m.mark is not Mark.NONE]
    names = await agent_names(ponte.store, [m.agent_id for m in marks])
    decisions = found[:limit]
    return DecisionPage(
        items=[_decision_out(d, [m for m in marks if m.decision_id == d.id], names) for d in decisions],
        next=str(decisions[-1].seq) if len(found) > limit else None,
    )


@router.post("/conversations/{conversation_id}/handoff-mark", responses=errors(409))
async def mark_handoff(
    conversation_id: ConversationId, said: HandoffMarkIn, caller: CallerDep, ponte: PonteDep
) -> ConversationOut:
    """Say that the handoff was not needed, or that a human should have come sooner.

    Each agent has one mark on a handoff; the next one replaces it, and `none` takes it back. Any agent may,
    also once the conversation is resolved.
    """
    marked = await ponte.desk.mark_handoff(
        caller.agent, conversation_id, said.mark, at_seq=said.at_seq, decision_id=said.decision
    )
    return await conversation_out(ponte.store, marked)


def _decision_out(
    decision: HandoffDecision, marks: list[HandoffMark], names: Mapping[str, str]
) -> DecisionOut:
    return DecisionOut(
        id=decision.id,
        at=moment(decision.at),
        first_seq=decision.first_seq,
        seq=decision.seq,
        outcome=decision.outcome,
        trigger=decision.trigger,
        scores=dict(decision.scores),
        thresholds=dict(decision.thresholds),
        language=decision.language,
        prompt_version=decision.prompt_version,
        phrase=decision.phrase,
        marks=[
            DecisionMarkOut(
                agent=AgentOut(id=m.agent_id, name=names.get(m.agent_id)),
                mark=m.mark,
                at_seq=m.at_seq,
                at=moment(m.at),
            )
            for m in marks
        ],
    )
