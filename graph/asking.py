"""What the model is asked: the prompt files, and beside them the conversation as data.

The system message is the prompt engineer's text alone. What customers, agents and past conversations
said goes into user messages, as JSON strings where it is not the customer speaking, so that no text can
close its own quotation.
"""

from __future__ import annotations

from graph.context import ChatMessage, GraphContext, Reply, Responder
from graph.state import State

LANGUAGE_NAMES = {"pt-BR": "Brazilian Portuguese", "es": "Spanish", "en": "English"}
_RECENT_TURNS = 2


async def ask_model(state: State, context: GraphContext, responder: Responder) -> Reply:
    """Ask for the answer to the turn. Raises ModelFailed."""
    return await responder.reply(conversation_prompt(state, context))


async def ask_judge(state: State, context: GraphContext, responder: Responder) -> float:
    """Ask how sure the model is that the turn wants a human, 0 to 1. Raises ModelFailed."""
    recent = [t["customer"] for t in state.get("window", [])[-_RECENT_TURNS:]]
    question = "\n".join([*recent, state["text"]])
    system = context.prompts.judge.render()
    return await responder.judge([ChatMessage("system", system), ChatMessage("user", question)])


def conversation_prompt(state: State, context: GraphContext) -> list[ChatMessage]:
    """Return the messages for the turn's answer: instructions, background, window, question."""
    prompts, text = context.prompts, state["text"]
    language = LANGUAGE_NAMES.get(state["language"], state["language"])
    excerpts = [
        {"file": hit.section.source, "title": hit.section.title, "text": hit.section.text}
        for hit in context.knowledge.search(text, state["language"])
    ]
    background = prompts.background.render(
        memory=state.get("memory", ""),
        summary=state.get("summary", ""),
        brief=state.get("brief", ""),
        excerpts=excerpts,
        attachments=state.get("attachments", []),
    )
    messages = [ChatMessage("system", prompts.assistant.render(language=language))]
    for turn in state.get("window", []):
        if turn["customer"]:
            messages.append(ChatMessage("user", turn["customer"]))
        if turn["bot"]:
            messages.append(ChatMessage("assistant", turn["bot"]))
    # Beside the question, not at the top: what stays the same from turn to turn comes first, for caches.
    messages.append(ChatMessage("user", background))
    if text.strip():
        messages.append(ChatMessage("user", text))
    return messages
