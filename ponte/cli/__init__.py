"""The command line: ``ponte ...``. Each group of commands has a module of its own."""

from __future__ import annotations

import sys

import typer

from ponte import __version__
from ponte.cli import agents, data, doctor, prompts, run
from ponte.errors import PonteError

app = typer.Typer(
    name="ponte",
    help="A WhatsApp assistant that hands a conversation to a human agent, and takes it back.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(agents.app, name="agent")
app.add_typer(prompts.app, name="prompts")
app.add_typer(data.app, name="data")
run.register(app)
doctor.register(app)


@app.command()
def version() -> None:
    """Print Ponte's version."""
    print(__version__)


def main() -> None:
    """Run the command line. An error of Ponte's is one readable text, not a traceback."""
    try:
        app()
    except PonteError as error:
        print(f"ponte: {error}", file=sys.stderr)
        raise SystemExit(1) from None
