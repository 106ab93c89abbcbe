"""What the local judgement leans to stands where the model does not judge."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from graph.builder import build_graph
from graph.context import GraphContext, Limits, ModelFailed
from graph.state import InboundItem
from graph.testing import FakeResponder, fake_context
from graph.turn import TurnResult, run_turn
from ponte.domain.conversation import Trigger

WISH = "tem como uma pessoa me explicar isso direito?"


@pytest.fixture(scope="module")
def base() -> GraphContext:
    """The shipped prompt files, with every message in the unsure band."""
    context = fake_context(Path(__file__).parents[2] / "prompts")
    band = context.prompts.handoff.classifier.model_copy(
        update={"unsure": 0.0, "sure": 1.0, "doubt": 1.0, "local": {"pt-BR": 0.5}}
    )
    handoff = context.prompts.handoff.model_copy(update={"classifier": band})
    return replace(context, prompts=replace(context.prompts, handoff=handoff))


async def turn(context: GraphContext, text: str) -> TurnResult:
    """Run one turn of a new customer."""
    return await run_turn(
        build_graph(InMemorySaver()),
        context,
        thread_id="t",
        turn_id="1",
        resume=None,
        inbound=[InboundItem("m", body=text)],
        memory="",
        language="pt-BR",
        replay=False,
    )


@pytest.mark.parametrize(
    "model",
    [
        FakeResponder(answers=["Claro."], judgement=ModelFailed("down")),
        FakeResponder(answers=["Claro."], judgement=0.0, judge_delay_s=60),
        FakeResponder(answers=[ModelFailed("down")], judgement=ModelFailed("down")),
    ],
    ids=["judge fails", "judge hangs", "model is down"],
)
async def test_without_a_judgement_the_local_decision_stands(
    base: GraphContext, model: FakeResponder
) -> None:
    """A wish that was told on this machine brings a human, with its own score."""
    result = await turn(replace(base, responder=model, limits=Limits(judge_grace_ms=10)), WISH)
    assert result.handoff is not None
    assert result.handoff.trigger is Trigger.CLASSIFIER
    assert 0.5 <= result.handoff.score < 1.0


async def test_a_judgement_outweighs_it(base: GraphContext) -> None:
    """What the model judges counts, in either direction."""
    no = await turn(replace(base, responder=FakeResponder(answers=["Claro."], judgement=0.1)), WISH)
    yes = await turn(replace(base, responder=FakeResponder(answers=["Oi."], judgement=0.9)), "qual o preço?")
    assert no.handoff is None
    assert yes.handoff is not None


async def test_without_a_model_the_same_threshold_decides(base: GraphContext) -> None:
    """The unsure band is settled on this machine."""
    result = await turn(base, WISH)
    assert result.handoff is not None
    assert result.handoff.trigger is Trigger.CLASSIFIER
