"""How templates write values: numbers and dates as a language does, and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, Literal

from babel import Locale
from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.numbers import format_decimal
from jinja2 import TemplateRuntimeError, Undefined

_Length = Literal["short", "medium", "long", "full"]
_Unit = Literal["second", "minute", "hour", "day"]
_LENGTHS: Final = ("short", "medium", "long", "full")
_UNITS: Final = ("second", "minute", "hour", "day")


def filters_of(language: Locale) -> Mapping[str, Callable[..., str]]:
    """Return the filters of our own by name, writing as ``language`` does, by Unicode's CLDR.

    ``number``, ``duration(unit)``, ``date(length)``, ``weekday``, ``time(length)``, ``datetime(length)`` and
    ``tojson``, which keeps accents. Each raises TemplateRuntimeError for what it cannot write.
    """

    def number(value: float) -> str:
        return str(format_decimal(_number("number", value), locale=language))

    def duration(value: float, unit: _Unit = "minute") -> str:
        _one_of("duration", unit, _UNITS)
        length = timedelta(**{f"{unit}s": _number("duration", value)})
        return str(format_timedelta(length, granularity=unit, threshold=1.5, locale=language))

    def date(value: datetime, length: _Length = "long") -> str:
        return str(format_date(_moment("date", value, length), length, locale=language))

    def weekday(value: datetime) -> str:
        return str(format_date(_moment("weekday", value), "EEEE", locale=language))

    def time(value: datetime, length: _Length = "short") -> str:
        at = _moment("time", value, length)
        return str(format_time(at, length, tzinfo=at.tzinfo, locale=language))

    def moment(value: datetime, length: _Length = "short") -> str:
        at = _moment("datetime", value, length)
        return str(format_datetime(at, length, tzinfo=at.tzinfo, locale=language))

    # Jinja's own tojson escapes accents and HTML's signs, which a model reads worse and pays for.
    return {
        "number": number,
        "duration": duration,
        "date": date,
        "weekday": weekday,
        "time": time,
        "datetime": moment,
        "tojson": _json,
    }


def _json(value: object) -> str:
    if isinstance(value, Undefined):
        # Raises what is undefined, which JSON's own complaint would not name.
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TemplateRuntimeError(f"`{name}` writes a number, and {_what(value)} is none")
    return value


def _moment(name: str, value: object, length: str = "long") -> datetime:
    if not isinstance(value, datetime):
        raise TemplateRuntimeError(f"`{name}` writes a moment such as `opens`, and {_what(value)} is none")
    _one_of(name, length, _LENGTHS)
    return value


def _one_of(name: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        raise TemplateRuntimeError(f"`{name}` knows {', '.join(known)}, not {given!r}")


def _what(value: object) -> str:
    return "a text" if isinstance(value, str) else "a number" if isinstance(value, int | float) else "this"
