"""Holding what the bot said against what was expected of it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graph.evals.schema import Expectation
from graph.language import detect_language
from ponte.domain.conversation import Trigger


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation, and what came of it.

    Args:
        kind: the expectation's name, such as ``contains``.
        wanted: what was expected, in words.
        passed: whether it was so.
        found: what was there instead; empty where the answer itself tells.
    """

    kind: str
    wanted: str
    passed: bool
    found: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.wanted}{f' (found: {self.found})' if self.found else ''}"


@dataclass(frozen=True, slots=True)
class Said:
    """What the bot said and did in a turn, or in a whole conversation.

    Args:
        answers: the texts; of a conversation, those of each turn as one.
        handed_over: a human owns the conversation; of a conversation, at any time.
        triggers: what brought a human in.
        sources: references of the sections that it rests on, such as ``prices.en.md#lesson-prices``.
    """

    answers: tuple[str, ...]
    handed_over: bool
    triggers: tuple[Trigger, ...] = ()
    sources: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All that was said."""
        return "\n".join(self.answers)


def checks(expect: Expectation, said: Said, language: str | None, never: Sequence[str]) -> Iterator[Check]:
    """Yield a check for each expectation but the rubric.

    Args:
        expect: what is expected.
        said: what came.
        language: of the answers, where ``expect`` names none; None: not looked at.
        never: what must not be said.
    """
    yield from _words(expect, said, never)
    if (wanted := expect.language or language) is not None and said.text.strip():
        found = {detect_language(answer, wanted) for answer in said.answers if answer.strip()}
        yield Check(
            "language", wanted, found == {wanted}, "" if found == {wanted} else ", ".join(sorted(found))
        )
    if expect.max_length is not None:
        longest = max((len(answer) for answer in said.answers), default=0)
        yield Check("max_length", str(expect.max_length), longest <= expect.max_length, str(longest))
    yield from _handover(expect, said)
    for wanted in expect.cites:
        cited = any(wanted in {source, source.partition("#")[0]} for source in said.sources)
        yield Check("cites", wanted, cited, "" if cited else ", ".join(said.sources) or "no source")
    if expect.silent:
        yield Check("silent", "nothing is said", not said.text.strip())


def _words(expect: Expectation, said: Said, never: Sequence[str]) -> Iterator[Check]:
    plain, spaced = _plain(said.text), _spaced(said.text)
    for wanted in expect.contains:
        yield Check("contains", wanted, _plain(wanted) in plain)
    for wanted in expect.matches:
        yield Check("matches", wanted, re.search(wanted, spaced, re.IGNORECASE) is not None)
    for unwanted in (*expect.not_contains, *never):
        yield Check("not_contains", unwanted, _plain(unwanted) not in plain)
    for unwanted in expect.not_matches:
        met = re.search(unwanted, spaced, re.IGNORECASE)
        yield Check("not_matches", unwanted, met is None, met[0] if met else "")


def _handover(expect: Expectation, said: Said) -> Iterator[Check]:
    by = ", ".join(said.triggers)
    wanted = True if expect.trigger else expect.handed_over
    if wanted is not None:
        yield Check("handed_over", str(wanted).lower(), said.handed_over is wanted, by)
    if expect.trigger:
        met = not set(expect.trigger).isdisjoint(said.triggers)
        yield Check("trigger", " or ".join(expect.trigger), met, by or "none")


def _spaced(text: str) -> str:
    """Return the text with every kind of space as a plain one; lines stay."""
    return "\n".join(" ".join(line.split()) for line in unicodedata.normalize("NFKC", text).splitlines())


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
