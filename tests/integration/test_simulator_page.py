"""The phone page in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest
from playwright.async_api import expect

from simulator.config import DEMO_CUSTOMERS, SimulatorConfig
from simulator.silence import ogg_opus
from simulator.testing import ACCOUNT_SID, AUTH_TOKEN, BUSINESS, Stage, open_stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page

pytestmark = pytest.mark.browser

ANA = DEMO_CUSTOMERS[0][0]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """A simulator with two customers."""
    config = SimulatorConfig(
        account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN, sent_ms=2, delivered_ms=6, customers=DEMO_CUSTOMERS
    )
    async with open_stage(config=config) as opened:
        yield opened


async def _open(browser: Browser, stage: Stage, width: int, path: str = "/") -> tuple[Page, list[str]]:
    page = await browser.new_page(viewport={"width": width, "height": 800})
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    await page.goto(stage.url + path)
    await page.get_by_test_id("phone").first.wait_for()
    return page, problems


async def _reply(stage: Stage, wa_id: str, body: str) -> None:
    headers = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)}
    form = {"To": f"whatsapp:+{wa_id}", "From": BUSINESS, "Body": body}
    path = f"{stage.url}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
    async with aiohttp.ClientSession(headers=headers) as http, http.post(path, data=form) as answer:
        assert answer.status == 201


async def test_two_customers_talk_side_by_side(stage: Stage, browser: Browser) -> None:
    """On a wide screen each phone shows its own talk, live, with ticks, typing, and text as text."""
    page, problems = await _open(browser, stage, 1440)
    phones = page.get_by_test_id("phone")
    await expect(phones).to_have_count(2)
    ana = phones.nth(0)
    await ana.get_by_test_id("customer-input").fill("<img src=x> oi")
    await ana.get_by_test_id("customer-send").click()
    said = ana.locator("[data-testid=message][data-direction=inbound]")
    await expect(said).to_contain_text("<img src=x> oi")
    await expect(said).to_have_attribute("data-ticks", "delivered")
    calls = await stage.receiver.until(lambda calls: len(calls) == 1)
    assert stage.network.typing(calls[0].form["MessageSid"])
    await expect(ana.get_by_test_id("typing")).to_have_text("digitando…")
    await expect(said).to_have_attribute("data-ticks", "read")
    await _reply(stage, ANA, "olá")
    answer = ana.locator("[data-testid=message][data-direction=outbound]")
    await expect(answer).to_contain_text("olá")
    await expect(answer).to_have_attribute("data-status", "read")
    await expect(ana.get_by_test_id("typing")).not_to_have_text("digitando…")
    await expect(phones.nth(1).get_by_test_id("message")).to_have_count(0)
    assert problems == []


async def test_a_voice_note_is_sent_and_can_be_played(stage: Stage, browser: Browser) -> None:
    """An attached recording reaches the webhook as audio and gets a player that can read it."""
    page, problems = await _open(browser, stage, 768)
    phone = page.get_by_test_id("phone").first
    note = {"name": "nota.ogg", "mimeType": "video/ogg", "buffer": ogg_opus(50)}
    await phone.get_by_test_id("customer-file").set_input_files(note)  # type: ignore[arg-type]
    await phone.get_by_test_id("customer-send").click()
    player = phone.locator("audio")
    await expect(player).to_have_js_property("readyState", 4)
    calls = await stage.receiver.until(lambda calls: len(calls) == 1)
    assert calls[0].form["MediaContentType0"] == "audio/ogg"
    assert problems == []


async def test_a_small_screen_shows_one_phone_and_the_faults(stage: Stage, browser: Browser) -> None:
    """At 360 px customers take turns, nothing sticks out, and a fault is switched on and off; in English."""
    page, problems = await _open(browser, stage, 360, "/?lang=en")
    await expect(page.get_by_test_id("phone")).to_have_count(1)
    await page.get_by_test_id("customer-name").fill("Zoe")
    await page.get_by_test_id("customer-number").fill("+44 20 7946 0000")
    await page.get_by_test_id("customer-add").click()
    await expect(page.get_by_test_id("phone").locator("h2")).to_have_text("Zoe")
    await page.get_by_test_id("customer").nth(0).click()
    await expect(page.get_by_test_id("phone")).to_have_attribute("data-wa-id", ANA)
    await page.get_by_test_id("faults-toggle").click()
    await page.get_by_test_id("fault-kind").select_option("inbound_lost")
    await page.get_by_test_id("fault-add").click()
    await expect(page.get_by_test_id("fault")).to_contain_text("webhook lost")
    await page.get_by_test_id("customer-input").fill("hi")
    await page.get_by_test_id("customer-input").press("Enter")
    await expect(page.get_by_test_id("message")).to_contain_text("did not receive")
    await expect(page.get_by_test_id("fault")).to_contain_text("once")
    await page.get_by_test_id("fault-clear").click()
    await expect(page.get_by_test_id("fault")).to_have_count(0)
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    assert problems == []
