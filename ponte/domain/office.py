"""What an office keeps beside its conversations: small documents by kind, such as canned replies. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

Fields = tuple[tuple[str, str], ...]

# `{{name}}`, as Twilio's templates write their variables.
_PLACE: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class OfficeKind(StrEnum):
    """The kinds of documents."""

    CANNED = "canned"


@dataclass(frozen=True, slots=True)
class OfficeItem:
    """A document of the office.

    Args:
        kind: what it is.
        id: its name within the kind.
        fields: what it holds, by name.
        changed_at: ms UTC.
        changed_by: an agent's id, or ``operator``.
    """

    kind: OfficeKind
    id: str
    fields: Fields
    changed_at: int
    changed_by: str


@dataclass(frozen=True, slots=True)
class CannedReply:
    """A text that agents send often.

    Args:
        id: opaque.
        shortcut: what an agent types after ``/``.
        title: what it is for.
        body: the text; may have ``{{name}}`` and other variables, see ``VARIABLES``.
        locale: the language it is for, as a BCP 47 tag; empty: every one.
    """

    id: str
    shortcut: str
    title: str
    body: str
    locale: str = ""


# The variables of canned replies: the customer's name and number, the agent's name.
VARIABLES: Final = ("name", "first_name", "number", "agent")


def canned_from(item: OfficeItem) -> CannedReply:
    """Return the canned reply that a document holds."""
    held = dict(item.fields)
    return CannedReply(
        item.id,
        held.get("shortcut", ""),
        held.get("title", ""),
        held.get("body", ""),
        held.get("locale", ""),
    )


def canned_item(reply: CannedReply, now: int, by: str) -> OfficeItem:
    """Return a canned reply as a document."""
    fields = (
        ("shortcut", reply.shortcut),
        ("title", reply.title),
        ("body", reply.body),
        ("locale", reply.locale),
    )
    return OfficeItem(OfficeKind.CANNED, reply.id, fields, now, by)


def filled(body: str, values: Mapping[str, str]) -> str:
    """Return a text with its variables filled in; one without a value stays for the agent to see."""
    return _PLACE.sub(lambda found: values.get(found[1]) or found[0], body)
