"""``ponte prompts eval --handoff FILE``: how well a wish for a human is told, on labelled messages."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import typer

from ponte.clock import SystemClock
from ponte.errors import InvalidInput
from ponte.logs import configure_logging
from ponte.settings import Settings, load_settings

if TYPE_CHECKING:
    from graph.context import GraphContext, Responder
    from graph.handoff_evaluation import Prediction
    from graph.handoff_rows import Row
    from graph.prompts import PromptSet

_STDOUT = "-"
_BAD_FILE = 2


def run_handoff(file: Path, prompts: Path | None, output: str | None, *, no_model: bool) -> None:
    """Measure the detection on a file, and print what was measured.

    Args:
        file: labelled messages, with the columns ``lang label kind text``.
        prompts: the prompts folder; None: the settings'.
        output: where one JSON object goes; ``-`` is standard output; None: tables are printed.
        no_model: decide without a model, even where one is configured.

    Raises:
        PromptError: the prompt files cannot be used.
        typer.Exit: 2 when the file cannot be read.
    """
    from graph.handoff_evaluation import report  # noqa: PLC0415 - loads only what it runs
    from graph.handoff_rows import read_rows  # noqa: PLC0415 - as above
    from graph.prompts import load_prompts  # noqa: PLC0415 - as above

    settings = load_settings()
    configure_logging("WARNING", settings.log_format)
    try:
        rows = read_rows(file)
    except InvalidInput as error:
        print(f"ponte: {error}", file=sys.stderr)
        raise typer.Exit(_BAD_FILE) from None
    if not no_model and not settings.model_configured:
        print("ponte: no model is configured (OPENAI_API_KEY); what follows is without one.", file=sys.stderr)
    found = load_prompts(prompts or settings.prompts_dir)
    asked = settings.model_configured and not no_model
    predictions = asyncio.run(_predicted(rows, found, settings, with_model=asked))
    measured = report(predictions)
    if output is None:
        _tell(measured)
        return
    text = json.dumps(measured, ensure_ascii=False, indent=2)
    if output == _STDOUT:
        sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr] # a text stream has it
        print(text)
    else:
        Path(output).write_text(text + "\n", "utf-8")
        _tell(measured)


async def _predicted(
    rows: Sequence[Row], prompts: PromptSet, settings: Settings, *, with_model: bool
) -> list[Prediction]:
    from graph.context_factory import open_contexts  # noqa: PLC0415 - loads only what it runs
    from graph.detection import build_detector, kept_in  # noqa: PLC0415 - as above
    from graph.handoff_beside import with_triggers  # noqa: PLC0415 - as above
    from graph.handoff_evaluation import evaluate  # noqa: PLC0415 - as above

    band = prompts.handoff.classifier
    if not with_model:
        detector = await asyncio.to_thread(build_detector, prompts, kept_in(settings.data_dir))
        return await with_triggers(await evaluate(rows, detector, band, None), prompts.handoff)
    async with open_contexts(settings, SystemClock()) as contexts:
        context = await asyncio.to_thread(contexts.derive, prompts)
        responder = context.responder
        ask = None if responder is None else partial(_asked, context, responder)
        return await with_triggers(await evaluate(rows, context.detector, band, ask), prompts.handoff)


async def _asked(context: GraphContext, responder: Responder, text: str) -> float:
    from graph.asking import ask_judge  # noqa: PLC0415 - loads only what it runs

    return await ask_judge({"text": text, "window": []}, context, responder)


def _tell(measured: dict[str, object]) -> None:
    from rich.console import Console  # noqa: PLC0415 - loads only what it runs
    from rich.table import Table  # noqa: PLC0415 - as above

    console = Console()
    parts = cast("dict[str, dict[str, Any]]", measured)
    for title, key in (("language", "languages"), ("kind", "kinds")):
        table = Table(title, "precision", "recall", "F1", "n", *(["right"] if key == "kinds" else []))
        for name, own in parts[key].items():
            right = [_share(own["accuracy"])] if key == "kinds" else []
            figures = (_share(own[part]) for part in ("precision", "recall", "f1"))
            table.add_row(name or "-", *figures, str(own["n"]), *right)
        console.print(table)
    table = Table("language", "human, found", "bot, called human", "human, missed", "bot, left alone")
    for lang, own in parts["confusion"].items():
        table.add_row(lang, *(str(own[part]) for part in ("tp", "fp", "fn", "tn")))
    console.print(table)
    table = Table("threshold", *(f"{lang}: precision, recall, F1" for lang in parts["sweep"]))
    steps = zip(*parts["sweep"].values(), strict=True)
    for step in steps:
        cells = (" ".join(_share(one[part]) for part in ("precision", "recall", "f1")) for one in step)
        table.add_row(f"{step[0]['threshold']:.2f}", *cells)
    console.print(table)
    times = parts["time"]
    console.print(
        f"Time per local decision: median {times['median_ms']:.3f} ms, p99 {times['p99_ms']:.3f} ms."
    )
    beside = parts["beside"]
    console.print(
        f"Left to the bot here, handed over in service all the same: {beside['topic']} by a topic, "
        f"{beside['language']} by the language (handoff/policy.yaml). The figures leave that out."
    )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
