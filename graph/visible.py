"""Text without what no reader sees, and without what a model server could take for its own marks."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Control and format characters: zero-width spaces, direction overrides, Unicode's invisible tags ...
_HIDDEN: Final = frozenset({"Cc", "Cf"})
_KEPT: Final = frozenset("\n\t")
_JOINER: Final = "\u200d"
# So many marks above a letter are no accent of any language.
_PILED: Final = re.compile(r"([\u0300-\u036f\u0489]{3})[\u0300-\u036f\u0489]+")

# The marks with which chat templates of open models separate roles. Servers exist that read them in a
# customer's text, too: https://huggingface.co/docs/transformers/chat_templating
_MARKS: Final = re.compile(
    r"<[|\uff5c]|[|\uff5c]>|\[/?INST\]|<</?SYS>>|</?s>|</?(?:start|end)_of_turn>|<(?=/?(?:system|tool_call|think)\b)",
    re.IGNORECASE,
)


def visible(text: str) -> str:
    """Return ``text`` without invisible characters; line breaks stay, and so do emoji made of several."""
    if text.isascii() and text.isprintable():
        return text
    kept = (c for n, c in enumerate(text) if not _hidden(c) or (c == _JOINER and _joins(text, n)))
    return _PILED.sub(r"\1", "".join(kept))


def _hidden(char: str) -> bool:
    return char not in _KEPT and unicodedata.category(char) in _HIDDEN


def _joins(text: str, n: int) -> bool:
    """Return whether the joiner at ``n`` makes one emoji of two."""
    before = text[:n].rstrip("\ufe0f")[-1:]
    after = text[n + 1 : n + 2]
    emoji = ("So", "Sk")  # Sk: the skin tones
    return unicodedata.category(before or "a") in emoji and unicodedata.category(after or "a") == "So"


def defused(text: str) -> str:
    """Return ``text`` with a space in each mark that a chat template could read as the end of a role."""
    return _MARKS.sub(lambda found: f"{found[0][0]} {found[0][1:]}", visible(text))
