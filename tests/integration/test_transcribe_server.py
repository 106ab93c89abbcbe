"""A server of its own for voice notes, beside a chat server that has no transcription, such as Ollama."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from starlette.applications import Starlette

from graph.audio import AudioFile
from graph.context_factory import open_contexts
from graph.hearing import Hints
from graph.transcriber import OpenAITranscriber
from ponte.clock import SystemClock
from ponte.settings import load_settings
from simulator.openai_stub import create_stub_app
from simulator.serving import Served

AUDIO = AudioFile("audio.ogg", "audio/ogg", b"OggS", np.zeros(16_000, dtype=np.int16))
ServeApp = Callable[[Starlette], Awaitable[Served]]


@asynccontextmanager
async def hearing(tmp_path: Path, **settings: str) -> AsyncIterator[OpenAITranscriber | None]:
    """Yield what hears voice notes with these settings."""
    chosen = load_settings(data_dir=tmp_path, **settings)
    async with open_contexts(chosen, SystemClock()) as contexts:
        found = contexts.transcriber
        assert found is None or isinstance(found, OpenAITranscriber)
        yield found


@pytest.fixture
async def own(serve_app: ServeApp) -> str:
    """Return the address of a server that transcribes."""
    return f"{(await serve_app(create_stub_app())).url}/v1"


async def test_openais_key_stays_with_openai(tmp_path: Path, own: str) -> None:
    """A server of its own gets its own key or none; without one, the model's server hears, with its key."""

    async def key_and_url(**settings: str) -> tuple[str, str]:
        async with hearing(tmp_path, openai_api_key="sk-openai", **settings) as found:
            assert found is not None
            client = found._client  # noqa: SLF001 - what would be sent
            return client.api_key, str(client.base_url)

    there = {"openai_transcribe_base_url": own}
    assert await key_and_url(**there) == ("none", f"{own}/")
    assert await key_and_url(**there, openai_transcribe_api_key="k2") == ("k2", f"{own}/")
    assert await key_and_url(openai_base_url=own) == ("sk-openai", f"{own}/")
    assert await key_and_url() == ("sk-openai", "https://api.openai.com/v1/")


async def test_a_server_of_its_own_hears_beside_any_chat_server(tmp_path: Path, own: str) -> None:
    """The chat server is not asked, and need not be there at all."""
    nobody = "http://127.0.0.1:9/v1"
    for chat in ({"openai_base_url": nobody}, {}):
        async with hearing(tmp_path, openai_transcribe_base_url=own, **chat) as found:
            assert found is not None
            heard = await found.transcribe(AUDIO, Hints())
            assert heard.text == "transcrição de teste"
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{own.removesuffix('/v1')}/stub/requests") as answer,
    ):
        assert len((await answer.json())["items"]) == 2
    async with hearing(tmp_path) as none:
        assert none is None
