"""Content templates: what may be sent when WhatsApp's 24-hour window is closed.

https://www.twilio.com/docs/content. A template is kept once a language: those that belong together have
the same friendly name, which may end in their language, as in ``volta_pt_br`` and ``volta_es``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ponte.errors import InvalidInput

MAX_VARIABLE: Final = 1600
"""The most characters of a variable (error 21658)."""

APPROVED: Final = "approved"
_PLACE: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Template:
    """A content template.

    Args:
        sid: Twilio's ContentSid.
        name: its friendly name.
        language: as Twilio has it, e.g. ``pt_BR``.
        body: the text, with ``{{1}}`` where a variable goes.
        samples: a sample value of each variable, by name.
        approval: WhatsApp's word on it: ``approved``, ``pending``, ``rejected``, ``unsubmitted`` ...
        category: ``UTILITY``, ``MARKETING``, ``AUTHENTICATION``, or empty.
        content_type: what it is, e.g. ``twilio/text``.
    """

    sid: str
    name: str
    language: str
    body: str
    samples: tuple[tuple[str, str], ...] = ()
    approval: str = "unsubmitted"
    category: str = ""
    content_type: str = "twilio/text"

    @property
    def approved(self) -> bool:
        """Whether it may be sent outside the window."""
        return self.approval == APPROVED

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of its variables, in order of appearance; those of parts beside the body come last."""
        return tuple(dict.fromkeys([*_PLACE.findall(self.body), *(name for name, _ in self.samples)]))

    @property
    def family(self) -> str:
        """The name that it shares with the same template in other languages."""
        name, language = self.name.lower(), self.language.lower().replace("-", "_")
        for ending in (language, language.partition("_")[0]):
            if name.endswith(f"_{ending}"):
                return name.removesuffix(f"_{ending}")
        return name


def fill(template: Template, variables: Mapping[str, str]) -> str:
    """Return the template's text with ``variables`` in their places, for a preview; others stay open."""
    return _PLACE.sub(lambda place: variables.get(place[1], place[0]), template.body)


def content_variables(template: Template, variables: Mapping[str, str]) -> str:
    """Return the variables as Twilio wants them: JSON, each a text.

    Raises:
        InvalidInput: one is missing, empty, unknown, too long, or has more white space than WhatsApp takes
            (error 63013).
    """
    known = template.variables
    if unknown := [name for name in variables if name not in known]:
        raise InvalidInput(
            f"The template has no variable {unknown[0]!r}; it has: {', '.join(known) or 'none'}."
        )
    values: dict[str, str] = {}
    for name in known:
        value = variables.get(name, "").strip()
        if not value:
            raise InvalidInput(f"Give the variable {name!r} a value.")
        if len(value) > MAX_VARIABLE:
            raise InvalidInput(
                f"The variable {name!r} has {len(value)} characters; the most is {MAX_VARIABLE}."
            )
        if re.search(r"[\n\r\t]| {5}", value):
            raise InvalidInput(
                f"The variable {name!r} must be one line without long gaps: WhatsApp refuses it."
            )
        values[name] = value
    return json.dumps(values, ensure_ascii=False)


def in_language(templates: Iterable[Template], family: str, locale: str) -> Template | None:
    """Return the approved template of a family in ``locale`` (BCP 47), else in its language at large."""
    wanted = locale.lower().replace("-", "_")
    of_family = [t for t in templates if t.approved and t.family == family.lower()]
    exact = [t for t in of_family if _tag(t) == wanted]
    alike = [t for t in of_family if _tag(t).partition("_")[0] == wanted.partition("_")[0]]
    return next(iter([*exact, *alike]), None)


def _tag(template: Template) -> str:
    return template.language.lower().replace("-", "_")
