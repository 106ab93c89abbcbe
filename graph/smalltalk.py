"""Mere courtesies: a greeting, thanks, a goodbye. They need no model and find nothing in any file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from graph.text import words

Courtesy = Literal["greeting", "thanks", "acknowledged", "goodbye"]
COURTESIES: tuple[Courtesy, ...] = ("goodbye", "thanks", "greeting", "acknowledged")
_LONGEST = 8


@dataclass(frozen=True, slots=True)
class Smalltalk:
    """The words of each courtesy, of all languages together."""

    phrases: Mapping[Courtesy, tuple[tuple[str, ...], ...]]

    def kind_of(self, said: list[str]) -> Courtesy | None:
        """Return what ``said`` (folded words) is, if it is made of courtesies only.

        What comes first in ``COURTESIES`` wins: "oi, obrigado" is thanks.
        """
        if not said or len(said) > _LONGEST:
            return None
        met: set[Courtesy] = set()
        rest = said
        while rest:
            step = max(self._starts(rest), default=None, key=lambda s: s[0])
            if step is None:
                return None
            met.add(step[1])
            rest = rest[step[0] :]
        return next(kind for kind in COURTESIES if kind in met)

    def _starts(self, said: list[str]) -> Iterable[tuple[int, Courtesy]]:
        for kind, phrases in self.phrases.items():
            for phrase in phrases:
                if tuple(said[: len(phrase)]) == phrase:
                    yield len(phrase), kind


def compile_smalltalk(phrases: Mapping[Courtesy, Iterable[str]]) -> Smalltalk:
    """Fold the phrases of ``prompts/smalltalk.yaml``."""
    return Smalltalk({kind: tuple(tuple(words(p)) for p in texts) for kind, texts in phrases.items()})
