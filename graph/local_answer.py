"""Answers without a model: courtesies, and sections of the knowledge files word for word."""

from __future__ import annotations

from graph.context import GraphContext
from graph.state import State
from graph.text import words


def local_answer(state: State, context: GraphContext, threshold: float) -> str | None:
    """Return an answer to the turn's text; None when the files do not answer it.

    Args:
        state: the turn's text and language.
        context: the run's context.
        threshold: the share of the question that a section must cover, 0 to 1.
    """
    text, language = state["text"], state["language"]
    said = words(text)
    courtesy = context.prompts.smalltalk.kind_of(said)
    if not said:  # an emoji, or a mark that asks whether anyone is there
        courtesy = "greeting" if "?" in text else "acknowledged"
    if courtesy is not None:
        return context.prompts.text(f"bot.{courtesy}", language)
    hits = context.knowledge.search(text, language, limit=1)
    return hits[0].section.text if hits and hits[0].score >= threshold else None
