"""The queue in a real browser: keys, search, the next one, presence, alerts, sorting, outages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]  # it ships no types
from playwright.async_api import Browser, BrowserContext, Page, Route, expect

from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import Status
from ponte.ports import Commit
from tests.fixtures.console_office import PASSWORD, RunningConsole, running_console
from tests.support.processes import Nursery

pytestmark = pytest.mark.browser

MARIA = ("+5511900000001", "Maria")
JOAO = ("+5511900000002", "João")
_LIVE_MS = 30_000
_SLOW_MS = 30_000
# Keeps what the page tells, and notes each notification in place of the desktop.
_WATCH = """
window.ponteAlerts = [];
window.ponteNotices = [];
document.addEventListener("ponte:alert", ({ detail }) => window.ponteAlerts.push(detail));
window.Notification = class {
  static permission = "granted";
  static requestPermission = async () => "granted";
  constructor(title, options) { window.ponteNotices.push([title, options.body]); }
  close() {}
};
"""


# No event stream, and none of the page's own looks after a while.
_DEAF = """
window.EventSource = class extends EventTarget { close() {} };
const every = window.setInterval;
window.setInterval = (work, ms, ...more) => (ms >= 10_000 ? 0 : every(work, ms, ...more));
"""


@pytest.fixture
async def console(nursery: Nursery, tmp_path: Path) -> AsyncIterator[RunningConsole]:
    """A console process on SQLite."""
    async with running_console(nursery, tmp_path) as running:
        yield running


async def _profile(browser: Browser, console: RunningConsole, agent: Agent, width: int = 1280) -> Page:
    """Log an agent in with a browser of their own; returns its first tab."""
    context = await browser.new_context(viewport={"width": width, "height": 800}, locale="pt-BR")
    await context.add_init_script(_WATCH)
    page = await context.new_page()
    await page.goto(f"{console.url}/agent")
    await page.fill("input[name=email]", agent.email)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("button[type=submit]")
    await _live(page)
    return page


async def _live(page: Page) -> None:
    """Wait until the page is drawn and hears of changes."""
    await expect(page.locator(".pc-queue")).to_be_visible(timeout=_SLOW_MS)
    await expect(page.locator("html[data-wire=open]")).to_have_count(1, timeout=_SLOW_MS)


async def _tab(context: BrowserContext, console: RunningConsole, query: str = "") -> Page:
    page = await context.new_page()
    await page.goto(f"{console.url}/agent?{query}")
    await _live(page)
    return page


async def _told(page: Page, name: str, count: int) -> list[Any]:
    """Wait until the page noted so much, and return it."""
    async with asyncio.timeout(_LIVE_MS / 1000):
        while True:
            found: list[Any] = await page.evaluate(f"window.{name}")
            if len(found) >= count:
                return found
            await asyncio.sleep(0.05)


async def test_the_queue_is_worked_by_keyboard(console: RunningConsole, browser: Browser) -> None:
    """j, k, Enter, n, / and ? do what the help says; letters in a text field stay letters."""
    office = console.office
    ana = await office.agent("Ana")
    maria = await office.waiting(*MARIA, "quero um atendente")
    page = await _profile(browser, console, ana)

    async def slow(route: Route) -> None:
        await asyncio.sleep(2)
        await route.continue_()

    # News that come while a script is still on its way do not take the keys away.
    await page.route("**/queue.js", slow)
    await page.reload()
    await expect(page.locator("html[data-wire=open]")).to_have_count(1, timeout=_SLOW_MS)
    joao = await office.waiting(*JOAO, "humano")
    rows = page.locator(".pc-row")
    await expect(rows).to_have_count(2, timeout=_LIVE_MS)
    await page.keyboard.press("j")
    await expect(page.locator(f".st-key-queue-{maria.id}")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(page.locator(f".st-key-queue-{joao.id}")).to_be_focused()
    await page.keyboard.press("k")
    await page.keyboard.press("Enter")
    await expect(page.locator(".pc-head h1")).to_have_text("Maria", timeout=_LIVE_MS)
    await page.keyboard.press("?")
    await expect(page.locator(".pc-keys")).to_be_visible()
    await page.keyboard.press("n")
    await page.keyboard.press("Escape")
    await expect(page.locator(".pc-keys")).to_be_hidden()
    await page.keyboard.press("/")
    search = page.locator(".st-key-search")
    await expect(search).to_be_focused()
    await page.keyboard.type("n")
    await expect(search).to_have_value("n")
    assert (await office.ponte.store.conversation(maria.id)).status is Status.AWAITING_AGENT
    await page.keyboard.press("Escape")
    await expect(search).to_have_value("")
    await page.keyboard.press("Escape")
    # Held down, it takes one customer, and so does a double click.
    await page.keyboard.down("n")
    await page.keyboard.down("n")
    await expect(page.locator(".pc-head .pc-chip-AGENT_ACTIVE")).to_be_visible(timeout=_LIVE_MS)
    await asyncio.sleep(1.1)
    await page.keyboard.down("n")
    await page.keyboard.up("n")
    assert (await office.ponte.store.conversation(maria.id)).agent_id == ana.id
    await expect(page.locator(".st-key-tab-mine")).to_have_attribute("aria-selected", "true")
    rita = await office.waiting("+5511900000003", "Rita", "oi")
    await page.locator(".st-key-tab-waiting").click()
    await page.locator(".st-key-next").dblclick()
    await expect(page.locator(".pc-head h1")).to_have_text("João", timeout=_LIVE_MS)
    await asyncio.sleep(1)
    assert (await office.ponte.store.conversation(rita.id)).status is Status.AWAITING_AGENT


async def test_a_search_leads_to_the_message(console: RunningConsole, browser: Browser) -> None:
    """Hits come while one types and lead to the message; what lies around it is read when it is wanted."""
    office = console.office
    ana = await office.agent("Ana", Role.SUPERVISOR)
    maria = await office.waiting(*MARIA, "Quero remarcar a <img src=x> aula de equitação")
    first = (await office.ponte.store.messages(maria.id))[0]
    rows = tuple(replace(first, id=f"t{n}", sid=f"t{n}", seq=n, body=f"linha {n}.") for n in range(2, 181))
    longer = replace(maria, version=maria.version + 1, last_seq=180)
    await office.ponte.store.commit(Commit(longer, messages=rows))
    await office.waiting(*JOAO, "atendente")
    page = await _profile(browser, console, ana)
    await page.locator(".st-key-search").press_sequentially("equita")
    hit = page.locator(".pc-hit")
    await expect(hit).to_have_count(1, timeout=_LIVE_MS)
    await expect(hit.locator("mark")).to_have_text("equitação")
    await expect(hit.locator(".pc-found")).to_have_text("Quero remarcar a <img src=x> aula de equitação")
    assert await hit.locator("img").count() == 0
    # A change elsewhere takes nothing from what is typed.
    await office.waiting("+5511900000003", "Rita", "socorro")
    await expect(page).to_have_title("(3) Ponte · Atendimento", timeout=_LIVE_MS)
    await expect(page.locator(".st-key-search")).to_have_value("equita")
    await hit.click()
    await expect(page.locator(".pc-head h1")).to_have_text("Maria", timeout=_LIVE_MS)
    found = page.locator(".pc-pointed")
    await expect(found).to_contain_text("aula de equitação")
    await expect(found).to_be_in_viewport()
    await expect(page.locator(".st-key-older")).to_be_hidden()
    await page.locator(".st-key-search").fill("linha 90")
    await expect(hit).to_contain_text("linha 90.", timeout=_LIVE_MS)
    await hit.click()
    await expect(found).to_contain_text("linha 90.")
    await expect(found).to_be_in_viewport()
    # What is missing between is read, and what is there stays where it is.
    gap = page.locator(".pc-gap")
    await expect(gap).to_have_count(2)
    # Of the day's dividers, one after each gap, none is left behind by drawing anew.
    await expect(page.locator(".pc-day")).to_have_count(3)
    await gap.last.click()
    await expect(gap).to_have_count(1)
    await gap.click()
    await expect(gap).to_have_count(0)
    await expect(page.locator(".pc-msg")).to_have_count(180)
    await expect(page.locator(".pc-day")).to_have_count(1)
    await page.locator(".st-key-search").fill("")
    await expect(page.locator(".pc-row")).to_have_count(3, timeout=_LIVE_MS)

    # Back in it anew, the newest are shown, and the others behind a button.
    await page.goto(f"{console.url}/agent?c={maria.id}")
    await expect(page.locator(".pc-msg")).to_have_count(50, timeout=_SLOW_MS)
    await page.locator(".st-key-older").click()
    await expect(page.locator(".pc-msg")).to_have_count(100)
    await expect(page.locator(".pc-msg").first).to_contain_text("linha 81.")
    await office.writes(maria.id, *MARIA, "ainda?")
    await expect(page.locator(".pc-msg")).to_have_count(101, timeout=_LIVE_MS)


async def test_another_page_tells_of_who_waits(console: RunningConsole, browser: Browser) -> None:
    """The title has the count wherever the agent is, also when nothing happens there."""
    office = console.office
    await office.waiting(*MARIA, "atendente")
    page = await _profile(browser, console, await office.agent("Ana", Role.SUPERVISOR))
    await page.locator(".st-key-place-floor").click()
    await expect(page.locator(".pc-queue")).to_have_count(0, timeout=_LIVE_MS)
    await expect(page).to_have_title("(1) Ponte · Atendimento", timeout=5_000)
    await office.waiting(*JOAO, "oi")
    await expect(page).to_have_title("(2) Ponte · Atendimento", timeout=_LIVE_MS)
    await page.reload()
    await expect(page).to_have_title("(2) Ponte · Atendimento", timeout=_LIVE_MS)


async def test_of_two_who_claim_one_is_told_who_won(console: RunningConsole, browser: Browser) -> None:
    """One holds the conversation; the other, whose page did not know yet, reads the winner's name."""
    office = console.office
    ana, bruno = await office.agent("Ana"), await office.agent("Bruno")
    waiting = await office.waiting(*MARIA, "atendente")
    winner, loser = await _profile(browser, console, ana), await _profile(browser, console, bruno)
    for page in (winner, loser):
        await page.locator(f".st-key-queue-{waiting.id}").click()
        await expect(page.locator(".st-key-claim button").first).to_be_enabled(timeout=_SLOW_MS)
    # This page hears of nothing, and does not look by itself.
    await loser.add_init_script(_DEAF)
    await loser.reload()
    await expect(loser.locator(".st-key-claim button").first).to_be_enabled(timeout=_SLOW_MS)
    await winner.locator(".st-key-claim button").first.click()
    await expect(winner.locator(".pc-head .pc-chip-AGENT_ACTIVE")).to_be_visible(timeout=_SLOW_MS)
    await loser.locator(".st-key-claim button").first.click()
    await expect(loser.locator(".pc-notice-bad")).to_contain_text("Ana assumiu esta conversa antes de você.")
    await expect(loser.locator(".pc-head .pc-chip-AGENT_ACTIVE")).to_contain_text("Ana")
    assert (await office.ponte.store.conversation(waiting.id)).agent_id == ana.id


