"""Prompt files edited, broken, mended and gone back from while Ponte runs: what the customers receive."""

from __future__ import annotations

import asyncio
import shutil
import sys
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from graph.prompts import prompts_version
from tests.support.processes import Nursery
from tests.support.stack import PROMPTS, Stack, open_stack, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

_SHIPPED = "Sou o assistente virtual"
_PATIENCE_S = 30
_NUMBERS = count(1)


class Office:
    """Running processes over one folder of prompt files.

    Args:
        stack: what runs.
        folder: the prompt files.
        data: the database's folder.
    """

    def __init__(self, stack: Stack, folder: Path, data: Path) -> None:
        self.stack = stack
        self.folder = folder
        self.data = data

    def edit(self, old: str, new: str) -> str:
        """Change the greeting's file as an editor does; returns the folder's version then."""
        path = self.folder / "messages/pt-BR.yaml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        return prompts_version(self.folder)

    async def prompts(self) -> dict[str, Any]:
        """Return the detail of /readyz, which stays 200."""
        async with self.stack.http.get(f"{self.stack.api_urls[0]}/readyz") as answer:
            assert answer.status == 200
            ready = await answer.json()
        detail: dict[str, Any] = ready["checks"]["prompts"]["detail"]
        return detail

    async def told(self, **expected: object) -> dict[str, Any]:
        """Wait until /readyz tells what is expected; returns all it tells."""
        found: dict[str, Any] = {}

        async def met() -> bool:
            found.update(await self.prompts())
            return all(found[name] == value for name, value in expected.items())

        await until(met, _PATIENCE_S, lambda: f"{expected} never told, but {found}:\n{self.stack.log_ends()}")
        return found

    async def greetings(self, customers: int = 1) -> list[str]:
        """Let new customers say hello; return what each of them receives."""
        writers = [f"55119{next(_NUMBERS):08d}" for _ in range(customers)]
        for writer in writers:
            await self.stack.network.customer_says(writer, "oi")
        found: dict[str, str] = {}

        async def answered() -> bool:
            found.update({m.wa_id: m.body for m in self.stack.sent()})
            return all(writer in found for writer in writers)

        await until(answered, _PATIENCE_S, self.stack.log_ends)
        return [found[writer] for writer in writers]

    async def ponte(self, *arguments: str) -> str:
        """Run ``ponte prompts`` on the same store, as an operator does; returns what it prints."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "ponte", "prompts", *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={
                "PATH": "/usr/bin:/bin",
                "DATA_DIR": str(self.data),
                "PROMPTS_DIR": str(self.folder),
                "PYTHONPATH": str(PROMPTS.parent),
            },
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
        return said.decode()


async def test_an_edit_a_broken_edit_a_mend_and_a_rollback_without_a_restart(
    nursery: Nursery, tmp_path: Path
) -> None:
    """Customers get each good edit and no broken one; a rollback holds over a restart with broken files."""
    folder = Path(shutil.copytree(PROMPTS, tmp_path / "prompts"))
    commands = {"api-1": {"RUN_WORKER": "true"}}
    async with open_stack(
        nursery,
        tmp_path / "run",
        commands=commands,
        PROMPTS_DIR=str(folder),
        OPENAI_API_KEY="",
        OPENAI_BASE_URL="",
    ) as stack:
        office = Office(stack, folder, tmp_path / "run" / "data")
        await stack.start()
        first = (await office.told(differs=False))["served"]
        assert _SHIPPED in (await office.greetings())[0]

        second = office.edit(_SHIPPED, "Aqui fala a recepção")
        await office.told(served=second, faults=[])
        assert "Aqui fala a recepção" in (await office.greetings())[0]

        broken = office.edit("  greeting:", "  greetingg:")
        detail = await office.told(served=second, files=broken)
        assert {"messages/pt-BR.yaml"} == {fault["file"] for fault in detail["faults"]}
        assert any("did you mean 'bot.greeting'?" in fault["message"] for fault in detail["faults"])
        assert "Aqui fala a recepção" in (await office.greetings())[0]
        assert any(event["line"] for event in stack.events("prompts_refused"))

        office.edit("  greetingg:", "  greeting:")
        third = office.edit("Aqui fala a recepção", "Aqui é da hípica")
        await office.told(served=third, faults=[])
        assert "Aqui é da hípica" in (await office.greetings())[0]

        said = await office.ponte("rollback", first[:6])
        assert f"Version {first} is served" in said
        assert "they differ" in said
        await office.told(served=first, files=third, rolled_back=True)
        assert _SHIPPED in (await office.greetings())[0]
        shown = await office.ponte("history")
        assert all(version in shown for version in (first, second, third))
        assert broken not in shown
        changed = await office.ponte("diff", second[:8], third[:8])
        assert "-  greeting:" in changed
        assert "Aqui é da hípica" in changed

        api = stack.processes["api-1"]
        await api.kill()
        office.edit("  greeting:", "  greetingg:")
        await api.start()
        await stack.answers()
        await office.told(served=first, rolled_back=True, differs=True)
        assert _SHIPPED in (await office.greetings())[0]

        office.edit("  greetingg:", "  greeting:")
        await office.ponte("rollback", "files")
        await office.told(served=third, differs=False)
        greeted = (await office.greetings())[0]
        assert "Aqui é da hípica" in greeted
        versions = {
            message.prompt_version
            for rows in (await stack.transcripts()).values()
            for message in rows
            if message.prompt_version
        }
        assert versions == {first, second, third}


async def test_processes_on_one_store_agree_on_a_rollback(nursery: Nursery, tmp_path: Path) -> None:
    """Every worker serves the version gone back to within a moment, and an API without one tells of it."""
    folder = Path(shutil.copytree(PROMPTS, tmp_path / "prompts"))
    commands: dict[str, dict[str, str]] = {"api-1": {"RUN_WORKER": "false"}, "worker-1": {}, "worker-2": {}}
    async with open_stack(
        nursery,
        tmp_path / "run",
        commands=commands,
        PROMPTS_DIR=str(folder),
        OPENAI_API_KEY="",
        OPENAI_BASE_URL="",
    ) as stack:
        office = Office(stack, folder, tmp_path / "run" / "data")
        await stack.start()
        # An API without a worker knows what is served once a worker has told.
        await until(lambda: _serving(stack, 2), _PATIENCE_S, stack.log_ends)
        first = (await office.told(differs=False))["served"]
        second = office.edit(_SHIPPED, "Aqui fala a recepção")
        await until(lambda: _serving(stack, 2, second), _PATIENCE_S, stack.log_ends)
        assert all("Aqui fala a recepção" in text for text in await office.greetings(8))
        await office.ponte("rollback", first)
        await until(lambda: _serving(stack, 4, first), _PATIENCE_S, stack.log_ends)
        assert all(_SHIPPED in text for text in await office.greetings(8))


async def _serving(stack: Stack, times: int, version: str = "") -> bool:
    """Tell whether so many switches, to this version, were logged by all processes together."""
    found = [e for e in stack.events("prompts_served") if not version or e["version"] == version]
    return len(found) >= times
