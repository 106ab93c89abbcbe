"""``take_back``: the human stretch is over; the bot learns what happened in it."""

from __future__ import annotations

from langgraph.runtime import Runtime

from graph.context import GraphContext
from graph.memory import account_of, remembered
from graph.state import ResumeAnswer, State
from ponte.domain.conversation import ResumeAction


async def take_back(state: State, runtime: Runtime[GraphContext]) -> State:
    """Put what the bot must know into the state. Sends nothing.

    The brief stays until the next human stretch ends: a bot that forgot it after one answer could
    contradict the agent in the second.
    """
    answer = ResumeAnswer.model_validate(state.get("answer") or {})
    return stretch_ended(state, answer, runtime.context)


def stretch_ended(state: State, answer: ResumeAnswer, context: GraphContext) -> State:
    """Return the change of state that the end of a human stretch makes."""
    resolved = answer.action is ResumeAction.RESOLVED
    return {
        "answer": None,
        "decision": None,
        "outgoing": [],
        "unanswered": 0,
        "unread": 0,
        "asked": [],
        "brief": account_of(answer, context.limits.brief_chars),
        "resumed_turn": answer.turn_id,
        "resolved_memory": remembered(state, answer, context) if resolved else None,
    }
