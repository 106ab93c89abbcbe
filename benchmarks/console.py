"""The agents' console with a full store and 20 agents at it.

Three things are measured, on a store of 5,000 conversations and 200,000 messages:

* what a page reads, and what it shows (``benchmarks.console_pages``);
* how long a run of the queue page takes while 20 sessions are open at one console process and customers
  write: all but one speak Streamlit's protocol over WebSockets (``benchmarks.console_session``), and one is
  Chromium;
* how long a customer's message takes from its commit, which this process does in a worker's place, to the
  screen of that Chromium and to the other sessions.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

from playwright.async_api import Page, async_playwright

from benchmarks.busy_office import PASSWORD, Size, open_office
from benchmarks.console_pages import PageFigures, read_pages
from benchmarks.console_session import Tab, open_tab
from benchmarks.figures import Spread, spread
from benchmarks.processes import Process, free_port, running, until_ready
from ponte.bootstrap import Ponte, open_ponte
from ponte.domain import conversation as machine
from ponte.domain.agent import Agent
from ponte.domain.conversation import Conversation, Status
from ponte.domain.message import Author, Kind, Message, MessageStatus
from ponte.errors import Conflict
from ponte.ports import Commit
from ponte.settings import Settings

_CHROMIUM: Final = "/usr/bin/chromium"
_FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Notes when a text with a mark was painted: it is, in the second frame after it came into the page.
_WATCH: Final = r"""
() => {
  window.ponteSeen = {};
  const note = () => {
    for (const node of document.querySelectorAll(".pc-body")) {
      const found = /\bmark-[0-9a-f]+\b/.exec(node.textContent);
      if (found && !(found[0] in window.ponteSeen)) {
        window.ponteSeen[found[0]] = null;
        requestAnimationFrame(() => requestAnimationFrame(() => (window.ponteSeen[found[0]] = Date.now())));
      }
    }
  };
  new MutationObserver(note).observe(document.body, { childList: true, subtree: true, characterData: true });
}
"""
# One in so many events moves something in the queue, at which every tab looks.
_MOVES: Final = 8
_WARM_S: Final = 4.0
_SETTLE_S: Final = 4.0


@dataclass(frozen=True, slots=True)
class Watching:
    """How the console is watched.

    Args:
        size: of the store; each of its agents has a session.
        seconds: for so long customers write.
        events_a_second: how often something happens: customers write, half of them in the browser's
            conversation; one event in eight moves a conversation in the queue.
        seed: of the store and of who writes when.
    """

    size: Size = field(default_factory=Size)
    seconds: float = 40.0
    events_a_second: float = 2.0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class ConsoleFigures:
    """What was measured; times in ms.

    Args:
        pages: what each page reads and shows.
        runs: runs of the queue page as a session sees them: from asking until all of it was there.
        to_session: from a message's commit until a session had it.
        to_screen: from a message's commit until Chromium had painted it.
        lost: messages that did not appear.
        failed: runs that ended with an error.
        console_cpu: the console's share of a core.
        seeded_s: how long filling the store took.
    """

    pages: list[PageFigures]
    runs: Spread
    to_session: Spread
    to_screen: Spread
    lost: int
    failed: int
    console_cpu: float
    seeded_s: float

    def rows(self) -> list[dict[str, object]]:
        """Return the lines of the table."""
        measured = (
            ("run of the queue page", 150, self.runs),
            ("event to a session", 1_000, self.to_session),
            ("event to the screen", 1_000, self.to_screen),
        )
        return [
            {"ms": what, "target p95": target, "p50": s.p50, "p95": s.p95, "p99": s.p99, "count": s.count}
            for what, target, s in measured
        ]

    def plain(self) -> dict[str, object]:
        """Return it for JSON."""
        return asdict(self)


async def measure(watching: Watching) -> ConsoleFigures:
    """Fill a store, count what pages read, then let all agents watch the console while customers write."""
    with tempfile.TemporaryDirectory(prefix="ponte-benchmark-") as folder:
        settings = Settings(data_dir=Path(folder) / "data", _env_file=None)
        async with open_ponte(settings) as ponte:
            begun = time.perf_counter()
            staff = await open_office(ponte, watching.size, seed=watching.seed)
            seeded_s = time.perf_counter() - begun
            desks = await _one_each(ponte, staff)
            token, _ = await ponte.accounts.log_in(staff[0].email, PASSWORD, "benchmark")
            pages = await read_pages(settings, ponte.store, token, desks[0])
            async with _console(Path(folder)) as (url, process), AsyncExitStack() as stack:
                page = await stack.enter_async_context(_browser(url, staff[0], desks[0]))
                opening = [
                    open_tab(url, agent.email, conversation_id)
                    for agent, conversation_id in zip(staff[1:], desks[1:], strict=True)
                ]
                tabs = [await stack.enter_async_context(each) for each in opening]
                await asyncio.sleep(_WARM_S)
                return await _Watch(ponte, watching, desks, page, tabs).run(process, pages, seeded_s)


class _Watch:
    """Customers write, and everybody looks.

    Args:
        ponte: the store, in a worker's place.
        watching: how.
        desks: the conversation that each session has open, the browser's first.
        page: the browser's.
        tabs: the other sessions.
    """

    def __init__(
        self, ponte: Ponte, watching: Watching, desks: Sequence[str], page: Page, tabs: Sequence[Tab]
    ) -> None:
        self._ponte = ponte
        self._watching = watching
        self._desks = desks
        self._page = page
        self._tabs = tabs
        self._waiting = ""
        self._begun: dict[str, float] = {}
        self._for_browser: set[str] = set()

    async def run(self, process: Process, pages: list[PageFigures], seeded_s: float) -> ConsoleFigures:
        """Measure."""
        waiting = await self._ponte.store.conversations(
            status=Status.AWAITING_AGENT, contact_id=None, after=None, limit=1
        )
        self._waiting = waiting.items[0].id
        for tab in self._tabs:
            tab.figures.runs.clear()
        cpu, wall = process.cpu_seconds(), time.perf_counter()
        await self._write()
        cpu, wall = process.cpu_seconds() - cpu, time.perf_counter() - wall
        await asyncio.sleep(_SETTLE_S)
        painted: dict[str, float | None] = await self._page.evaluate("window.ponteSeen")
        to_screen = [
            painted_at / 1000 - self._begun[mark]
            for mark, painted_at in painted.items()
            if painted_at is not None and mark in self._for_browser
        ]
        to_session = [at - self._begun[mark] for tab in self._tabs for mark, at in tab.figures.seen.items()]
        return ConsoleFigures(
            pages=pages,
            runs=spread([taken for tab in self._tabs for taken in tab.figures.runs]),
            to_session=spread(to_session),
            to_screen=spread(to_screen),
            lost=len(self._begun) - len(to_screen) - len(to_session),
            failed=sum(tab.figures.failures for tab in self._tabs),
            console_cpu=round(cpu / wall, 2),
            seeded_s=round(seeded_s, 1),
        )

    async def _write(self) -> None:
        """Let customers write at random moments, every other time to the browser's agent."""
        chance = random.Random(self._watching.seed)
        end = time.perf_counter() + self._watching.seconds
        turn = 0
        while time.perf_counter() < end:
            await asyncio.sleep(chance.expovariate(self._watching.events_a_second))
            turn += 1
            if turn % _MOVES == 0:
                await _moves(self._ponte, self._waiting)
                continue
            mark = f"mark-{secrets.token_hex(6)}"
            desk = 0 if turn % 2 == 0 else chance.randrange(1, len(self._desks))
            if desk == 0:
                self._for_browser.add(mark)
            else:
                self._tabs[desk - 1].expected.add(mark)
            self._begun[mark] = time.time()
            await _writes(self._ponte, self._desks[desk], f"{mark} Podem confirmar o horário?")


