"""A trial of every text with made-up values: what fails here would have failed before a customer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType, TracebackType
from typing import Final
from zoneinfo import ZoneInfo

from graph.prompt_problem import Problem
from graph.prompt_schema import MESSAGES, TEMPLATES
from graph.templates import Forms, Phrase, Text

_Values = Mapping[str, object]

# The longest sensible values, so that a text's length is the worst that is sent.
SAMPLES: Final[_Values] = MappingProxyType(
    {
        "minutes": 999,
        "count": 10,
        "hours": "de segunda a sábado, das 8h às 18h, e aos domingos e feriados, das 8h às 12h",
        "opens": datetime(2026, 9, 30, 18, 30, tzinfo=ZoneInfo("America/Sao_Paulo")),
        "days": 7,
        "phrase": "quero falar com um atendente de verdade",
        "topic": "x" * 80,
        "name": "Brazilian Portuguese",
        "why": "x" * 300,
        "language": "Brazilian Portuguese",
        "memory": "x",
        "summary": "x",
        "brief": "x",
        "rubric": "x",
        "excerpts": ({"number": 1, "file": "a.md", "title": "A", "text": "x"},),
        "attachments": ('{"document": "x"}',),
    }
)
# Nothing known: what stands under an `if` or in a loop's `else` is tried too.
_EMPTY: Final[_Values] = MappingProxyType(
    {
        **SAMPLES,
        "memory": "",
        "summary": "",
        "brief": "",
        "excerpts": (),
        "attachments": (),
        "minutes": 1,
        "count": 1,
        "days": 0,
        "why": "",
    }
)
_TRIALS: Final = (SAMPLES, _EMPTY, MappingProxyType({**SAMPLES, "days": 1}))
# What Jinja2 calls the code of a text in a traceback.
_TEMPLATE: Final = "<template>"


def worst_case(phrase: Phrase) -> str:
    """Return the longest that a text comes to with made-up values. Raises what its filling in raises."""
    return max((_tried(text, values) for text in _texts(phrase) for values in _TRIALS), key=len)


def trial_problems(
    templates: Mapping[str, Text], messages: Mapping[str, Mapping[str, Phrase]]
) -> list[Problem]:
    """Return what cannot be filled in: a wrong attribute, a filter that does not fit, a forbidden way.

    A text that names an unknown variable is not tried: that is told already.
    """
    found = [
        _trial(file, None, text) for file, text in templates.items() if text.variables <= TEMPLATES[file]
    ]
    for locale, texts in messages.items():
        file = f"messages/{locale}.yaml"
        found += [_trial(file, key, text) for key, text in texts.items() if text.variables <= MESSAGES[key]]
    return [problem for problem in found if problem is not None]


def _trial(file: str, key: str | None, phrase: Phrase) -> Problem | None:
    for text in _texts(phrase):
        try:
            for values in _TRIALS:
                _tried(text, values)
        except Exception as error:  # noqa: BLE001 - whatever it raises, it would have raised before a customer
            named = "the text" if key is None else f"the text {key!r}"
            said = (str(error) or type(error).__name__).rstrip(".")
            message = f"{named} cannot be filled in: {said}. Mend what stands between the braces."
            return Problem(file, _line(text, error.__traceback__), message)
    return None


def _texts(phrase: Phrase) -> Iterator[Text]:
    yield from phrase.texts.values() if isinstance(phrase, Forms) else (phrase,)


def _tried(text: Text, values: _Values) -> str:
    # A variable that this version has no sample for is still tried, as a word.
    return text.render(**{name: values.get(name, "x") for name in text.variables})


def _line(text: Text, trace: TracebackType | None) -> int | None:
    """Return the line of the file at which filling in a text failed."""
    at = 1
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == _TEMPLATE:
            at = trace.tb_lineno
        trace = trace.tb_next
    return None if text.line is None else text.line + at - 1
