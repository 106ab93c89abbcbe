"""Pictures of the console for the guides: ``python -m tests.support.screenshots [FOLDER] [--all]``.

Seeds an office, serves the console, and photographs it with Chromium. Without ``--all`` only the pictures
that the guides show are made; with it every page at 360, 768 and 1440 px, in both themes, for looking at.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.fixtures.console_office import PASSWORD, ROOT, RunningConsole, running_console
from tests.support.seeded_office import Seeded, seed

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs/images/console"
FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_COLOURS: Final = 128
_HEIGHTS: Final = {360: 740, 768: 1024, 1440: 900}


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture: ``who`` looks at ``query``, and waits for ``seen``."""

    page: str
    who: str
    query: str
    seen: str
    width: int = 1440
    locale: str = "pt-BR"
    theme: str = "light"

    @property
    def name(self) -> str:
        """The file's name."""
        dark = "-dark" if self.theme == "dark" else ""
        return f"{self.page}-{self.width}-{self.locale}{dark}.png"


# Page, who looks, the address's query ({c} is the open conversation), what to wait for.
PAGES: Final = (
    ("inbox", "Ana Souza", "p=inbox&tab=mine&c={c}", ".pc-composer"),
    ("queue", "Ana Souza", "p=inbox&tab=waiting", ".pc-row"),
    ("floor", "Sônia Prado", "p=floor", ".pc-case"),
    ("reports", "Sônia Prado", "p=reports", ".pc-report-tiles"),
    ("office-agents", "Rita Campos", "p=office&s=agents", ".pc-grid"),
    ("office-canned", "Rita Campos", "p=office&s=canned", ".pc-grid"),
    ("office-labels", "Rita Campos", "p=office&s=labels", ".pc-grid"),
    ("office-dispositions", "Rita Campos", "p=office&s=dispositions", ".pc-grid"),
    ("prompts-versions", "Paulo Dias", "p=prompts&s=versions", ".pc-grid"),
    ("prompts-diff", "Paulo Dias", "p=prompts&s=diff", ".pc-diff"),
    ("prompts-evals", "Paulo Dias", "p=prompts&s=evals", ".pc-report-tiles"),
    ("prompts-ledger", "Paulo Dias", "p=prompts&s=ledger", ".pc-grid"),
    ("prompts-try", "Paulo Dias", "p=prompts&s=try", ".st-key-try-text"),
    ("office-audit", "Rita Campos", "p=office&s=audit", ".pc-grid"),
)
GUIDES: Final = tuple(
    Shot(page, who, query, seen, width, locale)
    for page, who, query, seen, width in (
        (*PAGES[0], 1440),
        (*PAGES[1], 360),
        (*PAGES[2], 1440),
        (*PAGES[3], 1440),
        (*PAGES[5], 1440),
    )
    for locale in ("pt-BR", "en")
)


async def make(folder: Path, shots: Sequence[Shot]) -> None:
    """Make the pictures."""
    with tempfile.TemporaryDirectory(prefix="ponte-shots-") as data:
        async with (
            running_console(Path(data), {"PROMPTS_DIR": str(ROOT / "prompts")}) as console,
            async_playwright() as playwright,
        ):
            seeded = await seed(console.office)
            browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
            for shot in shots:
                picture = await _take(browser, console, seeded, shot)
                (folder / shot.name).write_bytes(picture)
                sys.stdout.write(f"{shot.name}: {len(picture) // 1024} KB\n")
            await browser.close()


async def _take(browser: Browser, console: RunningConsole, seeded: Seeded, shot: Shot) -> bytes:
    size = {"width": shot.width, "height": _HEIGHTS.get(shot.width, 900)}
    context = await browser.new_context(
        viewport={"width": size["width"], "height": size["height"]},
        locale=shot.locale,
        color_scheme="dark" if shot.theme == "dark" else "light",
        timezone_id="America/Sao_Paulo",
    )
    page = await context.new_page()
    await _log_in(page, console.url, seeded.team[shot.who].email, shot.query.format(c=seeded.opened))
    await page.locator(shot.seen).first.wait_for(timeout=40_000)
    await expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0)
    if shot.page == "reports":
        await page.locator(
            "[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg"
        ).first.wait_for()
    # Animations of Streamlit's widgets end.
    await page.wait_for_timeout(700)
    picture = await page.screenshot()
    await context.close()
    return _small(picture)


async def _log_in(page: Page, url: str, email: str, query: str) -> None:
    await page.goto(f"{url}/agent/?{query}")
    await page.fill("input[name=email]", email)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("button[type=submit]")


def _small(picture: bytes) -> bytes:
    """Return a PNG of few colours."""
    with Image.open(io.BytesIO(picture)) as image:
        few = image.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
        out = io.BytesIO()
        few.save(out, "PNG", optimize=True)
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
            Shot(*page, width=width, theme=theme)
            for page in PAGES
            for width in widths
            for theme in ("light", "dark")
        ]
    chosen.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(make(chosen.folder, [shot for shot in shots if chosen.only in shot.page]))


if __name__ == "__main__":
    main()