async def test_colleagues_see_each_other(console: RunningConsole, browser: Browser) -> None:
    """Who looks and who types shows in the head and in the row, and goes away with the tab."""
    office = console.office
    ana, bruno = await office.agent("Ana"), await office.agent("Bruno")
    waiting = await office.waiting(*MARIA, "atendente")
    mine, his = await _profile(browser, console, ana), await _profile(browser, console, bruno)
    await his.locator(f".st-key-queue-{waiting.id}").click()
    row = mine.locator(f".st-key-queue-{waiting.id} .pc-here")
    await expect(row).to_have_text("Bruno está vendo", timeout=_LIVE_MS)
    await mine.locator(f".st-key-queue-{waiting.id}").click()
    here = mine.locator(".pc-triage .pc-here")
    await expect(here).to_have_text("Bruno também está vendo", timeout=_LIVE_MS)
    type_in = f"""document.dispatchEvent(new CustomEvent("ponte:typing",
        {{ detail: {{ conversation: "{waiting.id}", on: true }} }}))"""
    await his.evaluate(type_in)
    await expect(here).to_have_text("Bruno está digitando…", timeout=_LIVE_MS)
    await expect(row).to_have_text("Bruno está digitando…")
    # Nothing more is typed: it runs out by itself.
    await expect(here).to_have_text("Bruno também está vendo", timeout=15_000)
    await his.context.close()
    await expect(here).to_be_hidden(timeout=_LIVE_MS)


