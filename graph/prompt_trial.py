"""A trial of every text with made-up values: what fails here would have failed before a customer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from jinja2 import TemplateError

from graph.prompt_files import Problem
from graph.templates import Forms, Phrase, Text

# The longest sensible values, so that a text's length is the worst that is sent.
SAMPLES: Final[Mapping[str, object]] = MappingProxyType(
    {
        "minutes": 999,
        "count": 10,
        "hours": "de segunda a sábado, das 8h às 18h, e aos domingos e feriados, das 8h às 12h",
        "opens": datetime(2026, 9, 30, 18, 30, tzinfo=ZoneInfo("America/Sao_Paulo")),
        "phrase": "quero falar com um atendente de verdade",
        "why": "x" * 300,
        "language": "Brazilian Portuguese",
        "memory": "x",
        "summary": "x",
        "brief": "x",
        "excerpts": ({"number": 1, "file": "a.md", "title": "A", "text": "x"},),
        "attachments": ('{"document": "x"}',),
    }
)
# Nothing known: what stands under an `if` or in a loop's `else` is tried too.
_EMPTY: Final[Mapping[str, object]] = MappingProxyType(
    {
        "memory": "",
        "summary": "",
        "brief": "",
        "excerpts": (),
        "attachments": (),
        "minutes": 1,
        "count": 1,
        "why": "",
    }
)


def worst_case(phrase: Phrase) -> str:
    """Return the longest that a text comes to with the sample values. Raises what Jinja2 raises."""
    texts = phrase.texts.values() if isinstance(phrase, Forms) else (phrase,)
    return max((_tried(text, SAMPLES) for text in texts), key=len)


def trial_problems(
    templates: Mapping[str, Text], messages: Mapping[str, Mapping[str, Phrase]]
) -> list[Problem]:
    """Return what cannot be filled in: a wrong attribute, a filter that does not fit, a forbidden way."""
    found = [_trial(file, None, text) for file, text in templates.items()]
    for locale, texts in messages.items():
        found += [_trial(f"messages/{locale}.yaml", key, phrase) for key, phrase in texts.items()]
    return [problem for problem in found if problem is not None]


def _trial(file: str, key: str | None, phrase: Phrase) -> Problem | None:
    texts = phrase.texts.values() if isinstance(phrase, Forms) else (phrase,)
    try:
        for text in texts:
            _tried(text, SAMPLES)
            _tried(text, {**SAMPLES, **_EMPTY})
    except (TemplateError, TypeError, ValueError, ArithmeticError, AttributeError, LookupError) as error:
        named = "the text" if key is None else f"the text {key!r}"
        said = (str(error) or type(error).__name__).rstrip(".")
        return Problem(
            file, None, f"{named} cannot be filled in: {said}. Mend what stands between the braces."
        )
    return None


def _tried(text: Text, values: Mapping[str, object]) -> str:
    # A variable that this version has no sample for is still tried, as a word.
    return text.render(**{name: values.get(name, "x") for name in text.variables})
