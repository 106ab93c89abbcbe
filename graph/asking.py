"""What the model is asked: the prompt files, and beside them the conversation as data.

The system message is the prompt engineer's text alone. What customers, agents and past conversations
said goes into user messages, as JSON strings where it is not the customer speaking, so that no text can
close its own quotation.
"""

from __future__ import annotations

from collections.abc import Sequence

from graph.context import ChatMessage, GraphContext, Reply, Responder
from graph.knowledge import Hit
from graph.state import State
from graph.visible import defused

LANGUAGE_NAMES = {"pt-BR": "Brazilian Portuguese", "es": "Spanish", "en": "English"}
_RECENT_TURNS = 2


async def ask_model(
    state: State, context: GraphContext, responder: Responder, excerpts: Sequence[Hit]
) -> Reply:
    """Ask for the answer to the turn. Raises ModelFailed."""
    return await responder.reply(conversation_prompt(state, context, excerpts))


async def excerpts_for(state: State, context: GraphContext) -> Sequence[Hit]:
    """Return what the knowledge files say of the turn, for the model to answer from."""
    retriever = context.retriever or context.knowledge
    return await retriever.find(state["text"], state["language"]) if state["text"].strip() else ()


async def ask_judge(state: State, context: GraphContext, responder: Responder) -> float:
    """Ask how sure the model is that the turn wants a human, 0 to 1. Raises ModelFailed."""
    system, question = context.prompts.judge.render(), defused(judged_text(state))
    return await responder.judge([ChatMessage("system", system), ChatMessage("user", question)])


def judged_text(state: State) -> str:
    """Return what the judge reads: the turn's words, below those of the turns before it."""
    recent = [t["customer"] for t in state.get("window", [])[-_RECENT_TURNS:]]
    return "\n".join([*recent, state["text"]])


def conversation_prompt(state: State, context: GraphContext, excerpts: Sequence[Hit]) -> list[ChatMessage]:
    """Return the messages for the turn's answer: instructions, background, window, question.

    Excerpts are numbered from 1, in their order: the answer names those it rests on by number.
    """
    prompts, text = context.prompts, state["text"]
    language = LANGUAGE_NAMES.get(state["language"], state["language"])
    numbered = [
        {"number": n, "file": hit.section.source, "title": hit.section.title, "text": hit.section.text}
        for n, hit in enumerate(excerpts, start=1)
    ]
    background = prompts.background.render(
        memory=state.get("memory", ""),
        summary=state.get("summary", ""),
        brief=state.get("brief", ""),
        excerpts=numbered,
        attachments=state.get("attachments", []),
    )
    messages = [ChatMessage("system", prompts.assistant.render(language=language))]
    for turn in state.get("window", []):
        if turn["customer"]:
            messages.append(ChatMessage("user", defused(turn["customer"])))
        if turn["bot"]:
            messages.append(ChatMessage("assistant", turn["bot"]))
    # Beside the question, not at the top: what stays the same from turn to turn comes first, for caches.
    messages.append(ChatMessage("user", defused(background)))
    if text.strip():
        messages.append(ChatMessage("user", defused(text)))
    return messages
