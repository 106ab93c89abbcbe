"""``detect_handoff``: does the customer want a human? See ``graph.detection``.

Where that is unsure and a model is configured, ``reply`` asks the model beside answering.
"""

from __future__ import annotations

from langgraph.runtime import Runtime

from graph.context import GraphContext
from graph.decisions import classifier_thresholds, decide
from graph.state import State
from ponte.domain.conversation import Trigger


async def detect_handoff(state: State, runtime: Runtime[GraphContext]) -> State:
    """Decide, or mark the turn as unsure. A decision that stands already is left alone."""
    context = runtime.context
    text = state.get("text", "")
    if state.get("decision") or not text.strip():
        return {}
    band = context.prompts.handoff.classifier
    found = context.detector.decide(text, band, state.get("language"))
    measured: State = {
        "unsure_score": found.classifier,
        "thresholds": dict(classifier_thresholds(band, found.lang)),
    }
    if found.phrase is not None:
        return {**measured, "decision": decide(Trigger.KEYWORD, found.score, context, phrase=found.phrase)}
    if found.unsure and context.responder is not None:
        return {**measured, "unsure": True, "leaning": found.human}
    if found.human:
        return {**measured, "decision": decide(Trigger.CLASSIFIER, found.score, context)}
    return {**measured, "unsure": False, "leaning": False}
