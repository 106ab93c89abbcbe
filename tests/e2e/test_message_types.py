"""Every type of message over real sockets: the simulator's phones, the API, the worker, and the agent API."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from api.app import create_app as create_api
from graph.service import run_service
from ponte.bootstrap import open_ponte
from ponte.domain.agent import Role
from ponte.settings import load_settings
from simulator.app import create_app as create_simulator
from simulator.config import SimulatorConfig
from simulator.serving import serve

SID, TOKEN = "AC" + "0" * 32, "a-token-for-tests-only"
PASSWORD = "correct horse battery"
PROMPTS = Path(__file__).resolve().parents[2] / "prompts"
Json = dict[str, Any]

PDF = base64.b64encode(b"%PDF-1.4\n%%EOF\n").decode()
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(32)).decode()

# What a phone sends, and the kind and details with which the agent API shows it.
SENT: dict[str, tuple[Json, str, Json]] = {
    "text": ({"body": "Quanto custa?"}, "text", {}),
    "voice note": ({"media_base64": PNG, "content_type": "audio/ogg"}, "audio", {}),
    "image": ({"body": "veja", "media_base64": PNG, "content_type": "image/png"}, "image", {}),
    "video": ({"media_base64": PNG, "content_type": "video/mp4"}, "video", {}),
    "document": ({"media_base64": PDF, "content_type": "application/pdf"}, "document", {}),
    "sticker": ({"media_base64": PNG, "content_type": "image/webp"}, "sticker", {}),
    "several files": (
        {
            "media": [
                {"media_base64": PNG, "content_type": "image/png"},
                {"media_base64": PDF, "content_type": "application/pdf"},
            ]
        },
        "image",
        {},
    ),
    "location": (
        {"location": {"latitude": -23.5, "longitude": -46.6, "label": "Hípica", "address": "Rua A, 1"}},
        "location",
        {"address": "Rua A, 1", "label": "Hípica", "latitude": "-23.500000", "longitude": "-46.600000"},
    ),
    "contact": ({"contact": {"name": "João", "phone": "+55 11 98888-7777"}}, "contact", {}),
    "button": (
        {"button": {"text": "Sim", "payload": "yes", "template": True}},
        "choice",
        {"button_text": "Sim", "button_payload": "yes"},
    ),
    "list": (
        {"list": {"id": "p8", "title": "Pacote de 8", "description": "2 meses"}},
        "choice",
        {"list_id": "p8", "list_title": "Pacote de 8", "list_description": "2 meses"},
    ),
    "forwarded": ({"body": "Olha isto", "forwarded": True}, "text", {"forwarded": "true"}),
    "advertisement": (
        {"body": "Oi", "referral": {"headline": "Aula grátis", "source_url": "https://fb.me/x"}},
        "text",
        {"referral_headline": "Aula grátis", "referral_url": "https://fb.me/x", "referral_type": "ad"},
    ),
    "order": ({"fields": {"MessageType": "order"}}, "unknown", {"message_type": "order"}),
}


@dataclass
class Whole:
    """All that runs."""

    http: aiohttp.ClientSession
    simulator: str
    api: str
    headers: dict[str, str]

    async def says(self, wa_id: str, message: Json) -> str:
        """Let a customer send something; return its sid once the webhook took it."""
        url = f"{self.simulator}/sim/customers/{wa_id}/messages"
        async with self.http.post(url, json={**message, "wait": True}) as answer:
            said = await answer.json()
            assert said["accepted"] is True, said
            return str(said["sid"])

    async def shown(self, wa_id: str, sid: str) -> Json:
        """Wait until the agent API shows a message, and return it."""
        for _ in range(400):
            for conversation in (await self._get(f"/v1/conversations?contact={wa_id}"))["items"]:
                page = await self._get(f"/v1/conversations/{conversation['id']}/messages")
                for message in page["items"]:
                    if message["id"] == sid:
                        return dict(message)
            await asyncio.sleep(0.05)
        raise AssertionError(f"{sid} never came")

    async def _get(self, path: str) -> Json:
        async with self.http.get(f"{self.api}{path}", headers=self.headers) as answer:
            assert answer.status == 200, await answer.text()
            found: Json = await answer.json()
            return found


@pytest.fixture
async def whole(tmp_path: Path) -> AsyncIterator[Whole]:
    """Run simulator and API with worker, without a model, with one agent logged in."""
    async with AsyncExitStack() as stack:
        network = create_simulator(SimulatorConfig(account_sid=SID, auth_token=TOKEN, seed=3))
        simulator = await stack.enter_async_context(serve(network))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        settings = load_settings(
            twilio_account_sid=SID,
            twilio_auth_token=TOKEN,
            twilio_api_base_url=simulator.url,
            data_dir=tmp_path / "data",
            prompts_dir=PROMPTS,
            base_url=f"http://127.0.0.1:{port}",
            port=port,
            debounce_ms=10,
        )
        api_app = create_api(settings, background=run_service)
        api = await stack.enter_async_context(serve(api_app, port=port))
        network.state.network.set_webhook(f"{api.url}/webhook#rc=5&rp=all")
        async with open_ponte(settings) as ponte:
            await ponte.accounts.add("ana@example.com", "Ana", Role.AGENT, PASSWORD)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        login = {"email": "ana@example.com", "password": PASSWORD}
        async with http.post(f"{api.url}/v1/sessions", json=login) as answer:
            token = (await answer.json())["token"]
        yield Whole(http, simulator.url, api.url, {"Authorization": f"Bearer {token}"})


async def test_every_type_goes_from_the_phone_to_the_agent(whole: Whole) -> None:
    """Each type that a phone can send is shown by the agent API as what it is."""

    async def one(number: int, name: str) -> tuple[str, str, Json, int]:
        message, *_ = SENT[name]
        wa_id = f"5511900000{number:03d}"
        shown = await whole.shown(wa_id, await whole.says(wa_id, message))
        return name, shown["kind"], shown["details"], len(shown["media"])

    seen = await asyncio.gather(*(one(n, name) for n, name in enumerate(SENT)))
    files = {"several files": 2, "contact": 1}
    for name, kind, details, media in seen:
        wanted, kind_wanted, details_wanted = SENT[name]
        assert kind == kind_wanted, name
        assert details_wanted.items() <= details.items(), name
        assert media == files.get(name, int("media_base64" in wanted)), name


async def test_a_user_without_a_number_quotes_an_answer(whole: Whole) -> None:
    """A customer who has only a user name is met, and what they quote is known by its sid."""
    user = "US.13491208655302741918"
    first = await whole.says(user, {"body": "Quanto custa a aula avulsa?"})
    await whole.shown(user_address(user), first)
    second = await whole.says(user, {"body": "e aos sábados?", "reply_to": first})
    assert (await whole.shown(user_address(user), second))["reply_to"] == first


def user_address(user: str) -> str:
    """Return how the agent API finds a customer without a WhatsApp id."""
    return f"whatsapp:{user}"
