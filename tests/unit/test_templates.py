"""What templates of prompt files may use, and how they write values."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from jinja2 import TemplateError

from graph.templates import TemplateFault, compile_text

OPENS = datetime(2026, 9, 30, 9, 5, tzinfo=ZoneInfo("America/Sao_Paulo"))


def rendered(source: str, locale: str = "en", **variables: object) -> str:
    """Return a text with its variables filled in."""
    return compile_text(source, "x", 1, locale).render(**variables)


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("pt-BR", "quarta-feira|30 de setembro de 2026|30/09/2026|09:05|30/09/2026 09:05"),
        ("es", "miércoles|30 de septiembre de 2026|30/9/26|9:05|30/9/26, 9:05"),
        ("en", "Wednesday|September 30, 2026|9/30/26|9:05 AM|9/30/26, 9:05 AM"),
    ],
)
def test_a_moment_is_written_as_a_language_writes_it(locale: str, expected: str) -> None:
    """Day, date and time on the clock of the moment's own timezone."""
    source = "{{ t | weekday }}|{{ t | date }}|{{ t | date('short') }}|{{ t | time }}|{{ t | datetime }}"
    assert rendered(source, locale, t=OPENS).replace("\u202f", " ") == expected


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ n | date }}", "`date` writes a moment such as `opens`, and a text is none"),
        ("{{ n | weekday }}", "`weekday` writes a moment"),
        ("{{ n | number }}", "`number` writes a number, and a text is none"),
        ("{{ 5 | duration('week') }}", "`duration` knows second, minute, hour, day, not 'week'"),
        ("{{ n * 1000000000 }}", "only numbers stand beside `*`"),
        ("{{ '%999999999d' % 5 }}", "only numbers stand beside `%`"),
    ],
)
def test_a_filter_that_does_not_fit_says_what_it_takes(source: str, said: str) -> None:
    """Whatever it is given, it names the mend instead of failing within."""
    with pytest.raises(TemplateError, match=r".+") as raised:
        rendered(source, n="x")
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("a\n{% macro f() %}{{ f() }}{% endmacro %}", "line 2: `macro` cannot be used here"),
        ("{% macro f(a, a) %}{% endmacro %}", "line 1: `macro` cannot be used here"),
        ("{% set x = n %}", "`set` cannot be used here"),
        ("{{ 10 ** 12 }}", "`**` cannot be used here"),
        ("{{ n.ljust(9) }}", "`ljust(...)` cannot be called here"),
        ("{% for a in range(99999) %}{% endfor %}", "loops over something else than a variable"),
        ("{% for a in n %}" * 3 + "{% endfor %}" * 3, "more than 2 loops inside each other"),
        ("{{ n | tojson | tojson | tojson | tojson | tojson }}", "more than 4 filters on one value"),
        ("{{ n | center(999) }}", "there is no filter 'center'; use one of capitalize"),
        ("{{ " + "(" * 3000 + "n" + ")" * 3000 + " }}", "cannot be read as a template (RecursionError)"),
        ("{{ n", "Mend the braces"),
        ("{{ n is nope }}", "Use one of the README's"),
    ],
)
def test_what_could_run_long_or_grow_is_refused(source: str, said: str) -> None:
    """A text is worded with variables, filters, conditions and short loops; nothing else is compiled."""
    with pytest.raises(TemplateFault, match=r".+") as raised:
        compile_text(source, "x")
    assert said in str(raised.value)


def test_what_words_a_text_may_be_used() -> None:
    """Conditions, loops over what is known, sums and filters."""
    assert (
        rendered("{% if n > 59 %}{{ n // 60 }} h {{ n % 60 }}{% else %}{{ n }}{% endif %}", n=75) == "1 h 15"
    )
    assert (
        rendered("{% for e in s %}{{ loop.index }} {{ e.t | upper }};{% endfor %}", s=[{"t": "a"}]) == "1 A;"
    )
    assert rendered("{{ m | default('-') }}{{ m or 'x' }}", m="") == "x"
