"""Which excerpts an answer rests on: what the model says of it, held against what it was given.

The model ends its answer with a mark, ``[[sources: 1, 3]]``, ``[[sources: none]]`` or ``[[unanswered]]``, as
``prompts/assistant.md`` asks. The mark never reaches a customer, wherever it stands. A number that names no
excerpt is dropped: a source is always one of ours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from graph.knowledge import Hit
from ponte.domain.message import Details

SOURCES: Final = "sources"
_MARK: Final = re.compile(
    r"[ \t]*\[{1,2}\s*(?P<word>sources?|unanswered)\b\s*:?(?P<rest>[^\[\]\n]{0,80})\]{1,2}", re.IGNORECASE
)
_NUMBER: Final = re.compile(r"\d{1,3}")


@dataclass(frozen=True, slots=True)
class Cited:
    """An answer without its mark.

    Args:
        text: for the customer; may be empty where there was nothing but the mark.
        sources: references of the excerpts it rests on, in the order given; see ``Section.reference``.
        answered: False where the model says that the excerpts do not hold the answer.
    """

    text: str
    sources: tuple[str, ...]
    answered: bool


def cited(text: str, given: Sequence[Hit]) -> Cited:
    """Take the mark off an answer.

    Args:
        text: as the model wrote it.
        given: the excerpts that it was given, in the order of their numbers, from 1.
    """
    numbers: set[int] = set()
    answered = True
    for found in _MARK.finditer(text):
        if found["word"].lower() == "unanswered":
            answered = False
        numbers |= {int(n) for n in _NUMBER.findall(found["rest"])}
    named = [hit.section.reference for n, hit in enumerate(given, start=1) if n in numbers]
    bare = re.sub(r"\n{3,}", "\n\n", _MARK.sub("", text)).strip()
    return Cited(bare, tuple(dict.fromkeys(named)) if answered else (), answered)


def sources_detail(sources: Sequence[str]) -> Details:
    """Return the sources as a message's details; none for none."""
    return ((SOURCES, ", ".join(sources)),) if sources else ()
