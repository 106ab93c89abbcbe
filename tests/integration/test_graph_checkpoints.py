"""What a checkpoint holds: bounded, plain, readable without constructing anything."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from graph.builder import Graph, build_graph, strict
from graph.context import GraphContext
from graph.state import InboundItem, InboundRecord, ResumeAnswer, State, StretchLine, clean
from graph.studio import make_graph
from graph.testing import FakeResponder, fake_context
from graph.turn import TurnResult, run_turn
from graph.visible import visible
from ponte.domain.message import Author


@dataclass
class Foreign:
    """A type that no checkpoint of Ponte holds."""

    value: int


@pytest.fixture(scope="module")
def base() -> GraphContext:
    """The shipped prompt files, without a model."""
    return fake_context(Path(__file__).parents[2] / "prompts")


async def say(graph: Graph, ctx: GraphContext, turn_id: str, text: str) -> TurnResult:
    """Run a turn with one message."""
    return await run_turn(
        graph,
        ctx,
        thread_id="thread",
        turn_id=turn_id,
        resume=None,
        inbound=[InboundItem(turn_id, body=text)],
        memory="",
        language="pt-BR",
        replay=False,
    )


def size(saver: BaseCheckpointSaver[str], values: dict[str, object]) -> int:
    """Return how many bytes the values take in a checkpoint."""
    return len(saver.serde.dumps_typed(values)[1])


async def test_the_state_stays_the_same_size_over_200_turns(base: GraphContext) -> None:
    """The window, the summary and the checkpoint stop growing; the first matter is still known."""
    saver = InMemorySaver()
    graph = build_graph(saver)
    ctx = replace(base, responder=FakeResponder(answers=["resposta " * 10]))
    config: RunnableConfig = {"configurable": {"thread_id": "thread"}}
    sizes = []
    for n in range(200):
        await say(graph, ctx, f"t{n:04}", f"pergunta {n:04} sobre a aula de sábado")
        values = (await graph.aget_state(config)).values
        sizes.append(size(saver, values))
    assert len(values["window"]) == ctx.limits.window_turns
    assert max(sizes[60:]) - min(sizes[60:]) <= 200
    assert len(values["summary"]) <= ctx.limits.summary_chars
    assert "pergunta 0000" in values["summary"]
    assert "pergunta 0179" in values["summary"]
    model = ctx.responder
    assert isinstance(model, FakeResponder)
    assert len(model.asked[199]) == len(model.asked[100]) == 1 + 2 * ctx.limits.window_turns + 2


async def test_a_single_huge_text_does_not_stay(base: GraphContext) -> None:
    """A text is kept up to its limit, and the working values of a turn not at all."""
    graph = build_graph(InMemorySaver())
    ctx = replace(base, responder=FakeResponder(answers=["ok " * 5_000]))
    await say(graph, ctx, "t1", "a" * 50_000)
    values = (await graph.aget_state({"configurable": {"thread_id": "thread"}})).values
    assert [len(values["window"][0][k]) for k in ("customer", "bot")] == [ctx.limits.text_chars] * 2
    assert (values["inbound"], values["text"]) == ([], "")


async def test_an_unexpected_type_in_a_checkpoint_is_not_constructed() -> None:
    """What reads back is plain data, though the saver given was permissive."""
    saver = InMemorySaver(serde=JsonPlusSerializer(allowed_msgpack_modules=True))
    stored = saver.serde.dumps_typed({"text": Foreign(3)})
    graph = build_graph(saver)
    assert isinstance(graph.checkpointer, BaseCheckpointSaver)
    read = graph.checkpointer.serde.loads_typed(stored)
    assert not isinstance(read["text"], Foreign)
    assert graph.checkpointer is not saver


def test_a_foreign_serializer_is_left_alone() -> None:
    """A saver that does not use LangGraph's own serializer keeps its own."""

    class Other:
        def dumps_typed(self, obj: object) -> tuple[str, bytes]:
            return ("x", str(obj).encode())

        def loads_typed(self, data: tuple[str, bytes]) -> object:
            return data

    saver = InMemorySaver(serde=Other())
    assert strict(saver) is saver


async def test_strict_reading_works_on_sqlite(base: GraphContext, tmp_path: Path) -> None:
    """Handoff, pause and resume pass through SQLite and a new graph with nothing but plain types."""
    path = str(tmp_path / "checkpoints.db")
    async with AsyncSqliteSaver.from_conn_string(path) as saver:
        handed = await say(build_graph(saver), base, "t1", "quero um atendente")
    async with AsyncSqliteSaver.from_conn_string(path) as saver:
        graph = build_graph(saver)
        assert await say(graph, base, "t1", "quero um atendente") == handed
        result = await run_turn(
            graph,
            base,
            thread_id="thread",
            turn_id="t2",
            resume=ResumeAnswer(brief="pago"),
            inbound=[InboundItem("m", body="qual o preço da aula?")],
            memory="",
            language="pt-BR",
            replay=False,
        )
        assert "R$ 120" in result.outgoing[0].body


@pytest.mark.parametrize("text", ["oi \ud83d", "\udc00", "\ud83d\ude00 ok", "a\x00b"])
async def test_broken_characters_do_not_break_a_checkpoint(
    base: GraphContext, tmp_path: Path, text: str
) -> None:
    """Half an emoji or a NUL in the customer's, the model's or the agent's text is stored and read back."""
    ctx = replace(base, responder=FakeResponder(answers=[f"eco {text}"]))
    async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "c.db")) as saver:
        graph = build_graph(saver)
        result = await run_turn(
            graph,
            ctx,
            thread_id="thread",
            turn_id="t",
            resume=ResumeAnswer(brief=text, stretch=(StretchLine(author=Author.CUSTOMER, text=text),)),
            inbound=[InboundItem("m", body=text)],
            memory=text,
            language="pt-BR",
            replay=False,
        )
        for outgoing in result.outgoing:
            outgoing.body.encode()
        state = await graph.aget_state({"configurable": {"thread_id": "thread"}})
        assert state.values["window"][0]["customer"] == visible(clean(text))


def test_clean_keeps_whole_characters() -> None:
    """A pair of surrogates becomes its character, a lone one the replacement character."""
    assert clean("a\ud83d\ude00b\ud800c") == "a\U0001f600b\ufffdc"
    assert clean("olá 😀") == "olá 😀"


def test_the_graph_is_drawn_as_documented() -> None:
    """The nodes and edges of the shipped graph, as Studio shows them."""
    drawn = build_graph(None).get_graph()
    edges = {(e.source, e.target) for e in drawn.edges}
    assert edges == {
        ("__start__", "transcribe"),
        ("transcribe", "detect_handoff"),
        ("detect_handoff", "check_triggers"),
        ("check_triggers", "reply"),
        ("check_triggers", "hand_over"),
        ("reply", "hand_over"),
        ("reply", "__end__"),
        ("hand_over", "human_takeover"),
        ("human_takeover", "take_back"),
        ("take_back", "__end__"),
    }


async def test_the_graph_that_studio_opens_runs_a_turn() -> None:
    """The development server calls the schema without arguments; that is enough for an answer."""
    async with make_graph() as graph:
        question: InboundRecord = {"id": "1", "kind": "text", "body": "Quanto custa a aula?", "media": []}
        given: State = {"turn_id": "1", "inbound": [question], "memory": "", "language": "pt-BR"}
        state = await graph.ainvoke(given, context=cast("GraphContext", {}))
    assert "R$ 120" in state["outgoing"][0]["body"]
