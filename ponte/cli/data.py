"""``ponte data``: what is kept of a customer, and for how long."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated, Final

import typer

from ponte.bootstrap import Ponte, open_checkpoints
from ponte.cli.session import with_ponte
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation
from ponte.errors import NotFound
from ponte.janitor import Janitor, retention_ms
from ponte.ports import Store

app = typer.Typer(help="Export, erase or prune what is kept.", no_args_is_help=True)

_PAGE: Final = 200
_HOUR_MS: Final = 60 * 60 * 1000

Customer = Annotated[
    str, typer.Argument(help="Contact id, WhatsApp id, or address such as whatsapp:+5511...")
]


@app.command()
def export(customer: Customer) -> None:
    """Print everything kept of one customer as JSON."""

    async def act(ponte: Ponte) -> None:
        contact = await _contact(ponte.store, customer)
        json.dump(await _everything(ponte.store, contact), sys.stdout, ensure_ascii=False, indent=2)
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
        contact = await _contact(ponte.store, customer)
        if not yes:
            typer.confirm(f"Delete all of contact {contact.id}?", abort=True)
        async with open_checkpoints(ponte.settings) as checkpoints:
            threads = [c.thread_id for c in await _conversations(ponte.store, contact.id)]
            for thread_id in threads:
                await checkpoints.delete_thread(thread_id)
        files = await _erase_files(ponte, contact)
        counts = {**await ponte.store.erase_contact(contact.id), "files": files}
        print(", ".join(f"{name}: {count}" for name, count in {**counts, "threads": len(threads)}.items()))

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


async def _erase_files(ponte: Ponte, contact: Contact) -> int:
    """Delete the files of the customer's messages, before the messages: cut short, it can be run again."""
    keys: set[str] = set()
    for conversation in await _conversations(ponte.store, contact.id):
        seq = 0
        while page := await ponte.store.messages(conversation.id, after=seq, limit=_PAGE):
            keys.update(media.key for message in page for media in message.media if media.key)
            seq = page[-1].seq
    own = keys - await ponte.store.media_elsewhere(contact.id, sorted(keys)) if keys else keys
    for key in own:
        await ponte.media.delete(key)
    return len(own)


async def _contact(store: Store, customer: str) -> Contact:
    found = await store.find_contact(customer) or (await store.contacts([customer])).get(customer)
    if found is None:
        raise NotFound("No such customer. Give a contact id, a WhatsApp id, or an address.")
    return found


async def _everything(store: Store, contact: Contact) -> dict[str, object]:
    conversations: list[dict[str, object]] = []
    for conversation in await _conversations(store, contact.id):
        messages: list[dict[str, object]] = []
        while page := await store.messages(conversation.id, after=len(messages), limit=_PAGE):
            messages.extend(asdict(message) for message in page)
        decisions = await _decisions(store, conversation.id)
        marks = [asdict(mark) for mark in await store.marks(conversation.id)]
        stretches = [asdict(stretch) for stretch in await store.stretches_of(conversation.id)]
        kept = {"messages": messages, "decisions": decisions, "marks": marks, "stretches": stretches}
        conversations.append({**asdict(conversation), **kept})
    return {"contact": asdict(contact), "conversations": conversations}


async def _decisions(store: Store, conversation_id: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    seq = 0
    while page := await store.decisions(conversation_id, after=seq, limit=_PAGE):
        found.extend(asdict(decision) for decision in page)
        seq = page[-1].seq
    return found


async def _conversations(store: Store, contact_id: str) -> list[Conversation]:
    found: list[Conversation] = []
    cursor: str | None = None
    while True:
        page = await store.conversations(status=None, contact_id=contact_id, after=cursor, limit=_PAGE)
        found.extend(page.items)
        cursor = page.next
        if cursor is None:
            return found
