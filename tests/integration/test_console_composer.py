"""The composer in a real browser: drafts, files, recordings, canned replies, templates, the model's help."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from PIL import Image
from playwright.async_api import Browser, Page, async_playwright, expect

from ponte.domain.agent import Agent
from ponte.domain.conversation import Conversation
from ponte.domain.message import Author, Kind, MessageStatus
from ponte.domain.office import CannedReply, canned_item
from ponte.ports import Commit
from simulator.app import create_app
from simulator.config import SimulatorConfig
from simulator.openai_stub import StubConfig, create_stub_app
from simulator.serving import serve
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
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
MARIA = ("+5511900000001", "Maria Souza")
_STARTED_MS = 30_000
_SID, _TOKEN = "AC" + "0" * 32, "a-secret-only-twilio-and-we-know"
_DRAFT = "Cada aula custa R$ 120. Posso reservar?"
_ENGLISH = "Good morning, Maria!"


@pytest.fixture
async def console(tmp_path: Path) -> AsyncIterator[RunningConsole]:
    """A console with a model that speaks, drafts and translates by a script, and Twilio's stand-in."""
    script = (("quanto custa", _DRAFT), ("bom dia", _ENGLISH), ("how much is it", "Quanto custa uma aula?"))
    twilio = create_app(SimulatorConfig(account_sid=_SID, auth_token=_TOKEN))
    async with serve(create_stub_app(StubConfig(script=script))) as stub, serve(twilio) as whatsapp:
        await _template(whatsapp.url)
        settings = {
            "TWILIO_ACCOUNT_SID": _SID,
            "TWILIO_AUTH_TOKEN": _TOKEN,
            "TWILIO_API_BASE_URL": whatsapp.url,
            "OPENAI_BASE_URL": f"{stub.url}/v1",
            "OPENAI_API_KEY": "test",
            "OPENAI_CHAT_MODEL": "gpt-stub",
            "OPENAI_SPEECH_MODEL": "gpt-stub-speech",
        }
        async with running_console(tmp_path, settings) as running:
            yield running


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium, with a microphone that hums."""
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=_FLAGS)
        yield opened
        await opened.close()


async def _template(url: str) -> None:
    """Make a template that WhatsApp approved."""
    parts = {"twilio/text": {"body": "Oi {{1}}, temos novidades sobre {{2}}. Podemos falar?"}}
    made = {"friendly_name": "volta", "language": "pt_BR", "variables": {"1": "Maria", "2": "sua aula"}}
    login = {"Authorization": aiohttp.encode_basic_auth(_SID, _TOKEN)}
    async with aiohttp.ClientSession(url, headers=login) as http:
        async with http.post("/v1/Content", json={**made, "types": parts}) as answer:
            sid = (await answer.json())["sid"]
        wish = {"name": "volta", "category": "UTILITY"}
        async with http.post(f"/v1/Content/{sid}/ApprovalRequests/whatsapp", json=wish) as answer:
            answer.raise_for_status()


async def _opened(
    browser: Browser, console: RunningConsole, agent: Agent, conversation: Conversation, width: int = 1280
) -> Page:
    """Log in, and open a conversation that the agent holds."""
    context = await browser.new_context(
        viewport={"width": width, "height": 800}, locale="pt-BR", permissions=["microphone"]
    )
    page = await context.new_page()
    await page.goto(f"{console.url}/agent?c={conversation.id}")
    await page.fill("input[name=email]", agent.email)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("button[type=submit]")
    await expect(page.locator(".st-key-reply .pc-composer")).to_be_visible(timeout=_STARTED_MS)
    return page


async def _held(console: RunningConsole, agent: Agent, body: str, language: str = "pt-BR") -> Conversation:
    """Let a customer wait and the agent take the conversation."""
    waiting = await console.office.waiting(*MARIA, body)
    spoken = replace(waiting, language=language, version=waiting.version + 1)
    await console.office.ponte.store.commit(Commit(spoken))
    return await console.office.ponte.desk.claim(agent, waiting.id)


async def test_a_draft_a_canned_reply_and_a_file(console: RunningConsole, browser: Browser) -> None:
    """Drafts outlive a reload, `/` finds a canned reply, and a wrong file is refused before it is sent."""
    office = console.office
    ana = await office.agent("Ana")
    held = await _held(console, ana, "Quanto custa a aula?")
    for reply in (
        CannedReply("c1", "horario", "Horário", "Oi, {{first_name}}! Abrimos às 8h. {{agent}}", "pt-BR"),
        CannedReply("c2", "pix", "Chave Pix", "Nossa chave é {{key}}.", "pt-BR"),
    ):
        await office.ponte.store.put_office(canned_item(reply, 1, ana.id))
    page = await _opened(browser, console, ana, held)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    box = page.locator(".st-key-reply .pc-write textarea")
    await box.fill("Um momento")
    await page.reload()
    await expect(box).to_have_value("Um momento", timeout=_STARTED_MS)

    await box.fill("")
    await box.press_sequentially("/hor")
    await expect(page.locator(".pc-canned-row")).to_have_count(1)
    await box.press("Enter")
    await expect(box).to_have_value("Oi, Maria! Abrimos às 8h. Ana")
    await box.fill("")
    await box.press_sequentially("/")
    await expect(page.locator(".pc-canned-row")).to_have_count(2)
    await box.press("ArrowDown")
    await box.press("Enter")
    await expect(box).to_have_value("Nossa chave é {{key}}.")
    await box.fill("")

    chooser = page.locator(".st-key-reply input[type=file]")
    await chooser.set_input_files({"name": "x.exe", "mimeType": "application/x-dosexec", "buffer": b"MZ"})
    await expect(page.locator(".pc-send-error")).to_contain_text("não aceita “x.exe”")
    await chooser.set_input_files({"name": "g.png", "mimeType": "image/png", "buffer": bytes(5_300_000)})
    await expect(page.locator(".pc-send-error")).to_contain_text("aceita até")
    await chooser.set_input_files({"name": "foto.png", "mimeType": "image/png", "buffer": _picture()})
    await expect(page.locator(".pc-attached")).to_contain_text("foto.png")
    await box.fill("A pista nova")
    await page.locator(".pc-send").click()
    await expect(page.locator(".pc-attached")).to_be_hidden()
    await expect(box).to_have_value("")
    sent = page.locator(".pc-msg[data-author=agent][data-kind=image]")
    await expect(sent).to_contain_text("A pista nova")
    assert problems == []


async def test_a_reply_is_recorded_and_another_spoken(console: RunningConsole, browser: Browser) -> None:
    """A recording is listened to and sent as a voice note; a typed text can be spoken."""
    office = console.office
    ana = await office.agent("Ana")
    held = await _held(console, ana, "Oi")
    page = await _opened(browser, console, ana, held)
    await page.locator(".st-key-tool-record").click()
    await expect(page.locator(".pc-recording")).to_contain_text("0:01", timeout=_STARTED_MS)
    await page.locator(".st-key-voice-stop").click()
    await expect(page.locator(".pc-recorder audio")).to_be_visible()
    await page.locator(".st-key-voice-send").click()
    await expect(page.locator(".pc-recorder")).to_be_hidden(timeout=_STARTED_MS)
    notes = page.locator(".pc-msg[data-author=agent][data-kind=audio]")
    await expect(notes).to_have_count(1)

    box = page.locator(".st-key-reply .pc-write textarea")
    await box.fill("Até amanhã")
    await page.locator(".st-key-tool-voice").click()
    await expect(page.locator(".pc-send-word")).to_have_text("Enviar como voz")
    await page.locator(".pc-send").click()
    await expect(notes).to_have_count(2, timeout=_STARTED_MS)
    stored = [m for m in await office.ponte.store.messages(held.id) if m.author is Author.AGENT]
    assert [(m.kind, m.body, m.media[0].content_type) for m in stored] == [
        (Kind.AUDIO, "", "audio/ogg"),
        (Kind.AUDIO, "Até amanhã", "audio/ogg"),
    ]


async def test_the_model_drafts_and_translates(console: RunningConsole, browser: Browser) -> None:
    """A draft only fills the box; both sides are translated, and both keep their own words."""
    office = console.office
    ana = await office.agent("Ana")
    held = await _held(console, ana, "How much is it?", "en")
    page = await _opened(browser, console, ana, held)
    box = page.locator(".st-key-reply .pc-write textarea")
    words = page.locator(".pc-msg[data-author=customer] .pc-body")
    await expect(words).to_have_text("How much is it?")
    await page.get_by_role("button", name="Traduzir", exact=True).click()
    await expect(words).to_have_text("Quanto custa uma aula?", timeout=_STARTED_MS)
    await page.get_by_role("button", name="Ver original").click()
    await expect(words).to_have_text("How much is it?")

    await page.locator(".st-key-tool-translate").click()
    await box.fill("Bom dia, Maria!")
    await box.press("Enter")
    look = page.locator(".pc-translation textarea")
    await expect(look).to_have_value(_ENGLISH, timeout=_STARTED_MS)
    assert len(await office.ponte.store.messages(held.id)) == 1
    await page.locator(".st-key-translate-send").click()
    mine = page.locator(".pc-msg[data-author=agent]")
    await expect(mine).to_contain_text(_ENGLISH)
    await mine.get_by_role("button", name="Ver original").click()
    await expect(mine).to_contain_text("Bom dia, Maria!")

    await office.writes(held.id, *MARIA, "Quanto custa uma aula avulsa?")
    await page.locator(".st-key-tool-draft").click()
    await expect(box).to_have_value(_DRAFT, timeout=_STARTED_MS)
    await expect(page.locator(".pc-draft")).to_contain_text("Rascunho da IA")
    stored = await office.ponte.store.messages(held.id)
    assert [m.body for m in stored if m.author is Author.AGENT] == [_ENGLISH]
    assert dict(stored[1].details)["original"] == "Bom dia, Maria!"
    assert stored[1].status is MessageStatus.QUEUED
    await page.locator(".st-key-draft-discard").click()
    await expect(box).to_have_value("")


async def test_outside_the_window_the_composer_is_a_template_picker(
    console: RunningConsole, browser: Browser
) -> None:
    """A template is filled in and read before it goes; a text is parked, and can be withdrawn."""
    office = console.office
    ana = await office.agent("Ana")
    office.behind_ms = 25 * 3_600_000
    held = await _held(console, ana, "Oi")
    page = await _opened(browser, console, ana, held)
    fields = page.locator(".pc-fields input")
    await expect(fields).to_have_count(2, timeout=_STARTED_MS)
    await expect(page.locator(".pc-send")).to_be_disabled()
    await fields.nth(0).fill("Maria")
    await fields.nth(1).fill("o passeio")
    words = "Oi Maria, temos novidades sobre o passeio. Podemos falar?"
    await expect(page.locator(".pc-preview")).to_have_text(words)
    await page.locator(".pc-send").click()
    mine = page.locator(".pc-msg[data-author=agent]")
    await expect(mine.locator(".pc-body")).to_have_text(words)
    await page.locator(".st-key-mode-reply").click()
    box = page.locator(".st-key-reply .pc-write textarea")
    await box.fill("Quando puder, me chame.")
    await box.press("Enter")
    await expect(mine).to_have_count(2)
    await expect(mine.nth(1)).to_have_attribute("data-status", "parked")
    await page.locator(".pc-withdraw").click()
    await expect(mine.nth(1)).to_have_attribute("data-status", "cancelled")
    stored = [m for m in await office.ponte.store.messages(held.id) if m.author is Author.AGENT]
    assert [m.status for m in stored] == [MessageStatus.QUEUED, MessageStatus.CANCELLED]


def _picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(file, "PNG")
    return file.getvalue()
