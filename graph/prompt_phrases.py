"""Phrases that say what another one says already: in ``handoff/keywords.yaml``, and of topics."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from graph.keywords import Keywords, KeywordSpec
from graph.prompt_problem import Problem
from graph.prompt_schema import HandoffPolicy
from graph.prompt_yaml import Document
from graph.text import fold
from graph.trigger_policy import Topic, TopicWords
from ponte.locales import LOCALES

KEYWORDS: Final = "handoff/keywords.yaml"
POLICY: Final = "handoff/policy.yaml"
_LISTS: Final = ("phrases", "alone", "courtesies", "negations", "other_senses", "unless")
_TOPIC_LISTS: Final = ("phrases", "negations", "other_senses", "unless")
_PART: Final = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]|([^\s()\[\]]+)")
# A phrase of more forms than these is one that covers others.
_MOST_FORMS: Final = 200
# Stands for any ending: no word of any language ends so.
_ENDING: Final = "qxzq"

_Keys = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class _Phrase:
    """A phrase, and where it stands."""

    said: str
    at: _Keys
    matcher: Keywords
    forms: tuple[str, ...]

    def covers(self, form: str) -> bool:
        return self.matcher.find(form) == form


def keyword_problems(keywords: Mapping[str, KeywordSpec], document: Document) -> Iterator[Problem]:
    """Yield what stands twice in the phrases that ask for a human.

    Args:
        keywords: by locale.
        document: where they stand.
    """
    for locale, spec in keywords.items():
        lists = {name: _phrases(getattr(spec, name), (locale, name)) for name in _LISTS}
        for name, phrases in lists.items():
            yield from _twice(KEYWORDS, document, f"{locale}.{name}", phrases)
        for alone in lists["alone"]:
            if by := _covering(alone, lists["phrases"]):
                message = (
                    f"{locale}.alone has {alone.said!r}, which {_named(by)} of phrases covers; remove it."
                )
                yield Problem(KEYWORDS, document.line(alone.at), message, advice=True)
        for phrase in lists["phrases"]:
            if by := _covering(phrase, lists["other_senses"]):
                message = (
                    f"{locale}.phrases has {phrase.said!r}, which {_named(by)} of other_senses hides; "
                    "remove one of the two."
                )
                yield Problem(KEYWORDS, document.line(phrase.at), message, advice=True)


def topic_problems(policy: HandoffPolicy, document: Document) -> Iterator[Problem]:
    """Yield what stands twice in the phrases of topics.

    Args:
        policy: with the topics.
        document: where they stand.
    """
    for locale in LOCALES:
        earlier: list[_Phrase] = []
        for number, topic in enumerate(policy.topics):
            words = _words(topic, locale)
            for name in _TOPIC_LISTS:
                phrases = _phrases(getattr(words, name), ("topics", number, locale, name))
                yield from _twice(POLICY, document, f"{topic.name}.{locale}.{name}", phrases)
                if name == "phrases":
                    yield from _of_another(document, topic, locale, phrases, earlier)
                    earlier += phrases if topic.enabled else []


def _of_another(
    document: Document, topic: Topic, locale: str, phrases: Sequence[_Phrase], earlier: Sequence[_Phrase]
) -> Iterator[Problem]:
    for phrase in phrases:
        if by := _covering(phrase, earlier):
            message = (
                f"{topic.name}.{locale}.phrases has {phrase.said!r}, which {_named(by)} of an earlier topic "
                "covers; remove one of the two."
            )
            yield Problem(POLICY, document.line(phrase.at), message, advice=True)


def _words(topic: Topic, locale: str) -> TopicWords:
    return {"pt-BR": topic.pt_br, "es": topic.es, "en": topic.en}[locale]


def _twice(file: str, document: Document, place: str, phrases: Sequence[_Phrase]) -> Iterator[Problem]:
    """Yield the phrases that others of their list cover, the later one of two that are alike."""
    kept = list(phrases)
    for phrase in reversed(phrases):
        others = [other for other in kept if other is not phrase]
        if by := _covering(phrase, others):
            kept = others
            same = any(set(phrase.forms) == set(other.forms) for other in by)
            said = "twice" if same else f"which {_named(by)} covers"
            message = f"{place} has {phrase.said!r}{'' if same else ','} {said}; remove one."
            yield Problem(file, document.line(phrase.at), message, advice=not same)
        for word in _repeated(phrase.said):
            message = f"{place} has {word!r} twice in the brackets of {phrase.said!r}; remove one."
            yield Problem(file, document.line(phrase.at), message, advice=True)


def _covering(phrase: _Phrase, others: Sequence[_Phrase]) -> list[_Phrase]:
    """Return those of ``others`` that say together all that a phrase says; empty where they do not."""
    found: dict[str, _Phrase] = {}
    for form in phrase.forms:
        by = next((other for other in others if other.covers(form)), None)
        if by is None:
            return []
        found[by.said] = by
    return list(found.values())


def _named(by: Sequence[_Phrase]) -> str:
    return " and ".join(repr(f"{one.said[:60]}…" if len(one.said) > 60 else one.said) for one in by[:2])  # noqa: PLR2004 - fits on a line


def _phrases(written: Sequence[str], at: _Keys) -> list[_Phrase]:
    return [
        _Phrase(said, (*at, number), Keywords({"x": KeywordSpec((said,))}), _forms(said))
        for number, said in enumerate(written)
    ]


def _forms(phrase: str) -> tuple[str, ...]:
    """Return what a phrase stands for, word by word; nothing where that is too much to write out."""
    options: list[list[str]] = []
    count = 1
    for chosen, optional, word in _PART.findall(phrase):
        part = [one.strip() for one in (chosen or optional or word).split("|")]
        part = [form for one in part for form in _endings(one)] + ([""] if optional else [])
        options.append(part)
        count *= len(part)
        if count > _MOST_FORMS:
            return ()
    return tuple(dict.fromkeys(" ".join(fold(" ".join(form)).split()) for form in product(*options)))


def _endings(words: str) -> list[str]:
    return [words.replace("*", ""), words.replace("*", _ENDING)] if "*" in words else [words]


def _repeated(phrase: str) -> Iterator[str]:
    for chosen, optional, _ in _PART.findall(phrase):
        options = [fold(" ".join(one.split())) for one in (chosen or optional).split("|")]
        yield from dict.fromkeys(one for one in options if options.count(one) > 1)
