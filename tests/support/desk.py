"""Simulator, API and worker in one process under one clock, with an agent at work: over real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import aiohttp

from api.app import create_app as create_api
from graph.service import run_service
from graph.voice_notes import open_voice
from ponte.bootstrap import Ponte, open_ponte
from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import Conversation, Status
from ponte.domain.message import Media, Message, MessageStatus
from ponte.settings import load_settings
from simulator.app import create_app as create_simulator
from simulator.config import SimulatorConfig
from simulator.network import Network
from simulator.records import Message as Carried
from simulator.serving import serve
from tests.support.processes import reserved_port

SID, TOKEN = "AC" + "0" * 32, "a-token-for-tests-only"
PROMPTS: Final = Path(__file__).resolve().parents[2] / "prompts"
T = TypeVar("T")
_LOOK_MS: Final = 50


@dataclass
class ShiftedClock:
    """The machine's clock, moved on by tests."""

    shift: int = 0

    def now(self) -> int:
        """Return the shifted time in ms since the epoch, UTC."""
        return int(time.time() * 1000) + self.shift

    async def sleep(self, ms: int) -> None:
        """Wait for real, or until a test moves the clock past it."""
        end = self.now() + ms
        while (left := end - self.now()) > 0:  # noqa: ASYNC110 - a test moves the clock at any moment
            await asyncio.sleep(min(left, _LOOK_MS) / 1000)


@dataclass
class Desk:
    """Everything that runs, and the agent at work."""

    ponte: Ponte
    network: Network
    twilio: str
    clock: ShiftedClock
    agent: Agent
    http: aiohttp.ClientSession

    async def holds(self, wa_id: str) -> str:
        """Let a customer ask for a person and the agent claim; returns the conversation's id."""
        said = await self.network.customer_says(wa_id, "quero falar com atendente")
        assert said.accepted, said.outcomes

        async def waiting() -> str | None:
            contact = await self.ponte.store.find_contact(f"whatsapp:+{wa_id}")
            current = await self.ponte.store.current(contact.id) if contact else None
            waits = current is not None and current.status is Status.AWAITING_AGENT
            return current.id if current is not None and waits else None

        found = await eventually(waiting, bool)
        assert found is not None
        await self.ponte.desk.claim(self.agent, found)
        await self.shown(wa_id, 1)
        return found

    async def current(self, wa_id: str) -> Conversation:
        """Return the customer's newest conversation."""
        contact = await self.ponte.store.find_contact(f"whatsapp:+{wa_id}")
        current = await self.ponte.store.current(contact.id) if contact else None
        assert current is not None
        return current

    async def shown(self, wa_id: str, count: int) -> list[Carried]:
        """Wait until so many messages are on the customer's phone, and return them in order."""

        async def look() -> list[Carried]:
            return self.phone(wa_id)

        return await eventually(look, lambda seen: len(seen) == count)

    def phone(self, wa_id: str) -> list[Carried]:
        """Return what was delivered to the customer's phone, in order of Twilio's acceptance."""
        out = [m for m in self.network.ledger.after(0, wa_id=wa_id) if m.direction == "outbound"]
        return [m for m in out if m.status in {"sent", "delivered", "read"}]

    async def becomes(self, message: Message, status: MessageStatus) -> Message:
        """Wait until a message has a status, and return it."""
        return await eventually(lambda: self.ponte.store.message(message.id), lambda m: m.status is status)

    async def stored(self, content: bytes, content_type: str) -> Media:
        """Put a file into the media store."""

        async def once() -> AsyncIterator[bytes]:
            yield content

        kept = await self.ponte.media.put(once(), content_type, self.clock.now())
        return Media("", content_type, key=kept.key, size=kept.size, name="tabela.pdf")

    async def content(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """Call the Content API as the operator would."""
        login = {"Authorization": aiohttp.encode_basic_auth(SID, TOKEN)}
        async with self.http.request(method, f"{self.twilio}{path}", json=body, headers=login) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def template(
        self,
        body: str = "Oi {{1}}, temos novidades. Podemos falar?",
        *,
        family: str = "volta",
        approved: bool = True,
    ) -> str:
        """Make a template with one variable and return its sid."""
        made = await self.content(
            "POST",
            "/v1/Content",
            {
                "friendly_name": f"{family}_pt_br",
                "language": "pt_BR",
                "variables": {"1": "Maria"},
                "types": {"twilio/text": {"body": body}},
            },
        )
        if approved:
            path = f"/v1/Content/{made['sid']}/ApprovalRequests/whatsapp"
            await self.content("POST", path, {"name": family, "category": "UTILITY"})
        return str(made["sid"])


async def eventually(look: Callable[[], Awaitable[T]], met: Callable[[T], bool]) -> T:
    """Look until the condition is met, at most 30 s."""
    for _ in range(1500):
        seen = await look()
        if met(seen):
            return seen
        await asyncio.sleep(0.02)
    raise AssertionError(f"still {seen}")


@asynccontextmanager
async def open_desk(folder: Path, prompts: Path = PROMPTS, **more: object) -> AsyncIterator[Desk]:
    """Run simulator and API with worker.

    Args:
        folder: where the data goes.
        prompts: the prompt files.
        more: settings.
    """
    clock = ShiftedClock()
    async with AsyncExitStack() as stack:
        config = SimulatorConfig(account_sid=SID, auth_token=TOKEN, seed=5, sent_ms=40, delivered_ms=60)
        whatsapp = create_simulator(config, clock=lambda: clock.now() / 1000)
        twilio = await stack.enter_async_context(serve(whatsapp))
        port = stack.enter_context(reserved_port())
        settings = load_settings(
            twilio_account_sid=SID,
            twilio_auth_token=TOKEN,
            twilio_api_base_url=twilio.url,
            data_dir=folder / "data",
            prompts_dir=prompts,
            base_url=f"http://127.0.0.1:{port}",
            port=port,
            debounce_ms=0,
            **more,
        )
        ponte = await stack.enter_async_context(open_ponte(settings, clock=clock, voice=open_voice))
        agent = await ponte.accounts.add("ana@example.com", "Ana", Role.AGENT, "correct horse battery")
        api = create_api(settings, ponte=ponte, background=run_service)
        served = await stack.enter_async_context(serve(api, port=port))
        network: Network = whatsapp.state.network
        network.set_webhook(f"{served.url}/webhook#rc=5&rp=all")
        http = await stack.enter_async_context(aiohttp.ClientSession())
        yield Desk(ponte, network, twilio.url, clock, agent, http)
