"""``hand_over``: the customer is told, the agent gets a summary, and the turn is closed."""

from __future__ import annotations

from langgraph.runtime import Runtime

from graph.closed import closed_notice
from graph.context import GraphContext
from graph.memory import summary_for_agent, with_turn
from graph.state import DecisionRecord, OutgoingRecord, State
from ponte.domain.conversation import Trigger
from ponte.domain.message import Author
from ponte.locales import LOCALES


async def hand_over(state: State, runtime: Runtime[GraphContext]) -> State:
    """Add the transfer notice to what is sent, with the agents' hours when none is there, and the summary.

    The summary is cut from the conversation, not written by a model: the notice must not wait for one.
    """
    context = runtime.context
    decision = state.get("decision")
    if decision is None:  # the edges lead here only with one
        raise ValueError("hand_over needs a decision; route to it only with one.")
    outgoing: list[OutgoingRecord] = [*state.get("outgoing", [])]
    # Who writes in a language that the bot does not speak is told in all that it does.
    foreign = decision["trigger"] == Trigger.LANGUAGE.value
    if not foreign:
        notice = context.prompts.text("handoff.transfer", state["language"])
        outgoing.append({"body": notice, "author": Author.SYSTEM.value})
    now = context.clock.now()
    closed = [
        closed_notice(context.prompts, one, now) for one in (LOCALES if foreign else [state["language"]])
    ]
    if told_hours := "\n\n".join(filter(None, closed)):
        outgoing.append({"body": told_hours, "author": Author.SYSTEM.value})
    told = "\n".join(o["body"] for o in outgoing)
    complete: DecisionRecord = {**decision, "summary": summary_for_agent(state, context.limits)}
    return {**with_turn(state, told, context.limits), "outgoing": outgoing, "decision": complete}
