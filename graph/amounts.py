"""Amounts of money in a text, as numbers that compare equal however they are written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

# No amount has more digits; what has is an account or a code.
_NUMBER: Final = r"\d{1,3}(?:[.,]\d{3}){1,4}(?:[.,]\d{1,2})?(?!\d)|\d{1,15}(?:[.,]\d{1,2})?(?!\d)"
_THOUSAND: Final = r"(?:\s?(?:mil|k)\b)?"
_CURRENCY: Final = r"(?:[A-Z]{0,2}\$|\u20ac|\u00a3|\bBRL|\bUSD|\bEUR)"
_NAMED: Final = (
    r"(?:R\$|\$|\u20ac|\u00a3|(?:reais|real|d[o\u00f3]lar(?:es)?|dollars?|pesos?|euros?|BRL|USD|EUR)\b)"
)
_COSTS: Final = r"\b(?:custam?|cuestan?|costs?)(?:\s+(?:s[o\u00f3]|apenas|just|only))?"
_MONEY: Final = re.compile(
    rf"(?:{_CURRENCY}|{_COSTS})\s?(?P<after>(?:{_NUMBER}){_THOUSAND})"
    rf"|(?<![\d.,])(?P<before>(?:{_NUMBER}){_THOUSAND})\s?(?:de\s)?{_NAMED}",
    re.IGNORECASE,
)
_SIGN: Final = re.compile(rf"{_CURRENCY}|\b{_NAMED}", re.IGNORECASE)
_ANY: Final = re.compile(rf"(?<![\d.,])(?:{_NUMBER}){_THOUSAND}", re.IGNORECASE)


def amounts(text: str) -> frozenset[int]:
    """Return the amounts that a text names with a currency, or as what something costs, in hundredths."""
    return frozenset(_hundredths(found["after"] or found["before"]) for found in _MONEY.finditer(text))


def numbers(text: str) -> frozenset[int]:
    """Return all numbers of a text, in hundredths."""
    return frozenset(_hundredths(found[0]) for found in _ANY.finditer(text))


def priced(texts: Iterable[str]) -> frozenset[int]:
    """Return the numbers of the texts that speak of money: a table may name its currency once."""
    return frozenset(number for text in texts if _SIGN.search(text) for number in numbers(text))


def foreign_amounts(text: str, files: frozenset[int], own: frozenset[int]) -> frozenset[int]:
    """Return the amounts in ``text`` that nobody named.

    Args:
        text: the answer.
        files: what the files name, from ``priced``.
        own: what the customer and the agents named. So many times a price is no new price.
    """
    times = {number // 100 for number in own if number and number % 100 == 0}
    known = files | own | {price * n for price in files for n in times}
    return amounts(text) - known


def _hundredths(written: str) -> int:
    thousand = 1_000 if written[-1] in "lLkK" else 1
    digits = re.match(r"[\d.,]+", written)
    whole, decimals = _parts(digits[0] if digits else "0")
    return (int(whole) * 100 + int(decimals.ljust(2, "0"))) * thousand


def _parts(number: str) -> tuple[str, str]:
    """Return the digits before and behind the decimal sign: the last sign, unless three digits follow."""
    found = re.fullmatch(r"(.*)[.,](\d{1,2})", number)
    whole, decimals = (found[1], found[2]) if found else (number, "0")
    return re.sub(r"\D", "", whole), decimals
