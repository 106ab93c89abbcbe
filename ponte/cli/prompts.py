"""``ponte prompts``: check what prompt engineers edit, see what is served, and go back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ponte.cli import prompts_canary, prompts_eval, prompts_ledger, prompts_replay, prompts_versions
from ponte.settings import load_settings

if TYPE_CHECKING:
    from graph.prompt_check import Checked

app = typer.Typer(
    help="Check the files under prompts/, see what is served, and go back.", no_args_is_help=True
)
prompts_versions.register(app)
prompts_eval.register(app)
prompts_canary.register(app)
prompts_replay.register(app)
app.add_typer(prompts_ledger.app, name="ledger")


@app.command()
def check(
    directory: Annotated[
        Path | None, typer.Argument(help="The prompts folder; the default is PROMPTS_DIR.")
    ] = None,
    as_json: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--json", help="Print one JSON object instead of lines.")
    ] = False,
) -> None:
    """Check every prompt file; names file, line and mend of each problem.

    Exits with 1 if there is an error. Advice is printed too and is no error.
    """
    from graph.prompt_check import check_folder  # noqa: PLC0415 - loads only what it runs

    folder = directory or load_settings().prompts_dir
    checked = check_folder(folder)
    if as_json:
        print(json.dumps(_as_json(folder, checked), ensure_ascii=False, indent=2))
    else:
        _print(folder, checked)
    if checked.errors:
        raise typer.Exit(1)


def _print(folder: Path, checked: Checked) -> None:
    for problem in checked.problems:
        print(problem)
    advice = len(checked.problems) - len(checked.errors)
    advised = f", {advice} advice(s)" if advice else ""
    if checked.errors:
        print(f"{len(checked.errors)} problem(s){advised} in {folder}.")
        return
    total = ", ".join(f"{file} {count}" for file, count in checked.tokens.items())
    print(f"Tokens, estimated: {total}.")
    print(f"{folder} is fine{advised}, version {checked.version}.")


def _as_json(folder: Path, checked: Checked) -> dict[str, object]:
    return {
        "folder": str(folder),
        "version": checked.version,
        "ok": not checked.errors,
        "problems": [
            {
                "file": problem.file,
                "line": problem.line,
                "severity": "advice" if problem.advice else "error",
                "message": problem.message,
            }
            for problem in checked.problems
        ],
        "tokens": {"estimate": True, "files": checked.tokens},
    }
