"""A language that the bot does not speak, told by its script, or by py3langid where it is the Latin one.

py3langid (https://github.com/adbar/py3langid) is local and small, and sure of itself only where it is right:
see the measurement in docs/reference/decision-ledger.md.
"""

from __future__ import annotations

import asyncio
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol

# Beside our own languages, those so near to them that slang and typos look like them.
_OURS: Final = frozenset(
    "pt es en gl ast an ext mwl lad ca oc pap pcm sco vec lij".split()  # noqa: SIM905 - reads best so
)
# By the first word of a letter's Unicode name: the language that a script alone tells.
_SCRIPTS: Final = {
    "CYRILLIC": "ru",
    "ARABIC": "ar",
    "HEBREW": "he",
    "GREEK": "el",
    "CJK": "zh",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "DEVANAGARI": "hi",
    "THAI": "th",
    "ARMENIAN": "hy",
    "GEORGIAN": "ka",
    "BENGALI": "bn",
}
_FEWEST_LETTERS: Final = 2
_LONGEST: Final = 600


class _Identifier(Protocol):
    def classify(self, text: str) -> tuple[str, float]:
        """Return the likeliest language, as ISO 639 has it, and how sure that is."""
        ...


@dataclass(frozen=True, slots=True)
class Foreign:
    """A language that the bot does not speak.

    Args:
        code: as ISO 639 has it; for a script of many languages, the most spoken of them.
        score: how sure that is, 0 to 1.
    """

    code: str
    score: float


async def find_foreign(text: str, *, words: int, sure: float) -> Foreign | None:
    """Return the language of ``text`` if it is clearly none that the bot speaks.

    Args:
        text: what the customer said in one turn.
        words: a text of fewer words in the Latin script tells nothing.
        sure: the least score that counts.
    """
    text = text[:_LONGEST]
    if script := _script_of(text):
        return Foreign(script, 1.0)
    if sum(any(c.isalpha() for c in word) for word in text.split()) < words:
        return None
    # The first time it reads its model, some hundred milliseconds; then a text takes a twentieth of one.
    identifier = (
        await asyncio.to_thread(_identifier) if not _identifier.cache_info().currsize else _identifier()
    )
    code, score = identifier.classify(text)
    return Foreign(code, float(score)) if code not in _OURS and score >= sure else None


def _script_of(text: str) -> str | None:
    """Return the language of the script in which most of the text is written; None for the Latin one."""
    letters = [c for c in text if c.isalpha()]
    found: dict[str, int] = {}
    for letter in letters:
        if not letter.isascii():
            language = _SCRIPTS.get(unicodedata.name(letter, "").partition(" ")[0].partition("-")[0])
            if language is not None:
                found[language] = found.get(language, 0) + 1
    if sum(found.values()) < max(_FEWEST_LETTERS, len(letters) / 2):
        return None
    # Japanese is written in Chinese characters too; only it has kana beside them.
    return "ja" if "ja" in found else max(found, key=lambda language: found[language])


@cache
def _identifier() -> _Identifier:
    # Needed by few processes, and by these once.
    from py3langid.langid import (  # type: ignore[import-untyped]  # noqa: PLC0415
        MODEL_FILE,
        LanguageIdentifier,
    )

    identifier: _Identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    return identifier
