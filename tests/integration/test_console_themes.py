"""Every page in a real browser, light and dark: what axe checks, and what the agent chooses."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.async_api import Browser, Page, expect

from tests.fixtures.console_office import PASSWORD, ROOT, RunningConsole, running_console
from tests.support.browsing import open_browser
from tests.support.processes import Nursery
from tests.support.seeded_office import Seeded, seed

# One console and one browser for all of them: each takes seconds to start.
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

_LONG_MS = 40_000
_TRIES = 30
_WIDTHS = (1440, 768, 360)
# What everybody's pages show when they are drawn.
_PAGES = (
    ("p=inbox&tab=waiting", ".pc-row"),
    ("p=inbox&tab=mine&c={c}", ".pc-composer"),
    ("p=floor", ".pc-case"),
    ("p=reports", "[data-testid=stVegaLiteChart] :is(canvas, svg)"),
    ("p=office&s=agents", ".pc-grid"),
    ("p=office&s=canned", ".pc-grid"),
    ("p=office&s=labels", ".pc-grid"),
    ("p=office&s=dispositions", ".pc-grid"),
    ("p=office&s=templates", ".pc-grid-empty"),
    ("p=office&s=audit", ".pc-grid"),
    ("p=prompts&s=versions", ".pc-grid"),
    ("p=prompts&s=diff", ".pc-diff"),
    ("p=prompts&s=evals", ".pc-report-tiles"),
    ("p=prompts&s=ledger", ".pc-grid"),
    ("p=prompts&s=try", ".st-key-try-text"),
)
# What sticks out at the right: of the window, or of a page that scrolls.
_SPILLS = """() => {
  const page = document.querySelector(".st-key-page") ?? document.scrollingElement;
  const wide = [document.scrollingElement, page].filter((node) => node.scrollWidth > node.clientWidth + 1);
  return wide.map((node) => `${node.className}: ${node.scrollWidth} in ${node.clientWidth}`);
}"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, for all tests of the module."""
    async with open_browser() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def office(
    nursery: Nursery, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[RunningConsole, Seeded]]:
    """A console over an office with a day's work, and the repository's prompt files."""
    folder = tmp_path_factory.mktemp("office")
    async with running_console(nursery, folder, {"PROMPTS_DIR": str(ROOT / "prompts")}) as console:
        yield console, await seed(console.office)


async def _open(browser: Browser, office: tuple[RunningConsole, Seeded], theme: str, who: str) -> Page:
    console, seeded = office
    context = await browser.new_context(
        viewport={"width": 1440, "height": 900},
        locale="pt-BR",
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = await context.new_page()
    await page.goto(f"{console.url}/agent/login")
    await _assert_accessible(page, f"login in {theme}")
    await page.fill("input[name=email]", seeded.team[who].email)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("button[type=submit]")
    await expect(page.locator(".pc-queue")).to_be_visible(timeout=_LONG_MS)
    return page


async def _assert_accessible(page: Page, where: str) -> None:
    """No serious or critical violation of what axe checks, contrast included."""
    found = (await Axe().run(page)).response["violations"]
    bad = [(v["id"], v["nodes"][0]["html"][:160]) for v in found if v["impact"] in {"serious", "critical"}]
    assert (where, bad) == (where, [])


async def _assert_fits(page: Page, where: str) -> None:
    """Nothing sticks out at the right; a chart follows a changed width a moment later."""
    for _ in range(_TRIES):
        if not (spills := await page.evaluate(_SPILLS)):
            return
        await page.wait_for_timeout(100)
    assert (where, spills) == (where, [])


@pytest.mark.timeout(300)
async def test_every_page_can_be_read(office: tuple[RunningConsole, Seeded], browser: Browser) -> None:
    """Contrast, labels and roles are right on every page, in both themes; nothing sticks out at any width."""
    console, seeded = office
    lefts = {}
    for theme, widths in (("light", _WIDTHS), ("dark", _WIDTHS[:1])):
        page = await _open(browser, office, theme, "Rita Campos")
        for query, seen in _PAGES:
            await page.set_viewport_size({"width": widths[0], "height": 900})
            await page.goto(f"{console.url}/agent/?{query.format(c=seeded.opened)}")
            await expect(page.locator(seen).first).to_be_visible(timeout=_LONG_MS)
            await expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0)
            if "inbox" not in query:
                lefts[query] = await page.locator(".pc-page-title").evaluate(
                    "n => n.getBoundingClientRect().x"
                )
            for width in widths:
                await page.set_viewport_size({"width": width, "height": 900})
                where = f"{query} in {theme} at {width}"
                await _assert_fits(page, where)
                await _assert_accessible(page, where)
    # All pages begin at the same line.
    assert len(set(lefts.values())) == 1, lefts


