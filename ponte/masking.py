"""Take out of a customer's words what tells who they are, before people or models read them elsewhere.

Numbers, e-mail addresses, links and names become marks in angle brackets. It is done by rules, so it is not
complete: whoever passes a text on reads it first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

NUMBER: Final = "<number>"
EMAIL: Final = "<email>"
NAME: Final = "<name>"
LINK: Final = "<link>"

_EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_LINK: Final = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
# From four digits on: telephones, documents, cards, dates and orders, but neither "às 15h" nor "120 reais".
_NUMBER: Final = re.compile(r"[+(]?\d(?:[\s().,/-]{0,2}\d){3,}")
_MIXED: Final = re.compile(r"\b(?=\w*\d)(?=\w*[A-Za-z])\w*\d\w*\d\w*\d\w*\b")
# "me chamo ana souza": names are often written small, so up to three words behind are taken.
_INTRODUCED: Final = re.compile(
    r"\b((?:(?:o\s+)?meu\s+nome(?:\s+completo)?(?:\s+é|\s+e)?|me\s+chamo|mi\s+nombre(?:\s+completo)?(?:\s+es)?"
    r"|me\s+llamo|my\s+name(?:\s+is|'s)?)\s+)"
    r"([^\W\d_]+(?:\s+(?!(?:e|y|and|i|meu|minha|mi|my|sou|soy|com|con|preciso|quero|quiero|necesito|need|want|tenho"
    r"|tengo|o|a|el|la|que|pra|para)\b)[^\W\d_]+){0,2})",
    re.IGNORECASE,
)
_CAPITALISED: Final = re.compile(
    r"(?<!\w)(?<!<)[A-ZÀ-Þ][a-zß-ÿ]+(?:\s+(?:(?:d[aeo]s?|de\s+la)\s+)?[A-ZÀ-Þ][a-zß-ÿ]+)*"
)
_BEGINS: Final = frozenset('.!?…:;"“(')
# English writes these with a capital; they are nobody's names.
_COMMON: Final = frozenset(
    {
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
        "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
        "november", "december", "english", "spanish", "portuguese", "whatsapp", "pix",
    }
)  # fmt: skip
_SHORTEST_NAME: Final = 3


def masked(text: str, names: Iterable[str] = ()) -> str:
    """Return ``text`` without numbers of four digits or more, addresses, links and names.

    Args:
        text: what was written.
        names: those that are known, e.g. the customer's and the agents'; each word of them is masked, in
            whatever case it is written.
    """
    plain = _LINK.sub(LINK, _EMAIL.sub(EMAIL, text))
    plain = _MIXED.sub(NUMBER, _NUMBER.sub(NUMBER, plain))
    plain = _INTRODUCED.sub(lambda found: found[1] + NAME, plain)
    known = sorted({word for name in names for word in re.findall(r"[^\W\d_]+", name)}, key=len, reverse=True)
    if known := [re.escape(word) for word in known if len(word) >= _SHORTEST_NAME]:
        plain = re.sub(rf"(?<!<)\b(?:{'|'.join(known)})\b(?!>)", NAME, plain, flags=re.IGNORECASE)
    plain = _CAPITALISED.sub(_name_or_word, plain)
    return re.sub(rf"{NAME}(?:\s+(?:(?:d[aeo]s?|de\s+la)\s+)?{NAME})+", NAME, plain)


def _name_or_word(found: re.Match[str]) -> str:
    """A word with a capital is a name, but for a sentence's first word and a few that English writes so."""
    before = found.string[: found.start()]
    if not before.strip() or "\n" in before[len(before.rstrip()) :] or before.rstrip()[-1] in _BEGINS:
        first, space, rest = found[0].partition(" ")
        return first + (f"{space}{NAME}" if space and rest[:1].isupper() else space + rest)
    return found[0] if all(word.lower() in _COMMON for word in found[0].split()) else NAME
