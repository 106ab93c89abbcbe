"""`ponte demo` as somebody who tries it: a customer on the phone page, an agent in the console."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect

TRANSFER = "Ok, vou te transferir para um de nossos atendentes."
SLOW_MS = 30_000


@dataclass(frozen=True)
class Demo:
    """What the demo printed."""

    phone: str
    console: str
    email: str
    password: str


def free_ports(count: int) -> list[int]:
    """Return free loopback ports."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@asynccontextmanager
async def running_demo(data_dir: Path) -> AsyncIterator[tuple[Demo, asyncio.subprocess.Process]]:
    """Run `ponte demo` on free ports until the block ends."""
    api, console, simulator = free_ports(3)
    ports = {"PORT": str(api), "CONSOLE_PORT": str(console), "SIMULATOR_PORT": str(simulator)}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ponte",
        "demo",
        "--data-dir",
        str(data_dir),
        env={**os.environ, **ports, "DEBOUNCE_MS": "50"},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    printed = ""
    try:
        async with asyncio.timeout(100):
            while "Stop with Ctrl-C" not in printed:
                line = await process.stdout.readline()
                assert line, f"the demo ended early:\n{printed}"
                printed += line.decode()
        found = re.search(r"(\S+@\S+)\s+password: (\S+)", printed)
        assert found is not None, printed
        urls = re.findall(r"http://localhost:\d+\S*", printed)
        yield Demo(urls[0], urls[1], found[1], found[2]), process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await process.communicate()


async def customer_writes(phone: Page, text: str) -> None:
    """Type into the phone and send."""
    await phone.get_by_test_id("customer-input").first.fill(text)
    await phone.get_by_test_id("customer-send").first.click()


def shown(phone: Page, direction: str, text: str) -> Locator:
    """Return the messages of the phone that hold a text."""
    return phone.locator(f"[data-testid=message][data-direction={direction}]", has_text=text)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_customer_is_answered_handed_over_helped_and_resolved(
    tmp_path: Path, browser: Browser
) -> None:
    """The whole story in two browser windows, and a clean end by Ctrl-C."""
    async with running_demo(tmp_path / "demo") as (demo, process):
        phone = await browser.new_page(viewport={"width": 1280, "height": 800})
        await phone.goto(demo.phone)
        await customer_writes(phone, "Qual o preço da aula?")
        await expect(shown(phone, "outbound", "R$ 120")).to_be_visible(timeout=SLOW_MS)
        await customer_writes(phone, "quero falar com atendente")
        await expect(shown(phone, "outbound", TRANSFER)).to_be_visible(timeout=SLOW_MS)

        agent = await browser.new_page(viewport={"width": 1280, "height": 800}, locale="pt-BR")
        await agent.goto(demo.console)
        await agent.fill("input[name=email]", demo.email)
        await agent.fill("input[name=password]", demo.password)
        await agent.click("button[type=submit]")
        waiting = agent.locator("button[class*=st-key-queue-cv]").first
        await expect(waiting).to_be_visible(timeout=SLOW_MS)
        await waiting.click()
        await agent.locator(".st-key-claim button").first.click()
        box = agent.locator(".st-key-reply textarea")
        await expect(box).to_be_enabled(timeout=SLOW_MS)
        await box.fill("Oi, aqui é a Ana!")
        await box.press("Enter")
        await expect(shown(phone, "outbound", "Oi, aqui é a Ana!")).to_be_visible(timeout=SLOW_MS)

        await customer_writes(phone, "Que bom, Ana!")
        await expect(agent.locator(".pc-body", has_text="Que bom, Ana!")).to_be_visible(timeout=SLOW_MS)
        await agent.locator(".st-key-resolve button").first.click()
        await agent.locator(".st-key-resolve-confirm button").first.click()
        await agent.locator(".st-key-tab-resolved").click()
        await expect(agent.locator("button[class*=st-key-queue-cv]").first).to_be_visible(timeout=SLOW_MS)

        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 60) == 0
