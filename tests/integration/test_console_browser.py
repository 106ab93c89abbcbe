"""The console in a real browser: an agent at work while the customer goes on writing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Request, async_playwright, expect

from ponte.domain.agent import Agent
from ponte.domain.conversation import Status
from ponte.domain.message import Author
from tests.fixtures.console_office import PASSWORD, RunningConsole, running_console

pytestmark = pytest.mark.browser

_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MARIA = ("+5511900000001", "Maria")
_LIVE_MS = 5_000


@pytest.fixture
async def console(tmp_path: Path) -> AsyncIterator[RunningConsole]:
    """A console process on SQLite."""
    async with running_console(tmp_path) as running:
        yield running


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=_FLAGS)
        yield opened
        await opened.close()


async def _log_in(browser: Browser, console: RunningConsole, agent: Agent, width: int = 1280) -> Page:
    context = await browser.new_context(viewport={"width": width, "height": 800}, locale="pt-BR")
    page = await context.new_page()
    await page.goto(f"{console.url}/agent")
    await page.fill("input[name=email]", agent.email)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("button[type=submit]")
    await expect(page.locator(".pc-queue")).to_be_visible(timeout=30_000)
    return page


async def test_a_conversation_lives_without_a_reload(console: RunningConsole, browser: Browser) -> None:
    """Queue, claim, reply and the customer's words are live; a draft outlives them and a reload."""
    office = console.office
    ana = await office.agent("Ana")
    page = await _log_in(browser, console, ana)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: _stays_here(request, console.url, problems))
    await expect(page.locator(".pc-empty").first).to_have_text("Ninguém está esperando.")

    # Somebody waits: the queue shows it without a reload.
    waiting = await office.waiting(*MARIA, "quero falar com atendente <b>já</b>")
    row = page.locator(f".st-key-queue-{waiting.id}")
    await expect(row).to_be_visible(timeout=_LIVE_MS)
    await expect(row).to_contain_text("pediu atendente")
    await row.click()
    await expect(page.locator(".pc-body")).to_have_text("quero falar com atendente <b>já</b>")
    box = page.locator(".st-key-reply textarea")
    await expect(box).to_be_disabled()
    await expect(page.locator(".st-key-no-model")).to_be_visible()

    # Claim and answer.
    await page.locator(".st-key-claim button").first.click()
    await expect(box).to_be_enabled()
    await box.fill("Oi, Maria! Em que posso ajudar?")
    await box.press("Enter")
    mine = page.locator(".pc-msg[data-author=agent]")
    await expect(mine).to_have_count(1)
    await expect(mine).to_have_attribute("data-status", "queued")
    await expect(box).to_have_value("")
    stored = await office.ponte.store.messages(waiting.id)
    assert [m.body for m in stored if m.author is Author.AGENT] == ["Oi, Maria! Em que posso ajudar?"]

    # The customer answers while the agent types: neither the text nor the focus goes.
    await box.press_sequentially("Vou ver a")
    await office.writes(waiting.id, *MARIA, "é sobre a aula de sexta")
    await expect(page.locator(".pc-body", has_text="é sobre a aula de sexta")).to_be_visible(timeout=_LIVE_MS)
    await box.press_sequentially(" agenda")
    await expect(box).to_have_value("Vou ver a agenda")
    await expect(box).to_be_focused()

    # A reload keeps login, conversation and draft.
    await page.reload()
    await expect(page.locator(".pc-msg")).to_have_count(3, timeout=30_000)
    await expect(box).to_have_value("Vou ver a agenda")

    assert problems == []
    await page.locator(".st-key-logout").click()
    await expect(page.locator("input[name=password]")).to_be_visible()