async def _writes(ponte: Ponte, conversation_id: str, body: str) -> None:
    """Commit a customer's message to a conversation that an agent holds, as a worker does."""
    while True:
        current = await ponte.store.conversation(conversation_id)
        now = ponte.clock.now()
        message = Message(
            id=f"SM{secrets.token_hex(16)}",
            conversation_id=current.id,
            contact_id=current.contact_id,
            seq=current.last_seq + 1,
            author=Author.CUSTOMER,
            kind=Kind.TEXT,
            body=body,
            status=MessageStatus.RECEIVED,
            created_at=now,
        )
        changed = replace(
            current,
            last_seq=message.seq,
            unread=current.unread + 1,
            last_customer_at=now,
            preview=body,
            updated_at=now,
            version=current.version + 1,
        )
        try:
            await ponte.store.commit(Commit(changed, messages=(message,)))
        except Conflict:
            continue
        return


async def _moves(ponte: Ponte, conversation_id: str) -> None:
    """Change the priority of a waiting conversation, as an agent does."""
    current = await ponte.store.conversation(conversation_id)
    changed = replace(
        current,
        priority=1 - min(1, current.priority),
        updated_at=ponte.clock.now(),
        version=current.version + 1,
    )
    await ponte.store.commit(Commit(changed))


async def _one_each(ponte: Ponte, staff: Sequence[Agent]) -> list[str]:
    """Give each agent a conversation to have open; returns them in the staff's order."""
    store, now = ponte.store, ponte.clock.now()
    page = await store.conversations(
        status=Status.AWAITING_AGENT, contact_id=None, after=None, limit=len(staff)
    )
    for agent, waiting in zip(staff, page.items, strict=True):
        taken: Conversation = machine.claim(waiting, agent.id, now)
        await store.commit(Commit(replace(taken, version=waiting.version + 1)))
    return [waiting.id for waiting in page.items]


@asynccontextmanager
async def _console(folder: Path) -> AsyncIterator[tuple[str, Process]]:
    """Run ``ponte console`` on the folder's store."""
    port = free_port()
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "DATA_DIR": str(folder / "data"),
        "CONSOLE_PORT": str(port),
        "HOST": "127.0.0.1",
    }
    with running("console", folder / "console.log", environment) as process:
        url = f"http://127.0.0.1:{port}"
        await until_ready(f"{url}/healthz", process)
        yield url, process


@asynccontextmanager
async def _browser(url: str, agent: Agent, conversation_id: str) -> AsyncIterator[Page]:
    """Open the conversation in Chromium, and watch what is painted."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=_CHROMIUM, args=list(_FLAGS))
        page = await browser.new_page(viewport={"width": 1440, "height": 900}, locale="pt-BR")
        await page.goto(f"{url}/agent")
        await page.fill("input[name=email]", agent.email)
        await page.fill("input[name=password]", PASSWORD)
        await page.click("button[type=submit]")
        await page.wait_for_selector(".pc-queue", timeout=60_000)
        await page.goto(f"{url}/agent/?tab=mine&c={conversation_id}")
        await page.wait_for_selector(".pc-msg", timeout=60_000)
        await page.evaluate(_WATCH)
        yield page
        await browser.close()
