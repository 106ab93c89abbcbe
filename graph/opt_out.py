"""The words by which customers stop our messages and ask for them again: ``prompts/opt_out.yaml``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from graph.smalltalk import Smalltalk
from graph.text import words
from ponte.domain.message import Kind

_LONGEST: Final = 12
# A template's button may say "Parar promoções", too.
_WORDS: Final = frozenset({Kind.TEXT, Kind.CHOICE})

_Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a customer's whole message says about our messages.

    Args:
        out: True to stop them, False to have them again.
        locales: the languages in which it says so.
    """

    out: bool
    locales: tuple[str, ...]

    def answered_in(self, language: str) -> str:
        """Return the locale to answer in: the customer's, unless the word is only of other languages."""
        return language if language in self.locales else self.locales[0]


@dataclass(frozen=True, slots=True)
class OptOut:
    """The compiled words, folded, each with the locales that list it."""

    out: Mapping[_Phrase, tuple[str, ...]]
    back: Mapping[_Phrase, tuple[str, ...]]

    def leaves(self, text: str) -> Wish | None:
        """Return the wish when ``text``, as a whole, asks for no more messages; else None."""
        found = self.out.get(_folded(text))
        return None if found is None else Wish(out=True, locales=found)

    def returns(self, text: str) -> Wish | None:
        """Return the wish when ``text``, as a whole, asks for messages again; else None.

        Ask only about a customer who opted out: for others "voltar" is a word like any other.
        """
        found = self.back.get(_folded(text))
        return None if found is None else Wish(out=False, locales=found)

    def contradictions(self) -> list[str]:
        """Return the words that are listed both ways."""
        return sorted(" ".join(phrase) for phrase in self.out.keys() & self.back.keys())


def compile_opt_out(languages: Mapping[str, tuple[Iterable[str], Iterable[str]]]) -> OptOut:
    """Fold the words of each locale: those that stop our messages, and those that ask for them again."""
    out: dict[_Phrase, tuple[str, ...]] = {}
    back: dict[_Phrase, tuple[str, ...]] = {}
    for locale, (leaving, returning) in languages.items():
        for table, phrases in ((out, leaving), (back, returning)):
            for phrase in phrases:
                folded = tuple(words(phrase))
                if folded and locale not in table.get(folded, ()):
                    table[folded] = (*table.get(folded, ()), locale)
    return OptOut(out, back)


def _folded(text: str) -> _Phrase:
    # What is longer than any phrase can be is not worth folding.
    return tuple(words(text)) if len(text) <= _LONGEST * 20 else ()


class Said(Protocol):
    """The part of a customer's message that wishes are read from."""

    @property
    def kind(self) -> Kind:
        """What it is."""
        ...

    @property
    def body(self) -> str:
        """Its text."""
        ...


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a turn's messages say about our messages.

    Args:
        out: whether the customer is opted out after them.
        wish: the last change of mind among them; None when there was none.
        left: the indexes of the messages that need somebody: not those before an opt-out, nor the words that
            opt out and in; and of a customer who opted out, no mere courtesies.
    """

    out: bool
    wish: Wish | None
    left: tuple[int, ...]


def wishes_of(messages: Sequence[Said], opt_out: OptOut, smalltalk: Smalltalk, *, out: bool) -> Wishes:
    """Read a turn's messages.

    Args:
        messages: oldest first.
        opt_out: the words.
        smalltalk: what is a mere courtesy.
        out: whether the customer was opted out before.
    """
    wish: Wish | None = None
    left: list[int] = []
    for index, message in enumerate(messages):
        text = message.body if message.kind in _WORDS else ""
        leaving = opt_out.leaves(text)
        returning = opt_out.returns(text) if out else None
        if leaving is not None and not out:
            out, wish = True, leaving
            left.clear()
        elif returning is not None:
            out, wish = False, returning
        elif leaving is None:
            left.append(index)
    if out:
        left = [i for i in left if smalltalk.kind_of(words(messages[i].body)) is None]
    return Wishes(out, wish, tuple(left))
