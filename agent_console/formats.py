"""How dates, numbers and colleagues' names are written for the reader. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import date
from typing import TYPE_CHECKING, Literal

from babel.dates import format_skeleton
from babel.numbers import format_decimal

if TYPE_CHECKING:
    from agent_console.i18n import Catalogue
    from ponte.domain.agent import Agent

DateOrder = Literal["DD/MM/YYYY", "MM/DD/YYYY"]


def babel_tag(say: Catalogue) -> str:
    """Return the locale as Babel names it."""
    return say.locale.replace("-", "_")


def date_order(say: Catalogue) -> DateOrder:
    """Return how Streamlit is to write dates that are typed."""
    return "MM/DD/YYYY" if say.locale == "en" else "DD/MM/YYYY"


def short_day(day: date, say: Catalogue) -> str:
    """Return a day of this year with its day of the week, short."""
    return str(format_skeleton("MEd", day, locale=babel_tag(say)))


def grouped(number: float, say: Catalogue) -> str:
    """Return a number as one writes it."""
    return str(format_decimal(number, locale=babel_tag(say)))


def told_apart(agents: Collection[Agent]) -> dict[str, str]:
    """Return agents' names by id, with the e-mail where two are alike: a choice goes by its text."""
    count = Counter(each.name for each in agents)
    return {each.id: each.name if count[each.name] == 1 else f"{each.name} ({each.email})" for each in agents}
