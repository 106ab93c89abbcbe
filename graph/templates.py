"""Jinja2 in its sandbox, with declared variables only; numbers and dates as a language writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from babel import Locale
from jinja2 import StrictUndefined, Template, TemplateSyntaxError, meta, nodes
from jinja2.exceptions import SecurityError, TemplateAssertionError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from graph.template_filters import filters_of
from graph.template_rules import PLAIN_FILTERS, forbidden
from ponte.domain.choices import Choice
from ponte.errors import PromptError

# No text of ours counts further; CLDR's form for millions needs no translation here.
_COUNTED_TO: Final = 1_000


class TemplateFault(PromptError):
    """A text is no template that can be used.

    Args:
        place: the file, for the message.
        line: of the file; None when it is not known.
        said: what is wrong, and the mend.
    """

    def __init__(self, place: str, line: int | None, said: str) -> None:
        super().__init__(f"{place}{f', line {line}' if line else ''}: {said}")
        self.line = line
        self.said = said


class _Environment(ImmutableSandboxedEnvironment):
    # Of words, `*` and `%` could make any amount.
    intercepted_binops = frozenset({"*", "%"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401 - as Jinja has it
        if not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise SecurityError(f"only numbers stand beside `{operator}`")
        return super().call_binop(context, operator, left, right)


@dataclass(frozen=True, slots=True)
class Text:
    """A text with variables.

    Args:
        source: as written.
        variables: those it uses.
        template: compiled; None where there is nothing to fill in.
        choices: the answers that it offers.
        line: of its file, where it begins; None when that is not known.
    """

    source: str
    variables: frozenset[str]
    template: Template | None
    choices: tuple[Choice, ...] = ()
    line: int | None = None

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
    """Compile a text: plain text, without other files, in which an undefined variable is an error.

    Args:
        source: the text.
        file: where it stands, for the error.
        first_line: the line of the file at which ``source`` begins; None when that is not known.
        locale: the language of numbers and dates in it.

    Raises:
        TemplateFault: it is no template, or one that uses what prompt files must not.
    """
    if not any(mark in source for mark in ("{{", "{%", "{#")):
        return Text(source, frozenset(), None, line=first_line)
    try:
        return _compiled(source, file, first_line, locale)
    except TemplateFault:
        raise
    except TemplateSyntaxError as error:
        said = (error.message or "a mistake").rstrip(".")
        # An unknown test is an assertion of Jinja's, and braces are not the matter.
        mend = "Use one of the README's" if isinstance(error, TemplateAssertionError) else "Mend the braces"
        raise TemplateFault(file, _line(first_line, error.lineno), f"{said}. {mend}.") from None
    except Exception as error:  # noqa: BLE001 - Python's compiler has its own words for what is nested too deeply
        said = f"it cannot be read as a template ({type(error).__name__}). Mend what is between the braces."
        raise TemplateFault(file, first_line, said) from None


def _compiled(source: str, file: str, first_line: int | None, locale: str) -> Text:
    env = _environment(locale)
    tree = env.parse(source)
    for line, said in forbidden(tree, frozenset(env.filters)):
        raise TemplateFault(file, _line(first_line, line), f"{said}.")
    variables = frozenset(meta.find_undeclared_variables(tree))
    return Text(source, variables, env.from_string(source), line=first_line)


def line_naming(text: Text, variable: str) -> int | None:
    """Return the line of the file on which a text uses a variable first."""
    if text.template is None:
        return text.line
    tree = text.template.environment.parse(text.source)
    used = [name.lineno for name in tree.find_all(nodes.Name) if name.name == variable]
    return _line(text.line, min(used, default=1))


def _line(first: int | None, line: int) -> int | None:
    return None if first is None else first + line - 1


@cache
def _environment(locale: str) -> _Environment:
    env = _Environment(
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters = {
        **{name: do for name, do in env.filters.items() if name in PLAIN_FILTERS},
        **filters_of(_babel(locale)),
    }
    # Nothing to call: what a text says depends on its variables alone.
    env.globals.clear()
    return env


@cache
def _babel(locale: str) -> Locale:
    return Locale.parse(locale, sep="-")
