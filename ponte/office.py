"""What an office sets up for its agents: canned replies, labels, dispositions; and its audit log."""

from __future__ import annotations

import csv
import io
import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from ponte.domain.agent import Agent, Permission
from ponte.domain.office import (
    COLOURS,
    DISPOSITIONS,
    CannedReply,
    Disposition,
    Label,
    OfficeItem,
    OfficeKind,
    canned_from,
    canned_item,
    disposition_item,
    dispositions_of,
    label_from,
    label_item,
)
from ponte.domain.office_hours import midnight
from ponte.domain.searching import fold
from ponte.domain.templates import Template
from ponte.errors import Conflict, InvalidInput, NotFound
from ponte.locales import LOCALES
from ponte.ports import AuditEntry, AuditFilter, Clock, Page, Store, Templates
from ponte.report_csv import cell
from ponte.staff import permit

LONGEST_BODY: Final = 1_600
LONGEST_TITLE: Final = 80
LONGEST_LABEL: Final = 40
LONGEST_NAME: Final = 60
MOST_ITEMS: Final = 500
MOST_EXPORTED: Final = 10_000
_PAGE: Final = 500
FIRST_DAY: Final = date(2000, 1, 1)
LAST_DAY: Final = date(2199, 12, 31)
_SHORTCUT: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,29}")
_AUDIT_COLUMNS: Final = ("at", "actor", "name", "action", "conversation_id", "detail")


