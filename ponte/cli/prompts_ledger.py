"""``ponte prompts ledger``: what agents said of handoffs, as labelled examples and as counts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ponte.bootstrap import Ponte
from ponte.cli.session import with_ponte
from ponte.errors import InvalidInput
from ponte.ledger import HEADER, counts_by_version, labelled_examples

app = typer.Typer(help="The ledger of handoff decisions: agents' marks and counts.", no_args_is_help=True)

Since = Annotated[
    str | None, typer.Option("--since", metavar="DATE", help="Only from this day on (UTC), e.g. 2026-11-01.")
]


@app.command()
def export(
    since: Since = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.tsv", help="Where to; the default is the screen.")
    ] = None,
) -> None:
    """Write the marks as labelled examples for review: lang, label, kind and text, with tabs between.

    Names, numbers and addresses are masked by rules: read the rows before you copy them to handoff/examples/.
    """
    start = _moment(since)

    async def act(ponte: Ponte) -> None:
        examples = await labelled_examples(ponte.store, start)
        text = "".join(f"{line}\n" for line in ("\t".join(HEADER), *(e.row() for e in examples)))
        if out is None:
            print(text, end="")
            return
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InvalidInput(f"{out} cannot be written ({error.strerror}). Give another --out.") from error
        print(f"{len(examples)} example(s) written to {out}. Read them before you use them.")

    with_ponte(act)


@app.command("list")
def list_counts(since: Since = None) -> None:
    """Count the decisions and agents' marks by trigger, for each version of the prompt files."""
    start = _moment(since)

    async def act(ponte: Ponte) -> None:
        rows = await counts_by_version(ponte.store, start)
        if not rows:
            print("No decisions yet.")
            return
        print("version\ttrigger\tdecisions\tnot_needed\tlate")
        for row in rows:
            trigger = row.trigger.value if row.trigger is not None else "(bot)"
            print(f"{row.prompt_version}\t{trigger}\t{row.decisions}\t{row.not_needed}\t{row.late}")

    with_ponte(act)


def _moment(day: str | None) -> int:
    if day is None:
        return 0
    try:
        moment = datetime.fromisoformat(day)
    except ValueError:
        raise InvalidInput(f"{day!r} is no date. Write it like 2026-11-01.") from None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1000)
