"""Pictures of the console for the guides: ``python -m tests.support.screenshots [FOLDER] [--all]``.

Seeds an office in each language (``tests.support.seeded_office``), serves the console over it with the
stand-ins of Twilio and of the model, and photographs it with Debian's Chromium. Run it again after the
console's looks changed; without ``--all`` just the pictures of docs/images/console are made, each of few
colours and below ``MOST_BYTES``. With it every page is made at 360, 768 and 1440 px, in both themes, for
looking at; ``--only`` takes part of a page's name.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
from PIL import Image
from playwright.async_api import Browser, Page, StorageState, expect

from simulator.app import create_app as create_twilio
from simulator.config import SimulatorConfig
from simulator.openai_stub import StubConfig, create_stub_app
from simulator.serving import serve
from tests.fixtures.console_office import PASSWORD, ROOT, RunningConsole, running_console
from tests.support.browsing import open_browser
from tests.support.processes import Nursery, open_nursery
from tests.support.seeded_office import Seeded, seed
from tests.support.seeded_talks import SCRIPTS, Script

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs/images/console"
MOST_BYTES: Final = 150_000
_COLOURS: Final = 128
_LONG_MS: Final = 40_000
_SID, _TOKEN = "AC" + "0" * 32, "a-secret-only-twilio-and-we-know"
_HEIGHTS: Final = {360: 740, 768: 1024, 1440: 900}


@dataclass(frozen=True, slots=True)
class Subject:
    """What a picture is of.

    Args:
        page: its name.
        who: looks.
        query: of the address; ``{c}`` is the open conversation, ``{asleep}`` the one whose window is closed.
        seen: what is waited for.
        act: what is done first; one of ``_ACTS``.
        height: of the window, where it is not the usual one.
    """

    page: str
    who: str
    query: str
    seen: str
    act: str = ""
    height: int = 0


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture of a subject."""

    of: Subject
    width: int = 1440
    locale: str = "pt-BR"
    theme: str = "light"

    @property
    def name(self) -> str:
        """The file's name."""
        dark = "-dark" if self.theme == "dark" else ""
        return f"{self.of.page}-{self.width}-{self.locale}{dark}.png"


_CHART: Final = "[data-testid=stVegaLiteChart] :is(canvas, svg)"
_HELD: Final = "p=inbox&tab=mine&c={c}"
SUBJECTS: Final = (
    Subject("inbox", "Ana Souza", _HELD, ".pc-composer"),
    Subject("queue", "Ana Souza", "p=inbox&tab=waiting", ".pc-row"),
    Subject("give-back", "Ana Souza", _HELD, ".pc-composer", "give back"),
    Subject("template", "Ana Souza", "p=inbox&tab=mine&c={asleep}", ".pc-fields"),
    Subject("floor", "Sônia Prado", "p=floor", ".pc-case"),
    Subject("reports", "Sônia Prado", "p=reports", _CHART, height=1300),
    Subject("office-agents", "Rita Campos", "p=office&s=agents", ".pc-grid"),
    Subject("office-canned", "Rita Campos", "p=office&s=canned", ".pc-grid"),
    Subject("office-labels", "Rita Campos", "p=office&s=labels", ".pc-grid"),
    Subject("office-dispositions", "Rita Campos", "p=office&s=dispositions", ".pc-grid"),
    Subject("office-templates", "Rita Campos", "p=office&s=templates", ".pc-grid"),
    Subject("office-audit", "Rita Campos", "p=office&s=audit", ".pc-grid"),
    Subject("prompts-versions", "Paulo Dias", "p=prompts&s=versions", ".pc-grid"),
    Subject("prompts-diff", "Paulo Dias", "p=prompts&s=diff", ".pc-diff"),
    Subject("prompts-evals", "Paulo Dias", "p=prompts&s=evals", ".pc-report-tiles"),
    Subject("prompts-ledger", "Paulo Dias", "p=prompts&s=ledger", ".pc-grid"),
    Subject("prompts-try", "Paulo Dias", "p=prompts&s=try", ".st-key-try-text"),
    Subject("prompts-past", "Paulo Dias", "p=prompts&s=try", ".st-key-try-text", "past"),
)
_OF: Final = {subject.page: subject for subject in SUBJECTS}
GUIDES: Final = tuple(
    Shot(_OF[page], width, locale, theme)
    for page, width, theme in (
        ("inbox", 1440, "light"),
        ("inbox", 1440, "dark"),
        ("inbox", 768, "light"),
        ("inbox", 360, "light"),
        ("queue", 360, "light"),
        ("template", 1024, "light"),
        ("give-back", 1024, "light"),
        ("floor", 1440, "light"),
        ("reports", 1440, "light"),
        ("office-canned", 1440, "light"),
        ("prompts-diff", 1440, "light"),
        ("prompts-past", 1440, "light"),
    )
    for locale in SCRIPTS
)


async def make(folder: Path, shots: Sequence[Shot]) -> None:
    """Make the pictures."""
    with open_nursery() as nursery:
        await _make(nursery, folder, shots)


async def _make(nursery: Nursery, folder: Path, shots: Sequence[Shot]) -> None:
    async with open_browser() as browser:
        for locale in SCRIPTS:
            mine = [shot for shot in shots if shot.locale == locale]
            if mine:
                await _photograph(browser, nursery, folder, locale, mine)


