"""Read contact cards (vCard), which is how WhatsApp hands on a contact.

Formats: https://www.rfc-editor.org/rfc/rfc2426 (3.0, what WhatsApp writes) and
https://www.rfc-editor.org/rfc/rfc6350 (4.0).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_MOST_CARDS: Final = 20
_MOST_LINES: Final = 5_000
_MOST_CHARS: Final = 200
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Card:
    """One contact: the name as shown, phone numbers and e-mail addresses as written."""

    name: str
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()


def read_cards(text: str) -> tuple[Card, ...]:
    """Return the contacts in a vCard file, at most 20; what is no contact is skipped."""
    cards: list[Card] = []
    found: dict[str, list[str]] = {}
    inside = False
    for name, value in _properties(text):
        if (name, value.upper()) == ("BEGIN", "VCARD"):
            found, inside = {}, True
        elif (name, value.upper()) == ("END", "VCARD"):
            if inside and (card := _card(found)) is not None:
                cards.append(card)
            inside = False
        elif inside and value:
            found.setdefault(name, []).append(value)
        if len(cards) == _MOST_CARDS:
            break
    return tuple(cards)


def _properties(text: str) -> list[tuple[str, str]]:
    """Return names and values, groups (``item1.TEL``) and parameters dropped, folded lines joined."""
    lines = re.sub(r"\r?\n[ \t]", "", text.lstrip("\ufeff")).splitlines()[:_MOST_LINES]
    pairs: list[tuple[str, str]] = []
    for line in lines:
        head, colon, value = line.partition(":")
        if colon:
            name = head.partition(";")[0].rpartition(".")[2].strip().upper()
            pairs.append((name, value.strip()))
    return pairs


def _card(found: dict[str, list[str]]) -> Card | None:
    structured = [_plain(part) for part in found.get("N", [""])[0].split(";") if part.strip()]
    name = _plain(found.get("FN", [""])[0]) or " ".join(reversed(structured[:2]))
    phones = tuple(_plain(p).removeprefix("tel:") for p in found.get("TEL", []))
    emails = tuple(_plain(e) for e in found.get("EMAIL", []))
    return Card(name, phones, emails) if name or phones or emails else None


def _plain(value: str) -> str:
    text = _ESCAPED.sub(lambda m: " " if m[1] in "nN" else m[1], value)
    return " ".join(text.split())[:_MOST_CHARS]
