"""For ``langgraph dev``: the same graph, opened in LangGraph Studio. See ``langgraph.json``.

Give a run an input such as::

    {"turn_id": "1", "inbound": [{"id": "1", "kind": "text", "body": "Quanto custa?", "media": []}],
     "memory": "", "language": "pt-BR"}
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import field, fields, make_dataclass

from graph.builder import Graph, build_graph
from graph.context import GraphContext
from graph.context_factory import open_graph_context
from ponte.clock import SystemClock
from ponte.settings import load_settings


@asynccontextmanager
async def make_graph() -> AsyncIterator[Graph]:
    """Return the graph without a checkpointer, which the development server brings, but with a context.

    The server makes each run's context by calling the schema without arguments, so the schema it gets
    has the opened context's parts as its defaults.

    Raises:
        SettingsError: a setting is wrong.
        PromptError: a file under prompts/ cannot be used.
    """
    async with open_graph_context(load_settings(), SystemClock()) as opened:
        parts = [(f.name, f.type, field(default=getattr(opened, f.name))) for f in fields(GraphContext)]
        schema = make_dataclass("StudioContext", parts, bases=(GraphContext,), frozen=True)
        yield build_graph(None, context_schema=schema)
