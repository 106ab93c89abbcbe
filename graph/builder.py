"""The graph, drawn.

::

    START -> transcribe -> detect_handoff -> check_triggers -+- hand_over -> human_takeover (interrupt)
                                                             |                  -> take_back -> END
                                                             +- reply -+- END
                                                                       +- hand_over
"""

from __future__ import annotations

import copy
from datetime import timedelta

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.base import maybe_add_typed_methods
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import RetryPolicy, TimeoutPolicy

from graph.context import GraphContext
from graph.nodes.check_triggers import check_triggers
from graph.nodes.detect_handoff import detect_handoff
from graph.nodes.hand_over import hand_over
from graph.nodes.human_takeover import human_takeover
from graph.nodes.reply import reply
from graph.nodes.take_back import take_back
from graph.nodes.transcribe import transcribe
from graph.routing import after_detection, after_reply
from graph.state import State

Graph = CompiledStateGraph[State, GraphContext, State, State]

# Above any ``Limits.model_deadline_ms`` and ``media_deadline_ms``: they only end a node that its own deadline
# could not.
_MODEL_NODE_TIMEOUT = TimeoutPolicy(run_timeout=timedelta(seconds=30))
_MEDIA_NODE_TIMEOUT = TimeoutPolicy(run_timeout=timedelta(seconds=120))


def _never(_: Exception) -> bool:
    """Tell LangGraph not to retry: the responder does, and knows which failures are worth it.

    LangGraph's own default retries a refused request (400, 401) and does not know this client's errors.
    """
    return False


_NO_RETRY = RetryPolicy(max_attempts=1, retry_on=_never)


def strict(checkpointer: BaseCheckpointSaver[str]) -> BaseCheckpointSaver[str]:
    """Return a copy of the saver, on the same connection, that reads back plain data only.

    LangGraph's default imports and calls whatever type a checkpoint names. Ponte's state needs none, so
    none is allowed: such a value comes back as plain data. A saver with a serializer of another kind, for
    example an encrypting one, is returned as it is: give that one a strict inner serializer.
    See https://docs.langchain.com/oss/python/langgraph/persistence#serializer
    """
    if not isinstance(checkpointer.serde, JsonPlusSerializer):
        return checkpointer
    clone = copy.copy(checkpointer)
    clone.serde = maybe_add_typed_methods(JsonPlusSerializer(allowed_msgpack_modules=None))
    return clone


def build_graph(
    checkpointer: BaseCheckpointSaver[str] | None, *, context_schema: type[GraphContext] = GraphContext
) -> Graph:
    """Compile the graph.

    Args:
        checkpointer: where threads are kept; read strictly, see ``strict``. None only where the caller
            brings its own, as ``langgraph dev`` does.
        context_schema: the type of the context; another one only for ``langgraph dev``.
    """
    graph = StateGraph(State, context_schema=context_schema)
    graph.add_node("transcribe", transcribe, timeout=_MEDIA_NODE_TIMEOUT, retry_policy=_NO_RETRY)
    graph.add_node("detect_handoff", detect_handoff)
    graph.add_node("check_triggers", check_triggers)
    graph.add_node("reply", reply, timeout=_MODEL_NODE_TIMEOUT, retry_policy=_NO_RETRY)
    graph.add_node("hand_over", hand_over)
    graph.add_node("human_takeover", human_takeover)
    graph.add_node("take_back", take_back)
    graph.add_edge(START, "transcribe")
    graph.add_edge("transcribe", "detect_handoff")
    graph.add_edge("detect_handoff", "check_triggers")
    graph.add_conditional_edges("check_triggers", after_detection, ["reply", "hand_over"])
    graph.add_conditional_edges("reply", after_reply, ["hand_over", END])
    graph.add_edge("hand_over", "human_takeover")
    graph.add_edge("human_takeover", "take_back")
    graph.add_edge("take_back", END)
    return graph.compile(
        checkpointer=strict(checkpointer) if checkpointer is not None else None, name="ponte"
    )