async def test_alerts_sound_once_and_can_be_muted(console: RunningConsole, browser: Browser) -> None:
    """Of two tabs one sounds; a notification has no word of the customer's unless the agent wants it."""
    office = console.office
    ana = await office.agent("Ana")
    first = await _profile(browser, console, ana)
    second = await _tab(first.context, console)
    await second.mouse.click(900, 400)
    await first.bring_to_front()
    await first.mouse.click(900, 400)
    await first.locator(".st-key-bell").click()
    for name in ("desktop_waiting", "desktop_answer"):
        await first.locator(f".pc-bell-panel input[name={name}]").check()
    await first.keyboard.press("Escape")

    waiting = await office.waiting(*MARIA, "é segredo")
    await expect(first).to_have_title("(1) Ponte · Atendimento", timeout=_LIVE_MS)
    await asyncio.sleep(1)
    heard = [*await first.evaluate("window.ponteAlerts"), *await second.evaluate("window.ponteAlerts")]
    assert [(a["kind"], a["sounds"], a["shows"]) for a in heard] == [("waiting", True, True)]
    shown = [*await first.evaluate("window.ponteNotices"), *await second.evaluate("window.ponteNotices")]
    assert shown == [["Novo cliente esperando", "Maria"]]

    await office.ponte.desk.claim(ana, waiting.id)
    await second.close()
    await first.locator(".st-key-bell").click()
    await first.locator(".pc-bell-panel input[name=sound_answer]").uncheck()
    await first.locator(".pc-bell-panel input[name=words]").check()
    await first.keyboard.press("Escape")
    before = len(await first.evaluate("window.ponteAlerts"))
    await office.writes(waiting.id, *MARIA, "o código é 123")
    heard = await _told(first, "ponteAlerts", before + 1)
    assert (heard[-1]["kind"], heard[-1]["sounds"], heard[-1]["shows"]) == ("answer", False, True)
    assert (await first.evaluate("window.ponteNotices"))[-1] == ["Maria", "nova mensagem\no código é 123"]

    # A browser that has notifications, but not for pages: nothing breaks, and the menu says so.
    await first.evaluate(
        """() => {
            window.Notification = class {
                static permission = "granted";
                constructor() { throw new TypeError("Illegal constructor."); }
            };
        }"""
    )
    await office.writes(waiting.id, *MARIA, "e agora?")
    heard = await _told(first, "ponteAlerts", before + 2)
    assert (heard[-1]["kind"], heard[-1]["shows"]) == ("answer", False)
    await first.locator(".st-key-bell").click()
    await expect(first.locator(".pc-bell-trouble")).to_be_visible()

    # What the agent has before their eyes makes no sound.
    await first.goto(f"{console.url}/agent?tab=mine&c={waiting.id}")
    await _live(first)
    await expect(first.locator(".pc-triage")).to_be_visible(timeout=_SLOW_MS)
    await first.locator(".st-key-bell").click()
    await first.locator(".pc-bell-panel input[name=sound_answer]").check()
    await first.keyboard.press("Escape")
    await office.writes(waiting.id, *MARIA, "alô")
    await expect(first.locator(".pc-transcript")).to_contain_text("alô", timeout=_LIVE_MS)
    await asyncio.sleep(1)
    # Where the page has read it before the stream looks, there is nothing to tell at all.
    heard = await first.evaluate("window.ponteAlerts")
    assert [alert for alert in heard if not alert["seen"] or alert["sounds"] or alert["shows"]] == []


