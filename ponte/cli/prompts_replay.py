"""``ponte prompts replay``: past conversations through other prompt files, old and new side by side."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ponte.bootstrap import open_ponte
from ponte.cli.prompts_sources import FILES, Source, source_of
from ponte.clock import SystemClock
from ponte.errors import InvalidInput, PonteError
from ponte.logs import configure_logging
from ponte.settings import Settings, load_settings

if TYPE_CHECKING:
    from graph.replay.past import PastConversation
    from graph.replay.report import Report
    from graph.replay.running import Replayed


def register(app: typer.Typer) -> None:
    """Add this command to ``app``."""
    app.command()(replay)


def replay(
    last: Annotated[
        int, typer.Option(help="How many conversations, those changed last.", min=1, max=500)
    ] = 50,
    draft: Annotated[
        str, typer.Option(metavar="DIR|V", help="The prompt files: a folder, a version, or `files`.")
    ] = FILES,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page to read in a browser.")
    ] = None,
    as_json: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--json", help="Print one JSON object instead.")
    ] = False,
    no_model: Annotated[  # noqa: FBT002 - as above
        bool, typer.Option("--no-model", help="Let the knowledge files answer, as without any model.")
    ] = False,
) -> None:
    """Show what the bot would have said in past conversations with other prompt files.

    Nothing is sent to anybody, and nothing is written to the database. Names, numbers and addresses are
    masked by rules before the draft or the model sees them; the rules are not complete.
    """
    settings = load_settings()
    # Failures of a draft are part of what is shown; standard output may be the report.
    configure_logging("ERROR", settings.log_format)
    found, report = asyncio.run(_replayed(settings, last, draft, model=not no_model))
    if html is not None:
        _put(html, report)
    if as_json:
        sys.stdout.write(json.dumps(report, ensure_ascii=False, indent=2) + "\n")
        return
    _show(found, report)
    if html is not None:
        print(f"Written to {html}. It holds customers' words: keep it where only your team reads it.")


async def _replayed(
    settings: Settings, last: int, draft: str, *, model: bool
) -> tuple[list[Replayed], Report]:
    from graph.context_factory import open_contexts  # noqa: PLC0415 - loads only what it runs
    from graph.prompts import load_prompts  # noqa: PLC0415 - as above
    from graph.replay.report import report_of  # noqa: PLC0415 - as above
    from graph.replay.running import replay as run  # noqa: PLC0415 - as above

    past, source = await _past(settings, last, draft)
    clock = SystemClock()
    async with open_contexts(settings, clock) as contexts:
        prompts = await asyncio.to_thread(load_prompts, source.files)
        # The search by meaning is left out: it keeps what it indexed in the database.
        context = await asyncio.to_thread(replace(contexts, retrieval=None).derive, prompts)
        used = model and context.responder is not None
        with _progress(len(past)) as advance:
            found = await run(past, context, model=used, on_done=advance)
    about: Report = {
        "draft": {"label": source.label, "version": source.version},
        "model": (prompts.assistant.head.model or settings.openai_chat_model) if used else None,
        "at": clock.now(),
    }
    return found, report_of(found, about)


async def _past(settings: Settings, last: int, draft: str) -> tuple[list[PastConversation], Source]:
    """Read what is replayed, and close the database before anything runs."""
    from graph.replay.past import last_conversations  # noqa: PLC0415 - loads only what it runs

    async with open_ponte(settings) as ponte:
        source = await source_of(ponte, draft)
        past = await last_conversations(ponte.store, last)
    if not past:
        raise InvalidInput(
            "There is no conversation to replay: no customer has said anything to the bot yet, or all of it "
            "is past its retention."
        )
    return past, source


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """Show a bar where somebody looks: only on a terminal."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console  # noqa: PLC0415 - only where it is seen
    from rich.progress import Progress  # noqa: PLC0415 - as above

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("conversations", total=total)
        yield lambda: progress.advance(task)


def _put(path: Path, report: Report) -> None:
    from graph.replay.report import html_of  # noqa: PLC0415 - loads only what it runs

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(html_of(report), encoding="utf-8")
    except OSError as error:
        raise PonteError(f"{path} cannot be written ({error.strerror}). Name another place.") from None


def _show(found: list[Replayed], report: Report) -> None:
    """Print the differences in handoffs, then the conversations, those with such a difference first."""
    from rich.console import Console  # noqa: PLC0415 - only where it is seen
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    console = Console(soft_wrap=False, highlight=False)
    for line in _summary(found, report):
        console.print(line, markup=False)
    for one in sorted(found, key=lambda one: not one.handoff_differs):
        table = Table("customer", "before", "now", expand=True, show_lines=True, title_justify="left")
        table.title = Text(f"Conversation {one.past.number} ({one.past.language})")
        for turn in one.turns:
            said = list(turn.past.customer)
            if turn.past.left_out:
                said.append(f"({turn.past.left_out} file(s) without words left out)")
            table.add_row(
                *(
                    # ``Text`` is shown as it is: a customer's brackets are no markup.
                    Text("\n".join(lines))
                    for lines in (
                        said,
                        _side(turn.past.said, turn.past.trigger),
                        _side(turn.said, turn.trigger, turn.model_failed),
                    )
                ),
                style="bold" if turn.handoff_differs else None,
            )
        console.print(table)
        if one.error is not None:
            console.print(f"It could not be replayed to its end: {one.error}", markup=False)


def _summary(found: list[Replayed], report: Report) -> list[str]:
    turns = [turn for one in found for turn in one.turns]
    differ = [turn for turn in turns if turn.handoff_differs]
    only_now = sum(turn.trigger is not None for turn in differ)
    same = sum(turn.says_the_same for turn in turns)
    answers = (
        f"Answered by {report['model']}." if report["model"] else "Answered by the knowledge files alone."
    )
    return [
        (
            f"Handoffs that differ: {len(differ)} of {len(turns)} turns in {len(found)} conversations "
            f"({only_now} only now, {len(differ) - only_now} only before)."
        ),
        f"Answers: {len(turns) - same} differ, {same} are the same word for word. {answers}",
    ]


def _side(said: tuple[str, ...], trigger: object, failed: str | None = None) -> list[str]:
    lines = list(said) or ["(nothing)"]
    if trigger is not None:
        lines.append(f"[brings a human in: {trigger}]")
    if failed is not None:
        lines.append(f"[the model failed: {failed}]")
    return lines
