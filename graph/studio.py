"""For ``langgraph dev``: the same graph, opened in LangGraph Studio. See ``langgraph.json``."""

from __future__ import annotations

from graph.builder import Graph, build_graph


def make_graph() -> Graph:
    """Return the graph without a checkpointer: the development server brings its own."""
    return build_graph(None)
