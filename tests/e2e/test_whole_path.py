"""The whole path over real sockets: Twilio's and OpenAI's real clients against local servers."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest

from api.app import create_app as create_api
from graph.service import run_service
from ponte.bootstrap import open_ponte
from ponte.domain.agent import Role
from ponte.settings import Settings, load_settings
from simulator.app import create_app as create_simulator
from simulator.config import SimulatorConfig
from simulator.openai_stub import StubConfig, create_stub_app
from simulator.serving import serve

SID, TOKEN = "AC" + "0" * 32, "a-token-for-tests-only"
PASSWORD = "correct horse battery"
TRANSFER = "Ok, vou te transferir para um de nossos atendentes."
MARIA = "5511900000001"
PROMPTS = Path(__file__).resolve().parents[2] / "prompts"
Json = dict[str, Any]
T = TypeVar("T")


@dataclass
class Whole:
    """Everything that runs, and the two people who use it."""

    http: aiohttp.ClientSession
    simulator: str
    api: str
    model: str
    headers: dict[str, str]

    async def says(self, body: str) -> None:
        """Maria writes; her message is acknowledged."""
        url = f"{self.simulator}/sim/customers/{MARIA}/messages"
        async with self.http.post(url, json={"body": body, "wait": True}) as answer:
            assert (await answer.json())["accepted"] is True

    async def phone(self) -> list[str]:
        """Return what Maria's phone received, in order."""
        async with self.http.get(f"{self.simulator}/sim/customers/{MARIA}/messages") as answer:
            items = (await answer.json())["items"]
        return [i["body"] for i in items if i["direction"] == "outbound"]

    async def phone_shows(self, *bodies: str) -> None:
        """Wait until Maria's phone shows exactly these answers."""
        await eventually(self.phone, lambda shown: shown == list(bodies))

    async def get(self, path: str) -> Json:
        """Call the agent API."""
        async with self.http.get(f"{self.api}{path}", headers=self.headers) as answer:
            assert answer.status == 200, await answer.text()
            found: Json = await answer.json()
            return found

    async def post(self, path: str, body: Json | None = None, status: int = 200) -> Json:
        """Call the agent API."""
        async with self.http.post(f"{self.api}{path}", json=body or {}, headers=self.headers) as answer:
            assert answer.status == status, await answer.text()
            found: Json = await answer.json()
            return found

    async def conversation(self, status: str) -> Json:
        """Wait until Maria's newest conversation has a status, and return it."""

        async def newest() -> Json:
            items = (await self.get(f"/v1/conversations?contact={MARIA}"))["items"]
            return dict(items[0]) if items else {"status": None}

        return await eventually(newest, lambda c: c["status"] == status)

    async def asked_model(self) -> list[Json]:
        """Return the bodies of all requests to the model."""
        async with self.http.get(f"{self.model}/stub/requests") as answer:
            return [item["body"] for item in (await answer.json())["items"]]


async def eventually(look: Callable[[], Awaitable[T]], met: Callable[[T], bool]) -> T:
    """Look until the condition is met, at most 20 s."""
    for _ in range(400):
        seen = await look()
        if met(seen):
            return seen
        await asyncio.sleep(0.05)
    raise AssertionError(f"still {seen}")


@pytest.fixture
async def whole(tmp_path: Path) -> AsyncIterator[Whole]:
    """Run simulator, model and API with worker on free ports, with one agent logged in."""
    async with AsyncExitStack() as stack:
        network = create_simulator(SimulatorConfig(account_sid=SID, auth_token=TOKEN, seed=3))
        simulator = await stack.enter_async_context(serve(network))
        model = await stack.enter_async_context(serve(create_stub_app(StubConfig())))
        settings = _settings(tmp_path, simulator.url, model.url)
        api_app = create_api(settings, background=run_service)
        api = await stack.enter_async_context(serve(api_app, port=settings.port))
        network.state.network.set_webhook(f"{api.url}/webhook#rc=5&rp=all")
        async with open_ponte(settings) as ponte:
            await ponte.accounts.add("ana@example.com", "Ana", Role.AGENT, PASSWORD)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        login = {"email": "ana@example.com", "password": PASSWORD}
        async with http.post(f"{api.url}/v1/sessions", json=login) as answer:
            token = (await answer.json())["token"]
        yield Whole(http, simulator.url, api.url, model.url, {"Authorization": f"Bearer {token}"})


def _settings(folder: Path, simulator: str, model: str) -> Settings:
    import socket  # noqa: PLC0415 - only to find a free port

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return load_settings(
        twilio_account_sid=SID,
        twilio_auth_token=TOKEN,
        twilio_api_base_url=simulator,
        openai_api_key="sk-test",
        openai_base_url=f"{model}/v1",
        data_dir=folder / "data",
        prompts_dir=PROMPTS,
        base_url=f"http://127.0.0.1:{port}",
        port=port,
        debounce_ms=30,
    )


