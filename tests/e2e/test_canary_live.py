"""A trial of prompt files while two workers run: begun, kept, and promoted by the commands."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from itertools import count
from pathlib import Path

import pytest

from ponte.clock import SystemClock
from tests.support.processes import Nursery
from tests.support.stack import PROMPTS, Stack, open_stack, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

_SHIPPED, _DRAFT = "Sou o assistente virtual", "Aqui fala a recepção"
_PATIENCE_S = 60
_NUMBERS = count(1)


async def _ponte(place: Path, *arguments: str) -> str:
    """Run ``ponte prompts canary`` on the same store, as an operator does; return what it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "ponte", "prompts", "canary", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={
            "PATH": "/usr/bin:/bin",
            "DATA_DIR": str(place / "run" / "data"),
            "PROMPTS_DIR": str(PROMPTS),
            "PYTHONPATH": str(PROMPTS.parent),
        },
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def _greetings(stack: Stack, writers: list[str]) -> list[str]:
    """Let customers say hello; return what each of them receives for it."""
    before = len(stack.sent())
    for writer in writers:
        await stack.network.customer_says(writer, "oi")
    found: dict[str, str] = {}

    async def answered() -> bool:
        found.update({message.wa_id: message.body for message in stack.sent()[before:]})
        return all(writer in found for writer in writers)

    await until(answered, _PATIENCE_S, stack.log_ends)
    return [found[writer] for writer in writers]


def _writers(number: int) -> list[str]:
    return [f"55118{next(_NUMBERS):08d}" for _ in range(number)]


async def test_a_trial_over_two_workers(nursery: Nursery, tmp_path: Path) -> None:
    """New customers get the draft and old ones do not, whichever worker answers; promoted, all get it."""
    draft = Path(shutil.copytree(PROMPTS, tmp_path / "draft"))
    greetings = draft / "messages/pt-BR.yaml"
    greetings.write_text(greetings.read_text(encoding="utf-8").replace(_SHIPPED, _DRAFT), encoding="utf-8")
    commands: dict[str, dict[str, str]] = {"api-1": {"RUN_WORKER": "false"}, "worker-1": {}, "worker-2": {}}
    async with open_stack(
        nursery, tmp_path / "run", commands=commands, OPENAI_API_KEY="", OPENAI_BASE_URL=""
    ) as stack:
        await stack.start()
        old = _writers(4)
        assert all(_SHIPPED in text for text in await _greetings(stack, old))
        await _ponte(tmp_path, str(draft), "--percent", "100")

        async def known() -> bool:
            return len(stack.events("prompts_on_trial")) == 2

        await until(known, _PATIENCE_S, stack.log_ends)
        status = json.loads(await _ponte(tmp_path, "status", "--json"))
        since: int = status["canary"]["started_at"]
        version: str = status["canary"]["version"]

        async def begun() -> bool:
            return SystemClock().now() > since

        await until(begun, _PATIENCE_S)
        new = _writers(8)
        assert all(_DRAFT in text for text in await _greetings(stack, new))
        assert all(_SHIPPED in text for text in await _greetings(stack, old))
        status = json.loads(await _ponte(tmp_path, "status", "--json"))
        assert status["versions"][version]["conversations"] == len(new)
        await _ponte(tmp_path, "promote")

        async def served() -> bool:
            return len([e for e in stack.events("prompts_served") if e["version"] == version]) == 2

        await until(served, _PATIENCE_S, stack.log_ends)
        assert all(_DRAFT in text for text in await _greetings(stack, old))
