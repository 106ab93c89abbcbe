"""The marks of a phrase in the prompt files: ``(a|b)``, ``[x]`` and ``word*``, and whether they are right."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator

from graph.text import words

_CLOSES: Final = {"(": ")", "[": "]"}
_GROUP: Final = re.compile(r"\(([^()\[\]]*)\)|\[([^()\[\]]*)\]")


def _phrase(value: str) -> str:
    if said := phrase_fault(value):
        raise ValueError(f"{value!r} {said}")
    return value


Marked = Annotated[str, AfterValidator(_phrase)]
"""A phrase, checked."""


def phrase_fault(phrase: str) -> str | None:
    """Return what is wrong with the marks of a phrase, and the mend; None when nothing is."""
    if said := _brackets(phrase):
        return said
    if "|" in _GROUP.sub(" ", phrase):
        return "has a `|` outside of brackets; write (one|other)"
    for chosen, optional in _GROUP.findall(phrase):
        if not all(part.strip() for part in (chosen or optional).split("|")):
            return "has nothing beside a `|` or in brackets; write a word there, or remove it"
    if re.search(r"\*(?![\s|)\]]|$)", phrase) or re.search(r"(?:^|[\s|(\[])\*", phrase):
        return "has a `*` that is not at a word's end; write it like word*"
    if not words(re.sub(r"\[[^\]]*\]", " ", phrase)):
        return "has no word that must be there; write one outside of the [ ]"
    return None


def _brackets(phrase: str) -> str | None:
    opened = ""
    for sign in phrase:
        if sign in _CLOSES:
            if opened:
                return f"has a `{sign}` inside of `{opened}`; brackets do not stand in brackets"
            opened = sign
        elif sign in ")]":
            if not opened or _CLOSES[opened] != sign:
                return f"has a `{sign}` that nothing opens; add the other bracket, or remove it"
            opened = ""
    return f"has a `{opened}` that is not closed; add `{_CLOSES[opened]}`" if opened else None
