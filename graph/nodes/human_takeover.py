"""``human_takeover``: the thread pauses here while a human owns the conversation."""

from __future__ import annotations

from langgraph.types import interrupt

from graph.state import ResumeAnswer, State


async def human_takeover(state: State) -> State:
    """Wait for the end of the human stretch.

    A node runs again from its top on each resume, so nothing but the interrupt may stand here.
    """
    value = {"turn_id": state["turn_id"], "decision": state.get("decision")}
    answer = interrupt(value, response_schema=ResumeAnswer)
    return {"answer": answer.model_dump(mode="json")}
