"""Which prompt files are served while they are edited, broken, mended and gone back from."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from graph.context import GraphContext
from graph.prompt_serving import PromptServer
from graph.prompts import PromptSet, load_prompts, prompts_version
from graph.testing import fake_context
from ponte.adapters.sqlite import SqliteStore, open_sqlite
from ponte.domain.conversation import Conversation
from ponte.domain.prompt_version import PromptServing
from ponte.errors import InvalidInput, NotFound, PromptError
from ponte.prompt_versions import PromptVersions
from ponte.testing import ManualClock

SHIPPED = Path(__file__).parents[2] / "prompts"
GREETING = "Olá! 🐴 Sou o assistente"
_PATIENCE_S = 30


@pytest.fixture(scope="module")
def base() -> GraphContext:
    """The shipped files, trained and indexed once."""
    return fake_context(SHIPPED)


class Desk:
    """A folder that is edited, a store, and processes that serve the folder.

    Args:
        store: shared by all processes.
        folder: the prompt files.
        base: what the contexts have in common.
    """

    def __init__(self, store: SqliteStore, folder: Path, base: GraphContext) -> None:
        self.store = store
        self.folder = folder
        self.clock = ManualClock()
        self.base = base
        self.derived: list[str] = []

    def versions(self) -> PromptVersions:
        """Return the versions, as another process has them."""
        return PromptVersions(self.store, self.clock)

    def server(self, versions: PromptVersions | None = None) -> PromptServer:
        """Return what a process serves with."""
        return PromptServer(self.folder, versions or self.versions(), self._derive)

    def _derive(self, prompts: PromptSet, like: GraphContext | None = None) -> GraphContext:
        self.derived.append(prompts.version)
        if "BOOM" in prompts.assistant.body.source:
            raise ArithmeticError("the training fell over")
        return replace(like or self.base, prompts=prompts)

    def edit(self, old: str, new: str, file: str = "messages/pt-BR.yaml") -> str:
        """Change a file as an editor does; returns the folder's version then."""
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return prompts_version(self.folder)


def greeting(context: GraphContext) -> str:
    """Return how the bot greets."""
    return context.prompts.text("bot.greeting", "pt-BR")[: len(GREETING)]


@pytest.fixture
async def desk(tmp_path: Path, base: GraphContext) -> AsyncIterator[Desk]:
    """Return a desk with a copy of the shipped files."""
    folder = Path(shutil.copytree(SHIPPED, tmp_path / "prompts"))
    async with open_sqlite(tmp_path / "data") as store:
        await store.migrate()
        yield Desk(store, folder, base)


@asynccontextmanager
async def running(server: PromptServer) -> AsyncIterator[None]:
    """Let a server follow files and store, as a worker does."""
    task = asyncio.create_task(server.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(met: Callable[[], bool]) -> None:
    """Wait until a condition is met."""
    async with asyncio.timeout(_PATIENCE_S):
        while not met():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.02)


async def until_told(versions: PromptVersions, place: tuple[str, int]) -> None:
    """Wait until a process tells of one fault, at this file and line."""
    async with asyncio.timeout(_PATIENCE_S):
        while True:
            status = await versions.status()
            if status is not None and [(one.file, one.line) for one in status.faults] == [place]:
                return
            await asyncio.sleep(0.02)


async def test_an_edit_is_served_and_a_turn_keeps_what_it_began_with(desk: Desk) -> None:
    """The next turn has the new text; a context that was given out stays as it was."""
    server = desk.server()
    await server.start()
    begun = server.for_conversation(Conversation("c", "k", "t", 0, 0))
    edited = desk.edit(GREETING, "Oi! Aqui")
    await server.look()
    assert server.current().prompts.version == edited
    assert greeting(server.current()).startswith("Oi! Aqui virtual")
    assert greeting(begun) == GREETING


