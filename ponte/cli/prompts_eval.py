"""``ponte prompts eval``: does the bot do what is expected of it?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperCommand

from ponte.cli.prompts_conversations import Wanted, run_conversations
from ponte.cli.prompts_handoff import run_handoff
from ponte.errors import InvalidInput


class _Evaluate(TyperCommand):
    """Takes ``--json`` alone, too: then the report goes to standard output."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override] # typer's own context
        """Parse the arguments, ``--json`` without a value being ``--json -``."""
        given: list[str] = []
        for index, arg in enumerate(args):
            given.append(arg)
            following = args[index + 1 : index + 2]
            if arg == "--json" and (not following or (following[0].startswith("-") and following[0] != "-")):
                given.append("-")
        return super().parse_args(ctx, given)


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(name="eval", cls=_Evaluate)(evaluate)


def evaluate(
    *,
    prompts: Annotated[
        Path | None, typer.Option("--prompts", help="The prompts folder; the default is PROMPTS_DIR.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="A tag, a file or a case's name; may be given again.")
    ] = None,
    repeats: Annotated[int, typer.Option("--repeats", min=1, max=100, help="Runs of each case.")] = 1,
    jobs: Annotated[int, typer.Option("--jobs", min=1, max=64, help="Conversations at a time.")] = 8,
    no_model: Annotated[bool, typer.Option("--no-model", help="As though no model were configured.")] = False,
    model_for_all: Annotated[
        bool, typer.Option("--model-for-all", help="The model answers also in cases that need none.")
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(
            "--against", metavar="VERSION|DIR", help="Compare with a stored version, `served`, or a folder."
        ),
    ] = None,
    gate: Annotated[
        bool,
        typer.Option("--gate", help="With --against: exit with 1 when it is worse, not when a case fails."),
    ] = False,
    handoff: Annotated[
        Path | None,
        typer.Option("--handoff", metavar="FILE", help="Measure the handoff detection on this TSV instead."),
    ] = None,
    json: Annotated[
        str | None,
        typer.Option("--json", metavar="[FILE|-]", help="The report as JSON; - or nothing: to the output."),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write the report for a CI server.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the report as one page.")
    ] = None,
) -> None:
    """Run the conversations of prompts/evals through the bot and hold its answers against what is expected.

    Exits with 1 when a case fails in most of its runs; with --gate and --against, when the prompt files are
    worse than the others: a case that always passed now fails in most of its runs, or fewer runs pass.

    With --handoff it measures how well a wish for a human is told, on messages in the columns lang, label
    (human or bot), kind and text. Exits with 2 when the file cannot be read.
    """
    if handoff is not None:
        run_handoff(handoff, prompts, json, no_model=no_model)
        return
    if no_model and model_for_all:
        raise InvalidInput("--no-model and --model-for-all do not go together; leave one out.")
    if gate and against is None:
        raise InvalidInput("--gate compares: name what with, such as --against served, or leave it out.")
    run_conversations(
        Wanted(
            prompts=prompts,
            only=tuple(only or ()),
            repeats=repeats,
            jobs=jobs,
            no_model=no_model,
            model_for_all=model_for_all,
            against=against,
            gate=gate,
            json=json,
            junit=junit,
            html=html,
        )
    )
