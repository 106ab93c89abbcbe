"""Answers without a model: courtesies, and sections of the knowledge files word for word."""

from __future__ import annotations

from dataclasses import dataclass

from graph.attachments import Attachment
from graph.citing import sources_detail
from graph.context import GraphContext
from graph.state import State
from graph.text import words
from ponte.domain.message import Details


@dataclass(frozen=True, slots=True)
class LocalAnswer:
    """An answer, the message's details that name the section it is, and the files that go with it."""

    text: str
    details: Details = ()
    attached: tuple[Attachment, ...] = ()


def local_answer(state: State, context: GraphContext, threshold: float) -> LocalAnswer | None:
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
        return LocalAnswer(context.prompts.text(f"bot.{courtesy}", language))
    hits = context.knowledge.search(text, language, limit=1)
    if not hits or hits[0].score < threshold:
        return None
    section = hits[0].section
    return LocalAnswer(section.text, sources_detail([section.reference]), section.attached)
