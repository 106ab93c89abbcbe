"""Split a text that is longer than one WhatsApp message.

Twilio refuses a body over 1600 characters (error 21617, https://www.twilio.com/docs/api/errors/21617).
"""

from __future__ import annotations

import re

MAX_BODY = 1600

# Best place to cut first: paragraph, line, sentence, clause, word.
_BOUNDARIES = (
    re.compile(r"\n\s*\n"),
    re.compile(r"\n"),
    re.compile(r"(?<=[.!?…])[\"')\]]*\s+"),
    re.compile(r"(?<=[,;:])\s+"),
    re.compile(r"\s+"),
)


def split_body(text: str, limit: int = MAX_BODY) -> list[str]:
    """Return the parts of ``text`` in order, none longer than ``limit`` characters, none empty.

    Cuts where it hurts least. Only white space at a cut is dropped; a word longer than ``limit`` is cut
    inside.
    """
    parts: list[str] = []
    rest = text.strip()
    while len(rest) > limit:
        end, resume = _cut(rest, limit)
        parts.append(rest[:end].rstrip())
        rest = rest[resume:].lstrip()
    return [*parts, rest] if rest else parts


def _cut(text: str, limit: int) -> tuple[int, int]:
    """Return where the first part ends and where the next one begins."""
    # A cut in the first half would make a needless extra message.
    for boundary in _BOUNDARIES:
        cuts = [m for m in boundary.finditer(text, 0, limit + 1) if limit // 2 <= m.start() <= limit]
        if cuts:
            return cuts[-1].start(), cuts[-1].end()
    return limit, limit
