"""The console's shell over real sockets: login, cookie, door, events, shutdown."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from ponte.domain.agent import Agent
from ponte.domain.conversation import Status
from ponte.domain.message import Kind, Media
from tests.fixtures.console_office import PASSWORD, RunningConsole, running_console
from tests.support.processes import Nursery

MARIA = ("+5511900000001", "Maria")


# One console for all of them: it takes seconds to start.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def console(
    nursery: Nursery, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningConsole]:
    """A console process on SQLite."""
    async with running_console(nursery, tmp_path_factory.mktemp("console")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def browser(console: RunningConsole) -> AsyncIterator[aiohttp.ClientSession]:
    """A client that keeps cookies, as a browser does."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(console.url, cookie_jar=jar) as client:
        yield client


async def _log_in(client: aiohttp.ClientSession, agent: Agent, **headers: str) -> aiohttp.ClientResponse:
    form = {"email": agent.email, "password": PASSWORD}
    async with client.post("/agent/login", data=form, headers=headers, allow_redirects=False) as answer:
        await answer.read()
        return answer


async def _status(client: aiohttp.ClientSession, path: str) -> int:
    async with client.get(path, allow_redirects=False) as answer:
        return answer.status


async def test_the_way_in_and_out(console: RunningConsole, browser: aiohttp.ClientSession) -> None:
    """Without a login every door is closed; the cookie opens them; logging out closes them for good."""
    ana = await console.office.agent("Ana")
    async with browser.get("/agent?c=cv_1", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/agent/login?c=cv_1")
    for path in (
        "/agent/events",
        "/agent/_stcore/health",
        "/agent/_stcore/agent/openapi.json",
        "/agent/media/x",
    ):
        assert await _status(browser, path) == 401
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await browser.ws_connect("/agent/_stcore/stream")

    answer = await _log_in(browser, ana)
    assert (answer.status, answer.headers["Location"]) == (303, "/agent")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/agent" in cookie
    assert "Secure" not in cookie
    async with browser.get("/agent") as page:
        assert page.status == 200
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    async with browser.ws_connect("/agent/_stcore/stream") as stream:
        assert not stream.closed
    token = next(c.value for c in browser.cookie_jar if c.key == "ponte_session")

    async with browser.post("/agent/logout", allow_redirects=False) as out:
        assert out.status == 303
    assert await _status(browser, "/agent/") == 303
    stolen = {"Cookie": f"ponte_session={token}"}
    async with browser.get("/agent/events", headers=stolen) as again:
        assert again.status == 401


async def test_a_messages_files_are_behind_the_login(
    console: RunningConsole, browser: aiohttp.ClientSession
) -> None:
    """The session's cookie opens the files of messages, in parts too; without it there is nothing."""
    picture = b"\x89PNG\r\n\x1a\n" + bytes(500)
    sent = await console.office.sends("+5511900000077", "Rita", picture, Media("", "image/png"), Kind.IMAGE)
    path = f"/agent/media/{sent}/0"
    assert await _status(browser, path) == 401
    await _log_in(browser, await console.office.agent("Ana"))
    async with browser.get(path) as answer:
        assert (answer.status, answer.content_type, await answer.read()) == (200, "image/png", picture)
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"].startswith("private")
    async with browser.get(path, headers={"Range": "bytes=8-9"}) as answer:
        assert (answer.status, await answer.read()) == (206, bytes(2))
    async with browser.head(path) as answer:
        assert (answer.status, answer.headers["Content-Length"]) == (200, str(len(picture)))
    for missing in (f"/agent/media/{sent}/1", "/agent/media/SM0/0"):
        assert await _status(browser, missing) == 404


async def test_earlier_messages_are_read_by_themselves(
    console: RunningConsole, browser: aiohttp.ClientSession
) -> None:
    """A page before, after or around a message; how much waits; and nothing without a login or a number."""
    rosa = ("+5511900000079", "Rosa")
    waiting = await console.office.waiting(*rosa, "um")
    for n in range(59):
        await console.office.writes(waiting.id, *rosa, f"linha {n}")

    async def read(what: str, **sent: str) -> tuple[int, dict[str, Any]]:
        async with browser.post(f"/agent/read/{what}", json=sent) as answer:
            return answer.status, await answer.json() if answer.status != 401 else {}

    here = {"conversation": waiting.id}
    assert (await read("messages", **here, before="11"))[0] == 401
    await _log_in(browser, await console.office.agent("Ana"))
    for wish, seqs in (
        ({"before": "11"}, range(1, 11)),
        ({"after": "55"}, range(56, 61)),
        ({"around": "30"}, range(5, 55)),
    ):
        status, found = await read("messages", **here, **wish)
        assert (status, [m["seq"] for m in found["messages"]]) == (200, list(seqs))
    for wish in ({}, {"before": "x"}, {"before": "9" * 30}):
        assert (await read("messages", **here, **wish))[0] in {409, 422}
    assert (await read("messages", conversation="cv_gone", before="2"))[0] == 409
    status, found = await read("count")
    assert (status, found["count"]) == (
        200,
        (await console.office.ponte.store.count_by_status())[Status.AWAITING_AGENT],
    )


async def test_the_cookie_is_secure_behind_tls(
    console: RunningConsole, browser: aiohttp.ClientSession
) -> None:
    """When the browser speaks TLS to a proxy, the cookie never travels without it."""
    ana = await console.office.agent("Ana")
    host = console.url.removeprefix("http://")
    answer = await _log_in(browser, ana, Origin=f"https://{host}")
    assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}]
)
async def test_other_sites_cannot_log_anybody_in_or_out(
    console: RunningConsole, browser: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    """A form posted from another site is refused and changes no session."""
    ana = await console.office.agent("Ana")
    answer = await _log_in(browser, ana, **headers)
    assert answer.status == 403
    assert "Set-Cookie" not in answer.headers
    await _log_in(browser, ana)
    async with browser.post("/agent/logout", headers=headers, allow_redirects=False) as out:
        assert out.status == 403
    assert await _status(browser, "/agent/") == 200


async def test_a_failed_login_can_be_read(console: RunningConsole, browser: aiohttp.ClientSession) -> None:
    """A wrong password keeps the e-mail and explains in the browser's language; too many tries wait."""
    ana = await console.office.agent("Ana")
    form = {"email": ana.email, "password": "wrong"}
    async with browser.post("/agent/login", data=form, headers={"Accept-Language": "es"}) as answer:
        assert answer.status == 401
        text = await answer.text()
    assert "no son correctos" in text
    assert f'value="{ana.email}"' in text
    statuses = []
    for _ in range(10):
        async with browser.post("/agent/login", data=form) as answer:
            statuses.append(answer.status)
            retry = answer.headers.get("Retry-After")
    assert statuses[-1] == 429
    assert retry is not None


async def test_what_was_typed_is_not_markup(console: RunningConsole, browser: aiohttp.ClientSession) -> None:
    """The login page shows a typed e-mail back as text."""
    del console
    form = {"email": '"><script>alert(1)</script>', "password": "x"}
    async with browser.post("/agent/login", data=form) as answer:
        assert "<script>" not in await answer.text()


async def _next_event(stream: aiohttp.StreamReader, name: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            line = (await stream.readline()).decode()
            if line.strip() == f"event: {name}":
                data = (await stream.readline()).decode()
                found: dict[str, Any] = json.loads(data.removeprefix("data: "))
                return found


async def test_changes_arrive_as_events(console: RunningConsole, browser: aiohttp.ClientSession) -> None:
    """A conversation that another process changes is announced on the stream."""
    ana = await console.office.agent("Ana")
    await _log_in(browser, ana)
    async with browser.get("/agent/events") as events:
        assert events.headers["Content-Type"].startswith("text/event-stream")
        await _next_event(events.content, "hello")
        waiting = await console.office.waiting(*MARIA, "atendente")
        assert waiting.id in (await _next_event(events.content, "changed"))["ids"]


async def test_a_colleagues_messages_concern_nobody_here(
    console: RunningConsole, browser: aiohttp.ClientSession
) -> None:
    """What is said between a colleague and their customer is told apart from what moves in the queue."""
    office, joana = console.office, ("+5511900000078", "Joana")
    ana, bruno = await office.agent("Ana"), await office.agent("Bruno")
    await _log_in(browser, ana)
    waiting = await office.waiting(*joana, "atendente")
    async with browser.get("/agent/events") as events:
        await _next_event(events.content, "hello")
        await office.ponte.desk.claim(bruno, waiting.id)
        assert (await _next_event(events.content, "changed"))["elsewhere"] is False
        await office.writes(waiting.id, *joana, "oi?")
        assert await _next_event(events.content, "changed") == {"ids": [waiting.id], "elsewhere": True}
        await office.ponte.desk.transfer(bruno, waiting.id, to_agent_id=ana.id)
        assert (await _next_event(events.content, "changed"))["elsewhere"] is False
        await office.writes(waiting.id, *joana, "oi!")
        assert (await _next_event(events.content, "changed"))["elsewhere"] is False


async def test_an_open_stream_does_not_hold_up_the_end(nursery: Nursery, tmp_path: Path) -> None:
    """On SIGTERM the event stream ends by itself and the process with it, well before it would be cut off."""
    async with running_console(nursery, tmp_path) as console:
        ana = await console.office.agent("Ana")
        cookie = {"ponte_session": await console.office.token(ana)}
        async with (
            aiohttp.ClientSession(cookies=cookie) as client,
            client.get(f"{console.url}/agent/events") as events,
        ):
            await _next_event(events.content, "hello")
            ending = asyncio.create_task(console.process.end(10))
            async with asyncio.timeout(4):
                await events.content.read()
            code = await ending
    assert code in {0, -signal.SIGTERM}


async def test_assets_are_cached_and_health_is_open(
    console: RunningConsole, browser: aiohttp.ClientSession
) -> None:
    """Without a login: health answers, and the login page's style is served for ever."""
    del console
    assert await _status(browser, "/healthz") == 200
    async with browser.get("/agent/login") as page:
        text = await page.text()
    href = text.split('rel="stylesheet" href="')[1].split('"')[0]
    async with browser.get(href) as style:
        assert style.status == 200
        assert "immutable" in style.headers["Cache-Control"]
