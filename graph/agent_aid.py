"""Help for agents who write: drafts, translations and briefs by the language model.

A ``ponte.ports.WritingAid``. It follows the prompt files that the workers serve, through the store, and knows
nothing of a conversation's thread: agents read the transcript, and so does the model here.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import openai
from babel import Locale, UnknownLocaleError
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI

from graph.asking import LANGUAGE_NAMES
from graph.chat_client import open_chat
from graph.citing import cited
from graph.context import Limits, ModelFailed
from graph.customer_text import told_by
from graph.knowledge import Hit, Knowledge
from graph.model import options_of
from graph.model_calls import trying
from graph.prompts import PromptSet, Template, load_prompts
from graph.visible import defused
from ponte.domain.message import Author, Kind, Message
from ponte.errors import AidFailed, NotFound, PromptError
from ponte.ports import Draft, Store
from ponte.settings import Settings

# An agent waits for it with the hands on the keyboard.
_TIMEOUT_MS: Final = 20_000
_MESSAGES: Final = 40
_TEXT: Final = 1_600
_ASKED: Final = 3
_EXCERPTS: Final = 4
_TRANSLATIONS: Final = 2_000
_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class _Served:
    """The prompt files of one version, with their knowledge to search in."""

    prompts: PromptSet
    knowledge: Knowledge


class AgentAid:
    """A ``WritingAid`` over an OpenAI-compatible model.

    Args:
        settings: where the prompt files are, for as long as no version was served.
        store: which version is served, and its files.
        chat: the client; its own retries must be off.
        limits: tries and waits.
    """

    def __init__(self, settings: Settings, store: Store, chat: ChatOpenAI, limits: Limits) -> None:
        self._settings = settings
        self._store = store
        self._chat = chat
        self._limits = limits
        self._served: dict[str | None, _Served] = {}
        self._known: OrderedDict[str, str] = OrderedDict()
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def draft(self, messages: Sequence[Message], language: str) -> Draft:
        """Return an answer to what the customer said last; see ``ponte.ports.WritingAid``."""
        served = await self._current()
        hits = _excerpts(served.knowledge, messages, language)
        given = {
            "conversation": _told(messages),
            "excerpts": [
                {"number": n, "title": hit.section.title, "text": hit.section.text}
                for n, hit in enumerate(hits, start=1)
            ],
        }
        answer = cited(await self._ask(served.prompts.agent_draft, language, _data(given)), hits)
        if not answer.text:
            raise AidFailed("The model gave an empty draft. Write the answer by hand, or try again.")
        return Draft(answer.text, answer.sources, served.prompts.version)

    async def translate(self, text: str, language: str) -> str:
        """Return ``text`` in another language; see ``ponte.ports.WritingAid``."""
        served = await self._current()
        key = hashlib.sha256(f"{served.prompts.version}\0{language}\0{text}".encode()).hexdigest()
        if (known := self._known.get(key)) is not None:
            self._known.move_to_end(key)
            return known
        translated = await self._ask(served.prompts.translate, language, defused(text))
        self._known[key] = translated
        if len(self._known) > _TRANSLATIONS:
            self._known.popitem(last=False)
        return translated

    async def brief(self, messages: Sequence[Message], language: str) -> str:
        """Return what the bot should know; see ``ponte.ports.WritingAid``."""
        served = await self._current()
        given = _data({"conversation": _told(messages)})
        return await self._ask(served.prompts.agent_brief, language, given)

    async def _ask(self, template: Template, language: str, text: str) -> str:
        given = [SystemMessage(template.render(language=_named(language))), HumanMessage(text)]
        options = options_of(template.head)
        try:
            async with self._slots:
                answer = await trying(lambda: self._chat.ainvoke(given, **options), self._limits, _TIMEOUT_MS)
        except ModelFailed as failure:
            raise AidFailed(f"The model did not answer: {failure}. Try again.") from failure
        written = answer.text.strip()
        if not written:
            raise AidFailed("The model gave an empty answer. Try again, or write it by hand.")
        return written

    async def _current(self) -> _Served:
        """Return what the workers serve; it costs one query."""
        version = (await self._store.prompt_serving()).served
        if (known := self._served.get(version)) is not None and version is not None:
            return known
        try:
            files = self._settings.prompts_dir if version is None else await self._store.prompt_files(version)
            prompts = await asyncio.to_thread(load_prompts, files)
        except (PromptError, NotFound) as error:
            raise AidFailed(f"The prompt files cannot be used: {error}") from error
        knowledge = await asyncio.to_thread(Knowledge, prompts.knowledge)
        self._served = {version: _Served(prompts, knowledge)}
        return self._served[version]


@asynccontextmanager
async def open_aid(settings: Settings, store: Store) -> AsyncIterator[AgentAid | None]:
    """Yield what helps agents to write; None where no language model is set."""
    if not settings.model_configured:
        yield None
        return
    limits = Limits()
    async with openai.DefaultAioHttpClient(timeout=_TIMEOUT_MS / 1000) as client:
        chat = open_chat(
            client=client,
            model=settings.openai_chat_model,
            api_key=settings.openai_api_key.get_secret_value(),
            base_url=settings.openai_base_url,
            timeout_ms=_TIMEOUT_MS,
        )
        yield AgentAid(settings, store, chat, limits)


def _told(messages: Sequence[Message]) -> list[dict[str, str]]:
    """Return the end of a conversation; a file stands for what was said or written in it."""
    found: list[dict[str, str]] = []
    for message in messages[-_MESSAGES:]:
        speaker = "note for colleagues" if message.kind is Kind.NOTE else message.author.value
        found.append({"speaker": speaker, "text": told_by(message)[:_TEXT]})
    return found


def _excerpts(knowledge: Knowledge, messages: Sequence[Message], language: str) -> list[Hit]:
    """Return the company's texts on what the customer said last."""
    asked = [m for m in messages if m.author is Author.CUSTOMER][-_ASKED:]
    words = " ".join(part["text"] for part in _told(asked))
    return knowledge.search(words, language, _EXCERPTS) if words.strip() else []


def _data(given: dict[str, object]) -> str:
    return defused(json.dumps(given, ensure_ascii=False))


def _named(language: str) -> str:
    """Return a language's English name, which models understand best; an unknown tag stays as it is."""
    if language in LANGUAGE_NAMES:
        return LANGUAGE_NAMES[language]
    try:
        return Locale.parse(language, sep="-").get_display_name("en") or language
    except (UnknownLocaleError, ValueError):
        return language
