"""The telling words of a question or a text, folded so that forms of one word compare equal.

No stemmer of one language fits: files and customers mix three of them, and a customer's spelling is what it
is. So a few endings are taken back, and a word that no file has is read as the nearest one that some has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from rapidfuzz import fuzz, process

from graph.lexicon import STOPWORDS
from graph.text import fold, words

_PLURALS: Final = (
    ("oes", "ao"),
    ("aes", "ao"),
    ("res", "r"),
    ("zes", "z"),
    ("ies", "y"),
    ("am", "a"),
    ("an", "a"),
)
_DIMINUTIVE: Final = re.compile(r"(?<=\w\w)z?i(?:nh|t)(?=[ao]$)")
# "Boa tarde" greets; "tarde" alone asks for a time of day.
_TIMES: Final = "tarde tardes noite noites noche noches morning afternoon evening"
_GREETING: Final = re.compile(
    rf"\b(?:bo[ma]s?|buen[oa]s?|good)[ ,]+(?:dias?|day|night|{_TIMES.replace(' ', '|')})\b"
)
# How people write the untelling words when they type fast.
_FAST: Final = """
q qto qtos qnto qnts n ta to tao tou ces ce vc vcs c tb tbm pq hj blz pfv pf aki
k kiero xq tmb porfa porfis u r ur im ive id cant wanna pls plz whats wheres theres
"""
_UNTELLING: Final = (STOPWORDS - frozenset(_TIMES.split())) | frozenset(_FAST.split())

_SPELLING: Final = 84.0
_STEM_LETTERS: Final = 5
_STEM_SHARE: Final = 0.6
_SHORT: Final = 3
_SPELT_LETTERS: Final = 5


def terms(text: str) -> list[str]:
    """Return the telling words of ``text``, folded, plurals and diminutives taken back."""
    said = words(_GREETING.sub(" ", fold(text)))
    return [_form(word) for word in said if word not in _UNTELLING and (len(word) > 1 or word.isdigit())]


@lru_cache(maxsize=20_000)
def _form(word: str) -> str:
    """Take back the commonest plurals and diminutives; only has to treat equals equally."""
    if len(word) <= _SHORT or not word.isalpha():  # "gas", "mes", "bus" are no plurals
        return word
    return _DIMINUTIVE.sub("", _singular(word)) if len(word) > _SPELT_LETTERS else _singular(word)


def _singular(word: str) -> str:
    for plural, singular in _PLURALS:
        if word.endswith(plural):
            return word[: -len(plural)] + singular
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


class Vocabulary:
    """The words of an index, and which of them a word that is not among them stands for."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = sorted(word for word in known if len(word) >= _SPELT_LETTERS and word.isalpha())

    def nearest(self, word: str) -> str | None:
        """Return the known word that ``word`` misspells or inflects; None when there is none."""
        if len(word) < _SPELT_LETTERS or not word.isalpha():
            return None
        spelt = process.extractOne(word, self._known, scorer=fuzz.ratio, score_cutoff=_SPELLING)
        if spelt is not None:
            return spelt[0]
        best = max(self._known, key=lambda known: _shared(word, known), default=None)
        if best is None:
            return None
        letters = _shared(word, best)
        enough = letters >= _STEM_LETTERS and letters >= _STEM_SHARE * max(len(word), len(best))
        return best if enough else None


def _shared(one: str, other: str) -> int:
    return next(
        (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
