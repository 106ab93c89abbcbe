"""The console's words: one JSON catalogue a language, and the choice among them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).with_name("locales")
LOCALES: Final = ("pt-BR", "es", "en")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The words of one language.

    Args:
        locale: a BCP 47 tag out of ``LOCALES``.
        words: text by key; a text may have ``{named}`` places.
    """

    locale: str
    words: dict[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """Return the text under ``key`` with its places filled. Raises KeyError for an unknown key."""
        text = self.words[key]
        return text.format(**values) if values else text

    def maybe(self, key: str, default: str) -> str:
        """Return the text under ``key``, or ``default`` where the catalogue has none."""
        return self.words.get(key, default)

    def part(self, *prefixes: str) -> dict[str, str]:
        """Return the texts whose keys begin with one of ``prefixes``, for a component in the browser."""
        return {key: text for key, text in self.words.items() if key.startswith(prefixes)}


@cache
def catalogue(locale: str) -> Catalogue:
    """Return the catalogue of a locale out of ``LOCALES``; read once."""
    if locale not in LOCALES:
        raise KeyError(locale)
    return Catalogue(locale, json.loads((_FOLDER / f"{locale}.json").read_text(encoding="utf-8")))


def choose(wishes: Iterable[str | None], default: str) -> str:
    """Return the first locale we have among ``wishes`` (BCP 47 tags, the dearest first), else ``default``."""
    for wish in wishes:
        language = (wish or "").replace("_", "-").partition("-")[0].lower()
        for locale in LOCALES:
            if language and locale.partition("-")[0].lower() == language:
                return locale
    return default


def accepted(header: str) -> list[str]:
    """Return the tags of an Accept-Language header, the dearest first (RFC 9110, 12.5.4)."""
    ranked: list[tuple[float, int, str]] = []
    for place, item in enumerate(header.split(",")[:20]):
        tag, _, parameters = item.strip().partition(";")
        _, _, weight = parameters.partition("q=")
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            quality = 0.0
        if tag:
            ranked.append((-quality, place, tag))
    return [tag for _, _, tag in sorted(ranked)]
