"""``ponte prompts eval`` without ``--handoff``: the conversations of ``prompts/evals/``."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

import typer

from ponte.bootstrap import open_ponte
from ponte.cli.prompts_sources import SERVED
from ponte.clock import SystemClock
from ponte.errors import InvalidInput, PonteError, PromptError
from ponte.eval_reports import keep_report
from ponte.logs import configure_logging
from ponte.settings import Settings, load_settings

if TYPE_CHECKING:
    from graph.context_factory import ContextFactory
    from graph.evals.evaluating import Evaluation, Side
    from graph.evals.report import Report
    from graph.prompt_source import Files

_STDOUT: Final = "-"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for.

    Args:
        prompts: the folder; None: the settings'.
        only: tags, files or names of cases; empty: all.
        repeats: runs of each case, a side.
        jobs: conversations at a time.
        no_model: as though no model were configured.
        model_for_all: let the model answer in every case.
        against: a folder, a stored version or ``served`` to compare with; None: nothing.
        gate: the exit is 1 when the set is worse, not when a case fails.
        json: where the report goes; ``-`` is standard output.
        junit: where JUnit's XML goes.
        html: where the page goes.
    """

    prompts: Path | None = None
    only: tuple[str, ...] = ()
    repeats: int = 1
    jobs: int = 8
    no_model: bool = False
    model_for_all: bool = False
    against: str | None = None
    gate: bool = False
    json: str | None = None
    junit: Path | None = None
    html: Path | None = None


def run_conversations(wanted: Wanted) -> None:
    """Run the conversations, write the reports, and keep the last one for the console.

    Raises:
        PonteError: the settings, the prompt files or the evaluations cannot be used.
        typer.Exit: 1 when a case fails, or with ``gate`` and ``against`` when the set is worse.
    """
    settings = load_settings()
    # What goes wrong on purpose in a case would fill the screen, and standard output may be the report.
    configure_logging("ERROR", settings.log_format)
    folder = Path(wanted.against) if wanted.against is not None and Path(wanted.against).is_dir() else None
    evaluation, report = asyncio.run(_evaluated(wanted, settings, folder))
    _write(wanted, evaluation, report)
    keep_report(settings.data_dir, report)
    _tell(evaluation, report, sys.stderr if wanted.json == _STDOUT else sys.stdout)
    if _fails(wanted, evaluation):
        raise typer.Exit(1)


def _fails(wanted: Wanted, evaluation: Evaluation) -> bool:
    from graph.evals.comparing import worse  # noqa: PLC0415 - loads only what it runs
    from graph.evals.evaluating import Status  # noqa: PLC0415 - as above

    if wanted.gate and evaluation.old is not None:
        return bool(worse(evaluation))
    return evaluation.count(Status.FAILED) > 0


async def _evaluated(wanted: Wanted, settings: Settings, against: Path | None) -> tuple[Evaluation, Report]:
    from graph.context_factory import open_contexts  # noqa: PLC0415 - loads only what it runs
    from graph.evals.cases import chosen, load_cases  # noqa: PLC0415 - as above
    from graph.evals.evaluating import Plan, evaluate, runs_of  # noqa: PLC0415 - as above
    from graph.evals.report import report_of  # noqa: PLC0415 - as above
    from graph.judging import judge_of  # noqa: PLC0415 - as above
    from graph.prompt_source import read_folder  # noqa: PLC0415 - as above

    folder = wanted.prompts or settings.prompts_dir
    files = read_folder(folder).files
    cases = chosen(load_cases(files), wanted.only)
    old_files = await _other(wanted.against, against, settings)
    clock = SystemClock()
    async with open_contexts(settings, clock) as contexts:
        new = await _side(contexts, str(folder), files)
        old = None if old_files is None else await _side(contexts, str(wanted.against), old_files, new)
        judge = None if wanted.no_model else judge_of(contexts, new.context.prompts)
        plan = Plan(wanted.repeats, wanted.jobs, wanted.no_model, wanted.model_for_all, judge)
        model = new.context.responder is not None
        total = runs_of(cases, plan, model=model, sides=1 if old is None else 2)
        if total == 0:
            raise InvalidInput(
                "No case was run: all of them need a model. Set OPENAI_API_KEY or OPENAI_BASE_URL, and leave "
                "out --no-model."
            )
        with _progress(total) as advance:
            evaluation = await evaluate(cases, new, old, plan, advance)
        used = model and not wanted.no_model
        about = {
            "at": clock.now(),
            "model": (new.context.prompts.assistant.head.model or settings.openai_chat_model)
            if used
            else None,
            "judge": judge.model if judge is not None else None,
            "only": list(wanted.only),
        }
        return evaluation, report_of(evaluation, about)


async def _side(contexts: ContextFactory, label: str, files: Files, like: Side | None = None) -> Side:
    from graph.evals.evaluating import Side  # noqa: PLC0415 - loads only what it runs
    from graph.prompts import load_prompts  # noqa: PLC0415 - as above

    try:
        prompts = await asyncio.to_thread(load_prompts, files)
    except PromptError as error:
        raise PromptError(f"{label}: {error}") from None
    context = await asyncio.to_thread(contexts.derive, prompts, like.context if like else None)
    return Side(label, prompts.version, context)


async def _other(against: str | None, folder: Path | None, settings: Settings) -> Files | None:
    """Return the files to compare with: a folder's, or a stored version's; ``served`` is what is served."""
    from graph.prompt_source import read_folder  # noqa: PLC0415 - loads only what it runs

    if against is None:
        return None
    if folder is not None:
        return read_folder(folder).files
    async with open_ponte(settings) as ponte:
        served = (await ponte.prompts.serving()).served if against == SERVED else None
        if against == SERVED and served is None:
            raise InvalidInput("Nothing was served yet, so nothing can be compared with. Name a folder.")
        return await ponte.prompts.files(served or (await ponte.prompts.find(against)).version)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """Show a bar where somebody looks: only on a terminal, and never among what is written."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console  # noqa: PLC0415 - only where it is seen
    from rich.progress import Progress  # noqa: PLC0415 - as above

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("conversations", total=total)
        yield lambda: progress.advance(task)


def _write(wanted: Wanted, evaluation: Evaluation, report: Report) -> None:
    from graph.evals.html import html_of  # noqa: PLC0415 - loads only what it runs
    from graph.evals.junit import junit_of  # noqa: PLC0415 - as above

    told = json.dumps(report, ensure_ascii=False, indent=2) + "\n"
    if wanted.json == _STDOUT:
        sys.stdout.write(told)
    elif wanted.json is not None:
        _put(Path(wanted.json), told)
    if wanted.junit is not None:
        _put(wanted.junit, junit_of(evaluation))
    if wanted.html is not None:
        _put(wanted.html, html_of(report))


def _put(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PonteError(f"{path} cannot be written ({error.strerror}). Name another place.") from None


def _tell(evaluation: Evaluation, report: Report, to: TextIO) -> None:
    from graph.evals.summary import summary_of  # noqa: PLC0415 - loads only what it runs

    for line in summary_of(evaluation, report):
        print(line, file=to)
