"""Phrases that ask for a human, as ``prompts/handoff/keywords.yaml`` lists them.

A phrase is written in plain words with three marks: ``(a|b)`` is one of these, ``[x]`` may be there or
not, and ``*`` at a word's end is any ending. Matching ignores accents, case, punctuation and emphasis.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, product

from graph.text import BREAK, clauses, fold

_TOKEN = re.compile(r"\(([^()\[\]]+)\)|\[([^()\[\]]+)\]|([^\s()\[\]]+)")
_NEGATION_REACH = 4
# A phrase of which none of so many forms fires is taken for one that never does.
_MOST_FORMS = 500


@dataclass(frozen=True, slots=True)
class KeywordSpec:
    """The phrases of one language.

    Args:
        phrases: ask for a human wherever they stand.
        alone: ask for a human when they are all that was written, courtesies apart.
        courtesies: words that may stand beside an ``alone`` phrase.
        negations: words that, shortly before a phrase in the same clause, take it back.
        other_senses: phrases that hide what they cover, e.g. "recursos humanos".
        unless: phrases that, anywhere in the same clause, take one back: talk of the past, of others, of what
            might be.
    """

    phrases: tuple[str, ...]
    alone: tuple[str, ...] = ()
    courtesies: tuple[str, ...] = ()
    negations: tuple[str, ...] = ()
    other_senses: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


class Keywords:
    """The compiled phrases of all languages; all are tried, whatever the conversation's language."""

    def __init__(self, specs: Mapping[str, KeywordSpec]) -> None:
        self._languages = {lang: _Compiled(spec) for lang, spec in specs.items()}

    def find(self, text: str) -> str | None:
        """Return the folded words in ``text`` that ask for a human; None when none do."""
        return self.find_read(clauses(text))

    def find_read(self, folded: str, lang: str | None = None) -> str | None:
        """Return the same for words that are folded already.

        Args:
            folded: words with single spaces, and ``|`` or ``?`` where a clause ends.
            lang: only this language's phrases; None: all.
        """
        folded = folded.replace(" ?", f" {BREAK}")
        for name, language in self._languages.items():
            found = language.find(folded) if lang in {None, name} else None
            if found is not None:
                return found
        return None


class _Compiled:
    def __init__(self, spec: KeywordSpec) -> None:
        self._phrases = _any_of(spec.phrases)
        self._other_senses = _any_of(spec.other_senses)
        self._negations = _any_of(spec.negations)
        self._unless = _any_of(spec.unless)
        alone, courtesies = _alternatives(spec.alone), _alternatives(spec.courtesies)
        # Lookarounds instead of \b: a clause mark or the text's end delimits, too.
        around = rf"(?:(?:{courtesies}|\|) )*" if courtesies else r"(?:\| )*"
        after = rf"(?: (?:{courtesies}|\|))*" if courtesies else r"(?: \|)*"
        self._alone = re.compile(rf"{around}({alone}){after}") if alone else None

    def find(self, folded: str) -> str | None:
        if self._alone is not None and (whole := self._alone.fullmatch(folded)):
            return whole.group(1)
        if self._phrases is None:
            return None
        visible = self._other_senses.sub(BREAK, folded) if self._other_senses else folded
        for match in self._phrases.finditer(visible):
            before = visible[: match.start()]
            if not self._negated(before, match.group()) and not self._taken_back(
                before, visible[match.start() :]
            ):
                return match.group()
        return None

    def _negated(self, before: str, phrase: str) -> bool:
        """True when a negation stands shortly before the phrase; it may reach into the phrase's first word.

        One that begins the phrase belongs to what it asks for: "no quiero hablar con un robot".
        """
        if self._negations is None:
            return False
        clause = " ".join(before.rpartition(BREAK)[2].split()[-_NEGATION_REACH:])
        if not clause:
            return False
        found = self._negations.search(f"{clause} {phrase.split(maxsplit=1)[0]}")
        return found is not None and found.start() < len(clause)

    def _taken_back(self, before: str, after: str) -> bool:
        if self._unless is None:
            return False
        clause = before.rpartition(BREAK)[2] + after.partition(BREAK)[0]
        return self._unless.search(clause) is not None


def _any_of(phrases: tuple[str, ...]) -> re.Pattern[str] | None:
    alternatives = _alternatives(phrases)
    return re.compile(rf"(?<!\S)(?:{alternatives})(?!\S)") if alternatives else None


def _alternatives(phrases: tuple[str, ...]) -> str:
    """Return a regular expression for any of the phrases, the longest first."""
    return "|".join(_pattern(p) for p in sorted(phrases, key=len, reverse=True))


def _pattern(phrase: str) -> str:
    """Translate one phrase. The space goes with the optional words, so that it vanishes with them."""
    parts: list[tuple[str, bool]] = []
    for choice, optional, word in _TOKEN.findall(phrase):
        options = (choice or optional or word).split("|")
        body = "|".join(" ".join(_word(w) for w in option.split()) for option in options)
        parts.append((f"(?:{body})", bool(optional)))
    pattern, begun = "", False
    for index, (body, optional) in enumerate(parts):
        more_required = not begun and any(not o for _, o in parts[index + 1 :])
        if optional:
            pattern += f"(?:{body} )?" if more_required else f"(?: {body})?"
        else:
            pattern += f" {body}" if begun else body
            begun = True
    return pattern


def _word(word: str) -> str:
    """Return one word folded, its ``*`` as any ending."""
    stem = re.escape(fold(word.rstrip("*")))
    return stem + r"[^\s|]*" if word.endswith("*") else stem


def silent_phrases(
    specs: Mapping[str, KeywordSpec], spelt: Callable[[str, str], str]
) -> list[tuple[str, str, str]]:
    """Return the phrases that never fire, however they are said, as locale, list and phrase.

    Another list takes them back, or the lexicon writes one of their words in another way.

    Args:
        specs: the phrases, by locale.
        spelt: takes a locale and words, and returns them as the detection reads them.
    """
    compiled = {lang: _Compiled(spec) for lang, spec in specs.items()}

    def fires(lang: str, phrase: str) -> bool:
        return any(compiled[lang].find(spelt(lang, form)) for form in islice(_forms(phrase), _MOST_FORMS))

    return [
        (lang, name, phrase)
        for lang, spec in specs.items()
        for name, phrases in (("phrases", spec.phrases), ("alone", spec.alone))
        for phrase in phrases
        if not fires(lang, phrase)
    ]


def _forms(phrase: str) -> Iterator[str]:
    """Yield what a phrase stands for, word by word; ``*`` as no ending."""
    parts = [
        [*([""] if optional else []), *(chosen or optional or word).replace("*", "").split("|")]
        for chosen, optional, word in _TOKEN.findall(fold(phrase))
    ]
    for form in product(*parts):
        yield " ".join(" ".join(form).split())


def same_phrase(first: str, second: str) -> bool:
    """True when two phrases of a list compile to the same pattern: one of them is superfluous."""
    return _pattern(first) == _pattern(second)
