"""The edges that depend on the state."""

from __future__ import annotations

from typing import Literal

from graph.state import State


def after_detection(state: State) -> Literal["reply", "hand_over"]:
    """A human is wanted, or the bot answers."""
    return "hand_over" if state.get("decision") else "reply"


def after_reply(state: State) -> Literal["hand_over", "__end__"]:
    """The reply asked for a human or failed, or the turn is over (``__end__`` is LangGraph's END)."""
    return "hand_over" if state.get("decision") else "__end__"
