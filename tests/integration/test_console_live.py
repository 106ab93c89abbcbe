"""The console's event stream and its tabs: who is here, what calls for an agent, what was missed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agent_console.alerts import Alerts
from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import Conversation, Status
from tests.fixtures.console_office import RunningConsole, running_console
from tests.support.processes import Nursery

MARIA = ("+5511900000001", "Maria")
NOW = 1_800_000_000_000
ANA = Agent("ana", "ana@example.com", "Ana", Role.AGENT, "x", 0)
HELD = Conversation(
    id="cv", contact_id="ct", thread_id="th", opened_at=1, updated_at=NOW + 9,
    status=Status.AGENT_ACTIVE, agent_id="ana", unread=1, last_customer_at=NOW + 9,
)  # fmt: skip


@pytest.fixture
async def console(nursery: Nursery, tmp_path: Path) -> AsyncIterator[RunningConsole]:
    """A console process on SQLite."""
    async with running_console(nursery, tmp_path) as running:
        yield running


class Stream:
    """An open event stream of one tab."""

    def __init__(self, client: aiohttp.ClientSession, response: aiohttp.ClientResponse) -> None:
        self.client = client
        self._response = response

    async def next(self, name: str) -> tuple[int, dict[str, Any]]:
        """Return the next event of a name: its id and its data."""
        async with asyncio.timeout(20):
            lines: list[str] = []
            while True:
                line = (await self._response.content.readline()).decode().rstrip("\n")
                if line:
                    lines.append(line)
                    continue
                fields = dict(entry.split(": ", 1) for entry in lines if not entry.startswith(":"))
                lines.clear()
                if fields.get("event") == name:
                    return int(fields["id"]), json.loads(fields["data"])

    async def shows(self, tab: str, **shown: object) -> int:
        """Tell what the tab shows; returns the status."""
        async with self.client.post(f"/agent/presence?tab={tab}", json=shown) as answer:
            return answer.status


@asynccontextmanager
async def stream(console: RunningConsole, agent: Agent, query: str = "") -> AsyncIterator[Stream]:
    """Open a stream as a logged-in agent."""
    cookie = {"ponte_session": await console.office.token(agent)}
    async with (
        aiohttp.ClientSession(console.url, cookies=cookie) as client,
        client.get(f"/agent/events?{query}") as response,
    ):
        assert response.status == 200
        opened = Stream(client, response)
        await opened.next("hello")
        yield opened


async def _until(opened: Stream, wanted: list[tuple[str, list[str], bool]]) -> None:
    """Read until exactly these agents are here: name, what they look at, whether they type."""
    while True:
        _, data = await opened.next("present")
        found = [(one["name"], one["looking"], bool(one["typing"])) for one in data["agents"]]
        if found == wanted:
            return


async def test_tabs_know_of_each_other(console: RunningConsole) -> None:
    """A tab is here while its stream is open; what it shows and types in reaches the others."""
    ana, bruno = await console.office.agent("Ana"), await console.office.agent("Bruno")
    async with stream(console, ana, "tab=a1") as mine:
        await _until(mine, [("Ana", [], False)])
        async with stream(console, bruno, "tab=b1") as his:
            await _until(mine, [("Ana", [], False), ("Bruno", [], False)])
            assert await his.shows("b1", conversation="cv1", typing=False) == 204
            await _until(mine, [("Ana", [], False), ("Bruno", ["cv1"], False)])
            assert await his.shows("b1", conversation="cv1", typing=True) == 204
            await _until(mine, [("Ana", [], False), ("Bruno", ["cv1"], True)])
            async with stream(console, bruno, "tab=b2") as second:
                await second.shows("b2", conversation="cv2", typing=False)
                await _until(mine, [("Ana", [], False), ("Bruno", ["cv1", "cv2"], True)])
            await _until(mine, [("Ana", [], False), ("Bruno", ["cv1"], True)])
            # A tab that comes back before the end of its old stream is noticed stays.
            async with stream(console, bruno, "tab=b1"):
                pass
            assert await his.shows("b1", conversation="cv3", typing=False) == 204
            await _until(mine, [("Ana", [], False), ("Bruno", ["cv3"], False)])
        await _until(mine, [("Ana", [], False)])


async def test_a_tab_without_a_stream_shows_nothing(console: RunningConsole) -> None:
    """A late word of a closed tab, a foreign site and a malformed body change nothing."""
    ana = await console.office.agent("Ana")
    async with stream(console, ana, "tab=a1") as mine:
        assert await mine.shows("gone", conversation="cv1") == 204
        assert await mine.shows("no good!", conversation="cv1") == 422
        for body in (b"", b"[]", b"{", b'{"conversation": 7}', b'{"conversation": ""}', b"x" * 5_000):
            async with mine.client.post("/agent/presence?tab=a1", data=body) as answer:
                assert answer.status == 422
        evil = {"Origin": "https://evil.example"}
        async with mine.client.post("/agent/presence?tab=a1", json={}, headers=evil) as answer:
            assert answer.status == 403
        (present,) = await console.office.ponte.presence.present()
        assert present.looking == ()
    async with aiohttp.ClientSession(console.url) as stranger, stranger.post("/agent/presence") as answer:
        assert answer.status == 401


async def test_a_new_waiting_customer_calls_every_agent(console: RunningConsole) -> None:
    """Who may work hears of it once, with the name; a prompt engineer does not."""
    ana = await console.office.agent("Ana")
    eva = await console.office.agent("Eva", Role.PROMPT_ENGINEER)
    async with stream(console, ana) as mine, stream(console, eva) as hers:
        waiting = await console.office.waiting(*MARIA, "quero um atendente")
        _, alert = await mine.next("alert")
        assert (alert["kind"], alert["id"], alert["name"]) == ("waiting", waiting.id, "Maria")
        assert alert["text"] == "quero um atendente"
        await hers.next("changed")
        # Another change of the same wait is no second call: the next one heard is João's.
        await console.office.writes(waiting.id, *MARIA, "alô?")
        other = await console.office.waiting("+5511900000002", "João", "humano")
        assert (await mine.next("alert"))[1]["id"] == other.id
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await hers.next("alert")


async def test_an_answer_calls_its_agent_only(console: RunningConsole) -> None:
    """A customer's answer in one's own conversation is told, each one of them; colleagues hear nothing."""
    ana, bruno = await console.office.agent("Ana"), await console.office.agent("Bruno")
    held = await console.office.waiting(*MARIA, "atendente")
    await console.office.ponte.desk.claim(ana, held.id)
    async with stream(console, ana) as mine, stream(console, bruno) as his:
        for text in ("sobre a aula", "de sexta"):
            await console.office.writes(held.id, *MARIA, text)
            _, alert = await mine.next("alert")
            assert (alert["kind"], alert["text"]) == ("answer", text)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await his.next("alert")


async def test_what_happened_meanwhile_is_told(console: RunningConsole) -> None:
    """A browser that comes back names its last event, and is told what called for the agent since."""
    ana = await console.office.agent("Ana")
    async with stream(console, ana) as mine:
        await console.office.waiting(*MARIA, "atendente")
        last, _ = await mine.next("alert")
    missed = await console.office.waiting("+5511900000002", "João", "humano")
    async with stream(console, ana, f"since={last}") as again:
        assert (await again.next("alert"))[1]["id"] == missed.id


def test_an_alert_is_told_once() -> None:
    """Each message of the customer calls once; what is older than the stream does not."""
    alerts = Alerts(ANA, NOW)
    assert alerts.kind_of(replace(HELD, last_customer_at=NOW)) is None
    assert alerts.kind_of(HELD) == ("answer", NOW + 9)
    assert alerts.kind_of(HELD) is None
    assert alerts.kind_of(replace(HELD, last_customer_at=NOW + 10)) == ("answer", NOW + 10)
    assert alerts.kind_of(replace(HELD, last_customer_at=NOW + 11, unread=0)) is None
    assert Alerts(ANA, NOW).kind_of(replace(HELD, agent_id="rui")) is None


def test_the_end_of_a_snooze_calls_its_agent() -> None:
    """A conversation that was put off is told of when it comes back, whether by time or by the customer."""
    asleep = replace(HELD, unread=0, snoozed_until=NOW + 50)
    alerts = Alerts(ANA, NOW, ["cv"])
    assert alerts.kind_of(asleep) is None
    assert alerts.kind_of(replace(asleep, snoozed_until=None, updated_at=NOW + 50)) == ("woke", NOW + 50)
    assert alerts.kind_of(replace(asleep, snoozed_until=None, updated_at=NOW + 60)) is None
    assert alerts.kind_of(replace(asleep, updated_at=NOW + 70)) is None
    wrote = replace(asleep, snoozed_until=None, unread=1, last_customer_at=NOW + 80, updated_at=NOW + 80)
    assert alerts.kind_of(wrote) == ("answer", NOW + 80)