async def test_a_conversation_is_given_back_and_another_resolved(
    console: RunningConsole, browser: Browser
) -> None:
    """A live update takes nothing from an open form; finishing closes it and shows the new state."""
    office = console.office
    ana = await office.agent("Ana")
    waiting = await office.waiting(*MARIA, "atendente")
    await office.ponte.desk.claim(ana, waiting.id)
    page = await _log_in(browser, console, ana)
    await page.locator(".st-key-tab-mine").click()
    await page.locator(f".st-key-queue-{waiting.id}").click()
    await page.locator(".st-key-return button").first.click()
    brief = page.locator(f".st-key-return-brief-{waiting.id} textarea")
    await brief.press_sequentially("Quer remarcar")
    await office.writes(waiting.id, *MARIA, "pode ser 10h?")
    await expect(page.locator(".pc-body", has_text="pode ser 10h?")).to_be_visible(timeout=_LIVE_MS)
    await brief.press_sequentially(" para sexta.")
    await page.locator(".st-key-return-confirm button").first.click()
    await expect(page.locator(".pc-head .pc-chip-BOT_ACTIVE")).to_be_visible()
    await expect(brief).to_be_hidden()
    returned = await office.ponte.store.conversation(waiting.id)
    assert returned.resume is not None
    assert returned.resume.brief == "Quer remarcar para sexta."

    other = await office.waiting("+5511900000002", "João", "humano")
    await page.locator(".st-key-tab-waiting").click()
    await page.locator(f".st-key-queue-{other.id}").click()
    await page.locator(".st-key-claim button").first.click()
    await expect(page.locator(".pc-head .pc-chip-AGENT_ACTIVE")).to_be_visible()
    await page.locator(".st-key-resolve button").first.click()
    await page.get_by_text("Informação dada").click()
    await page.locator(".st-key-resolve-confirm button").first.click()
    await expect(page.locator(".pc-head .pc-chip-RESOLVED")).to_be_visible()
    resolved = await office.ponte.store.conversation(other.id)
    assert (resolved.status, resolved.disposition) == (Status.RESOLVED, "informed")


async def test_a_refused_reply_comes_back_into_the_box(console: RunningConsole, browser: Browser) -> None:
    """When another agent got the conversation meanwhile, the text is not lost and the reason is shown."""
    office = console.office
    ana, carla = await office.agent("Ana"), await office.agent("Carla")
    waiting = await office.waiting(*MARIA, "atendente")
    await office.ponte.desk.claim(ana, waiting.id)
    page = await _log_in(browser, console, ana)
    await page.goto(f"{console.url}/agent?c={waiting.id}")
    box = page.locator(".st-key-reply textarea")
    await expect(box).to_be_enabled(timeout=30_000)
    await box.fill("Já resolvo isso")
    await page.context.set_offline(True)  # the browser does not hear of the transfer
    await office.ponte.desk.transfer(ana, waiting.id, to_agent_id=carla.id)
    await box.press("Enter")
    await page.context.set_offline(False)
    await expect(box).to_have_value("Já resolvo isso", timeout=30_000)
    await expect(page.locator(".pc-send-error")).to_contain_text("Carla")
    assert all(m.author is Author.CUSTOMER for m in await office.ponte.store.messages(waiting.id))


async def test_a_narrow_screen_shows_one_thing_at_a_time(console: RunningConsole, browser: Browser) -> None:
    """At 360 px the conversation takes the queue's place, fits the width, and a button leads back."""
    ana = await console.office.agent("Ana")
    waiting = await console.office.waiting(*MARIA, "atendente, " + "umapalavramuitolonga" * 12)
    page = await _log_in(browser, console, ana, width=360)
    row = page.locator(f".st-key-queue-{waiting.id}")
    await row.click()
    await expect(page.locator(".pc-msg")).to_be_visible()
    await expect(row).to_be_hidden()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    right = await page.locator(".st-key-resolve button").first.bounding_box()
    assert right is not None
    assert right["x"] + right["width"] <= 360
    await page.locator(".st-key-back").click()
    await expect(row).to_be_visible()
    await expect(page.locator(".pc-msg")).to_have_count(0)


def _stays_here(request: Request, url: str, problems: list[str]) -> None:
    if not request.url.startswith((url, "data:", "blob:")):
        problems.append(request.url)
