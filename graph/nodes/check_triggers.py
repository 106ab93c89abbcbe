"""``check_triggers``: what brings a human in although the customer did not ask for one.

It runs behind ``detect_handoff``: who asks for a human in so many words is recorded as such. A language
that the bot does not speak and a topic that is a human's say more than the classifier's guess, so they go
before it.
"""

from __future__ import annotations

from langgraph.runtime import Runtime

from graph.context import GraphContext
from graph.decisions import decide, language_name
from graph.foreign import find_foreign
from graph.repeats import question_of, times_asked
from graph.state import AskedRecord, State
from graph.topics import find_topic
from ponte.domain.conversation import Trigger
from ponte.domain.message import Author
from ponte.locales import LOCALES

# A policy can look back over no more.
_KEPT = 10


async def check_triggers(state: State, runtime: Runtime[GraphContext]) -> State:
    """Decide for a human, or leave what was decided."""
    context, text = runtime.context, state.get("text", "")
    if not text.strip():
        return {}
    decision = state.get("decision")
    guessed = decision is not None and decision["trigger"] == Trigger.CLASSIFIER.value
    if decision is not None and not guessed:
        return {}
    if found := await _foreign(text, context) or _topic(text, context):
        return found
    return {} if guessed else _repeated(state, context)


async def _foreign(text: str, context: GraphContext) -> State | None:
    policy = context.prompts.handoff.triggers.language
    if not policy.enabled:
        return None
    foreign = await find_foreign(text, words=policy.words, sure=policy.sure)
    if foreign is None:
        return None
    name = language_name(foreign.code, context.agent_locale)
    decision = decide(Trigger.LANGUAGE, foreign.score, context, name=name)
    told = "\n\n".join(context.prompts.text("handoff.language", locale) for locale in LOCALES)
    return {"decision": decision, "outgoing": [{"body": told, "author": Author.SYSTEM.value}]}


def _topic(text: str, context: GraphContext) -> State | None:
    found = find_topic(text, context.prompts.handoff.topics)
    if found is None:
        return None
    return {"decision": decide(Trigger.TOPIC, 1.0, context, topic=found.name, phrase=found.phrase)}


def _repeated(state: State, context: GraphContext) -> State:
    """Remember the question; a turn that runs again replaces its first record."""
    policy = context.prompts.handoff.triggers.repeated
    question = question_of(state["text"], context.prompts.smalltalk)
    if question is None:
        return {}
    before = [record for record in state.get("asked", []) if record["id"] != state["turn_id"]]
    record: AskedRecord = {"id": state["turn_id"], "question": question}
    change: State = {"asked": [*before, record][-_KEPT:]}
    if policy.enabled:
        times, similarity = times_asked(question, before, policy)
        if times >= policy.times:
            change["decision"] = decide(Trigger.REPEATED, similarity, context, count=times)
    return change
