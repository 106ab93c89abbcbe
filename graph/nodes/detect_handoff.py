"""``detect_handoff``: does the customer want a human? See ``graph.detection``.

Where that is unsure and a model is configured, ``reply`` asks the model beside answering.
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
    found = context.detector.decide(text, context.prompts.handoff.classifier)
    if found.phrase is not None:
        return {"decision": decide(Trigger.KEYWORD, found.score, context, phrase=found.phrase)}
    if found.unsure and context.responder is not None:
        return {"unsure": True, "leaning": found.human, "unsure_score": found.score}
    if found.human:
        return {"decision": decide(Trigger.CLASSIFIER, found.score, context), "unsure_score": found.score}
    return {"unsure": False, "leaning": False, "unsure_score": found.score}
