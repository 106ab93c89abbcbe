"""The end of a human stretch: resumes, briefs, memory, and what crashes leave behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from pydantic import ValidationError

from graph.builder import Graph, build_graph
from graph.context import GraphContext
from graph.state import InboundItem, ResumeAnswer, StretchLine
from graph.testing import FakeResponder, FixedClock, fake_context
from graph.turn import TurnResult, run_turn
from ponte.domain.conversation import ResumeAction
from ponte.domain.message import Author

CONFIG: RunnableConfig = {"configurable": {"thread_id": "thread"}}
BRIEF = ResumeAnswer(
    brief="Aula remarcada para sábado",
    stretch=(
        StretchLine(author=Author.AGENT, text="Olá, aqui é a Bia."),
        StretchLine(author=Author.CUSTOMER, text="pode ser sábado?"),
        StretchLine(author=Author.AGENT, text="Fechado, sábado às 9h."),
    ),
)
RESOLVED = BRIEF.model_copy(update={"action": ResumeAction.RESOLVED, "brief": ""})


@pytest.fixture(scope="module")
def base() -> GraphContext:
    """The shipped prompt files, without a model."""
    return fake_context(Path(__file__).parents[2] / "prompts", clock=FixedClock(1_780_311_600_000))


@pytest.fixture
def model() -> FakeResponder:
    """A model that always says the same."""
    return FakeResponder(answers=["Até sábado!"])


@pytest.fixture
def ctx(base: GraphContext, model: FakeResponder) -> GraphContext:
    """The context with that model."""
    return replace(base, responder=model)


@pytest.fixture
def graph() -> Graph:
    """A graph over empty checkpoints."""
    return build_graph(InMemorySaver())


async def turn(
    graph: Graph,
    ctx: GraphContext,
    turn_id: str,
    *texts: str,
    resume: ResumeAnswer | None = None,
    replay: bool = False,
    memory: str = "",
) -> TurnResult:
    """Run a turn of one customer on one thread."""
    return await run_turn(
        graph,
        ctx,
        thread_id="thread",
        turn_id=turn_id,
        resume=resume,
        inbound=[InboundItem(f"{turn_id}:{n}", body=text) for n, text in enumerate(texts)],
        memory=memory,
        language="pt-BR",
        replay=replay,
    )


async def paused(graph: Graph) -> bool:
    """Return whether the thread waits for the end of a human stretch."""
    return bool((await graph.aget_state(CONFIG)).interrupts)


async def test_a_returned_conversation_goes_on_with_the_brief(
    graph: Graph, ctx: GraphContext, model: FakeResponder
) -> None:
    """The end of the stretch says nothing; the next answer knows of it, as data in a user message."""
    await turn(graph, ctx, "t1", "quero um atendente")
    assert await paused(graph)
    ended = await turn(graph, ctx, "t2", resume=BRIEF)
    assert (ended.outgoing, ended.handoff, ended.memory) == ((), None, None)
    assert not await paused(graph)
    await turn(graph, ctx, "t3", "então até lá")
    told = model.asked[0][-2]
    assert told.role == "user"
    assert "Aula remarcada para s" in told.content
    assert "9h" in told.content


async def test_an_unseen_message_is_answered_after_the_resume(
    graph: Graph, ctx: GraphContext, model: FakeResponder
) -> None:
    """One turn ends the stretch and answers what no agent saw, with the brief."""
    await turn(graph, ctx, "t1", "quero um atendente")
    result = await turn(graph, ctx, "t2", "que horas mesmo?", resume=BRIEF)
    assert [o.body for o in result.outgoing] == ["Até sábado!"]
    assert "remarcada" in model.asked[0][-2].content
    again = await turn(graph, ctx, "t2", "que horas mesmo?", resume=BRIEF, replay=True)
    assert again == result
    assert len(model.asked) == 1


async def test_a_resolved_stretch_gives_the_contact_a_memory(graph: Graph, ctx: GraphContext) -> None:
    """The newest lines stay, the new one last; a replay returns the same."""
    await turn(graph, ctx, "t1", "quero um atendente pra remarcar")
    old = "2025-01-01 a\n2025-02-01 b\n2025-03-01 c"
    result = await turn(graph, ctx, "t2", resume=RESOLVED, memory=old)
    assert result.memory is not None
    lines = result.memory.splitlines()
    assert lines[:2] == ["2025-02-01 b", "2025-03-01 c"]
    assert lines[2] == (
        "2026-06-01 customer: quero um atendente pra remarcar | agent: Fechado, sábado às 9h."
    )
    again = await turn(graph, ctx, "t2", resume=RESOLVED, memory=result.memory, replay=True)
    assert again == result


async def test_a_file_that_an_agent_sent_last_does_not_hide_what_they_said(
    graph: Graph, ctx: GraphContext
) -> None:
    """The memory keeps the agent's last words, not that a picture followed."""
    await turn(graph, ctx, "t1", "quero um atendente")
    picture = StretchLine(author=Author.AGENT, text="(image)")
    resolved = RESOLVED.model_copy(update={"stretch": (*RESOLVED.stretch, picture)})
    result = await turn(graph, ctx, "t2", resume=resolved)
    assert result.memory is not None
    assert result.memory.endswith("agent: Fechado, sábado às 9h.")