async def _photograph(
    browser: Browser, nursery: Nursery, folder: Path, locale: str, shots: Sequence[Shot]
) -> None:
    """Make the pictures of one language's office."""
    twilio = create_twilio(SimulatorConfig(account_sid=_SID, auth_token=_TOKEN))
    with tempfile.TemporaryDirectory(prefix="ponte-shots-") as data:
        async with (
            serve(create_stub_app(StubConfig(script=SCRIPTS[locale].model))) as model,
            serve(twilio) as whatsapp,
        ):
            settings = {
                "PROMPTS_DIR": str(ROOT / "prompts"),
                "DEFAULT_LOCALE": locale,
                "TWILIO_ACCOUNT_SID": _SID,
                "TWILIO_AUTH_TOKEN": _TOKEN,
                "TWILIO_API_BASE_URL": whatsapp.url,
                "OPENAI_BASE_URL": f"{model.url}/v1",
                "OPENAI_API_KEY": "test",
                "OPENAI_CHAT_MODEL": "gpt-stub",
            }
            await _template(whatsapp.url, SCRIPTS[locale])
            async with running_console(nursery, Path(data), settings) as console:
                studio = _Studio(browser, console, await seed(console.office, locale))
                for shot in shots:
                    picture = await studio.take(shot)
                    (folder / shot.name).write_bytes(picture)
                    sys.stdout.write(f"{shot.name}: {len(picture) // 1024} KB\n")


async def _template(url: str, script: Script) -> None:
    """Make a template that WhatsApp approved."""
    name, body, variables = script.template
    made = {"friendly_name": name, "language": script.locale.replace("-", "_"), "variables": variables}
    login = {"Authorization": aiohttp.encode_basic_auth(_SID, _TOKEN)}
    async with aiohttp.ClientSession(url, headers=login) as http:
        async with http.post(
            "/v1/Content", json={**made, "types": {"twilio/text": {"body": body}}}
        ) as answer:
            sid = (await answer.json())["sid"]
        wish = {"name": name, "category": "UTILITY"}
        async with http.post(f"/v1/Content/{sid}/ApprovalRequests/whatsapp", json=wish) as answer:
            answer.raise_for_status()


class _Studio:
    """A console, and the browser that looks at it; whoever logged in once stays logged in."""

    def __init__(self, browser: Browser, console: RunningConsole, seeded: Seeded) -> None:
        self._browser = browser
        self._console = console
        self._seeded = seeded
        self._logins: dict[str, StorageState] = {}

    async def take(self, shot: Shot) -> bytes:
        """Return a picture as a PNG of few colours."""
        await self._seeded.show_up(self._console.office)
        height = shot.of.height or _HEIGHTS.get(shot.width, 900)
        context = await self._browser.new_context(
            viewport={"width": shot.width, "height": height},
            locale=shot.locale,
            color_scheme="dark" if shot.theme == "dark" else "light",
            timezone_id="America/Sao_Paulo",
            reduced_motion="reduce",
            storage_state=self._logins.get(shot.of.who),
        )
        page = await context.new_page()
        await self._open(page, shot.of)
        await page.locator(shot.of.seen).first.wait_for(timeout=_LONG_MS)
        await expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0)
        if shot.of.query == _HELD:
            await page.locator(".pc-msg img").first.wait_for()
        if shot.of.act:
            await _ACTS[shot.of.act](page, self._seeded)
        # Animations of Streamlit's widgets end.
        await page.wait_for_timeout(900)
        picture = _small(await page.screenshot())
        self._logins[shot.of.who] = await context.storage_state()
        await context.close()
        return picture

    async def _open(self, page: Page, subject: Subject) -> None:
        query = subject.query.format(c=self._seeded.opened, asleep=self._seeded.asleep)
        await page.goto(f"{self._console.url}/agent/?{query}")
        if subject.who not in self._logins:
            await page.fill("input[name=email]", self._seeded.team[subject.who].email)
            await page.fill("input[name=password]", PASSWORD)
            await page.click("button[type=submit]")


async def _give_back(page: Page, _: Seeded) -> None:
    await page.locator(".st-key-return button").click()
    await page.locator(".st-key-return-confirm button").wait_for()


async def _past(page: Page, _: Seeded) -> None:
    """Repeat the conversation that changed last; a version's classifier may have to be trained first."""
    await page.locator(".st-key-try-whom [role=radio]").nth(1).click()
    await page.locator(".st-key-past-run button:enabled").click()
    await page.locator(".pc-past").wait_for(timeout=180_000)


_ACTS: Final[dict[str, Callable[[Page, Seeded], Awaitable[None]]]] = {
    "give back": _give_back,
    "past": _past,
}


def _small(picture: bytes) -> bytes:
    """Return a PNG of few colours."""
    with Image.open(io.BytesIO(picture)) as image:
        few = image.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
        out = io.BytesIO()
        few.save(out, "PNG", optimize=True)
    if out.tell() > MOST_BYTES:
        raise AssertionError(f"The picture has {out.tell():,} bytes, over {MOST_BYTES:,}.")
    return out.getvalue()


def main() -> None:
    """Make the pictures that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--all", action="store_true", help="every page, width and theme")
    parser.add_argument("--only", default="", help="only pages whose name has this")
    parser.add_argument("--widths", default="360,768,1440", help="of --all")
    chosen = parser.parse_args()
    shots: Sequence[Shot] = GUIDES
    if chosen.all:
        widths = [int(width) for width in chosen.widths.split(",")]
        shots = [
            Shot(subject, width, theme=theme)
            for subject in SUBJECTS
            for width in widths
            for theme in ("light", "dark")
        ]
    chosen.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(make(chosen.folder, [shot for shot in shots if chosen.only in shot.of.page]))


if __name__ == "__main__":
    main()
