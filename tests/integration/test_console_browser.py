"""The console in a real browser: an agent at work while the customer goes on writing."""

from __future__ import annotations

import io
import wave
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Browser, Page, Request, expect

from ponte.domain.agent import Agent
from ponte.domain.conversation import Status
from ponte.domain.message import Author, Details, Kind, Media, MessageStatus
from ponte.ports import Commit
from tests.fixtures.console_office import PASSWORD, RunningConsole, running_console
from tests.support.processes import Nursery

pytestmark = pytest.mark.browser

MARIA = ("+5511900000001", "Maria")
_LIVE_MS = 30_000


@pytest.fixture
async def console(nursery: Nursery, tmp_path: Path) -> AsyncIterator[RunningConsole]:
    """A console process on SQLite."""
    async with running_console(nursery, tmp_path) as running:
        yield running


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
    # An agent cannot set a model up.
    await expect(page.locator(".st-key-no-model")).to_be_hidden()

    # Claim and answer.
    await page.locator(".st-key-claim button").first.click()
    await expect(box).to_be_enabled()
    await box.fill("Oi, Maria! Em que posso ajudar?")
    await box.press("Enter")
    mine = page.locator(".pc-msg[data-author=agent]")
    await expect(mine).to_have_count(1)
    await expect(mine).to_have_attribute("data-status", "queued")
    await expect(box).to_have_value("")
    # The reason why it came here is one line now.
    await expect(page.locator(".st-key-handoff")).not_to_have_attribute("open", "")
    await expect(page.locator(".pc-fold-reason")).to_have_text("Pediu um atendente.")
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

    # A message that failed is sent again by a click.
    sent = next(m for m in await office.ponte.store.messages(waiting.id) if m.author is Author.AGENT)
    now = office.ponte.clock.now()
    await office.ponte.store.settle(sent.id, MessageStatus.FAILED, now=now, error_code=63018)
    await expect(mine).to_have_attribute("data-status", "failed", timeout=_LIVE_MS)
    await page.locator(".pc-retry").click()
    await expect(mine).to_have_attribute("data-status", "queued")

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
    # What was typed into the form is needed no more.
    kept = await page.evaluate("Object.keys(localStorage).filter((name) => name.includes('form-return'))")
    assert kept == []
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
    other = await office.waiting("+5511900000002", "João", "humano")
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
    # Wherever the agent is by then: a notice tells, and leads there.
    await page.locator(f".st-key-queue-{other.id}").click()
    unsent = page.locator(".pc-unsent .pc-notice")
    await expect(unsent).to_contain_text("Não foi enviada para Maria: Agora é Carla")
    await page.locator(".st-key-unsent-open").click()
    await expect(box).to_have_value("Já resolvo isso")
    await expect(unsent).to_have_count(0)
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
    for action in ("claim", "transfer", "return", "resolve", "mark"):
        button = await page.locator(f".st-key-{action} button").first.bounding_box()
        assert button is not None
        assert button["x"] >= 0
        assert button["x"] + button["width"] <= 360, action
    # A button that cannot be used says why, to a finger and to the keyboard, and does nothing.
    tip = page.locator(".pc-tip")
    await page.locator(".st-key-tool-record").click(force=True)
    await expect(tip).to_have_text("Assuma a conversa para responder.")
    await expect(page.locator(".pc-recorder")).to_be_hidden()
    claim = page.locator(".st-key-claim button").first
    await claim.click()
    await expect(claim).to_be_disabled()
    await page.locator(".st-key-label").focus()
    await page.keyboard.press("Tab")
    await expect(claim).to_be_focused()
    await expect(tip).to_have_text("A conversa já está com você.")
    await page.locator(".st-key-back").click()
    await expect(row).to_be_visible()
    await expect(page.locator(".pc-msg")).to_have_count(0)


def _stays_here(request: Request, url: str, problems: list[str]) -> None:
    if not request.url.startswith((url, "data:", "blob:")):
        problems.append(request.url)


