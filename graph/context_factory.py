"""Settings to ``GraphContext``s: the only place of the graph that knows settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import openai

from graph.asking import LANGUAGE_NAMES
from graph.chat_client import LeanChatOpenAI, open_chat
from graph.context import Clock, GraphContext, Limits, Understood
from graph.detection import build_detector, kept_in
from graph.embeddings import Retrieval, open_retrieval
from graph.hearing import Describer, MediaSource, Transcriber
from graph.images import OpenAIDescriber
from graph.knowledge import Knowledge
from graph.model import ChatResponder, options_of
from graph.prompts import PromptSet, load_prompts
from graph.stored_files import StoredFiles
from graph.transcriber import OpenAITranscriber, open_local
from ponte.ports import MediaStore
from ponte.settings import Settings


@dataclass(frozen=True, slots=True)
class ContextFactory:
    """Makes a context for each version of the prompt files; all of them share connections and models.

    Args:
        settings: the settings.
        clock: the time.
        limits: bounds of a turn.
        media: the customers' files; None: they are left to agents.
        chat: the language model; None when none is configured.
        files: reads pictures; None when no model is configured.
        transcriber: hears voice notes; None when none is configured.
        understood: what was found out about files, whatever the version.
        retrieval: finds knowledge by meaning; None: by words alone.
    """

    settings: Settings
    clock: Clock
    limits: Limits
    media: MediaSource | None = None
    chat: LeanChatOpenAI | None = None
    files: openai.AsyncOpenAI | None = None
    transcriber: Transcriber | None = None
    understood: Understood = field(default_factory=Understood)
    retrieval: Retrieval | None = None

    def derive(self, prompts: PromptSet, like: GraphContext | None = None) -> GraphContext:
        """Return the context of a version. May take seconds of CPU: call it in a thread.

        Args:
            prompts: the version.
            like: another version's context: what does not differ is taken over instead of made again.
        """
        same = like.prompts if like is not None else None
        taught = same is not None and same.examples == prompts.examples and same.lexicons == prompts.lexicons
        indexed = like is not None and same is not None and same.knowledge == prompts.knowledge
        knowledge = like.knowledge if like is not None and indexed else Knowledge(prompts.knowledge)
        retriever = like.retriever if like is not None and indexed else None
        if retriever is None and self.retrieval is not None:
            retriever = self.retrieval.of(knowledge)
        return GraphContext(
            prompts=prompts,
            detector=build_detector(
                prompts,
                kept_in(self.settings.data_dir),
                like.detector if like is not None and taught else None,
            ),
            knowledge=knowledge,
            responder=self._responder(prompts),
            clock=self.clock,
            agent_locale=self.settings.default_locale,
            limits=self.limits,
            media=self.media,
            transcriber=self.transcriber,
            describer=self._describer(prompts),
            understood=self.understood,
            retriever=retriever,
        )

    def _responder(self, prompts: PromptSet) -> ChatResponder | None:
        if self.chat is None:
            return None
        return ChatResponder(
            self.chat,
            self.limits,
            options_of(prompts.assistant.head),
            options_of(prompts.judge.head, self.settings.openai_classifier_model),
        )

    def _describer(self, prompts: PromptSet) -> Describer | None:
        model = self.settings.openai_vision_model
        if not model or self.files is None:
            return None

        def instructions(language: str) -> str:
            return prompts.image.render(language=LANGUAGE_NAMES.get(language, language))

        return OpenAIDescriber(self.files, model, instructions, self.limits)


@asynccontextmanager
async def open_contexts(
    settings: Settings, clock: Clock, limits: Limits | None = None, media: MediaStore | None = None
) -> AsyncIterator[ContextFactory]:
    """Yield what makes contexts; the model's connections are closed at the end.

    Args:
        settings: the settings.
        clock: the time.
        limits: bounds of a turn.
        media: the customers' files; None: they are left to agents.

    Raises:
        SettingsError: the local transcription model cannot be used, or MONGO_URI is malformed.
    """
    bounds = limits or Limits()
    source = None if media is None else StoredFiles(media)
    async with (
        _open_transcriber(settings, bounds) as hears,
        _open_models(settings, clock, bounds, source, hears) as factory,
    ):
        yield factory


@asynccontextmanager
async def _open_transcriber(settings: Settings, bounds: Limits) -> AsyncIterator[Transcriber | None]:
    """Yield what hears voice notes: this machine, else the server that is set; None where there is none.

    A server of its own gets a key of its own: the one for OpenAI is not sent there.
    """
    own = settings.openai_transcribe_base_url
    if settings.transcribe_local_model:
        yield await asyncio.to_thread(open_local, Path(settings.transcribe_local_model), bounds)
        return
    if not own and not settings.model_configured:
        yield None
        return
    key = settings.openai_transcribe_api_key.get_secret_value()
    if not own:
        key = key or settings.openai_api_key.get_secret_value()
    async with openai.DefaultAioHttpClient(timeout=bounds.model_timeout_ms / 1000) as http:
        client = openai.AsyncOpenAI(
            # A server of one's own often wants no key, but the SDK insists on one.
            api_key=key or "none",
            base_url=own or settings.openai_base_url or "https://api.openai.com/v1",
            max_retries=0,
            http_client=http,
        )
        yield OpenAITranscriber(client, settings.openai_transcribe_model, bounds)


@asynccontextmanager
async def _open_models(
    settings: Settings,
    clock: Clock,
    bounds: Limits,
    source: MediaSource | None,
    hears: Transcriber | None,
) -> AsyncIterator[ContextFactory]:
    """Yield what makes contexts, over the model where one is configured."""
    if not settings.model_configured:
        yield ContextFactory(settings, clock, bounds, source, transcriber=hears)
        return
    api_key, base_url = settings.openai_api_key.get_secret_value(), settings.openai_base_url
    # aiohttp carries a request for a tenth of what the default transport costs in CPU, and far less when
    # many are in flight.
    async with openai.DefaultAioHttpClient(timeout=bounds.model_timeout_ms / 1000) as client:
        chat = open_chat(
            client=client,
            model=settings.openai_chat_model,
            api_key=api_key,
            base_url=base_url,
            timeout_ms=bounds.model_timeout_ms,
        )
        files = openai.AsyncOpenAI(
            api_key=api_key or "none", base_url=base_url or None, max_retries=0, http_client=client
        )
        async with open_retrieval(settings, files, clock, serves=source is not None) as retrieval:
            yield ContextFactory(settings, clock, bounds, source, chat, files, hears, retrieval=retrieval)


@asynccontextmanager
async def open_graph_context(
    settings: Settings, clock: Clock, limits: Limits | None = None, media: MediaStore | None = None
) -> AsyncIterator[GraphContext]:
    """Yield the context of the prompt files as they are now, for what serves nobody: the studio and tests.

    Takes a second or two: the prompt files are read, the classifier trained, the knowledge indexed.

    Raises:
        SettingsError: the local transcription model cannot be used.
        PromptError: a prompt file cannot be used.
    """
    async with open_contexts(settings, clock, limits, media) as contexts:
        prompts = await asyncio.to_thread(load_prompts, settings.prompts_dir)
        yield await asyncio.to_thread(contexts.derive, prompts)
