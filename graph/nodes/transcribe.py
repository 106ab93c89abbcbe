"""``transcribe``: the customer's messages become the text of the turn."""

from __future__ import annotations

from langgraph.runtime import Runtime

from graph.context import GraphContext
from graph.decisions import decide
from graph.language import detect_language
from graph.state import State
from ponte.domain.conversation import Trigger
from ponte.domain.message import Author, Kind

_READABLE = frozenset({Kind.TEXT.value, Kind.STICKER.value})


async def transcribe(state: State, runtime: Runtime[GraphContext]) -> State:
    """Begin the turn: clear the last one's records, read the text, find the language.

    Media that cannot be read are handed over, caption or not: guessing what a picture or a voice note
    says would be worse. A sticker says nothing that needs reading.
    """
    context = runtime.context
    inbound = state["inbound"]
    text = "\n".join(item["body"] for item in inbound if item["body"].strip())
    language = detect_language(text, state.get("language") or context.agent_locale)
    change: State = {
        "text": text,
        "language": language,
        "unsure": False,
        "unsure_score": 0.0,
        "outgoing": [],
        "decision": None,
        "model_failed": False,
        "prompt_version": context.prompts.version,
        "resolved_memory": state.get("resolved_memory") if _resumed_now(state) else None,
    }
    unread = sum(1 for item in inbound if item["media"] and item["kind"] == Kind.TEXT.value)
    unread += sum(1 for item in inbound if item["kind"] not in _READABLE)
    if unread:
        change["decision"] = decide(Trigger.MEDIA, 1.0, context, count=unread)
        body = context.prompts.text("media.unreadable", language)
        change["outgoing"] = [{"body": body, "author": Author.SYSTEM.value}]
    return change


def _resumed_now(state: State) -> bool:
    """True when this very turn also ended a human stretch: its memory is part of the turn's result."""
    return state.get("resumed_turn") == state["turn_id"]
