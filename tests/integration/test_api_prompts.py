"""What the API tells of the prompt files, and to whom; and the commands on the same store."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from graph.prompts import prompts_version
from ponte.canary import LEAD_MS
from ponte.cli import app
from ponte.domain.agent import Role
from ponte.domain.prompt_version import PromptFault, PromptStatus
from tests.fixtures.api_office import Office, open_office

SHIPPED = Path(__file__).parents[2] / "prompts"


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """Serve an API over an empty database."""
    async with open_office(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped files, for commands on the office's database."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    copied = Path(shutil.copytree(SHIPPED, tmp_path / "prompts"))
    monkeypatch.setenv("PROMPTS_DIR", str(copied))
    return copied


async def ponte(*arguments: str) -> Result:
    """Run a command as an operator does."""
    return await asyncio.to_thread(CliRunner().invoke, app, ["prompts", *arguments])


async def test_prompts_are_shown_to_those_who_answer_for_them(office: Office) -> None:
    """Before any is served there is nothing to tell; an agent is refused."""
    for role, status in (
        (Role.PROMPT_ENGINEER, 200),
        (Role.SUPERVISOR, 200),
        (Role.ADMIN, 200),
        (Role.AGENT, 403),
    ):
        _, token = await office.add_agent(role.value.replace("_", ""), role)
        answer = await office.call("GET", "/v1/prompts", token)
        assert answer.status == status
        if status == 200:
            assert answer.json == {
                "status": None,
                "pinned": None,
                "changed_at": None,
                "changed_by": None,
                "versions": [],
            }
    assert (await office.call("GET", "/v1/prompts")).status == 401
    assert "prompts" not in (await office.call("GET", "/readyz")).json["checks"]


async def test_faults_of_the_files_are_told_without_being_unready(office: Office) -> None:
    """What is served, what the files are and why they are not is in /readyz and in the agent API."""
    versions = office.ponte.prompts
    await versions.keep("aa11", {"a.md": b"x"})
    await versions.follow_files("aa11")
    fault = PromptFault("messages/es.yaml", 2, "is wrong; mend it.")
    await versions.report(PromptStatus("aa11", "bb22", faults=(fault,)))
    expected = {
        "served": "aa11",
        "files": "bb22",
        "differs": True,
        "rolled_back": False,
        "faults": [{"file": "messages/es.yaml", "line": 2, "message": "is wrong; mend it."}],
    }
    ready = await office.call("GET", "/readyz")
    assert (ready.status, ready.json["checks"]["prompts"]) == (
        200,
        {"ok": True, "error": None, "detail": expected},
    )
    _, token = await office.add_agent("eva", Role.PROMPT_ENGINEER)
    told = (await office.call("GET", "/v1/prompts", token)).json
    assert told["status"] == expected
    assert told["changed_by"] == "worker"
    assert [(one["version"], one["files"]) for one in told["versions"]] == [("aa11", 1)]


async def test_the_history_names_what_is_served_and_what_the_files_are(office: Office, folder: Path) -> None:
    """Before anything was served it says so; then each version, the served one marked."""
    assert "Nothing was served yet" in (await ponte("history")).output
    versions = office.ponte.prompts
    await versions.keep("aa11aa11aa11", {"a.md": b"one\n", "b": b"\xff"})
    await versions.keep("aa22aa22aa22", {"a.md": b"two\n", "b": b"\xfe"})
    await versions.follow_files("aa22aa22aa22")
    shown = (await ponte("history")).output
    assert "* aa22aa22aa22" in shown
    assert "  aa11aa11aa11" in shown
    assert f"are version {prompts_version(folder)}; served is aa22aa22aa22: they differ" in shown
    assert str(folder) in shown
    changed = (await ponte("diff", "aa11", "aa22")).output
    assert "--- aa11aa11aa11/a.md\n+++ aa22aa22aa22/a.md\n@@ -1 +1 @@\n-one\n+two\n" in changed
    assert "b: differs, and is not UTF-8 text" in changed
    assert "+++ /dev/null" in (await ponte("diff", "served")).output
    assert "do not differ" in (await ponte("diff", "aa11", "aa11aa")).output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rollback", "aa"], "Several versions begin with 'aa': aa11, aa22"),
        (["rollback", "cc"], "No version begins with 'cc'"),
        (["diff", "main", "files"], "'main' is no version"),
        (["rollback", "aa11"], "cannot be served by this version of Ponte:\n  assistant.md: is missing"),
        (["rollback"], "Name the version to go back to"),
        (["rollback", "aa11", "--release"], "Name the version to go back to"),
        (["diff", "served"], "Nothing was served yet"),
        (["eval", "--gate"], "--gate compares: name what with, such as --against served"),
        (["eval", "--gate", "--against", "served"], "Nothing was served yet, so nothing can be compared"),
    ],
)
@pytest.mark.usefixtures("folder")
async def test_what_cannot_be_done_is_said_with_what_to_do(
    office: Office, arguments: list[str], said: str
) -> None:
    """Nothing is changed by a command that names no version that can be served."""
    for version in ("aa11", "aa22"):
        await office.ponte.prompts.keep(version, {"a.md": b"x"})
    result = await ponte(*arguments)
    assert result.exit_code == 1
    assert said in str(result.exception)
    assert (await office.ponte.prompts.serving()).revision == 0


async def test_a_rollback_is_recorded_and_says_that_the_files_differ(office: Office, folder: Path) -> None:
    """Both ways are in the audit log; releasing what is not pinned changes nothing."""
    versions = office.ponte.prompts
    first = prompts_version(folder)
    await versions.keep(first, {p.relative_to(folder).as_posix(): p.read_bytes() for p in _files(folder)})
    (folder / "README.md").write_text("changed", encoding="utf-8")
    await versions.follow_files("aa22aa22aa22")
    said = (await ponte("rollback", first[:8])).output
    assert f"Version {first} is served from the next message on" in said
    assert "Rolled back by operator at" in said
    assert (await versions.serving()).served == first
    assert "The files are served again" in (await ponte("rollback", "files")).output
    assert (await versions.serving()).served == "aa22aa22aa22"
    revision = (await versions.serving()).revision
    await ponte("rollback", "--release")
    assert (await versions.serving()).revision == revision
    log = [(entry.action, entry.detail) for entry in await office.store.audit_log()]
    assert ("prompts_rolled_back", f"aa22aa22aa22 -> {first}") in log
    assert ("prompts_released", f"{first} -> the files") in log


async def test_a_draft_on_trial_is_first_served_as_its_trial_begins(office: Office, folder: Path) -> None:
    """The history names no moment at which no customer could have had it."""
    await office.ponte.prompts.follow_files("aa22aa22aa22")
    said = (await ponte("canary", "files", "--percent", "10")).output
    assert f"Version {prompts_version(folder)} is tried" in said
    (kept,) = await office.ponte.prompts.history()
    trial = (await office.ponte.prompts.serving()).canary
    assert trial is not None
    assert kept.version == trial.version
    assert abs(kept.first_served_at - trial.started_at) < LEAD_MS


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
