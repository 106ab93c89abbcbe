"""What ``ponte prompts check`` finds: everything that keeps the files from use, and what is likely wrong."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from graph.keywords import Keywords, KeywordSpec, same_phrase
from graph.prompt_files import Problem
from graph.prompt_schema import LOCALES, MESSAGES
from graph.prompts import PromptSet, read_prompts
from graph.text import words
from ponte.domain.splitting import MAX_BODY

__all__ = ["Problem", "check_prompts"]

# Stand-ins of the longest sensible length, to measure a text as it will be sent.
_SAMPLE = {
    "minutes": 999,
    "hours": "de segunda a sábado, das 8h às 18h, e aos domingos e feriados, das 8h às 12h",
    "phrase": "quero falar com um atendente de verdade",
    "why": "x" * 300,
    "count": 10,
}


def check_prompts(directory: Path) -> list[Problem]:
    """Return everything that is wrong with the prompt files; empty when nothing is.

    Args:
        directory: where they stand.
    """
    prompts, problems = read_prompts(directory)
    if prompts is None:
        return problems
    return [
        *_too_long(prompts),
        *_duplicate_phrases(prompts),
        *_contradictions(prompts),
        *_languages_without_knowledge(prompts),
        *_keywords_against_examples(prompts),
    ]


def _too_long(prompts: PromptSet) -> Iterable[Problem]:
    """Twilio refuses a longer body (error 21617); a longer one is sent in parts, which reads badly."""
    for locale, texts in prompts.messages.items():
        for key in texts:
            size = len(prompts.text(key, locale, **{v: _SAMPLE[v] for v in MESSAGES[key]}))
            if size > MAX_BODY:
                message = f"the text {key!r} has {size} characters; shorten it to {MAX_BODY}."
                yield Problem(f"messages/{locale}.yaml", None, message)
    for section in prompts.knowledge:
        if len(section.text) > MAX_BODY:
            message = f"the section {section.title!r} has {len(section.text)} characters; "
            yield Problem(f"knowledge/{section.source}", None, f"{message}split it in two under {MAX_BODY}.")


def _duplicate_phrases(prompts: PromptSet) -> Iterable[Problem]:
    for locale, spec in prompts.keywords.items():
        for name, phrases in _lists(spec):
            for index, phrase in enumerate(phrases):
                if any(same_phrase(phrase, other) for other in phrases[:index]):
                    message = f"{locale}.{name} has {phrase!r} twice; remove one."
                    yield Problem("handoff/keywords.yaml", None, message)


def _lists(spec: KeywordSpec) -> Iterable[tuple[str, tuple[str, ...]]]:
    for name in ("phrases", "alone", "courtesies", "negations", "other_senses"):
        yield name, getattr(spec, name)


def _contradictions(prompts: PromptSet) -> Iterable[Problem]:
    """The same words labelled both ways teach nothing."""
    seen: dict[tuple[str, ...], bool] = {}
    for example in prompts.examples:
        key = (example.lang, *words(example.text))
        if seen.setdefault(key, example.wants_human) != example.wants_human:
            message = f"{example.text!r} is labelled both human and bot; keep one."
            yield Problem(f"handoff/examples/{example.lang}.tsv", None, message)


def _keywords_against_examples(prompts: PromptSet) -> Iterable[Problem]:
    """A phrase that fires on a message labelled ``bot`` would bounce that customer."""
    keywords = Keywords(prompts.keywords)
    for example in prompts.examples:
        if not example.wants_human and (phrase := keywords.find(example.text)):
            message = f"{phrase!r} fires on {example.text!r}, an example labelled bot; narrow the phrase."
            yield Problem("handoff/keywords.yaml", None, message)


def _languages_without_knowledge(prompts: PromptSet) -> Iterable[Problem]:
    for locale in LOCALES:
        if not any(section.lang == locale for section in prompts.knowledge):
            yield Problem("knowledge", None, f"there is no file with `lang: {locale}`; write one.")
