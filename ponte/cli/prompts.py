"""``ponte prompts``: check what prompt engineers edit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ponte.settings import load_settings

app = typer.Typer(help="Check the files under prompts/.", no_args_is_help=True)


@app.callback()
def prompts() -> None:
    """Keep ``check`` a command of its own, also while it is the only one."""


@app.command()
def check(
    directory: Annotated[
        Path | None, typer.Argument(help="The prompts folder; the default is PROMPTS_DIR.")
    ] = None,
) -> None:
    """Check every prompt file; names file, line and mend of each problem. Exits with 1 if there is one."""
    from graph.prompt_check import check_prompts  # noqa: PLC0415 - loads only what it runs
    from graph.prompts import prompts_version  # noqa: PLC0415 - as above

    folder = directory or load_settings().prompts_dir
    problems = check_prompts(folder)
    for problem in problems:
        print(problem)
    if problems:
        print(f"{len(problems)} problem(s) in {folder}.")
        raise typer.Exit(1)
    print(f"{folder} is fine, version {prompts_version(folder)}.")