async def test_a_conversation_is_sorted_put_off_and_opened_again(
    console: RunningConsole, browser: Browser
) -> None:
    """Priority, labels, snooze and reopening by the strip, live in the queue of a colleague too."""
    office = console.office
    ana, bruno = await office.agent("Ana"), await office.agent("Bruno")
    waiting = await office.waiting(*MARIA, "atendente")
    page, other = await _profile(browser, console, ana), await _profile(browser, console, bruno)
    await page.locator(f".st-key-queue-{waiting.id}").click()
    await page.locator("select.st-key-priority").select_option("2")
    await page.locator(".st-key-label").fill("Reclamação <b>")
    await page.locator(".st-key-label").press("Enter")
    row = other.locator(f".st-key-queue-{waiting.id}")
    await expect(row.locator(".pc-priority-2")).to_have_text("Urgente", timeout=_LIVE_MS)
    await expect(row.locator(".pc-label")).to_have_text("Reclamação <b>", timeout=_LIVE_MS)
    await page.locator(".pc-triage .pc-label-off").click()
    await expect(row.locator(".pc-label")).to_have_count(0, timeout=_LIVE_MS)

    await expect(page.locator(".st-key-snooze")).to_be_disabled()
    await page.locator(".st-key-claim button").first.click()
    await expect(page.locator(".st-key-snooze")).to_be_enabled(timeout=_LIVE_MS)
    await page.locator(".st-key-snooze").click()
    await page.locator(".pc-menu-item").first.click()
    await expect(page.locator(".st-key-wake")).to_be_visible(timeout=_LIVE_MS)
    await expect(page.locator(".st-key-tab-snoozed")).to_contain_text("1")
    await expect(page.locator(f".st-key-queue-{waiting.id}")).to_have_count(0)
    await office.ponte.triage.snooze(ana, waiting.id, None)
    await expect(page.locator(f".st-key-queue-{waiting.id}")).to_be_visible(timeout=_LIVE_MS)

    await office.ponte.desk.resolve(ana, waiting.id)
    await page.locator(".st-key-reopen").click(timeout=_SLOW_MS)
    await expect(page.locator(".pc-head .pc-chip-AGENT_ACTIVE")).to_be_visible(timeout=_LIVE_MS)
    reopened = await office.ponte.store.conversation(waiting.id)
    assert (reopened.agent_id, reopened.reopened) == (ana.id, 1)


