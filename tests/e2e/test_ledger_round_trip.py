"""A wrong handoff becomes an example: customer, agent API and command line, as real processes."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from ponte.ledger import HEADER
from tests.support.processes import Nursery
from tests.support.stack import PROMPTS, Stack, open_stack, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

MARIA = "5511900000001"
SAID = "oi, sou a Maria Souza, quero falar com atendente, meu pedido é 4455667"


async def waiting(stack: Stack) -> dict[str, Any]:
    """Wait until the customer waits for an agent, and return the conversation."""
    found: list[dict[str, Any]] = []

    async def there() -> bool:
        _, page = await stack.call("GET", "/v1/conversations?status=AWAITING_AGENT")
        found[:] = page["items"]
        return bool(found)

    await until(there, 40, stack.log_ends)
    return found[0]


async def test_a_mark_comes_back_as_an_example(nursery: Nursery, tmp_path: Path) -> None:
    """Handed over over WhatsApp, marked through the agent API, exported as one masked row."""
    commands = {"api": {"RUN_WORKER": "true"}}
    async with open_stack(nursery, tmp_path / "stack", commands=commands) as stack:
        await stack.start()
        await stack.network.customer_says(MARIA, SAID)
        conversation = await waiting(stack)
        path = f"/v1/conversations/{conversation['id']}"
        status, page = await stack.call("GET", f"{path}/decisions")
        assert status == 200
        (decision,) = page["items"]
        assert (decision["outcome"], decision["trigger"], decision["seq"]) == ("human", "keyword", 1)

        status, _ = await stack.call("POST", f"{path}/handoff-mark", {"mark": "not_needed"})
        assert status == 200
        status, page = await stack.call("GET", f"{path}/decisions?outcome=human")
        assert [m["mark"] for m in page["items"][0]["marks"]] == ["not_needed"]

        out = tmp_path / "review.tsv"
        told = await _command("prompts", "ledger", "export", "--out", str(out), folder=tmp_path / "stack")
        assert "1 example(s)" in told
        header, row = out.read_text(encoding="utf-8").splitlines()
        assert header.split("\t") == list(HEADER)
        assert row.split("\t") == [
            "pt-BR",
            "bot",
            "not_needed",
            "oi, sou a <name>, quero falar com atendente, meu pedido é <number>",
        ]
        listed = await _command("prompts", "ledger", "list", folder=tmp_path / "stack")
        assert f"{decision['prompt_version']}\tkeyword\t1\t1\t0" in listed


async def _command(*words: str, folder: Path) -> str:
    """Run ``ponte`` on the stack's database, and return what it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ponte",
        *words,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(folder / "data"), "PROMPTS_DIR": str(PROMPTS)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()
