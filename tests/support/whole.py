"""All of Ponte in one process over real sockets: the simulator's phones, API and worker, and the model."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from api.app import create_app as create_api
from graph.service import run_service
from graph.voice_notes import open_voice
from ponte.bootstrap import open_ponte
from ponte.domain.agent import Role
from ponte.settings import load_settings
from simulator.app import create_app as create_simulator
from simulator.config import SimulatorConfig
from simulator.openai_stub import create_stub_app
from simulator.serving import serve

SID: Final = "AC" + "0" * 32
TOKEN: Final = "a-token-for-tests-only"
PASSWORD: Final = "correct horse battery"
PROMPTS: Final = Path(__file__).resolve().parents[2] / "prompts"
Json = dict[str, Any]


def attached(data: bytes, content_type: str) -> Json:
    """Return a file as the simulator's phones send it."""
    return {"media_base64": base64.b64encode(data).decode(), "content_type": content_type}


@dataclass
class Whole:
    """All that runs, with one agent logged in.

    Args:
        http: an open session.
        simulator: the simulator's address.
        stub: the address of the model's stand-in; empty where no model is set.
        api: the API's address.
        headers: the agent's.
    """

    http: aiohttp.ClientSession
    simulator: str
    stub: str
    api: str
    headers: dict[str, str]

    async def says(self, wa_id: str, message: Json) -> str:
        """Let a customer send something; return its sid once the webhook took it."""
        url = f"{self.simulator}/sim/customers/{wa_id}/messages"
        # Files may be large: aiohttp sends those in parts.
        body = io.BytesIO(json.dumps({**message, "wait": True}).encode())
        headers = {"Content-Type": "application/json"}
        async with self.http.post(url, data=body, headers=headers) as answer:
            said = await answer.json()
            assert said["accepted"] is True, said
            return str(said["sid"])

    async def shown(self, wa_id: str, sid: str) -> Json:
        """Wait until the agent API shows a message, and return it."""
        for _ in range(400):
            for conversation in await self.conversations(wa_id):
                page = await self.get(f"{self.api}/v1/conversations/{conversation['id']}/messages")
                for message in page["items"]:
                    if message["id"] == sid:
                        return dict(message)
            await asyncio.sleep(0.05)
        raise AssertionError(f"{sid} never came")

    async def conversations(self, wa_id: str) -> list[Json]:
        """Return a customer's conversations as the agent API shows them."""
        found: list[Json] = (await self.get(f"{self.api}/v1/conversations?contact={wa_id}"))["items"]
        return found

    async def received(self, wa_id: str, count: int = 1) -> list[Json]:
        """Wait until so many messages came to a customer's phone, and return them."""
        for _ in range(600):
            page = await self.get(f"{self.simulator}/sim/customers/{wa_id}/messages")
            # Before, the network may not have fetched a message's file yet.
            found = [one for one in page["items"] if one["status"] in {"delivered", "read"}]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.1)
        raise AssertionError(f"{wa_id} was left without an answer")

    async def played(self, message: Json) -> bytes:
        """Return the one file of a message on a phone."""
        (media,) = message["media"]
        async with self.http.get(f"{self.simulator}{media['url']}") as answer:
            assert answer.status == 200
            return await answer.read()

    async def asked(self, path: str) -> list[Json]:
        """Return the bodies of the requests that the model's stand-in got at a path."""
        items = (await self.get(f"{self.stub}/stub/requests"))["items"]
        return [item["body"] for item in items if item["path"] == path]

    async def get(self, url: str) -> Json:
        """Return what is at an address; our API knows the agent."""
        headers = self.headers if url.startswith(self.api) else {}
        async with self.http.get(url, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            found: Json = await answer.json()
            return found


@asynccontextmanager
async def open_whole(folder: Path, *, model: bool = False, **more: object) -> AsyncIterator[Whole]:
    """Run all of it.

    Args:
        folder: for the data.
        model: whether there is a model that answers, hears and speaks.
        more: settings.
    """
    async with AsyncExitStack() as stack:
        network = create_simulator(SimulatorConfig(account_sid=SID, auth_token=TOKEN, seed=3))
        simulator = await stack.enter_async_context(serve(network))
        stub = (await stack.enter_async_context(serve(create_stub_app()))).url if model else ""
        if model:
            more |= {
                "openai_api_key": "sk-test",
                "openai_base_url": f"{stub}/v1",
                "openai_speech_model": "gpt-stub-speech",
            }
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        settings = load_settings(
            twilio_account_sid=SID,
            twilio_auth_token=TOKEN,
            twilio_api_base_url=simulator.url,
            data_dir=folder / "data",
            base_url=f"http://127.0.0.1:{port}",
            port=port,
            debounce_ms=10,
            **{"prompts_dir": PROMPTS, **more},
        )
        api_app = create_api(settings, background=run_service, voice=open_voice)
        api = await stack.enter_async_context(serve(api_app, port=port))
        network.state.network.set_webhook(f"{api.url}/webhook#rc=5&rp=all")
        async with open_ponte(settings) as ponte:
            await ponte.accounts.add("ana@example.com", "Ana", Role.AGENT, PASSWORD)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        login = {"email": "ana@example.com", "password": PASSWORD}
        async with http.post(f"{api.url}/v1/sessions", json=login) as answer:
            token = (await answer.json())["token"]
        yield Whole(http, simulator.url, stub, api.url, {"Authorization": f"Bearer {token}"})
