"""Jinja2 in its sandbox, with declared variables only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ponte.errors import PromptError


def environment() -> ImmutableSandboxedEnvironment:
    """Return an environment for prompt files: plain text, no loader, undefined variables are errors."""
    env = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Jinja's own escapes accents and HTML's signs, which a model reads worse and pays for.
    env.filters["tojson"] = partial(json.dumps, ensure_ascii=False)
    return env


@dataclass(frozen=True, slots=True)
class Text:
    """A text with variables.

    Args:
        source: as written.
        variables: those it uses.
        template: compiled; None where there is nothing to fill in.
    """

    source: str
    variables: frozenset[str]
    template: Template | None

    def render(self, **variables: object) -> str:
        """Return the text with its variables filled in. Values are never read as templates."""
        return self.source if self.template is None else self.template.render(variables)


def compile_text(source: str, file: str, first_line: int | None = 1) -> Text:
    """Compile a text.

    Args:
        source: the text.
        file: where it stands, for the error.
        first_line: the line of the file at which ``source`` begins; None when that is not known.

    Raises:
        PromptError: it is no valid template.
    """
    if not any(mark in source for mark in ("{{", "{%", "{#")):
        return Text(source, frozenset(), None)
    env = environment()
    try:
        variables = frozenset(meta.find_undeclared_variables(env.parse(source)))
        return Text(source, variables, env.from_string(source))
    except TemplateSyntaxError as error:
        place = file if first_line is None else f"{file}, line {first_line + error.lineno - 1}"
        raise PromptError(f"{place}: {error.message}. Mend the template's braces.") from None
