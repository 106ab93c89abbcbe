"""``detect_handoff``: does the customer want a human? Phrases first, then the local classifier.

Where that one is unsure and a model is configured, ``reply`` asks the model beside answering.
"""

from __future__ import annotations

from langgraph.runtime import Runtime

from graph.context import GraphContext
from graph.decisions import decide
from graph.state import State
from ponte.domain.conversation import Trigger


async def detect_handoff(state: State, runtime: Runtime[GraphContext]) -> State:
    """Decide, or mark the turn as unsure. A decision that stands already is left alone."""
    context = runtime.context
    text = state.get("text", "")
    if state.get("decision") or not text.strip():
        return {}
    phrase = context.keywords.find(text)
    if phrase is not None:
        return {"decision": decide(Trigger.KEYWORD, 1.0, context, phrase=phrase)}
    band = context.prompts.handoff.classifier
    score = context.classifier.score(text)
    if score >= band.sure:
        return {"decision": decide(Trigger.CLASSIFIER, score, context), "unsure_score": score}
    return {"unsure": score >= band.unsure, "unsure_score": score}