async def test_a_restarted_console_goes_on_where_it_was(console: RunningConsole, browser: Browser) -> None:
    """While the server is away the page says so; afterwards it follows again, and the draft is there."""
    office = console.office
    ana = await office.agent("Ana")
    waiting = await office.waiting(*MARIA, "atendente")
    await office.ponte.desk.claim(ana, waiting.id)
    page = await _profile(browser, console, ana)
    await page.goto(f"{console.url}/agent?tab=mine&c={waiting.id}")
    box = page.locator(".st-key-reply textarea")
    await expect(box).to_be_enabled(timeout=_SLOW_MS)
    await box.press_sequentially("Vou ver")
    await console.process.end()
    await expect(page.locator(".pc-offline")).to_be_visible(timeout=_SLOW_MS)
    await box.press_sequentially(" a agenda")
    await console.process.start()
    await expect(page.locator(".pc-offline")).to_be_hidden(timeout=60_000)
    await office.writes(waiting.id, *MARIA, "ainda aí?")
    await expect(page.locator(".pc-body", has_text="ainda aí?")).to_be_visible(timeout=60_000)
    await expect(box).to_have_value("Vou ver a agenda")


async def test_an_ended_session_leads_back_to_the_draft(console: RunningConsole, browser: Browser) -> None:
    """The login says what happened, and leads back to the conversation and to what was typed."""
    office = console.office
    ana = await office.agent("Ana")
    waiting = await office.waiting(*MARIA, "atendente")
    await office.ponte.desk.claim(ana, waiting.id)
    page = await _profile(browser, console, ana)
    await page.goto(f"{console.url}/agent?tab=mine&c={waiting.id}")
    box = page.locator(".st-key-reply textarea")
    await expect(box).to_be_enabled(timeout=_SLOW_MS)
    await box.press_sequentially("Não perca isto")
    await office.ponte.store.end_sessions(ana.id)
    await expect(page.locator("#login-error")).to_contain_text("sessão terminou", timeout=40_000)
    await page.fill("input[name=email]", ana.email)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("button[type=submit]")
    await expect(box).to_have_value("Não perca isto", timeout=_SLOW_MS)
    await expect(page.locator(".st-key-tab-mine")).to_have_attribute("aria-selected", "true")


@pytest.mark.parametrize("width", [1440, 768, 360])
async def test_the_queue_is_accessible_and_fits(
    console: RunningConsole, browser: Browser, width: int
) -> None:
    """Axe finds nothing serious in queue, menus, search and strip, and nothing is wider than the screen."""
    office = console.office
    ana = await office.agent("Ana")
    for n, name in enumerate(("Maria Eduarda Figueiredo", "João", "Rita")):
        waiting = await office.waiting(f"+551190000000{n}", name, "quero um atendente")
    await office.ponte.triage.prioritise(ana, waiting.id, 2)
    await office.ponte.triage.label(ana, waiting.id, add=["VIP", "reclamação muito comprida mesmo"])
    page = await _profile(browser, console, ana, width)
    await expect(page.locator(".pc-row")).to_have_count(3, timeout=_LIVE_MS)

    async def check(state: str) -> None:
        found = (await Axe().run(page)).response["violations"]
        serious = [v["id"] for v in found if v["impact"] in {"serious", "critical"}]
        assert serious == [], (state, [(v["id"], [n["html"] for n in v["nodes"]]) for v in found])
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, state

    await check("queue")
    for button in (".st-key-bell", ".st-key-filters"):
        await page.locator(button).click()
        await check(button)
        await page.keyboard.press("Escape")
    await page.locator(".st-key-search").fill("atendente")
    await expect(page.locator(".pc-hit")).to_have_count(3, timeout=_LIVE_MS)
    await check("search")
    await page.locator(".pc-hit").first.click()
    await expect(page.locator(".pc-triage")).to_be_visible(timeout=_LIVE_MS)
    await check("strip")
