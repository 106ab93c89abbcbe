"""A supervisor in a real browser: the floor lives, customers are given to agents, reports are downloaded."""

from __future__ import annotations

import csv
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.async_api import Browser, Page, expect

from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import Conversation, Handoff, Status, Trigger, hand_over
from ponte.ports import Commit
from tests.fixtures.console_office import PASSWORD, Office, RunningConsole, running_console
from tests.support.processes import Nursery

pytestmark = pytest.mark.browser

MARIA = ("+5511900000001", "Maria")
_LIVE_MS = 30_000
_MINUTE = 60_000


@pytest.fixture
async def console(nursery: Nursery, tmp_path: Path) -> AsyncIterator[RunningConsole]:
    """A console process on SQLite."""
    async with running_console(nursery, tmp_path) as running:
        yield running


async def _log_in(browser: Browser, console: RunningConsole, agent: Agent, place: str) -> Page:
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="pt-BR")
    page = await context.new_page()
    await page.goto(f"{console.url}/agent")
    await page.fill("input[name=email]", agent.email)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("button[type=submit]")
    await expect(page.locator(".pc-rail")).to_be_visible(timeout=30_000)
    await page.locator(f".st-key-place-{place}").click()
    return page


async def _waits(office: Office, who: tuple[str, str], minutes: int) -> Conversation:
    current = await office.conversation(*who, "quero um atendente")
    at = office.ponte.clock.now() - minutes * _MINUTE
    handoff = Handoff("Pediu um atendente.", Trigger.KEYWORD, 0.9, "Quer remarcar.", at)
    changed = replace(hand_over(current, handoff), version=current.version + 1)
    await office.ponte.store.commit(Commit(replace(changed, updated_at=office.ponte.clock.now())))
    return changed


async def _sound(page: Page) -> None:
    """No serious or critical violation of what axe checks."""
    found = (await Axe().run(page)).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in {"serious", "critical"}] == []


async def test_a_supervisor_gives_a_waiting_customer_to_an_agent(
    console: RunningConsole, browser: Browser
) -> None:
    """Who waits appears by themselves with a clock; assigned, they are the agent's; one can listen in."""
    office = console.office
    sonia = await office.agent("Sonia", Role.SUPERVISOR)
    ana = await office.agent("Ana")
    page = await _log_in(browser, console, sonia, "floor")
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    await expect(page.locator(".pc-floor-empty").first).to_have_text("Ninguém está esperando.")

    # Who is neither here nor holds anything takes one line.
    await expect(page.locator(f".st-key-desk-{ana.id}")).to_have_class(re.compile("pc-away"))

    late = await _waits(office, MARIA, 9)
    case = page.locator(f"[data-case={late.id}]")
    await expect(case).to_be_visible(timeout=_LIVE_MS)
    await expect(case.locator(".pc-due")).to_have_text("Atrasada: 4 min")
    await expect(page.locator(".pc-tile-late b")).to_have_text("1")
    await _sound(page)

    # By keyboard alone: open the form, choose, confirm.
    await case.locator(".pc-floor-move").focus()
    await page.keyboard.press("Enter")
    await expect(case.locator("select")).to_be_focused()
    await case.locator("select").select_option(ana.id)
    await _sound(page)
    await case.locator(".pc-floor-main").press("Enter")
    await expect(page.locator(".pc-floor-said")).to_contain_text("Ana", timeout=_LIVE_MS)
    await expect(page.locator(f".st-key-desk-{ana.id} [data-case={late.id}]")).to_be_visible()
    assert (await office.ponte.store.conversation(late.id)).agent_id == ana.id

    # What another one holds is opened to read along.
    await page.locator(f".st-key-desk-{ana.id} .pc-case .pc-floor-link").click()
    await expect(page.locator(".pc-body")).to_have_text("quero um atendente", timeout=_LIVE_MS)
    await page.locator(".st-key-place-floor").click()
    held = page.locator(f".st-key-desk-{ana.id} [data-case={late.id}]")
    await held.locator(".pc-floor-move").click()
    await held.locator("select").select_option("")
    await held.locator(".pc-floor-main").click()
    await expect(page.locator(f".pc-floor section:first-child [data-case={late.id}]")).to_be_visible()
    assert (await office.ponte.store.conversation(late.id)).status is Status.AWAITING_AGENT
    assert problems == []


async def test_a_supervisor_takes_the_numbers_along(
    console: RunningConsole, browser: Browser, tmp_path: Path
) -> None:
    """The charts draw under the page's content policy; the file is one that a spreadsheet reads."""
    office = console.office
    sonia = await office.agent("Sonia", Role.SUPERVISOR)
    ana = await office.agent("Ana")
    done = await _waits(office, MARIA, 3)
    await office.ponte.desk.claim(ana, done.id)
    await office.ponte.desk.resolve(ana, done.id, "solved")
    page = await _log_in(browser, console, sonia, "reports")
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    await expect(page.locator(".pc-report-tiles")).to_contain_text("3 min", timeout=30_000)
    await expect(page.locator("[data-testid=stVegaLiteChart] :is(canvas, svg)").first).to_be_visible(
        timeout=30_000
    )
    await _sound(page)
    async with page.expect_download() as started:
        await page.locator(".st-key-report-download button").click()
    target = tmp_path / "report.csv"
    await (await started.value).save_as(target)
    (total, *_) = csv.DictReader(target.read_text("utf-8-sig").splitlines(), delimiter=";")
    assert (total["grupo"], total["pedidos de atendente"], total["espera mediana (s)"]) == (
        "total",
        "1",
        "180",
    )
    assert problems == []