async def test_a_broken_edit_is_told_and_not_served(desk: Desk) -> None:
    """The last good version goes on; file, line and mend are in log and status; a mend clears it."""
    server, versions = desk.server(), desk.versions()
    await server.start()
    good = server.current()
    broken = desk.edit("  greeting: ", "  greetingg: ")
    with capture_logs() as logs:
        await server.look()
        await server.refresh()
    assert server.current() is good
    (missing, unknown) = [entry for entry in logs if entry["event"] == "prompts_refused"]
    lines = (desk.folder / "messages/pt-BR.yaml").read_text(encoding="utf-8").splitlines()
    assert lines[missing["line"] - 1] == "bot:"
    assert lines[unknown["line"] - 1].startswith("  greetingg:")
    status = await versions.status()
    assert status is not None
    assert (status.served, status.files) == (good.prompts.version, broken)
    assert "did you mean 'bot.greeting'?" in status.faults[1].message
    mended = desk.edit("  greetingg: ", "  greeting: ")
    assert mended == good.prompts.version
    await server.look()
    status = await versions.status()
    assert status is not None
    assert (status.differs, status.faults) == (False, ())


async def test_what_is_served_is_in_the_store_first(desk: Desk) -> None:
    """Each served version can be read back, byte for byte; a broken one is never kept."""
    server = desk.server()
    await server.start()
    first = prompts_version(desk.folder)
    second = desk.edit(GREETING, "Oi! Aqui")
    await server.look()
    desk.edit("handoff:", "handoff")
    await server.look()
    kept = await desk.versions().history()
    assert {one.version for one in kept} == {first, second}
    files = await desk.versions().files(first)
    assert load_prompts(files).version == first
    assert files["messages/pt-BR.yaml"] == (SHIPPED / "messages/pt-BR.yaml").read_bytes()


async def test_a_rollback_reaches_every_process_and_survives_a_restart(desk: Desk) -> None:
    """All processes serve the version gone back to, whatever is saved, until the files are served again."""
    servers = [desk.server(), desk.server()]
    for server in servers:
        await server.start()
    first = prompts_version(desk.folder)
    second = desk.edit(GREETING, "Oi! Aqui")
    for server in servers:
        await server.look()
    await desk.versions().pin(first)
    third = desk.edit("Oi! Aqui", "Alô! Aqui")
    servers.append(desk.server())
    await servers[-1].start()
    for server in servers:
        await server.look()
        assert server.current().prompts.version == first
    status = await desk.versions().status()
    assert status is not None
    assert (status.served, status.files, status.pinned, status.differs) == (first, third, True, True)
    assert second in {one.version for one in await desk.versions().history()}
    await desk.versions().release()
    for server in servers:
        await server.refresh()
        assert server.current().prompts.version == third
    log = [(entry.action, entry.actor) for entry in await desk.store.audit_log()]
    assert sorted(log) == [("prompts_released", "operator"), ("prompts_rolled_back", "operator")]


