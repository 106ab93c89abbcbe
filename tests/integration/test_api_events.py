"""The event stream over a real socket: quick, alive, and ended when it must end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest

from api.app import create_app
from ponte.domain.conversation import Conversation
from ponte.feed import ChangeFeed, Lagged
from simulator.serving import serve
from tests.fixtures.api_office import Office, open_office

Event = tuple[str, dict[str, Any]]


class Listener:
    """A client of the event stream."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.comments: list[str] = []
        self.retry: int | None = None

    async def event(self) -> Event | None:
        """Wait for the next event; None at the stream's end."""
        name, data = "", ""
        async for raw in self._response.content:
            line = raw.decode().rstrip("\n")
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                data += value
            elif field == "retry":
                self.retry = int(value)
            elif line:
                self.comments.append(value)
            if not line:
                return (name, json.loads(data)) if name else ("comment", {})
        return None

    async def named(self, name: str) -> dict[str, Any]:
        """Wait for the next event of this name."""
        while (event := await self.event()) is not None:
            if event[0] == name:
                return event[1]
        raise AssertionError(f"The stream ended before {name}.")


@asynccontextmanager
async def listen(office: Office, token: str, url: str | None = None) -> AsyncIterator[Listener]:
    """Open the event stream, and wait until it is connected."""
    headers = {"Authorization": f"Bearer {token}"}
    async with office.http.get((url or office.url) + "/v1/events", headers=headers) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        listener = Listener(response)
        assert await listener.event() == ("comment", {})
        yield listener


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """Serve an API over an empty database, with a quick heartbeat."""
    async with open_office(tmp_path / "data", heartbeat_ms=100) as opened:
        yield opened


async def test_a_claim_is_heard_within_a_second(office: Office) -> None:
    """Every console sees who took a conversation, in the shape that the document promises."""
    ana_id, ana = await office.add_agent("Ana")
    _, bia = await office.add_agent("Bia")
    conversation = await office.waiting("Oi")
    async with listen(office, bia) as listener, asyncio.timeout(5):
        assert listener.retry == 2000
        # What happened right before the connect may be told once more.
        office.clock.advance(60_000)
        begun = asyncio.get_running_loop().time()
        await office.call("POST", f"/v1/conversations/{conversation.id}/claim", ana)
        while (data := await listener.named("conversation"))["status"] != "AGENT_ACTIVE":
            continue
        took = asyncio.get_running_loop().time() - begun

    assert took < 1
    assert data == {
        "id": conversation.id,
        "contact_id": conversation.contact_id,
        "status": "AGENT_ACTIVE",
        "agent": {"id": ana_id, "name": "Ana"},
        "unread": 0,
        "waiting_since": None,
        "last_seq": 1,
        "updated_at": "2025-06-15T15:07:40.000Z",
        "version": 2,
    }


async def test_a_quiet_stream_shows_that_it_lives(office: Office) -> None:
    """Heartbeats come as comments, which programs do not see."""
    _, token = await office.add_agent("Ana")
    async with listen(office, token) as listener, asyncio.timeout(5):
        while len(listener.comments) < 3:
            assert await listener.event() == ("comment", {})

    assert listener.comments == ["connected", "alive", "alive"]


async def test_a_stream_ends_with_its_session(office: Office) -> None:
    """After the log-out the stream says so and ends."""
    _, token = await office.add_agent("Ana")
    async with listen(office, token) as listener, asyncio.timeout(5):
        await office.call("DELETE", "/v1/sessions/current", token)
        assert await listener.named("end") == {}
        assert await listener.event() is None


async def test_a_stream_outlives_the_database(office: Office) -> None:
    """While the store is down the stream stays, and goes on afterwards."""
    _, token = await office.add_agent("Ana")
    async with listen(office, token) as listener, asyncio.timeout(5):
        office.store.break_down()
        before = len(listener.comments)
        while len(listener.comments) < before + 2:
            assert await listener.event() == ("comment", {})
        office.store.mend()
        conversation = await office.waiting()
        assert (await listener.named("conversation"))["id"] == conversation.id


async def test_the_server_stops_at_once_with_streams_open(tmp_path: Path) -> None:
    """A shutdown ends the streams instead of waiting for them."""
    async with open_office(tmp_path / "data") as office:
        _, token = await office.add_agent("Ana")
        app = create_app(office.ponte.settings, ponte=office.ponte)
        loop = asyncio.get_running_loop()
        async with serve(app) as served, listen(office, token, served.url) as listener:
            app.state.begin_shutdown()
            begun = loop.time()
            assert await listener.event() is None
        assert loop.time() - begun < 1


class LaggingFeed(ChangeFeed):
    """A feed whose first listener is too slow, and whose second one hears a conversation."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self.listened = 0

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[AsyncIterator[Conversation]]:
        """Give the first listener a lag."""
        self.listened += 1
        yield self._changes(lagged=self.listened == 1)

    async def _changes(self, *, lagged: bool) -> AsyncIterator[Conversation]:
        if lagged:
            raise Lagged
        yield self._conversation
        await asyncio.Event().wait()

    def ring(self) -> None:
        """Do nothing: nobody polls."""

    async def run(self, stop: asyncio.Event) -> None:
        """Wait for the end."""
        await stop.wait()


async def test_a_slow_listener_is_told_to_read_again(office: Office) -> None:
    """Who missed changes gets `resync`, and hears what comes after it."""
    _, token = await office.add_agent("Ana")
    conversation = await office.waiting()
    ponte = replace(office.ponte, feed=cast("ChangeFeed", LaggingFeed(conversation)))
    async with (
        serve(create_app(ponte.settings, ponte=ponte)) as served,
        listen(office, token, served.url) as listener,
        asyncio.timeout(5),
    ):
        assert await listener.event() == ("resync", {})
        assert (await listener.named("conversation"))["id"] == conversation.id


SERVER = """
import sys
from pathlib import Path
from api.app import create_app
from api.serving import run_api
from ponte.settings import Settings
settings = Settings(twilio_auth_token="x" * 32, data_dir=Path(sys.argv[1]))
run_api(create_app(settings), "127.0.0.1", int(sys.argv[2]))
"""


async def _wait_until_served(office: Office, url: str) -> None:
    while True:
        try:
            async with office.http.get(f"{url}/healthz") as response:
                assert response.status == 200
                return
        except aiohttp.ClientConnectorError:
            await asyncio.sleep(0.05)


@pytest.mark.slow
async def test_sigterm_stops_the_process_with_streams_open(tmp_path: Path) -> None:
    """`api.serving` ends streams first, so that a process is gone long before its grace time."""
    async with open_office(tmp_path / "data") as office, asyncio.timeout(60):
        _, token = await office.add_agent("Ana")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SERVER, str(tmp_path / "data"), str(port), env=dict(os.environ)
        )
        try:
            url = f"http://127.0.0.1:{port}"
            await _wait_until_served(office, url)
            # The process has the machine's clock, and the session one of the past.
            login = {"email": "ana@example.com", "password": "correct horse battery"}
            async with office.http.post(f"{url}/v1/sessions", json=login) as response:
                token = (await response.json())["token"]
            async with listen(office, token, url) as listener:
                begun = asyncio.get_running_loop().time()
                process.send_signal(signal.SIGTERM)
                assert await listener.event() is None
            assert await process.wait() in {0, -signal.SIGTERM}
            assert asyncio.get_running_loop().time() - begun < 5
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
