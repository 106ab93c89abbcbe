"""How many tokens a text comes to, estimated: the true count needs the model's own tables."""

from __future__ import annotations

import re
from typing import Final

# A word with its space, up to three digits, a run of signs, line breaks: as OpenAI's tokenizers cut first.
_PIECE: Final = re.compile(r" ?[^\W\d_]+|\d{1,3}| ?[^\w\s]+|\s*\n+|_+|\s+")
# Common short words are one token; longer ones, and those with accents, are cut further.
_WHOLE: Final = 7
_PART: Final = 5


def estimated_tokens(text: str) -> int:
    """Return an estimate for Latin scripts, rather too high than too low."""
    return sum(_tokens(piece) for piece in _PIECE.findall(text))


def _tokens(piece: str) -> int:
    word = piece.strip()
    if not word or word.isdigit():
        return 1
    if not word[0].isalpha():
        return sum(1 if sign.isascii() else 2 for sign in word[:1]) + (len(word) - 1) // 2
    size = len(word) + sum(not letter.isascii() for letter in word)
    return 1 if size <= _WHOLE else 1 + -(-(size - _WHOLE) // _PART)
