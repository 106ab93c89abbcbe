"""The console's words: gettext catalogues, a file an area and language, and the choice among languages.

A message id is the key that the code asks for, e.g. ``queue.empty.mine``; a text may have ``{named}`` places.
The files are read as they are, without compiling: edit one and start the console again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from babel import Locale
from babel.messages.pofile import read_po

_FOLDER: Final = Path(__file__).with_name("locales")
LOCALES: Final = ("pt-BR", "es", "en")
# Under a plural text's key stands its form for many; under key + this its form for one.
ONE: Final = "|one"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The words of one language.

    Args:
        locale: a BCP 47 tag out of ``LOCALES``.
        words: text by key; a plural text's singular stands under its key and ``ONE``.
    """

    locale: str
    words: dict[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """Return the text under ``key`` with its places filled. Raises KeyError for an unknown key."""
        text = self.words[key]
        return text.format(**values) if values else text

    def number(self, key: str, count: int, **values: object) -> str:
        """Return the form of a plural text for ``count``, which fills its place ``{count}``."""
        one = Locale.parse(self.locale, sep="-").plural_form(count) == "one"
        return self(f"{key}{ONE}" if one else key, count=count, **values)

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
    words: dict[str, str] = {}
    for path in sorted((_FOLDER / locale.replace("-", "_") / "LC_MESSAGES").glob("*.po")):
        with path.open("rb") as file:
            messages = [m for m in read_po(file, abort_invalid=True) if m.id]
        for message in messages:
            key = message.id if isinstance(message.id, str) else message.id[0]
            forms = message.string
            if forms is None or isinstance(forms, str):
                words[key] = forms or ""
            else:
                words[f"{key}{ONE}"], words[key] = forms
    return Catalogue(locale, words)


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