# Each made what reads the files, or the trial of their texts, raise something of its own.
_CRASHES = {
    "a date that is none": ("messages/pt-BR.yaml", "{{ hours }}", "{{ hours | date }}"),
    "an endless macro": (
        "messages/pt-BR.yaml",
        "{{ hours }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    ),
}


@pytest.mark.parametrize("crash", _CRASHES.values(), ids=_CRASHES)
async def test_while_the_files_are_broken_all_ways_out_stay_open(
    desk: Desk, crash: tuple[str, str, str]
) -> None:
    """The fault is told, a version can be gone back to, a restart serves on, and a mend is found at once."""
    file, good_text, bad_text = crash
    watched = desk.versions()
    server = desk.server(watched)
    await server.start()
    first = server.current().prompts.version
    second = desk.edit(GREETING, "Oi! Aqui")
    await server.look()
    async with running(server):
        desk.edit(good_text, bad_text, file)
        await until_told(watched, (file, 6))
        await desk.versions().pin(first)
        await until(lambda: server.current().prompts.version == first)
        restarted = desk.server()
        await restarted.start()
        assert restarted.current().prompts.version == first
        await desk.versions().release()
        await until(lambda: server.current().prompts.version == second)
        mended = desk.edit(bad_text, good_text.replace("hours", " hours "), file)
        await until(lambda: server.current().prompts.version == mended)


async def test_a_failure_that_nobody_foresaw_does_not_end_the_following(desk: Desk) -> None:
    """The next look does what the failed one was to do."""

    class Flawed(PromptVersions):
        failures = 1

        async def serving(self) -> PromptServing:
            if self.failures:
                self.failures -= 1
                raise AssertionError("never")
            return await super().serving()

    versions = Flawed(desk.store, desk.clock)
    versions.failures = 0
    server = desk.server(versions)
    await server.start()
    edited = desk.edit(GREETING, "Oi! Aqui")
    versions.failures = 1
    with capture_logs() as logs:
        async with running(server):
            await until(lambda: server.current().prompts.version == edited)
    assert "prompts_not_followed" in {entry["event"] for entry in logs}


async def test_a_restart_with_broken_files_serves_the_last_version(desk: Desk) -> None:
    """It starts all the same and says so; without any version served before it does not start."""
    never = desk.edit("handoff:", "handoff")
    with pytest.raises(PromptError, match=r"no version was served before:\n.*messages/pt-BR\.yaml"):
        await desk.server().start()
    desk.edit("handoff", "handoff:")
    before = desk.server()
    await before.start()
    first = before.current().prompts.version
    edited = desk.edit(GREETING, "Oi! Aqui")
    await before.look()
    back = desk.edit("Oi! Aqui", GREETING)
    await before.look()
    assert back == first != edited
    assert desk.edit("handoff:", "handoff") == never
    restarted = desk.server()
    with capture_logs() as logs:
        await restarted.start()
    # Served last, though the other one was served first later.
    assert restarted.current().prompts.version == first
    assert "prompts_refused" in {entry["event"] for entry in logs}
    status = await desk.versions().status()
    assert status is not None
    assert (status.differs, status.faults[0].file) == (True, "messages/pt-BR.yaml")


async def test_files_that_cannot_be_prepared_do_not_end_the_service(desk: Desk) -> None:
    """Whatever the training raises, the last good version goes on, and the reason is told."""
    server = desk.server()
    await server.start()
    good = server.current()
    desk.edit("You are", "BOOM You are", "assistant.md")
    for _ in range(3):
        await server.look()
    assert server.current() is good
    status = await desk.versions().status()
    assert status is not None
    assert "cannot be prepared (ArithmeticError)" in status.faults[0].message
    assert len(desk.derived) == 2


async def test_a_pinned_version_that_is_not_there_does_not_end_the_service(desk: Desk) -> None:
    """The files are served, and the status says why the version is not."""
    await desk.store.change_prompt_serving(PromptServing(1, pinned="0123456789ab"))
    server = desk.server()
    await server.start()
    assert server.current().prompts.version == prompts_version(desk.folder)
    status = await desk.versions().status()
    assert status is not None
    assert "0123456789ab is not in the store" in status.faults[0].message
    assert not status.pinned


@pytest.mark.parametrize("polling", ["", "1"])
async def test_saved_files_and_rollbacks_are_noticed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, polling: str
) -> None:
    """Edits are found as they are saved, by events or by polling, and a rollback within a moment."""
    if polling:
        monkeypatch.setenv("WATCHFILES_FORCE_POLLING", polling)
    server = desk.server()
    await server.start()
    first = server.current().prompts.version
    async with running(server):
        edited = desk.edit(GREETING, "Oi! Aqui")
        await until(lambda: server.current().prompts.version == edited)
        (desk.folder / "draft").mkdir()
        (desk.folder / "assistant.md").replace(desk.folder / "draft" / "assistant.md")
        (desk.folder / "draft" / "assistant.md").replace(desk.folder / "assistant.md")
        await desk.versions().pin(first)
        await until(lambda: server.current().prompts.version == first)
        await desk.versions().release()
        await until(lambda: server.current().prompts.version == edited)


async def test_a_folder_that_comes_back_is_served_again(desk: Desk) -> None:
    """A folder that is gone, as while a volume is mounted anew, is waited for."""
    server = desk.server()
    await server.start()
    away = desk.folder.rename(desk.folder.with_name("away"))
    async with running(server):
        (away / "messages/es.yaml").write_bytes((away / "messages/es.yaml").read_bytes() + b"# more\n")
        expected = prompts_version(away)
        away.rename(desk.folder)
        await until(lambda: server.current().prompts.version == expected)


async def test_a_version_is_found_by_its_beginning(desk: Desk) -> None:
    """Unknown, ambiguous and malformed beginnings are told apart, with what to do."""
    versions = desk.versions()
    for version in ("ab12", "ab34"):
        await versions.keep(version, {})
    assert (await versions.find("AB1")).version == "ab12"
    with pytest.raises(InvalidInput, match="Several versions begin with 'ab': ab12, ab34"):
        await versions.find("ab")
    with pytest.raises(NotFound, match="ponte prompts history"):
        await versions.find("c")
    with pytest.raises(InvalidInput, match="is no version"):
        await versions.find("x; DROP")
