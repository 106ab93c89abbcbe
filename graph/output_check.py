"""The last look at what the model wrote, before a customer reads it.

Whatever talked the model into it, no answer leaves with a link to a host that the prompt files do not name,
with a telephone number, e-mail, payment key or price that neither they nor the customer named, with the bot's
own instructions, with the speech of an agent or the system, or with text that nobody can read. What a model
says in plain sentences is not judged here: see docs/reference/injection.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from graph.amounts import foreign_amounts, numbers, priced
from graph.prompts import PromptSet
from graph.templates import Phrase, Text
from graph.text import fold
from graph.visible import visible

WITHHELD: Final = "withheld"


class Withheld(StrEnum):
    """Why an answer was not sent."""

    LINK = "link"
    CONTACT = "contact"
    PRICE = "price"
    PROMPT = "prompt"
    SPEECH = "speech"
    UNREADABLE = "unreadable"


_URL: Final = re.compile(r"\b[a-z][a-z0-9+.\-]{1,15}:/{1,3}[^\s<>\"]+", re.IGNORECASE)
_SCHEME: Final = re.compile(r"\b(?:mailto|tel|sms|javascript|vbscript|intent):\S|\bdata:\w+/", re.IGNORECASE)
_BARE: Final = re.compile(r"(?<![\w@.\-])(?P<host>(?:[\w\-]+\.)+(?P<top>[^\W\d_]{2,24}))\b(?P<path>[/?#]\S)?")
# WhatsApp makes a link of any name with a known ending. These are no words of the three languages, so no
# sentence that lacks a space after its full stop looks like one; others count with a path or a "www.".
_ENDINGS: Final = """
com net org br io app dev ly info biz xyz site online shop store club link click top live co pt es mx ar cl uk
ru cn tk gg tv cc ws page website tech cloud email chat digital bank pay finance example test
"""
_KNOWN_ENDINGS: Final = frozenset(_ENDINGS.split())
_EMAIL: Final = re.compile(r"[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+")
_HANDLE: Final = re.compile(r"(?<![\w.])@[\w.]{3,}")
_UUID: Final = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_DIGITS: Final = re.compile(r"\d(?:[ \u00a0().\-/]{0,3}\d){7,}")
_HARMLESS: Final = re.compile(
    r"(?:R\$|US\$|\$|\u20ac)\s?(?:\d{1,3}(?:\.\d{3})+|\d{1,6})(?:,\d{2})?(?![\d.,\-]*\d)"
    r"|\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}([/.\-])\d{1,2}\1\d{2,4}\b|\b\d{1,2}[:h]\d{2}\b"
)
_LEAST_DIGITS: Final = 8
_OPAQUE: Final = re.compile(r"\S{60,}")

_ROLES: Final = (
    r"agentes?|atendente|agent|sistema|system|suporte|soporte|support|admin|administrad(?:or|ora)|administrator|"
    r"supervisor|supervisora|gerente|manager|operador|operadora|operator|developer|desenvolvedor|desarrollador"
)
_SPEECH: Final = re.compile(
    rf"^[^\w\n]{{0,6}}(?:{_ROLES})\b[^:\]\n]{{0,30}}(?::|\]|\u00bb)"
    rf"|\[\s*/?(?:{_ROLES}|handoff|inst|tool|transfer|transferir)\b[^\]\n]{{0,60}}\]"
    r"|<[|\uff5c]|<</?sys>>|</?(?:system|assistant|tool_call)\b[^>\n]{0,40}>"
    r"|\"(?:role|tool_calls?|handoff)\"\s*:",
    re.IGNORECASE | re.MULTILINE,
)

# So many letters in a row are no coincidence: a club's name and trade, said in one breath, have some fifty.
_LEAK: Final = 60
_TAGS: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_TOOL: Final = "transfer_to_human"


@dataclass(frozen=True, slots=True)
class _Named:
    """What a text names: hosts, e-mails and handles in lower case, and runs of digits."""

    hosts: frozenset[str]
    contacts: frozenset[str]
    numbers: frozenset[str]


class OutputCheck:
    """Knows what the prompt files allow an answer to say.

    Args:
        prompts: the files; what ``knowledge/`` and ``messages/`` name may be said, what the templates say may
            not.
    """

    def __init__(self, prompts: PromptSet) -> None:
        said = [text for texts in prompts.messages.values() for one in texts.values() for text in _forms(one)]
        said += [f"{section.title}\n{section.text}" for section in prompts.knowledge]
        self._named = _named("\n".join(said))
        self._priced = priced(said)
        self._allowed = frozenset(host.lower().removeprefix("www.") for host in prompts.policy.links.allow)
        public = "\n".join(_letters(text) for text in said)
        templates = (prompts.assistant, prompts.background, prompts.judge, prompts.image)
        self._secret = frozenset(
            window
            for template in templates
            for part in _TAGS.split(template.body.source)
            for window in _windows(_letters(part))
            if window not in public
        )

    def reason(self, text: str, own: str) -> Withheld | None:
        """Return why an answer must not be sent; None when it may.

        Args:
            text: the answer.
            own: the customer's own words, and what agents told this customer: contacts and prices in them may
                be said.
        """
        plain = _plain(text)
        if _SPEECH.search(plain):
            return Withheld.SPEECH
        if self._leaks(plain):
            return Withheld.PROMPT
        if self._links(plain):
            return Withheld.LINK
        if self._contacts(plain, _named(_plain(own))):
            return Withheld.CONTACT
        if foreign_amounts(plain, self._priced, numbers(_plain(own))):
            return Withheld.PRICE
        return Withheld.UNREADABLE if self._opaque(plain) else None

    def _leaks(self, plain: str) -> bool:
        if _TOOL in plain:
            return True
        letters = _letters(plain)
        return any(w in self._secret for way in (letters, letters[::-1]) for w in _windows(way))

    def _links(self, plain: str) -> bool:
        if _SCHEME.search(plain):
            return True
        return any(host is None or not self._known(host) for host in _hosts(plain))

    def _known(self, host: str) -> bool:
        bare = host.removeprefix("www.")
        parts = bare.split(".")
        above = {".".join(parts[n:]) for n in range(len(parts))}
        return bare in self._named.hosts or not above.isdisjoint(self._allowed)

    def _contacts(self, plain: str, own: _Named) -> bool:
        named = _named(plain)
        if named.contacts - self._named.contacts - own.contacts:
            return True
        known = self._named.numbers | own.numbers
        return any(not any(_same(number, other) for other in known) for number in named.numbers)

    def _opaque(self, plain: str) -> bool:
        return any(
            not _URL.search(found[0]) and not _BARE.match(found[0]) for found in _OPAQUE.finditer(plain)
        )


def _forms(phrase: Phrase) -> list[str]:
    return [phrase.source] if isinstance(phrase, Text) else [text.source for text in phrase.texts.values()]


def _named(text: str) -> _Named:
    contacts = {
        found[0].lower().rstrip(".") for one in (_EMAIL, _HANDLE, _UUID) for found in one.finditer(text)
    }
    bare = _HARMLESS.sub(" ; ", _UUID.sub(" ; ", text))
    numbers = {re.sub(r"\D", "", found[0]) for found in _DIGITS.finditer(bare)}
    hosts = {host.removeprefix("www.") for host in _hosts(text) if host is not None}
    return _Named(frozenset(hosts), frozenset(contacts), frozenset(numbers))


def _hosts(text: str) -> Iterable[str | None]:
    """Yield the hosts that a text links to; None for a link whose host cannot be told."""
    for found in _URL.finditer(text):
        try:
            host = urlsplit(found[0]).hostname
        except ValueError:
            host = None
        yield host.rstrip(".,;:!)") if host else None
    for found in _BARE.finditer(_URL.sub(" ", text)):
        host = found["host"].lower()
        if found["path"] or host.startswith("www.") or found["top"].lower() in _KNOWN_ENDINGS:
            yield host


def _same(one: str, other: str) -> bool:
    """Return whether two numbers are one, with and without the country's and the area's code."""
    short, long = sorted((one, other), key=len)
    return len(short) >= _LEAST_DIGITS and long.endswith(short)


def _plain(text: str) -> str:
    """Return ``text`` as a reader sees it: full-width and styled letters are plain ones."""
    return visible(unicodedata.normalize("NFKC", visible(text)))


def _letters(text: str) -> str:
    return "".join(c for c in fold(text) if c.isalnum())


def _windows(letters: str) -> Iterable[str]:
    return (letters[n : n + _LEAK] for n in range(len(letters) - _LEAK + 1))
