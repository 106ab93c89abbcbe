"""Which of Ponte's languages a message is written in.

Counts everyday words that only one of the three languages has. Deterministic and free; a short message
("ok", "sim", a name) tells nothing, and then the conversation's language stays.
"""

from __future__ import annotations

import re

from graph.lexicon import TELLING
from ponte.locales import LOCALES

_WORD = re.compile(r"[^\W\d_]+")
_LETTERS = {"pt-BR": re.compile(r"[ãõçêôà]|lh|nh"), "es": re.compile(r"ñ|ción\b|ll")}
# Only Spanish writes these, and whoever does leaves no doubt.
_SPANISH_MARKS = re.compile(r"[¿¡]")
_LEAD = 2.0


def detect_language(text: str, current: str) -> str:
    """Return the locale of ``text``; ``current`` unless another language clearly leads.

    Args:
        text: one turn of the customer.
        current: the conversation's locale so far.
    """
    words = _WORD.findall(text.lower())
    scores = {locale: float(sum(w in own for w in words)) for locale, own in TELLING.items()}
    for locale, letters in _LETTERS.items():
        scores[locale] += len(letters.findall(text.lower())) / 2
    if _SPANISH_MARKS.search(text):
        scores["es"] += _LEAD
    best = max(LOCALES, key=lambda locale: (scores[locale], locale == current))
    if best == current or current not in scores:
        return best if scores[best] else current
    lead = scores[best] - scores[current]
    # One telling word is enough where nothing speaks for the current language and the text is short.
    if lead >= _LEAD or (scores[current] == 0 and lead >= 1 and len(words) <= 4):  # noqa: PLR2004 - see above
        return best
    return current
