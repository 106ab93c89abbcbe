"""A written answer as it should be read aloud, or the finding that it should be read by eye."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

_LONG_LIST: Final = 5
_DIGITS_TO_COPY: Final = 8

# A link is tapped, an address, a phone number and a code are copied: none of it is any use to the ear.
_LINK: Final = re.compile(
    r"https?://|www\.|\b[\w-]+\.(?:com|net|org|io|app|me|br|es|pt)\b|\]\(", re.IGNORECASE
)
_ADDRESS: Final = re.compile(r"\S@\S+\.\S")
_TABLE: Final = re.compile(r"^\s*\|.*\|\s*$", re.MULTILINE)
_NUMBER_RUN: Final = re.compile(r"\+?\d[\d ().-]*\d")
_CODE: Final = re.compile(r"\b(?=\w*\d)(?=\w*[A-Za-z])\w{10,}\b")

_BULLET: Final = re.compile(r"^\s*[-*•–—▪◦·]\s+")  # noqa: RUF001 - dashes that people type
_NUMBERED: Final = re.compile(r"^\s*(\d{1,2})[.)]\s+")
_HEADING: Final = re.compile(r"^\s*#{1,6}\s+")
_QUOTE: Final = re.compile(r"^\s*>\s?")
_RULE: Final = re.compile(r"^\s*([-*_=])\s*(?:\1\s*){2,}$")
_MARKS: Final = re.compile(r"(?<!\w)([*_~]{1,3}|`{1,3})(?=\S)(.+?)(?<=\S)\1(?!\w)", re.DOTALL)
_MONEY: Final = re.compile(
    r"(?P<sign>R\$|US\$|\$|€)\s?(?P<whole>\d{1,3}(?:[.,]\d{3})+|\d+)(?:[.,](?P<cents>\d{2}))?(?![\d])"
    r"(?P<scale>\s(?:mil(?:hões|hão|lones|lón)?|thousand|million))?",
    re.IGNORECASE,
)
_UNITS: Final = (
    "mês|mes|month|ano|año|year|semana|week|dia|día|day|hora|hour|h|"
    "pessoa|persona|person|aula|clase|lesson|noite|noche|night|kg|m2"
)
_PER: Final = re.compile(rf"(?<=\w)\s?/\s?(?=(?:{_UNITS})\b)", re.IGNORECASE)
# Not the hyphens of a date or a phone number, which are more than one.
_RANGE: Final = re.compile(r"(?<![\d-])(\d{1,4}(?:h\d{0,2})?)\s?[–—-]\s?(\d{1,4}(?:h\d{0,2})?)(?![\d-])")  # noqa: RUF001 - as above
_DASH: Final = re.compile(r"(?<=\w)–(?=\w)")  # noqa: RUF001 - as above
_ENDS: Final = (".", "!", "?", ":", ";", ",", "…")


@dataclass(frozen=True, slots=True)
class _Words:
    """What signs are called. Money: one, many."""

    real: tuple[str, str]
    dollar: tuple[str, str]
    euro: tuple[str, str]
    cent: tuple[str, str]
    and_cents: str
    ampersand: str
    of: str
    per: str
    until: str
    degrees: str


_WORDS: Final = {
    "pt-BR": _Words(
        real=("real", "reais"),
        dollar=("dólar", "dólares"),
        euro=("euro", "euros"),
        cent=("centavo", "centavos"),
        and_cents="e",
        ampersand="e",
        of="de",
        per="por",
        until="a",
        degrees="graus",
    ),
    "es": _Words(
        real=("real", "reales"),
        dollar=("dólar", "dólares"),
        euro=("euro", "euros"),
        cent=("centavo", "centavos"),
        and_cents="con",
        ampersand="y",
        of="de",
        per="por",
        until="a",
        degrees="grados",
    ),
    "en": _Words(
        real=("real", "reais"),
        dollar=("dollar", "dollars"),
        euro=("euro", "euros"),
        cent=("cent", "cents"),
        and_cents="and",
        ampersand="and",
        of="",
        per="per",
        until="to",
        degrees="degrees",
    ),
}


def spoken_text(text: str, language: str, max_chars: int) -> str | None:
    """Return what a voice should read, or None for what is better read by eye.

    By eye: links, addresses, phone numbers and codes, tables, code, lists of more than five, and what is
    longer than ``max_chars``.

    Args:
        text: as it would go out on WhatsApp.
        language: of the text: pt-BR, es or en; another one is read as pt-BR.
        max_chars: the most characters to read aloud.
    """
    words = _WORDS.get(language, _WORDS["pt-BR"])
    text = unicodedata.normalize("NFC", text)
    if _for_the_eye(text):
        return None
    lines = _lines(text)
    if lines is None:
        return None
    spoken = _MARKS.sub(r"\2", "\n".join(lines))
    if any(_digits(run) >= _DIGITS_TO_COPY for run in _NUMBER_RUN.findall(_MONEY.sub("", spoken))):
        return None
    spoken = _RANGE.sub(rf"\1 {words.until} \2", spoken)
    spoken = _DASH.sub(f" {words.until} ", spoken)
    spoken = _MONEY.sub(lambda found: _money(found, words), spoken)
    spoken = _PER.sub(f" {words.per} ", spoken)
    spoken = spoken.replace("&", f" {words.ampersand} ")
    spoken = spoken.replace("°C", f" {words.degrees}").replace("°", f" {words.degrees}")
    spoken = "".join(character for character in spoken if _speakable(character))
    spoken = _sentences(spoken)
    if not any(character.isalnum() for character in spoken) or len(spoken) > max_chars:
        return None
    return spoken


def _for_the_eye(text: str) -> bool:
    signs = (_LINK, _ADDRESS, _TABLE, _CODE)
    return "```" in text or any(sign.search(text) for sign in signs)


def _lines(text: str) -> list[str] | None:
    """Return the lines without the marks at their beginning; None when they are a long list."""
    found: list[str] = []
    items = 0
    for line in text.splitlines():
        if _RULE.match(line):
            continue
        plain = _HEADING.sub("", _QUOTE.sub("", line))
        if _BULLET.match(plain) or _NUMBERED.match(plain):
            items += 1
        plain = _NUMBERED.sub(r"\1: ", _BULLET.sub("", plain))
        found.append(plain.strip())
    return None if items > _LONG_LIST else found


def _money(found: re.Match[str], words: _Words) -> str:
    whole = re.sub(r"\D", "", found["whole"])
    names = {"R$": words.real, "€": words.euro}.get(found["sign"].upper(), words.dollar)
    if scale := found["scale"]:
        joint = f" {words.of}" if words.of and scale.strip().lower() not in {"mil", "thousand"} else ""
        return f"{whole}{'.' + found['cents'] if found['cents'] else ''}{scale}{joint} {names[1]}"
    cents = int(found["cents"] or 0)
    named = f"{whole} {names[0] if int(whole) == 1 else names[1]}"
    small = f"{cents} {words.cent[0] if cents == 1 else words.cent[1]}"
    if not cents:
        return named
    return f"{named} {words.and_cents} {small}" if int(whole) else small


def _digits(run: str) -> int:
    return sum(character.isdigit() for character in run)


def _speakable(character: str) -> bool:
    """False for emoji and what makes them up, arrows, private and control characters."""
    if character in "\n\t ":
        return True
    if character in "\u20e3\ufe0f\ufe0e":
        return False
    return unicodedata.category(character) not in {"So", "Sk", "Cf", "Cc", "Co", "Cs", "Cn"}


def _sentences(text: str) -> str:
    """Put the lines behind one another, each ended by a stop, so that the voice pauses."""
    pieces: list[str] = []
    for line in text.splitlines():
        piece = re.sub(r"\s+([.,;:!?])", r"\1", re.sub(r"\s+", " ", line)).strip()
        if piece.strip(" .,;:!?-*_~"):
            pieces.append(piece if piece.endswith(_ENDS) else f"{piece}.")
    return " ".join(pieces)
