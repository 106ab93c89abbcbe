"""Every type of message over real sockets: the simulator's phones, the API, the worker, and the agent API."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.whole import Json, Whole, open_whole

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
    "forwarded often": (
        {"body": "Olha isto", "forwarded": "frequently"},
        "text",
        {"forwarded": "true", "frequently_forwarded": "true"},
    ),
    "reaction": ({"body": "👍", "fields": {"MessageType": "reaction"}}, "text", {"reaction": "👍"}),
    "reaction taken back": ({"fields": {"MessageType": "reaction"}}, "text", {"reaction": "removed"}),
    "advertisement": (
        {"body": "Oi", "referral": {"headline": "Aula grátis", "source_url": "https://fb.me/x"}},
        "text",
        {"referral_headline": "Aula grátis", "referral_url": "https://fb.me/x", "referral_type": "ad"},
    ),
    "order": ({"fields": {"MessageType": "order"}}, "unknown", {"message_type": "order"}),
}


@pytest.fixture
async def whole(tmp_path: Path) -> AsyncIterator[Whole]:
    """Run simulator and API with worker, without a model, with one agent logged in."""
    async with open_whole(tmp_path) as opened:
        yield opened


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
