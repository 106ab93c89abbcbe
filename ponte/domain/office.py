"""What an office keeps beside its conversations: small documents by kind, such as canned replies. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

Fields = tuple[tuple[str, str], ...]

# `{{name}}`, as Twilio's templates write their variables.
_PLACE: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class OfficeKind(StrEnum):
    """The kinds of documents."""

    CANNED = "canned"
    LABEL = "label"
    DISPOSITION = "disposition"


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


@dataclass(frozen=True, slots=True)
class Label:
    """A label that the office proposes to agents.

    Args:
        name: as agents see it; unique whatever its case and accents.
        colour: one of ``COLOURS``.
    """

    name: str
    colour: str


@dataclass(frozen=True, slots=True)
class Disposition:
    """How a conversation can be filed.

    Args:
        id: what conversations and reports hold; it never changes.
        names: as agents see it, by locale; a locale without one shows another's.
        position: the lower, the earlier in the list.
        retired: not offered any more; what was filed so keeps its name.
    """

    id: str
    names: Fields
    position: int
    retired: bool = False

    def name(self, locale: str) -> str:
        """Return the name in a language; in another one where there is none."""
        held = dict(self.names)
        return held.get(locale) or next((text for text in held.values() if text), self.id)


COLOURS: Final = ("grey", "red", "orange", "yellow", "green", "teal", "blue", "purple", "pink")

# What an office begins with.
DISPOSITIONS: Final = (
    Disposition("solved", (("pt-BR", "Resolvido"), ("es", "Resuelto"), ("en", "Solved")), 1),
    Disposition(
        "informed",
        (("pt-BR", "Informação dada"), ("es", "Información dada"), ("en", "Information given")),
        2,
    ),
    Disposition(
        "forwarded",
        (
            ("pt-BR", "Encaminhado a outra área"),
            ("es", "Derivado a otra área"),
            ("en", "Passed to another team"),
        ),
        3,
    ),
    Disposition(
        "no_reply",
        (
            ("pt-BR", "Cliente não respondeu"),
            ("es", "El cliente no respondió"),
            ("en", "Customer did not answer"),
        ),
        4,
    ),
    Disposition(
        "spam",
        (("pt-BR", "Spam ou engano"), ("es", "Spam o equivocación"), ("en", "Spam or wrong number")),
        5,
    ),
)

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


def label_from(item: OfficeItem) -> Label:
    """Return the label that a document holds."""
    held = dict(item.fields)
    colour = held.get("colour", "")
    return Label(held.get("name", item.id), colour if colour in COLOURS else COLOURS[0])


def label_item(label: Label, item_id: str, now: int, by: str) -> OfficeItem:
    """Return a label as a document; ``item_id`` is its name without case and accents."""
    fields = (("name", label.name), ("colour", label.colour))
    return OfficeItem(OfficeKind.LABEL, item_id, fields, now, by)


def disposition_from(item: OfficeItem) -> Disposition:
    """Return the disposition that a document holds."""
    held = dict(item.fields)
    names = tuple((key.removeprefix("name."), text) for key, text in item.fields if key.startswith("name."))
    position = held.get("position", "")
    return Disposition(
        item.id, names, int(position) if position.isdecimal() else 0, retired=bool(held.get("retired"))
    )


def disposition_item(disposition: Disposition, now: int, by: str) -> OfficeItem:
    """Return a disposition as a document."""
    fields = (
        *((f"name.{locale}", text) for locale, text in disposition.names),
        ("position", str(disposition.position)),
        ("retired", "1" if disposition.retired else ""),
    )
    return OfficeItem(OfficeKind.DISPOSITION, disposition.id, fields, now, by)


def dispositions_of(items: Iterable[OfficeItem]) -> list[Disposition]:
    """Return all dispositions in order: those that an office begins with, as far as none replaces them."""
    found = {one.id: one for one in DISPOSITIONS}
    found.update({item.id: disposition_from(item) for item in items})
    return sorted(found.values(), key=lambda one: (one.position, one.id))


def filled(body: str, values: Mapping[str, str]) -> str:
    """Return a text with its variables filled in; one without a value stays for the agent to see."""
    return _PLACE.sub(lambda found: values.get(found[1]) or found[0], body)
