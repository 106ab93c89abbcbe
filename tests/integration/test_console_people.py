"""The customer's panel, and what the bot knew, in a real browser."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.async_api import Browser, Page, expect

from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import Trigger
from ponte.domain.decision import HandoffDecision, Outcome
from ponte.errors import NotFound
from ponte.ports import Commit
from tests.fixtures.console_office import PASSWORD, RunningConsole, running_console
from tests.support.processes import Nursery

pytestmark = pytest.mark.browser

MARIA = ("+5511900000001", "Maria Souza")
_STARTED_MS = 30_000


@pytest.fixture
async def console(nursery: Nursery, tmp_path: Path) -> AsyncIterator[RunningConsole]:
    """A console process on SQLite."""
    async with running_console(nursery, tmp_path) as running:
        yield running


async def _opened(browser: Browser, console: RunningConsole, agent: Agent, c: str, width: int = 1440) -> Page:
    context = await browser.new_context(viewport={"width": width, "height": 900}, locale="pt-BR")
    page = await context.new_page()
    await page.goto(f"{console.url}/agent?c={c}")
    await page.fill("input[name=email]", agent.email)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("button[type=submit]")
    await expect(page.locator(".pc-person-top")).to_have_count(1, timeout=_STARTED_MS)
    return page


async def test_the_card_is_kept_and_what_the_bot_knew_is_shown(
    console: RunningConsole, browser: Browser
) -> None:
    """Notes, labels and language are written on the card; the handoff says what the bot had."""
    office = console.office
    ana = await office.agent("Ana")
    waiting = await office.waiting(*MARIA, "quero remarcar a aula")
    decision = HandoffDecision(
        "d1", waiting.id, waiting.contact_id, waiting.opened_at, 1, 1, Outcome.HUMAN, "pt-BR", "abc123",
        Trigger.KEYWORD, (("classifier", 0.91),), (("classifier", 0.8),), "falar com atendente",
    )  # fmt: skip
    raised = replace(waiting, version=waiting.version + 1)
    await office.ponte.store.commit(Commit(raised, decisions=(decision,)))
    page = await _opened(browser, console, ana, waiting.id)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    panel = page.locator(".pc-customer")
    await expect(panel).to_contain_text("+55 11 90000-0001")
    await panel.locator(".st-key-person-note").fill("Prefere <b>manhã</b>")
    await panel.locator(".st-key-person-note-save").click()
    await expect(panel.locator(".pc-person-notes li")).to_contain_text("Prefere <b>manhã</b>")
    await panel.locator(".st-key-person-label").fill("aluna")
    await panel.locator(".st-key-person-label").press("Enter")
    await expect(panel.locator(".pc-chip-label")).to_have_text("aluna" + "Tirar a etiqueta aluna")
    # A colleague's label, which this page has not heard of, stays.
    bruno = await office.agent("Bruno")
    await office.ponte.people.set_labels(bruno, waiting.contact_id, ["aluna", "VIP"])
    await panel.locator(".st-key-person-label").fill("adulta")
    await panel.locator(".st-key-person-label").press("Enter")
    await expect(panel.locator(".pc-chip-label")).to_have_count(3)
    await office.ponte.people.set_labels(bruno, waiting.contact_id, ["adulta", "aluna", "manhã", "VIP"])
    await panel.locator("[title='Tirar a etiqueta adulta']").click()
    await expect(panel.locator(".pc-chip-label")).to_have_count(3)
    await expect(panel.locator(".pc-chip-label", has_text="manhã")).to_have_count(1)
    await panel.locator(".st-key-person-language").select_option("en")
    await expect(page.locator(".st-key-tool-translate")).to_be_visible(timeout=_STARTED_MS)
    await expect(panel.locator(".st-key-person-data")).to_have_count(0)
    contact = await office.ponte.store.contact(waiting.contact_id)
    assert [n.text for n in contact.notes] == ["Prefere <b>manhã</b>"]
    assert contact.labels == ("aluna", "manhã", "VIP")
    assert contact.language == "en"
    log = await office.ponte.store.audit_log()
    assert {"contact_note", "contact_labels", "contact_language"} <= {e.action for e in log}

    await page.locator(".st-key-known summary").click()
    knew = page.locator(".pc-known-body")
    await expect(knew).to_contain_text("classificador 91% (limite 80%)")
    await expect(knew).to_contain_text("falar com atendente")
    assert problems == []


async def test_a_customer_is_exported_and_erased_by_an_admin(
    console: RunningConsole, browser: Browser
) -> None:
    """On a narrow screen the panel is a drawer; erasing takes the end of the number, and leaves nothing."""
    office = console.office
    rita = await office.agent("Rita", Role.ADMIN)
    waiting = await office.waiting(*MARIA, "apaguem meus dados")
    page = await _opened(browser, console, rita, waiting.id, width=360)
    panel = page.locator(".pc-customer")
    await expect(panel).to_be_hidden()
    await page.locator(".st-key-person-open").click()
    await expect(panel).to_be_visible()
    await panel.locator(".st-key-person-data summary").click()
    async with page.expect_download() as download:
        await panel.locator(".st-key-person-export").click()
    exported = json.loads(await asyncio.to_thread((await (await download.value).path()).read_text))
    assert exported["conversations"][0]["messages"][0]["body"] == "apaguem meus dados"
    await panel.locator(".st-key-person-digits").fill("9999")
    await panel.locator(".st-key-person-erase").click()
    await expect(panel.locator(".pc-error")).to_contain_text("Nada foi apagado")
    await panel.locator(".st-key-person-digits").fill("0001")
    await panel.locator(".st-key-person-erase").click()
    await expect(panel).to_have_count(0, timeout=_STARTED_MS)
    with pytest.raises(NotFound):
        await office.ponte.store.contact(waiting.contact_id)


async def test_the_conversation_is_accessible(console: RunningConsole, browser: Browser) -> None:
    """Axe finds nothing serious in head, transcript, composer, panel, pop-ups and the keys' help."""
    office = console.office
    ana = await office.agent("Ana", Role.ADMIN)
    waiting = await office.waiting(*MARIA, "quero remarcar a aula")
    await office.ponte.desk.claim(ana, waiting.id)
    await office.ponte.people.add_note(ana, waiting.contact_id, "Prefere de manhã")
    await office.ponte.people.set_labels(ana, waiting.contact_id, ["aluna"])
    page = await _opened(browser, console, ana, waiting.id)
    await page.locator(".st-key-person-data summary").click()
    await page.locator(".st-key-handoff > summary").click()
    await page.locator(".st-key-known summary").click()

    async def check(state: str) -> None:
        found = await Axe().run(page)
        bad = [v for v in found.response["violations"] if v["impact"] in {"serious", "critical"}]
        assert [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in bad] == [], state

    await check("conversation")
    for action in ("transfer", "return", "resolve", "mark"):
        await page.locator(f".st-key-{action} button").first.click()
        await expect(page.locator(f".st-key-{action}-confirm button")).to_be_visible()
        await check(action)
        await page.keyboard.press("Escape")
        await expect(page.locator(f".st-key-{action}-confirm button")).to_be_hidden()
    await page.locator(".st-key-keys-open").click()
    await expect(page.locator(".pc-keys")).to_be_visible()
    await check("keys")
