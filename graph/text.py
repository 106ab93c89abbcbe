"""Folding text so that spellings of the same thing compare equal."""

from __future__ import annotations

import re
import unicodedata

# Two of a letter are spelling (carro, llamar, need); three are emphasis (oiii, humanooo).
_EMPHASIS = re.compile(r"([^\W\d_])\1{2,}")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_BREAK = re.compile(r"[.!?;:,\u2026()]|\s[-\u2013\u2014]\s|[\U0001f300-\U0001faff\u2600-\u27bf]")

BREAK = "|"


def fold(text: str) -> str:
    """Return ``text`` in lower case, without accents, apostrophes unified, emphasis taken back."""
    plain = unicodedata.normalize("NFKD", text.lower().replace("\u2019", "'"))
    return _EMPHASIS.sub(r"\1", "".join(c for c in plain if not unicodedata.combining(c)))


def words(text: str) -> list[str]:
    """Return the folded words of ``text``, in order."""
    return _WORD.findall(fold(text))


def clauses(text: str) -> str:
    """Return the folded words with single spaces, and ``|`` where punctuation or an emoji ends a clause.

    A line break is a break of its own message, not of a phrase: people write "quero falar com" and
    "atendente" as two messages. So it is read as a space.
    """
    marked = _BREAK.sub(f" {BREAK} ", fold(text.replace("\n", " ")))
    return " ".join(re.findall(rf"{_WORD.pattern}|\|", marked))
