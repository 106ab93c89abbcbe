"""``ponte data``: what is kept of a customer, and for how long."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Final

import typer

from ponte.bootstrap import Ponte, open_checkpoints
from ponte.cli.session import with_ponte
from ponte.janitor import Janitor, retention_ms
from ponte.people import contact_of

app = typer.Typer(help="Export, erase or prune what is kept.", no_args_is_help=True)

_HOUR_MS: Final = 60 * 60 * 1000

Customer = Annotated[
    str, typer.Argument(help="Contact id, WhatsApp id, or address such as whatsapp:+5511...")
]


@app.command()
def export(customer: Customer) -> None:
    """Print everything kept of one customer as JSON."""

    async def act(ponte: Ponte) -> None:
        contact = await contact_of(ponte.store, customer)
        json.dump(await ponte.people_data.everything(contact), sys.stdout, ensure_ascii=False, indent=2)
        print()

    with_ponte(act)


@app.command()
def erase(
    customer: Customer,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Delete everything kept of one customer: contact, conversations, messages, threads, files.

    A file that another customer's messages have too stays for them. It cannot be undone.
    """

    async def act(ponte: Ponte) -> None:
        contact = await contact_of(ponte.store, customer)
        if not yes:
            typer.confirm(f"Delete all of contact {contact.id}?", abort=True)
        counts = await ponte.people_data.erase(contact)
        print(", ".join(f"{name}: {count}" for name, count in counts.items()))

    with_ponte(act)


@app.command()
def prune() -> None:
    """Delete old checkpoints, closed threads, done inbox rows and files now; a worker does it by itself."""

    async def act(ponte: Ponte) -> None:
        async with open_checkpoints(ponte.settings) as checkpoints:
            janitor = Janitor(
                ponte.store,
                checkpoints,
                ponte.clock,
                retention_ms=retention_ms(ponte.settings.retention_days),
                idle_ms=ponte.settings.idle_hours * _HOUR_MS,
                owner="ponte-data-prune",
                media=ponte.media,
            )
            pruned = await janitor.run_once()
        if pruned is None:
            print("A worker is pruning right now; nothing to do.")
        else:
            print(
                f"checkpoints: {pruned.checkpoints}, threads: {pruned.threads}, files: {pruned.files}, "
                f"{pruned.rows}"
            )

    with_ponte(act)