async def test_a_resume_without_a_pause_keeps_the_brief(
    graph: Graph, ctx: GraphContext, model: FakeResponder
) -> None:
    """A thread that never paused, or never began, loses nothing of what the agent says."""
    await turn(graph, ctx, "t1", resume=BRIEF)
    await turn(graph, ctx, "t2", "oi, sobre a aula")
    assert "remarcada" in model.asked[0][-2].content
    await turn(graph, ctx, "t3", "qual o preço?", resume=ResumeAnswer(brief="ganhou desconto"))
    assert "ganhou desconto" in model.asked[1][-2].content
    assert "remarcada" not in model.asked[1][-2].content


async def test_a_leftover_pause_does_not_swallow_a_message(graph: Graph, ctx: GraphContext) -> None:
    """A thread found paused though the bot owns the conversation is taken back and answers."""
    await turn(graph, ctx, "t1", "quero um atendente")
    result = await turn(graph, ctx, "t2", "qual o preço?")
    assert [o.body for o in result.outgoing] == ["Até sábado!"]
    assert not await paused(graph)


async def test_a_second_handoff_is_not_ended_by_the_replay_of_the_first_resume(
    graph: Graph, ctx: GraphContext
) -> None:
    """A turn that resumed and paused again is only read when it is replayed."""
    await turn(graph, ctx, "t1", "quero um atendente")
    result = await turn(graph, ctx, "t2", "ainda quero um atendente", resume=BRIEF)
    assert result.handoff is not None
    again = await turn(graph, ctx, "t2", "ainda quero um atendente", resume=BRIEF, replay=True)
    assert again == result
    assert await paused(graph)


async def test_a_crash_between_resume_and_answer_is_made_good(graph: Graph, ctx: GraphContext) -> None:
    """A replay of a turn that only got as far as the resume answers the message, once."""
    await turn(graph, ctx, "t1", "quero um atendente")
    await turn(graph, ctx, "t2", resume=RESOLVED)
    result = await turn(graph, ctx, "t2", "qual o preço?", resume=RESOLVED, replay=True)
    assert [o.body for o in result.outgoing] == ["Até sábado!"]
    assert result.memory is not None


async def test_a_turn_that_broke_midway_is_run_again(
    graph: Graph, ctx: GraphContext, base: GraphContext
) -> None:
    """An error that is no failure of the model ends the run; the replay answers, and counts once."""
    broken = replace(base, responder=FakeResponder(answers=[RuntimeError("bug")]))
    with pytest.raises(RuntimeError, match="bug"):
        await turn(graph, broken, "t1", "qual o preço?")
    result = await turn(graph, ctx, "t1", "qual o preço?", replay=True)
    assert [o.body for o in result.outgoing] == ["Até sábado!"]
    window = (await graph.aget_state(CONFIG)).values["window"]
    assert [t["id"] for t in window] == ["t1"]


async def test_an_invalid_answer_leaves_the_pause_as_it_is(graph: Graph, ctx: GraphContext) -> None:
    """An answer that is not of the schema is refused, and a valid one is still taken afterwards."""
    await turn(graph, ctx, "t1", "quero um atendente")
    pending = (await graph.aget_state(CONFIG)).interrupts[0]
    with pytest.raises(ValidationError):
        await graph.ainvoke(
            Command(resume={pending.id: {"action": "sold"}}), CONFIG, context=ctx, durability="exit"
        )
    assert await paused(graph)
    await turn(graph, ctx, "t2", resume=BRIEF)
    assert not await paused(graph)


async def test_the_account_of_a_long_stretch_is_bounded(graph: Graph, ctx: GraphContext) -> None:
    """A stretch of any length leaves at most the limit in the state, its newest lines and the brief."""
    lines = tuple(StretchLine(author=Author.AGENT, text=f"{n} " + "x" * 900) for n in range(60))
    await turn(graph, ctx, "t1", "quero um atendente")
    await turn(graph, ctx, "t2", resume=ResumeAnswer(brief="b" * 5_000, stretch=lines))
    brief = (await graph.aget_state(CONFIG)).values["brief"]
    assert len(brief) <= ctx.limits.brief_chars + 10
    assert "agent: 59 " in brief
    assert "bbb" in brief
