"""All of Ponte as real processes, between a simulated WhatsApp and a model that echoes, for tests."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from ponte.bootstrap import open_ponte
from ponte.domain.agent import Role
from ponte.domain.conversation import Conversation
from ponte.domain.message import Message
from ponte.ports import Store
from ponte.settings import load_settings
from simulator.app import create_app
from simulator.config import SimulatorConfig
from simulator.network import Network
from simulator.openai_stub import StubConfig, create_stub_app
from simulator.records import Message as Carried
from simulator.serving import serve
from tests.support.processes import Nursery, Running, know, reserved_port

ACCOUNT, TOKEN = "AC" + "0" * 32, "a-token-for-tests-only"
EMAIL, PASSWORD = "ana@example.com", "correct horse battery"
PROMPTS = Path(__file__).resolve().parents[2] / "prompts"
ANSWER = "resposta: "
_YEAR_MS = 365 * 24 * 60 * 60 * 1000
_LOOK_S = 0.2
_TRIES = 300
_SERVE_MONGO = Path(__file__).with_name("serve_mongo.py")


@dataclass
class Stack:
    """What runs, and what a test needs of it.

    Args:
        network: the simulated WhatsApp.
        model_url: the stand-in for OpenAI.
        api_urls: the APIs that agents may call.
        http: for calls.
        store: the database, seen from the test's own process.
        processes: Ponte's, by name.
        headers: an agent's login; empty until ``log_in``.
    """

    network: Network
    model_url: str
    api_urls: list[str]
    http: aiohttp.ClientSession
    store: Store
    processes: dict[str, Running]
    headers: dict[str, str] = field(default_factory=dict)

    async def start(self) -> None:
        """Start every process and wait until the APIs answer; then log the agent in."""
        await asyncio.gather(*(process.start() for process in self.processes.values()))
        await self.answers()
        login = {"email": EMAIL, "password": PASSWORD}
        async with self.http.post(f"{self.api_urls[0]}/v1/sessions", json=login) as answer:
            self.headers["Authorization"] = f"Bearer {(await answer.json())['token']}"

    async def answers(self) -> None:
        """Wait until every API answers."""

        async def up() -> bool:
            for url in self.api_urls:
                try:
                    async with self.http.get(f"{url}/readyz") as answer:
                        if answer.status != 200:
                            return False
                except (aiohttp.ClientError, TimeoutError):
                    return False
            return True

        await until(up, 60, lambda: "the APIs do not answer:\n" + self.log_ends())

    async def model(self, status: int | str) -> None:
        """Let the model answer normally (200), fail, or hang from now on."""
        async with self.http.post(f"{self.model_url}/stub/mode", json={"status": status}) as answer:
            assert answer.status == 200, await answer.text()

    async def call(
        self, method: str, path: str, body: object = None, *, key: str = "", first: int = 0
    ) -> tuple[int, Any]:
        """Call the agent API, again at the next API until one answers, as a console would.

        Args:
            method: of the request.
            path: with its query.
            body: becomes JSON.
            key: the caller's own name for the request, the same in every try.
            first: the API to begin with.

        Returns:
            Status and JSON.
        """
        headers = {**self.headers, **({"Idempotency-Key": key} if key else {})}
        for attempt in range(first, _TRIES):
            url = self.api_urls[attempt % len(self.api_urls)]
            try:
                async with self.http.request(method, url + path, json=body, headers=headers) as answer:
                    if answer.status < 500:
                        return answer.status, await answer.json()
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(_LOOK_S)
        raise AssertionError(f"{method} {path} is never answered:\n{self.log_ends()}")

    def sent(self) -> list[Carried]:
        """Return what the customers' phones received or will, in the order of its acceptance by Twilio."""
        return [m for m in self.network.ledger.after(0) if m.direction == "outbound"]

    def written(self) -> list[Carried]:
        """Return what the customers wrote, in order."""
        return [m for m in self.network.ledger.after(0) if m.direction == "inbound"]

    async def transcripts(self) -> dict[str, list[Message]]:
        """Return each customer's transcript in order, all conversations together, by WhatsApp id."""
        conversations = await self.conversations()
        contacts = await self.store.contacts([c.contact_id for c in conversations])
        found: dict[str, list[Message]] = {}
        for current in sorted(conversations, key=lambda c: c.opened_at):
            # Read by itself: completes a commit that a kill cut short.
            current = await self.store.conversation(current.id)  # noqa: PLW2901 - the same, complete
            address = contacts[current.contact_id].address
            rows = found.setdefault(address.removeprefix("whatsapp:+"), [])
            after = 0
            while page := await self.store.messages(current.id, after=after, limit=200):
                rows += page
                after = page[-1].seq
        return found

    async def conversations(self) -> list[Conversation]:
        """Return all conversations."""
        found: list[Conversation] = []
        after = None
        while True:
            page = await self.store.conversations(status=None, contact_id=None, after=after, limit=200)
            found += page.items
            after = page.next
            if after is None:
                return found

    async def resting(self) -> bool:
        """Tell whether nothing is left to do: no delivery under way, inbox and outbox empty."""
        far = int(time.time() * 1000) + _YEAR_MS
        return (
            not self.network.pending
            and not await self.store.due_contacts(far, 1)
            and not await self.store.outbox_size()
        )

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return what all processes logged under a name."""
        return [e for process in self.processes.values() for e in process.events() if e["event"] == name]

    def log_ends(self) -> str:
        """Return the end of every log."""
        return "\n".join(f"--- {p.name}\n{p.last_lines()}" for p in self.processes.values())


async def until(
    met: Callable[[], Awaitable[bool]], seconds: float, explain: Callable[[], str] = lambda: ""
) -> None:
    """Wait until a condition is met. Raises AssertionError with the explanation when it takes too long."""
    deadline = time.monotonic() + seconds
    while not await met():
        if time.monotonic() > deadline:
            raise AssertionError(f"not met within {seconds:g} s: {explain()}")
        await asyncio.sleep(_LOOK_S)


@asynccontextmanager
async def open_stack(
    nursery: Nursery,
    folder: Path,
    *,
    commands: Mapping[str, Mapping[str, str]],
    overrides: str = "#rc=5&rp=all",
    retry_pause_ms: int = 800,
    mongo_uri: str = "",
    seed: int = 1,
    **more: str,
) -> AsyncIterator[Stack]:
    """Open simulator, model and database, and prepare the processes; nothing of Ponte runs yet.

    Args:
        nursery: forks the processes.
        folder: where they run, with logs and data.
        commands: the processes by name, ``api...`` or ``worker...``, each with settings of its own. The
            first API gets the webhooks.
        overrides: Twilio's connection overrides on the webhook's URL.
        retry_pause_ms: before a webhook is tried again.
        mongo_uri: MongoDB; empty: SQLite in ``folder``.
        seed: of the simulator.
        more: settings for all processes, by environment variable.
    """
    folder.mkdir(exist_ok=True)  # noqa: ASYNC240 - nothing else runs yet
    async with AsyncExitStack() as stack:
        apis = [name for name in commands if name.startswith("api")]
        ports = {name: stack.enter_context(reserved_port()) for name in apis}
        urls = [f"http://127.0.0.1:{ports[name]}" for name in apis]
        config = SimulatorConfig(
            account_sid=ACCOUNT,
            auth_token=TOKEN,
            webhook_url=f"{urls[0]}/webhook{overrides}",
            seed=seed,
            retry_pause_ms=retry_pause_ms,
        )
        whatsapp = create_app(config)
        simulator = await stack.enter_async_context(serve(whatsapp))
        model = await stack.enter_async_context(serve(create_stub_app(StubConfig(reply=f"{ANSWER}{{text}}"))))
        common = {
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": TOKEN,
            "TWILIO_API_BASE_URL": simulator.url,
            "OPENAI_API_KEY": "sk-test",
            "OPENAI_BASE_URL": f"{model.url}/v1",
            "BASE_URL": urls[0],
            "SECRET_KEY": secrets.token_urlsafe(32),
            "DATA_DIR": str(folder / "data"),
            "PROMPTS_DIR": str(PROMPTS),
            "MONGO_URI": mongo_uri,
            "DB_NAME": f"ponte_{secrets.token_hex(8)}",
            "DEBOUNCE_MS": "50",
            "CATCH_UP_MINUTES": "1",
            "LOG_FORMAT": "json",
            **more,
        }
        know(folder / "data", Path(os.environ["DATA_DIR"], "cache"))
        settings = load_settings(**{name.lower(): value for name, value in common.items()})
        ponte = await stack.enter_async_context(open_ponte(settings))
        await ponte.accounts.add(EMAIL, "Ana", Role.AGENT, PASSWORD)
        timeout = aiohttp.ClientTimeout(total=15)
        http = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
        kept = {name: os.environ[name] for name in ("PATH", "TESTS_REFUSED") if name in os.environ}
        processes = {
            name: Running(
                nursery,
                name,
                "api" if name in ports else "worker",
                {**kept, **common, **({"PORT": str(ports[name])} if name in ports else {}), **own},
                folder,
            )
            for name, own in commands.items()
        }
        try:
            yield Stack(whatsapp.state.network, model.url, urls, http, ponte.store, processes)
        finally:
            for process in processes.values():
                if process.pid and await process.alive():
                    await process.kill()


@asynccontextmanager
async def open_mongo_process() -> AsyncIterator[str]:
    """Serve an empty MongoDB from a process of its own, and yield its address."""
    root = str(_SERVE_MONGO.parents[2])
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(_SERVE_MONGO),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])},
        start_new_session=True,
    )
    if process.stdout is None or process.stdin is None:
        raise RuntimeError("The MongoDB process has no pipes.")
    try:
        uri = (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip()
        assert uri, "The MongoDB server did not start; its traceback is above."
        yield uri
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 20)
        except TimeoutError:
            process.kill()
            await process.wait()