async def test_every_type_of_message_is_drawn(console: RunningConsole, browser: Browser) -> None:
    """Places, cards, choices, quotes, marks, advertisements and unknown types are drawn as what they are."""
    office = console.office
    ana = await office.agent("Ana")
    waiting = await office.waiting(*MARIA, "quero falar com atendente")
    first = (await office.ponte.store.messages(waiting.id))[0]
    carried: list[tuple[Kind, str, Details]] = [
        (Kind.LOCATION, "", (("label", "Sé <b>x</b>"), ("latitude", "-23.5"), ("longitude", "-46.6"))),
        (Kind.CONTACT, "", (("contact_name", "João Lima"), ("contact_phone", "+55 11 98888-7777"))),
        (Kind.CHOICE, "Pacote de 8", (("list_title", "Pacote de 8"), ("list_description", "2 meses"))),
        (
            Kind.TEXT,
            "Vi o anúncio",
            (("referral_headline", "Aula grátis"), ("referral_url", "https://fb.me/x")),
        ),
        (Kind.TEXT, "Olha", (("forwarded", "true"),)),
        (Kind.UNKNOWN, "", (("message_type", "order"), ("OrderItems", "sela-01"))),
    ]
    rows = tuple(
        replace(
            first, id=f"t{n}", sid=f"t{n}", seq=first.seq + n, kind=kind, body=body, details=details,
            reply_to="t4" if body == "Olha" else None,
        )
        for n, (kind, body, details) in enumerate(carried, 1)
    )  # fmt: skip
    current = await office.ponte.store.conversation(waiting.id)
    changed = replace(current, version=current.version + 1, last_seq=rows[-1].seq)
    await office.ponte.store.commit(Commit(changed, messages=rows, opted_out=True))
    page = await _log_in(browser, console, ana)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    await page.click(".pc-row")
    place = page.locator(".pc-place a")
    await expect(place).to_have_attribute(
        "href", "https://www.google.com/maps/search/?api=1&query=-23.5%2C-46.6", timeout=20_000
    )
    await expect(place).to_have_attribute("rel", "noopener noreferrer nofollow")
    await expect(page.locator(".pc-place b")).to_have_text("Sé <b>x</b>")
    await expect(page.locator(".pc-contact")).to_contain_text("João Lima+55 11 98888-7777")
    await expect(page.locator(".pc-choice")).to_have_text("Pacote de 82 meses")
    await expect(page.locator(".pc-aside a")).to_have_attribute("href", "https://fb.me/x")
    await expect(page.locator(".pc-mark")).to_have_text("Encaminhada")
    await expect(page.locator(".pc-quote")).to_have_text("ClienteVi o anúncio")
    await expect(page.locator(".pc-unknown")).to_have_text("Tipo: orderOrderItems: sela-01")
    await expect(page.locator(".pc-head")).to_contain_text("não quer receber mensagens")
    assert problems == []


async def test_files_are_shown_played_and_downloaded(console: RunningConsole, browser: Browser) -> None:
    """Pictures and recordings are in the transcript, with what was said; documents and losses say so."""
    office = console.office
    ana = await office.agent("Ana")
    heard = Media(
        "", "audio/wav", text="quero <i>remarcar</i>", language="pt", confidence=0.62, duration_ms=1000
    )
    await office.sends("+5511900000001", "Maria", _picture(), Media("", "image/png"), Kind.IMAGE)
    await office.sends("+5511900000002", "Rita", _silence(), heard, Kind.AUDIO)
    sheet = Media("", "text/html", name="tabela <b>.html")
    await office.sends("+5511900000003", "Lia", b"<script>alert(1)</script>", sheet, Kind.DOCUMENT)
    lost = await office.sends("+5511900000004", "Eva", b"gone", Media("", "image/png"), Kind.IMAGE)
    key = (await office.ponte.store.message(lost)).media[0].key
    assert key is not None
    await office.ponte.media.delete(key)
    await office.sends("+5511900000005", "Bia", _silence(60), Media("", "audio/wav"), Kind.AUDIO)

    page = await _log_in(browser, console, ana)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: _stays_here(request, console.url, problems))

    async def opened(number: str) -> None:
        await page.goto(f"{console.url}/agent?c=cv_{number}")
        await expect(page.locator(".pc-file")).to_have_count(1, timeout=30_000)

    await opened("5511900000001")
    # An attribute of the element, not a function in the page: the page's policy forbids evaluating text.
    await expect(page.locator(".pc-file img")).to_have_js_property("naturalWidth", 2, timeout=_LIVE_MS)
    await opened("5511900000002")
    await expect(page.locator(".pc-heard")).to_have_text(
        "Transcrição · certeza 62% · pode ter errosquero <i>remarcar</i>"
    )
    player = page.locator(".pc-file audio")
    length = await player.evaluate("async (a) => { a.muted = true; await a.play(); return a.duration; }")
    assert length == pytest.approx(1.0, abs=0.1)
    # What plays goes on when there is more to show of its message.
    await opened("5511900000005")
    await player.evaluate("(a) => { a.muted = true; window.played = a; return a.play(); }")
    message = (await office.ponte.store.messages("cv_5511900000005"))[-1]
    told = (replace(message.media[0], text="alô", language="pt", confidence=0.9),)
    assert await office.ponte.store.set_media_text(message.id, told, office.ponte.clock.now())
    await expect(page.locator(".pc-heard")).to_contain_text("alô", timeout=_LIVE_MS)
    assert await player.evaluate("(a) => a === window.played && !a.paused && a.currentTime > 0")
    await opened("5511900000003")
    await expect(page.locator(".pc-document")).to_contain_text("tabela <b>.html")
    async with page.expect_download() as download:
        await page.locator(".pc-document").click()
    assert (await download.value).suggested_filename.endswith(".html")
    await opened("5511900000004")
    await expect(page.locator(".pc-file")).to_have_text("O arquivo não está mais guardado.")
    assert problems == []


def _picture() -> bytes:
    """Return a PNG of two pixels by one."""
    file = io.BytesIO()
    Image.new("RGB", (2, 1)).save(file, "PNG")
    return file.getvalue()


def _silence(seconds: int = 1) -> bytes:
    """Return a recording."""
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(8000)
        recording.writeframes(bytes(16_000 * seconds))
    return file.getvalue()