async def test_theme_and_language_are_the_agents_choice(
    office: tuple[RunningConsole, Seeded], browser: Browser
) -> None:
    """Both outlive a reload; Streamlit's own widgets follow the theme; the login page follows both."""
    console, _ = office
    page = await _open(browser, office, "light", "Rita Campos")
    await page.goto(f"{console.url}/agent/?p=office&s=agents")
    await expect(page.locator(".pc-grid")).to_be_visible(timeout=_LONG_MS)
    add = page.locator(".st-key-office-add-agents button")
    light = await add.evaluate("node => getComputedStyle(node).color")
    await page.locator(".st-key-me").click()
    await page.locator("select.st-key-theme").select_option("dark")
    await expect(page.locator("html")).to_have_css("color-scheme", "dark", timeout=_LONG_MS)
    await expect(page.locator(".pc-grid")).to_be_visible(timeout=_LONG_MS)
    await expect(add).not_to_have_css("color", light)
    await page.locator(".st-key-me").click()
    await page.locator("select.st-key-language").select_option("es")
    await expect(page.locator(".pc-page-title")).to_have_text("Ajustes", timeout=_LONG_MS)
    await expect(add).to_contain_text("Añadir persona", timeout=_LONG_MS)
    await page.reload()
    await expect(add).to_contain_text("Añadir persona", timeout=_LONG_MS)
    await page.locator(".st-key-logout").click()
    await expect(page.locator("html")).to_have_attribute("data-pc-theme", "dark", timeout=_LONG_MS)
    await expect(page.locator("html")).to_have_attribute("lang", "es")


async def test_a_log_out_that_did_not_come_through_is_told(
    office: tuple[RunningConsole, Seeded], browser: Browser
) -> None:
    """The agent is told that the login goes on, and is out the next time."""
    page = await _open(browser, office, "light", "Rita Campos")
    leave = page.locator(".st-key-logout")
    await page.route("**/agent/logout", lambda route: route.fulfill(status=503))
    await leave.click()
    await expect(page.locator(".pc-tip[role=alert]")).to_contain_text("continua na conta", timeout=_LONG_MS)
    await page.unroute("**/agent/logout")
    await leave.click()
    await expect(page.locator("input[name=password]")).to_be_visible(timeout=_LONG_MS)


async def test_an_agent_is_disabled_after_a_question(
    office: tuple[RunningConsole, Seeded], browser: Browser
) -> None:
    """A row's action asks before it acts; oneself has none."""
    console, seeded = office
    ana, rita = seeded.team["Ana Souza"], seeded.team["Rita Campos"]
    page = await _open(browser, office, "light", "Rita Campos")
    await page.goto(f"{console.url}/agent/?p=office&s=agents")
    await expect(page.locator(f".st-key-disable-{rita.id}")).to_be_disabled(timeout=_LONG_MS)
    await page.locator(f".st-key-disable-{ana.id}").click()
    await page.locator(".st-key-office-yes button").click()
    await expect(page.locator(".pc-office-said")).to_contain_text("não entra mais", timeout=_LONG_MS)
    await expect(page.locator(f".st-key-enable-{ana.id}")).to_be_visible()
    assert (await console.office.ponte.store.agent(ana.id)).disabled


async def test_a_draft_is_tried_in_the_playground(
    office: tuple[RunningConsole, Seeded], browser: Browser
) -> None:
    """An invented customer is answered from the folder's files; the decision shows its scores."""
    console, _ = office
    page = await _open(browser, office, "light", "Paulo Dias")
    await page.goto(f"{console.url}/agent/?p=prompts&s=try")
    box = page.locator(".st-key-try-text textarea")
    await box.fill("Quanto custa a aula avulsa?", timeout=_LONG_MS)
    await page.locator(".st-key-try-send button").click()
    await expect(page.locator(".pc-try-bot")).to_contain_text("120", timeout=120_000)
    await box.fill("quero falar com um atendente")
    await page.locator(".st-key-try-send button").click()
    await expect(page.locator(".pc-try-why .pc-tone-warn")).to_be_visible(timeout=120_000)
    await expect(page.locator(".pc-try-why").last).to_contain_text(re.compile(r"\d+%"))
    await _assert_accessible(page, "playground")