class OfficeDesk:
    """Keeps the office's documents; every change is in the audit log.

    Every method raises Forbidden for a role that may not.

    Args:
        store: where documents are.
        clock: the time.
        templates: the content templates; None without Twilio's keys.
    """

    def __init__(self, store: Store, clock: Clock, templates: Templates | None) -> None:
        self._store = store
        self._clock = clock
        self._templates = templates

    async def canned(self, agent: Agent) -> list[CannedReply]:
        """Return all canned replies as they are written, by shortcut."""
        permit(agent, Permission.READ)
        found = [canned_from(item) for item in await self._store.office(OfficeKind.CANNED, MOST_ITEMS)]
        return sorted(found, key=lambda reply: (reply.shortcut, reply.locale, reply.id))

    async def put_canned(self, agent: Agent, reply: CannedReply) -> CannedReply:
        """Store a canned reply; one without an id is new.

        Raises:
            InvalidInput: a field is empty, too long or malformed, or there are too many.
            Conflict: another reply has the shortcut in this language.
            NotFound: there is none with this id.
        """
        permit(agent, Permission.CURATE)
        others = await self.canned(agent)
        wanted = _checked(reply)
        if not wanted.id:
            if len(others) >= MOST_ITEMS:
                raise InvalidInput(f"There can be {MOST_ITEMS} canned replies. Delete one first.")
            wanted = replace(wanted, id=f"cr_{secrets.token_hex(8)}")
        elif all(other.id != wanted.id for other in others):
            raise NotFound("This canned reply is not there any more.")
        same = (wanted.shortcut, wanted.locale)
        if any(other.id != wanted.id and (other.shortcut, other.locale) == same for other in others):
            raise Conflict(f"Another canned reply has the shortcut /{wanted.shortcut} in this language.")
        await self._put(agent, canned_item(wanted, self._clock.now(), agent.id), f"/{wanted.shortcut}")
        return wanted

    async def drop_canned(self, agent: Agent, item_id: str) -> None:
        """Delete a canned reply. Raises NotFound."""
        permit(agent, Permission.CURATE)
        await self._drop(agent, OfficeKind.CANNED, item_id)

    async def labels(self, agent: Agent) -> list[Label]:
        """Return the labels that agents are offered, by name."""
        permit(agent, Permission.READ)
        return [label_from(item) for item in await self._store.office(OfficeKind.LABEL, MOST_ITEMS)]

    async def put_label(self, agent: Agent, label: Label) -> Label:
        """Store a label; it replaces the one of the same name, whatever its case and accents.

        Raises:
            InvalidInput: the name is empty or too long, or the colour is none of ``COLOURS``.
        """
        permit(agent, Permission.CURATE)
        name = " ".join(label.name.split())
        if not 0 < len(name) <= LONGEST_LABEL:
            raise InvalidInput(f"A label has 1 to {LONGEST_LABEL} characters.")
        if label.colour not in COLOURS:
            raise InvalidInput(f"A label's colour is one of {', '.join(COLOURS)}.")
        wanted = replace(label, name=name)
        await self._put(agent, label_item(wanted, fold(name), self._clock.now(), agent.id), name)
        return wanted

    async def drop_label(self, agent: Agent, name: str) -> None:
        """Delete a label from the list; conversations keep it. Raises NotFound."""
        permit(agent, Permission.CURATE)
        await self._drop(agent, OfficeKind.LABEL, fold(" ".join(name.split())))

    async def dispositions(self, agent: Agent) -> list[Disposition]:
        """Return all dispositions in order, the retired ones included."""
        permit(agent, Permission.READ)
        return dispositions_of(await self._store.office(OfficeKind.DISPOSITION, MOST_ITEMS))

    async def put_disposition(self, agent: Agent, disposition: Disposition) -> Disposition:
        """Store a disposition; one without an id is new and comes last.

        Raises:
            InvalidInput: it has no name, or one is too long.
            NotFound: there is none with this id.
        """
        permit(agent, Permission.MANAGE)
        known = {one.id: one for one in await self.dispositions(agent)}
        names = tuple((locale, " ".join(text.split())) for locale, text in disposition.names)
        if {locale for locale, _ in names} - set(LOCALES):
            raise InvalidInput(f"A disposition has names in {', '.join(LOCALES)}.")
        if not any(text for _, text in names) or any(len(text) > LONGEST_NAME for _, text in names):
            raise InvalidInput(f"A disposition needs a name of at most {LONGEST_NAME} characters.")
        wanted = replace(disposition, names=names)
        if not wanted.id:
            if len(known) >= MOST_ITEMS:
                raise InvalidInput(f"There can be {MOST_ITEMS} dispositions.")
            last = max(one.position for one in known.values())
            wanted = replace(wanted, id=f"di_{secrets.token_hex(6)}", position=last + 1)
        elif wanted.id not in known:
            raise NotFound("There is no such disposition.")
        if wanted.retired and all(one.retired or one.id == wanted.id for one in known.values()):
            raise InvalidInput("This is the only disposition that is left. Add another one first.")
        await self._put(agent, disposition_item(wanted, self._clock.now(), agent.id), wanted.name("en"))
        return wanted

    async def restore_dispositions(self, agent: Agent) -> None:
        """Offer those that an office begins with again, under their first names."""
        permit(agent, Permission.MANAGE)
        for one in DISPOSITIONS:
            await self._store.drop_office(OfficeKind.DISPOSITION, one.id)
        await self._note(agent, "disposition_restored", "")

    async def templates(self, agent: Agent) -> list[Template]:
        """Return the content templates, by name and language; none without Twilio's keys.

        Raises MessengerError when Twilio does not tell.
        """
        permit(agent, Permission.READ)
        return [] if self._templates is None else await self._templates.templates()

    async def audit(
        self, agent: Agent, wanted: AuditFilter, *, after: str | None = None, limit: int = 50
    ) -> Page[AuditEntry]:
        """List who did what, the newest first. Raises InvalidInput for a foreign cursor."""
        permit(agent, Permission.MANAGE)
        return await self._store.audit_page(wanted, after=after, limit=limit)

    async def audit_csv(self, agent: Agent, wanted: AuditFilter, *, delimiter: str = ",") -> str:
        """Return the newest ``MOST_EXPORTED`` entries that pass as CSV with a line of column names.

        A cell that a spreadsheet would run as a formula begins with ``'``. The export is itself recorded.
        """
        permit(agent, Permission.MANAGE)
        names = {one.id: one.name for one in await self._store.agents()}
        out = io.StringIO()
        writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
        writer.writerow(_AUDIT_COLUMNS)
        cursor: str | None = None
        for _ in range(MOST_EXPORTED // _PAGE):
            page = await self._store.audit_page(wanted, after=cursor, limit=_PAGE)
            writer.writerows(_row(entry, names) for entry in page.items)
            cursor = page.next
            if cursor is None:
                break
        await self._note(agent, "audit_exported", "")
        return out.getvalue()

    async def _put(self, agent: Agent, item: OfficeItem, told: str) -> None:
        await self._store.put_office(item)
        await self._note(agent, f"{item.kind}_saved", told)

    async def _drop(self, agent: Agent, kind: OfficeKind, item_id: str) -> None:
        if not await self._store.drop_office(kind, item_id):
            raise NotFound("It is not there any more.")
        await self._note(agent, f"{kind}_deleted", item_id)

    async def _note(self, agent: Agent, action: str, detail: str) -> None:
        entry_id = f"au_{secrets.token_hex(12)}"
        entry = AuditEntry(entry_id, self._clock.now(), agent.id, action, None, detail[:200])
        await self._store.audit(entry)


def days_only(wanted: AuditFilter, first: date | None, last: date | None, timezone: str) -> AuditFilter:
    """Return a filter that lets only entries of some days pass; None is no bound.

    Raises InvalidInput for a day that no clock of ours can have shown.
    """
    if any(day is not None and not FIRST_DAY <= day <= LAST_DAY for day in (first, last)):
        raise InvalidInput(f"Days are from {FIRST_DAY} to {LAST_DAY}.")
    return replace(
        wanted,
        since=None if first is None else midnight(first, timezone),
        until=None if last is None else midnight(last + timedelta(days=1), timezone),
    )


def _checked(reply: CannedReply) -> CannedReply:
    shortcut = reply.shortcut.strip().removeprefix("/").lower()
    title, body = " ".join(reply.title.split()), reply.body.strip()
    if not _SHORTCUT.fullmatch(shortcut):
        raise InvalidInput("A shortcut has up to 30 letters a-z, digits, - and _, e.g. horario.")
    if not 0 < len(title) <= LONGEST_TITLE:
        raise InvalidInput(f"A canned reply needs a title of at most {LONGEST_TITLE} characters.")
    if not 0 < len(body) <= LONGEST_BODY:
        raise InvalidInput(f"A canned reply has 1 to {LONGEST_BODY} characters.")
    if reply.locale and reply.locale not in LOCALES:
        raise InvalidInput(f"A canned reply is for one of {', '.join(LOCALES)}, or for every language.")
    return replace(reply, shortcut=shortcut, title=title, body=body)


def _row(entry: AuditEntry, names: Mapping[str, str]) -> list[str]:
    at = datetime.fromtimestamp(entry.at / 1000, UTC).isoformat(timespec="milliseconds")
    values = (
        at.replace("+00:00", "Z"),
        entry.actor,
        names.get(entry.actor, ""),
        entry.action,
        entry.conversation_id,
        entry.detail,
    )
    return [cell(value) for value in values]
