"""Settings to a ``GraphContext``: the only place of the graph that knows settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import openai

from graph.chat_client import open_chat
from graph.classifier import HandoffClassifier, train
from graph.context import Clock, GraphContext, Limits, Responder
from graph.keywords import Keywords
from graph.knowledge import Knowledge
from graph.model import ChatResponder, options_of
from graph.prompts import PromptSet, load_prompts
from ponte.settings import Settings


@asynccontextmanager
async def open_graph_context(
    settings: Settings, clock: Clock, limits: Limits | None = None
) -> AsyncIterator[GraphContext]:
    """Yield what the nodes need; the model's connections are closed at the end.

    Takes a second or two: the prompt files are read, the classifier trained, the knowledge indexed.

    Raises:
        PromptError: a prompt file cannot be used.
    """
    bounds = limits or Limits()
    prompts, classifier, knowledge = await asyncio.to_thread(_derive, settings)
    async with _responder(settings, prompts, bounds) as responder:
        yield GraphContext(
            prompts=prompts,
            keywords=Keywords(prompts.keywords),
            classifier=classifier,
            knowledge=knowledge,
            responder=responder,
            clock=clock,
            agent_locale=settings.default_locale,
            limits=bounds,
        )


def _derive(settings: Settings) -> tuple[PromptSet, HandoffClassifier, Knowledge]:
    prompts = load_prompts(settings.prompts_dir)
    return prompts, train(prompts.examples), Knowledge(prompts.knowledge)


@asynccontextmanager
async def _responder(
    settings: Settings, prompts: PromptSet, limits: Limits
) -> AsyncIterator[Responder | None]:
    if not settings.model_configured:
        yield None
        return
    # aiohttp carries a request for a tenth of what the default transport costs in CPU, and far less when
    # many are in flight.
    async with openai.DefaultAioHttpClient(timeout=limits.model_timeout_ms / 1000) as client:
        chat = open_chat(
            client=client,
            model=settings.openai_chat_model,
            api_key=settings.openai_api_key.get_secret_value(),
            base_url=settings.openai_base_url,
            timeout_ms=limits.model_timeout_ms,
        )
        yield ChatResponder(
            chat,
            limits,
            options_of(prompts.assistant.head),
            options_of(prompts.judge.head, settings.openai_classifier_model),
        )
