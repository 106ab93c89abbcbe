"""Which context a turn runs with: asked once at its beginning, kept to its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from graph.context import GraphContext
from ponte.domain.conversation import Conversation


class Contexts(Protocol):
    """The versions of the prompt files that are served."""

    def current(self) -> GraphContext:
        """Return the context of the version that all serve, a trial of another one apart."""
        ...

    def for_conversation(self, conversation: Conversation) -> GraphContext:
        """Return the context of the version that this conversation is served."""
        ...


@dataclass(slots=True)
class FixedContexts:
    """``Contexts`` of one version, for tests and benchmarks."""

    context: GraphContext

    def current(self) -> GraphContext:
        """Return the one context."""
        return self.context

    def for_conversation(self, conversation: Conversation) -> GraphContext:
        """Return the one context."""
        del conversation
        return self.context
