"""Settings to a ``GraphContext``: the only place of the graph that knows settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import openai

from graph.asking import LANGUAGE_NAMES
from graph.chat_client import open_chat
from graph.classifier import HandoffClassifier, train
from graph.context import Clock, GraphContext, Limits, Responder
from graph.hearing import Describer, Transcriber
from graph.images import OpenAIDescriber
from graph.keywords import Keywords
from graph.knowledge import Knowledge
from graph.model import ChatResponder, options_of
from graph.prompts import PromptSet, load_prompts
from graph.stored_files import StoredFiles
from graph.transcriber import OpenAITranscriber, open_local
from ponte.ports import MediaStore
from ponte.settings import Settings


@asynccontextmanager
async def open_graph_context(
    settings: Settings, clock: Clock, limits: Limits | None = None, media: MediaStore | None = None
) -> AsyncIterator[GraphContext]:
    """Yield what the nodes need; the model's connections are closed at the end.

    Takes a second or two: the prompt files are read, the classifier trained, the knowledge indexed.

    Args:
        settings: the settings.
        clock: the time.
        limits: bounds of a turn.
        media: the customers' files; None: they are left to agents.

    Raises:
        SettingsError: the local transcription model cannot be used.
        PromptError: a prompt file cannot be used.
    """
    bounds = limits or Limits()
    prompts, classifier, knowledge = await asyncio.to_thread(_derive, settings)
    async with _models(settings, prompts, bounds) as models:
        yield GraphContext(
            prompts=prompts,
            keywords=Keywords(prompts.keywords),
            classifier=classifier,
            knowledge=knowledge,
            responder=models.responder,
            clock=clock,
            agent_locale=settings.default_locale,
            limits=bounds,
            media=None if media is None else StoredFiles(media),
            transcriber=models.transcriber,
            describer=models.describer,
        )


def _derive(settings: Settings) -> tuple[PromptSet, HandoffClassifier, Knowledge]:
    prompts = load_prompts(settings.prompts_dir)
    return prompts, train(prompts.examples), Knowledge(prompts.knowledge)


@dataclass(frozen=True, slots=True)
class _Models:
    responder: Responder | None = None
    transcriber: Transcriber | None = None
    describer: Describer | None = None


@asynccontextmanager
async def _models(settings: Settings, prompts: PromptSet, limits: Limits) -> AsyncIterator[_Models]:
    local = None
    if settings.transcribe_local_model:
        local = await asyncio.to_thread(open_local, Path(settings.transcribe_local_model), limits)
    if not settings.model_configured:
        yield _Models(transcriber=local)
        return
    api_key, base_url = settings.openai_api_key.get_secret_value(), settings.openai_base_url
    # aiohttp carries a request for a tenth of what the default transport costs in CPU, and far less when
    # many are in flight.
    async with openai.DefaultAioHttpClient(timeout=limits.model_timeout_ms / 1000) as client:
        chat = open_chat(
            client=client,
            model=settings.openai_chat_model,
            api_key=api_key,
            base_url=base_url,
            timeout_ms=limits.model_timeout_ms,
        )
        files = openai.AsyncOpenAI(
            api_key=api_key or "none", base_url=base_url or None, max_retries=0, http_client=client
        )
        yield _Models(
            responder=ChatResponder(
                chat,
                limits,
                options_of(prompts.assistant.head),
                options_of(prompts.judge.head, settings.openai_classifier_model),
            ),
            transcriber=local or OpenAITranscriber(files, settings.openai_transcribe_model, limits),
            describer=_describer(settings, files, prompts, limits),
        )


def _describer(
    settings: Settings, client: openai.AsyncOpenAI, prompts: PromptSet, limits: Limits
) -> Describer | None:
    if not settings.openai_vision_model:
        return None

    def instructions(language: str) -> str:
        return prompts.image.render(language=LANGUAGE_NAMES.get(language, language))

    return OpenAIDescriber(client, settings.openai_vision_model, instructions, limits)
