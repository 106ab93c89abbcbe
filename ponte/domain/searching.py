"""The words of a search: how text becomes words, and where in a text they are."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# So many words of a query count, and of a word so many letters.
MOST_WORDS: Final = 8
LONGEST_WORD: Final = 40
# A shorter last word stands for itself only.
SHORTEST_BEGINNING: Final = 2
# From so many digits on a part of a number finds it.
SHORTEST_NUMBER: Final = 4
_WORD: Final = re.compile(r"[^\W_]+")
_SEPARATORS: Final = re.compile(r"(?<=\d)[\s().-]+(?=\d)")
_AROUND: Final = 48
_EXCERPT: Final = 140


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for.

    Args:
        words: folded words that must be there.
        beginning: a folded beginning of a word that must be there; empty when there is none.
        digits: the query as one number; empty when it is not one.
    """

    words: tuple[str, ...]
    beginning: str
    digits: str

    def __bool__(self) -> bool:
        """False when there is nothing to look for."""
        return bool(self.words or self.beginning)


def query_of(text: str) -> Query:
    """Read a query; empty without a letter or digit."""
    found = words_of(text, MOST_WORDS)
    joined = _SEPARATORS.sub("", text.strip().lstrip("+("))
    digits = joined if joined.isascii() and joined.isdigit() and len(joined) >= SHORTEST_NUMBER else ""
    if found and len(found[-1]) >= SHORTEST_BEGINNING:
        return Query(tuple(found[:-1]), found[-1], digits)
    return Query(tuple(found), "", digits)


def words_of(text: str, most: int | None = None) -> list[str]:
    """Return the folded words of a text in order, repeated ones too; the first ``most``."""
    found = [match[0][:LONGEST_WORD] for match in _WORD.finditer(fold(text))]
    return found if most is None else found[:most]


def fold(text: str) -> str:
    """Return a text without case and accents."""
    if text.isascii():
        return text.lower()
    bare = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in bare if not unicodedata.combining(letter))


def number_parts(address: str) -> list[str]:
    """Return the ends of a phone number, so that any part of it is the beginning of one of them."""
    digits = "".join(letter for letter in address if letter.isascii() and letter.isdigit())
    return [digits[start:] for start in range(max(0, len(digits) - SHORTEST_NUMBER + 1))]


def excerpt(text: str, query: Query) -> tuple[str, list[tuple[int, int]]]:
    """Return the part of a text around the first word that was looked for, and where in it those words are.

    Returns:
        At most 140 characters, with an ellipsis where something is left out; and (start, end) pairs.
    """
    text = unicodedata.normalize("NFC", " ".join(text.split()))
    spans = [(m.start(), m.end()) for m in _WORD.finditer(text) if _wanted(fold(m[0]), query)]
    start = max(0, (spans[0][0] if spans else 0) - _AROUND)
    if start:
        start = text.find(" ", start, start + _AROUND) + 1 or start
    end = min(len(text), start + _EXCERPT)
    head, tail = "…" if start else "", "…" if end < len(text) else ""
    shift = len(head) - start
    marks = [(a + shift, b + shift) for a, b in spans if a >= start and b <= end]
    return f"{head}{text[start:end]}{tail}", marks


def _wanted(word: str, query: Query) -> bool:
    word = word[:LONGEST_WORD]
    return word in query.words or bool(query.beginning and word.startswith(query.beginning))


def joined_text(body: str, texts: Sequence[str | None]) -> str:
    """Return what is searched of a message: its text, and what its files say."""
    return " ".join(part for part in (body, *texts) if part)