async def test_a_customer_goes_to_a_human_and_back_and_begins_anew(whole: Whole) -> None:
    """Answer, handoff, waiting, claim, reply, return with a brief, resolve, and a new thread after it."""
    await whole.says("Quanto custa a aula avulsa?")
    answer = "resposta: Quanto custa a aula avulsa?"
    await whole.phone_shows(answer)

    await whole.says("quero falar com atendente")
    await whole.phone_shows(answer, TRANSFER)
    waiting = await whole.conversation("AWAITING_AGENT")
    assert waiting["handoff"]["trigger"] == "keyword"
    assert waiting["contact"]["wa_id"] == MARIA
    calls = len(await whole.asked_model())

    await whole.says("é sobre a cobrança de outubro")
    path = f"/v1/conversations/{waiting['id']}"

    async def transcript() -> list[str]:
        return [m["body"] for m in (await whole.get(f"{path}/messages"))["items"]]

    await eventually(transcript, lambda bodies: bodies[-1] == "é sobre a cobrança de outubro")

    claimed = await whole.post(f"{path}/claim")
    assert (claimed["status"], claimed["agent"]["name"]) == ("AGENT_ACTIVE", "Ana")
    await whole.post(f"{path}/reply", {"body": "Oi, aqui é a Ana. Vou estornar."}, status=201)
    await whole.phone_shows(answer, TRANSFER, "Oi, aqui é a Ana. Vou estornar.")
    await whole.says("muito obrigada!")
    await eventually(transcript, lambda bodies: bodies[-1] == "muito obrigada!")
    assert len(await whole.asked_model()) == calls, "the model was asked while a human owned"

    await whole.post(f"{path}/return", {"brief": "estorno de outubro prometido até sexta"})
    await whole.conversation("BOT_ACTIVE")
    await whole.says("até quando mesmo?")
    back = "resposta: até quando mesmo?"
    await whole.phone_shows(answer, TRANSFER, "Oi, aqui é a Ana. Vou estornar.", back)
    told = str((await whole.asked_model())[-1]["messages"])
    assert "estorno de outubro prometido até sexta" in told
    assert "Vou estornar." in told

    await whole.says("falar com atendente")
    await whole.conversation("AWAITING_AGENT")
    await whole.post(f"{path}/claim")
    await whole.post(f"{path}/resolve", {"disposition": "refunded"})
    await whole.conversation("RESOLVED")
    await whole.says("bom dia, vocês abrem hoje?")
    new = await whole.conversation("BOT_ACTIVE")
    assert new["id"] != waiting["id"]
    assert len((await whole.get(f"/v1/conversations?contact={MARIA}"))["items"]) == 2


async def test_statuses_come_back_to_the_message(whole: Whole) -> None:
    """What WhatsApp tells of a message shows on it."""
    await whole.says("oi, quanto custa?")
    conversation = await whole.conversation("BOT_ACTIVE")

    async def answer_status() -> str:
        items = (await whole.get(f"/v1/conversations/{conversation['id']}/messages"))["items"]
        return str(items[-1]["status"])

    await eventually(answer_status, lambda status: status == "delivered")


async def test_a_picture_reaches_the_agent(whole: Whole) -> None:
    """What a customer photographs is fetched from Twilio and handed to the agent, byte by byte."""
    picture = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 300
    said = {"media_base64": base64.b64encode(picture).decode(), "content_type": "image/jpeg"}
    url = f"{whole.simulator}/sim/customers/{MARIA}/messages"
    async with whole.http.post(url, json={"body": "olha o casco dela", "wait": True, **said}) as answer:
        assert (await answer.json())["accepted"] is True

    async def conversations() -> list[Json]:
        return list((await whole.get(f"/v1/conversations?contact={MARIA}"))["items"])

    (conversation,) = await eventually(conversations, bool)
    path = f"/v1/conversations/{conversation['id']}/messages"
    message = (await whole.get(path))["items"][0]
    (file,) = message["media"]
    assert (message["body"], message["kind"]) == ("olha o casco dela", "image")
    assert (file["content_type"], file["size"], file["error"]) == ("image/png", len(picture), None)
    async with whole.http.get(f"{whole.api}{file['url']}", headers=whole.headers) as got:
        assert (got.status, got.content_type, await got.read()) == (200, "image/png", picture)
    part = {**whole.headers, "Range": "bytes=1000-1999"}
    async with whole.http.get(f"{whole.api}{file['url']}", headers=part) as got:
        assert (got.status, await got.read()) == (206, picture[1000:2000])
    async with whole.http.get(f"{whole.api}{file['url']}") as got:
        assert got.status == 401


async def test_a_message_that_the_webhook_missed_is_caught_up(tmp_path: Path) -> None:
    """What came in while everything was down is answered after the start."""
    async with AsyncExitStack() as stack:
        network = create_simulator(SimulatorConfig(account_sid=SID, auth_token=TOKEN, seed=4))
        simulator = await stack.enter_async_context(serve(network))
        model = await stack.enter_async_context(serve(create_stub_app(StubConfig())))
        settings = _settings(tmp_path, simulator.url, model.url)
        network.state.network.set_webhook(f"{settings.base_url}/webhook")
        lost = await network.state.network.customer_says(MARIA, "qual o horário da aula?")
        assert not lost.accepted
        api_app = create_api(settings, background=run_service)
        await stack.enter_async_context(serve(api_app, port=settings.port))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        whole = Whole(http, simulator.url, settings.base_url, model.url, {})
        await whole.phone_shows("resposta: qual o horário da aula?")
