"""Who is handed over while no agent is there is told when one is, and is not left waiting in silence."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from graph.builder import build_graph
from graph.closed import closed_notice
from graph.context import GraphContext
from graph.harness import Pipeline
from graph.prompt_schema import HumanHours
from graph.testing import fake_context
from ponte.adapters.sqlite import open_sqlite
from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import Status, Trigger
from ponte.testing import FakeMessenger, ManualClock

PROMPTS = Path(__file__).resolve().parents[2] / "prompts"
MARIA = "whatsapp:+5511900000001"
ANA = Agent("ag_ana", "ana@example.com", "Ana", Role.AGENT, "x", 0)
HOURS = HumanHours(
    timezone="America/Sao_Paulo",
    week={"mon": "08:00-18:00", "tue": "08:00-18:00"},
    text={"pt-BR": "às segundas e terças", "es": "los lunes y martes", "en": "Mondays and Tuesdays"},
)
WISHES = {
    "pt-BR": "quero falar com um atendente",
    "es": "quiero hablar con un agente",
    "en": "I want to talk to a human agent",
}
MINUTE_MS = 60_000

Build = Callable[..., Pipeline]


@cache
def _base() -> GraphContext:
    return fake_context(PROMPTS)


def _at(day: int, hour: int, minute: int = 0, *, ms: int = 0) -> int:
    """Return a moment in São Paulo in June 2026, whose first day is a Monday, as ms UTC."""
    moment = datetime(2026, 6, day, hour, minute, tzinfo=ZoneInfo("America/Sao_Paulo"))
    return int(moment.timestamp() * 1000) + ms


@pytest.fixture
async def build(tmp_path: Path) -> AsyncIterator[Build]:
    """Return a function that builds a pipeline at a moment, with hours or without."""
    async with open_sqlite(tmp_path) as store:
        await store.migrate()
        await store.add_agent(ANA)

        def built(now: int, hours: HumanHours | None = HOURS) -> Pipeline:
            clock, real = ManualClock(now), _base()
            policy = real.prompts.policy.model_copy(update={"human_hours": hours})
            context = replace(real, prompts=replace(real.prompts, policy=policy), clock=clock)
            messenger = FakeMessenger(clock)
            return Pipeline(store, build_graph(InMemorySaver()), context, clock=clock, messenger=messenger)

        yield built


async def _asks(pipeline: Pipeline, body: str) -> None:
    """Let Maria ask for a person."""
    await pipeline.customer_says(MARIA, body, f"SM{pipeline.clock.now():032d}")
    await pipeline.settle()
    assert (await pipeline.current(MARIA)).status is Status.AWAITING_AGENT


def _heard(pipeline: Pipeline) -> list[str]:
    return [sent.body for sent in pipeline.messenger.sent]


def _closed(pipeline: Pipeline, locale: str) -> str:
    told = closed_notice(pipeline.context.prompts, locale, pipeline.clock.now())
    assert told is not None
    return told


@pytest.mark.parametrize("locale", ["pt-BR", "es", "en"])
@pytest.mark.parametrize(
    ("now", "closed"),
    [
        (_at(1, 18, ms=-1), 0),
        (_at(1, 18), 1),
        (_at(2, 8, ms=-1), 1),
        (_at(2, 8), 0),
        (_at(3, 12), 1),
    ],
)
async def test_the_hours_are_told_outside_of_them_only(
    build: Build, locale: str, now: int, closed: int
) -> None:
    """Once (``closed``), to the ms at opening and closing time and on a day without, in each language."""
    pipeline = build(now)
    await _asks(pipeline, WISHES[locale])
    transfer = pipeline.context.prompts.text("handoff.transfer", locale)
    assert _heard(pipeline) == [transfer, *([_closed(pipeline, locale)] if closed else [])]


@pytest.mark.parametrize(
    ("now", "pt", "es", "en"),
    [
        (_at(1, 6), "hoje, às 08:00", "hoy a las 8:00", "today at 8:00 AM"),
        (_at(1, 23, 59), "amanhã, às 08:00", "mañana a las 8:00", "tomorrow at 8:00 AM"),
        (_at(2, 18), "segunda-feira, às 08:00", "el lunes a las 8:00", "on Monday at 8:00 AM"),
    ],
)
async def test_customers_are_told_when_agents_are_there_again(
    build: Build, now: int, pt: str, es: str, en: str
) -> None:
    """The day and the time on the company's clock, as each language writes them."""
    pipeline = build(now)
    for locale, when in (("pt-BR", pt), ("es", es), ("en", en)):
        told = _closed(pipeline, locale).replace("\u202f", " ")
        assert told.endswith(f": {when}.")
        assert HOURS.in_words(locale) in told


async def test_without_hours_nobody_is_told_any(build: Build) -> None:
    """As shipped: ``human_hours`` is null."""
    pipeline = build(_at(7, 3), None)
    await _asks(pipeline, WISHES["pt-BR"])
    assert len(_heard(pipeline)) == 1


async def test_a_language_that_the_bot_does_not_speak_is_told_in_all_that_it_does(build: Build) -> None:
    """Which of the three they read is not known."""
    pipeline = build(_at(7, 3))
    await _asks(pipeline, "здравствуйте, сколько стоит урок верховой езды?")
    handoff = (await pipeline.current(MARIA)).handoff
    assert handoff is not None
    assert handoff.trigger is Trigger.LANGUAGE
    told = _heard(pipeline)[-1]
    assert all(_closed(pipeline, locale) in told for locale in ("pt-BR", "es", "en"))


async def test_who_waits_past_closing_time_is_told_the_hours(build: Build) -> None:
    """The reminder does not say that agents are busy when none is there."""
    pipeline = build(_at(1, 17, 55))
    await _asks(pipeline, WISHES["en"])
    pipeline.clock.advance(11 * MINUTE_MS)
    assert await pipeline.reminders.run_once() == 1
    assert await pipeline.reminders.run_once() == 0
    await pipeline.settle()
    assert _heard(pipeline)[-1] == _closed(pipeline, "en")


async def test_who_was_told_at_the_handoff_is_reminded_when_agents_are_there_again(build: Build) -> None:
    """Not told the same twice at night; and not forgotten in the morning."""
    pipeline = build(_at(1, 22))
    await _asks(pipeline, WISHES["pt-BR"])
    told = _closed(pipeline, "pt-BR")
    pipeline.clock.advance(11 * MINUTE_MS)
    assert await pipeline.reminders.run_once() == 0
    pipeline.clock.advance(_at(2, 8) - pipeline.clock.now())
    assert await pipeline.reminders.run_once() == 1
    await pipeline.settle()
    assert _heard(pipeline)[1:] == [told, _heard(pipeline)[-1]]
    assert "600 minutos" in _heard(pipeline)[-1]


async def test_who_is_put_back_into_the_queue_at_night_is_told_the_hours(build: Build) -> None:
    """Their wait began without a word of the bot's."""
    pipeline = build(_at(1, 17))
    await _asks(pipeline, WISHES["es"])
    current = await pipeline.current(MARIA)
    await pipeline.desk.claim(ANA, current.id)
    pipeline.clock.advance(5 * 60 * MINUTE_MS)
    await pipeline.desk.transfer(ANA, current.id, to_agent_id=None)
    pipeline.clock.advance(11 * MINUTE_MS)
    assert await pipeline.reminders.run_once() == 1
    await pipeline.settle()
    assert _heard(pipeline)[-1] == _closed(pipeline, "es")
