"""Decisions to bring a human in, worded for the agent."""

from __future__ import annotations

from graph.context import GraphContext
from graph.state import DecisionRecord
from ponte.domain.conversation import Trigger


def decide(trigger: Trigger, score: float, context: GraphContext, **variables: object) -> DecisionRecord:
    """Return a decision with its reason in the agents' language, from ``messages/<locale>.yaml``.

    Args:
        trigger: what decided it; the reason's key is ``reason.<trigger>``.
        score: the confidence, 0 to 1.
        context: the run's context.
        variables: what the reason names.
    """
    reason = context.prompts.text(f"reason.{trigger.value}", context.agent_locale, **variables)
    return {"reason": reason, "trigger": trigger.value, "score": round(score, 4), "summary": ""}
