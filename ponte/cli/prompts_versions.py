"""``ponte prompts history|diff|rollback``: what was served, what changed, and the way back."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from ponte.bootstrap import Ponte
from ponte.cli.prompts_sources import FILES, SERVED
from ponte.cli.session import with_ponte
from ponte.domain.prompt_version import PromptServing
from ponte.errors import InvalidInput

_NAMES: Final = f"a version or its beginning, `{FILES}` for the folder, or `{SERVED}`"


def register(app: typer.Typer) -> None:
    """Add these commands to ``app``."""
    for command in (history, diff, rollback):
        app.command()(command)


def history(
    limit: Annotated[int, typer.Option(help="The most versions to list.", min=1, max=1000)] = 20,
) -> None:
    """List the versions that were served, which one is served now, and what the files are."""

    async def act(ponte: Ponte) -> None:
        versions, serving = await ponte.prompts.history(limit), await ponte.prompts.serving()
        here, usable = _folder(ponte)
        print(f"  {'version':14}{'first served (UTC)':21}files")
        for one in versions:
            marks = [
                *(["served"] if one.version == serving.served else []),
                *(["rolled back to"] if one.version == serving.pinned else []),
                *(["on trial"] if serving.canary and one.version == serving.canary.version else []),
                *(["the files"] if one.version == here else []),
            ]
            star = "*" if one.version == serving.served else " "
            print(
                f"{star} {one.version:14}{_moment(one.first_served_at):21}{one.files:5}  {', '.join(marks)}"
            )
        if not versions:
            print("  Nothing was served yet. Start `ponte api`, or `make demo`.")
        print(_told(ponte, serving, here, usable=usable))

    with_ponte(act)


def diff(
    before: Annotated[str, typer.Argument(metavar="A", help=f"The old side: {_NAMES}.")],
    after: Annotated[str, typer.Argument(metavar="B", help=f"The new side: {_NAMES}.")] = FILES,
) -> None:
    """Show what changed between two versions, file by file; B is the folder when left out."""

    async def act(ponte: Ponte) -> None:
        old_name, old = await _side(ponte, before)
        new_name, new = await _side(ponte, after)
        lines = [
            line
            for file in sorted({*old, *new})
            if old.get(file) != new.get(file)
            for line in _changed(file, old_name, old.get(file), new_name, new.get(file))
        ]
        print("\n".join(lines) if lines else f"{old_name} and {new_name} do not differ.")

    with_ponte(act)


def rollback(
    version: Annotated[
        str | None,
        typer.Argument(help="The version to serve, or its beginning; `files` serves the folder again."),
    ] = None,
    release: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--release", help="Serve the folder again: the same as `rollback files`.")
    ] = False,
) -> None:
    """Serve a version that was served before, whatever the files say, also after a restart.

    Every running process follows within a second or two. Saved edits are not served until the files are
    again: `ponte prompts rollback files`.
    """
    if (version is None) != release:
        raise InvalidInput(
            "Name the version to go back to, or `files` (or --release) to serve the folder again."
        )

    async def act(ponte: Ponte) -> None:
        here, usable = _folder(ponte)
        if version is None or version == FILES:
            serving = await ponte.prompts.release()
            print("The files are served again, as soon as they are saved and without fault.")
        else:
            wanted = (await ponte.prompts.find(version)).version
            _require_usable(wanted, await ponte.prompts.files(wanted))
            serving = await ponte.prompts.pin(wanted)
            print(f"Version {wanted} is served from the next message on, in every process.")
        print(_told(ponte, serving, here, usable=usable))

    with_ponte(act)


def _told(ponte: Ponte, serving: PromptServing, here: str, *, usable: bool) -> str:
    """Say how the folder and what is served go together."""
    folder = ponte.settings.prompts_dir
    files = f"The files in {folder} are version {here}"
    if not usable:
        files += " and cannot be used (`ponte prompts check` tells why)"
    if serving.served == here:
        said = f"{files}, which is served."
    elif serving.served is None:
        said = f"{files}."
    else:
        said = f"{files}; served is {serving.served}: they differ (`ponte prompts diff served files`)."
    if serving.pinned is not None:
        by = f"{serving.changed_by} at {_moment(serving.changed_at)} UTC"
        said += f"\nRolled back by {by}: edits are not served until `ponte prompts rollback {FILES}`."
    return said


def _folder(ponte: Ponte) -> tuple[str, bool]:
    """Return the folder's version, and whether it can be used."""
    from graph.prompt_source import read_folder  # noqa: PLC0415 - loads only what it runs
    from graph.prompts import read_prompts  # noqa: PLC0415 - as above

    return read_folder(ponte.settings.prompts_dir).version, not read_prompts(ponte.settings.prompts_dir)[1]


def _require_usable(version: str, files: Mapping[str, bytes]) -> None:
    """Raise InvalidInput for a version that this Ponte cannot serve."""
    from graph.prompts import read_prompts  # noqa: PLC0415 - loads only what it runs

    _, problems = read_prompts(files)
    if problems:
        said = "\n  ".join(map(str, problems))
        raise InvalidInput(
            f"Version {version} cannot be served by this version of Ponte:\n  {said}\nGo back to a newer one."
        )


async def _side(ponte: Ponte, name: str) -> tuple[str, Mapping[str, bytes]]:
    """Return one side of a comparison: its name and its files."""
    from graph.prompt_source import read_folder  # noqa: PLC0415 - loads only what it runs

    if name == FILES:
        return FILES, read_folder(ponte.settings.prompts_dir).files
    if name == SERVED:
        served = (await ponte.prompts.serving()).served
        if served is None:
            raise InvalidInput("Nothing was served yet. Start `ponte api`, or `make demo`.")
        return served, await ponte.prompts.files(served)
    version = (await ponte.prompts.find(name)).version
    return version, await ponte.prompts.files(version)


def _changed(file: str, old_name: str, old: bytes | None, new_name: str, new: bytes | None) -> list[str]:
    """Return a unified diff of one file; bytes that are no text only differ."""
    try:
        texts = [(side or b"").decode("utf-8").splitlines() for side in (old, new)]
    except UnicodeDecodeError:
        return [f"{file}: differs, and is not UTF-8 text"]
    was = "/dev/null" if old is None else f"{old_name}/{file}"
    now = "/dev/null" if new is None else f"{new_name}/{file}"
    lines = list(difflib.unified_diff(texts[0], texts[1], was, now, lineterm=""))
    if not lines:
        return [f"{file}: " + ("only line ends differ" if old and new else "an empty file on one side")]
    return lines


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
