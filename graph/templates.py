"""Jinja2 in its sandbox, with declared variables only; numbers and dates as a language writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final, Literal

from babel import Locale
from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.numbers import format_decimal
from jinja2 import StrictUndefined, Template, TemplateSyntaxError, Undefined, meta
from jinja2.exceptions import TemplateAssertionError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ponte.domain.choices import Choice
from ponte.errors import PromptError

_Length = Literal["short", "medium", "long", "full"]
_Unit = Literal["second", "minute", "hour", "day"]

# No text of ours counts further; CLDR's form for millions needs no translation here.
_COUNTED_TO: Final = 1_000


def environment(locale: str = "en") -> ImmutableSandboxedEnvironment:
    """Return an environment for prompt files: plain text, no loader, undefined variables are errors.

    Filters of our own: ``number``, ``duration(unit)``, ``date``, ``time`` and ``datetime`` write a value as
    ``locale`` does, by Unicode's CLDR; ``tojson`` keeps accents.
    """
    env = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Jinja's own escapes accents and HTML's signs, which a model reads worse and pays for.
    env.filters["tojson"] = _json
    language = _babel(locale)

    def number(value: float) -> str:
        return str(format_decimal(value, locale=language))

    def duration(value: float, unit: _Unit = "minute") -> str:
        length = timedelta(**{f"{unit}s": value})
        return str(format_timedelta(length, granularity=unit, threshold=1.5, locale=language))

    def date(value: datetime, length: _Length = "long") -> str:
        return str(format_date(value, length, locale=language))

    def time(value: datetime, length: _Length = "short") -> str:
        return str(format_time(value, length, tzinfo=value.tzinfo, locale=language))

    def moment(value: datetime, length: _Length = "short") -> str:
        return str(format_datetime(value, length, tzinfo=value.tzinfo, locale=language))

    env.filters.update(number=number, duration=duration, date=date, time=time, datetime=moment)
    return env


@dataclass(frozen=True, slots=True)
class Text:
    """A text with variables.

    Args:
        source: as written.
        variables: those it uses.
        template: compiled; None where there is nothing to fill in.
        choices: the answers that it offers.
    """

    source: str
    variables: frozenset[str]
    template: Template | None
    choices: tuple[Choice, ...] = ()

    def render(self, **variables: object) -> str:
        """Return the text with its variables filled in. Values are never read as templates."""
        return self.source if self.template is None else self.template.render(variables)


@dataclass(frozen=True, slots=True)
class Forms:
    """A text with a form for each sort of number that its language tells apart.

    https://www.unicode.org/cldr/charts/latest/supplemental/language_plural_rules.html

    Args:
        by: the variable with the number.
        locale: the language.
        texts: by CLDR's name of the form; ``other`` is there.
    """

    by: str
    locale: str
    texts: Mapping[str, Text]

    @property
    def variables(self) -> frozenset[str]:
        """All variables that one of the forms uses."""
        return frozenset[str]().union(*(text.variables for text in self.texts.values()))

    def render(self, **variables: object) -> str:
        """Return the form for the number, filled in."""
        number = variables.get(self.by)
        form = _babel(self.locale).plural_form(number) if isinstance(number, int | float) else "other"
        return self.texts.get(str(form), self.texts["other"]).render(**variables)


Phrase = Text | Forms


@cache
def forms_of(locale: str) -> tuple[str, ...]:
    """Return the names of the forms that whole numbers need in a language, ``other`` last."""
    rule = _babel(locale).plural_form
    used = {str(rule(number)) for number in range(_COUNTED_TO)}
    return (*sorted(used - {"other"}), "other")


def compile_text(source: str, file: str, first_line: int | None = 1, locale: str = "en") -> Text:
    """Compile a text.

    Args:
        source: the text.
        file: where it stands, for the error.
        first_line: the line of the file at which ``source`` begins; None when that is not known.
        locale: the language of numbers and dates in it.

    Raises:
        PromptError: it is no valid template.
    """
    if not any(mark in source for mark in ("{{", "{%", "{#")):
        return Text(source, frozenset(), None)
    env = _environment(locale)
    try:
        variables = frozenset(meta.find_undeclared_variables(env.parse(source)))
        return Text(source, variables, env.from_string(source))
    except TemplateSyntaxError as error:
        place = file if first_line is None else f"{file}, line {first_line + error.lineno - 1}"
        said = (error.message or "a mistake").rstrip(".")
        # An unknown filter or test is an assertion of Jinja's, and braces are not the matter.
        mend = "Use one of the README's" if isinstance(error, TemplateAssertionError) else "Mend the braces"
        raise PromptError(f"{place}: {said}. {mend}.") from None


def _json(value: object) -> str:
    if isinstance(value, Undefined):
        # Raises what is undefined, which JSON's own complaint would not name.
        return str(value)
    return json.dumps(value, ensure_ascii=False)


@cache
def _environment(locale: str) -> ImmutableSandboxedEnvironment:
    return environment(locale)


@cache
def _babel(locale: str) -> Locale:
    return Locale.parse(locale, sep="-")
