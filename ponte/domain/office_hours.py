"""The company's time zone and the hours in which agents are there, and how much of a wait falls into them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

DEFAULT_TIMEZONE: Final = "America/Sao_Paulo"
# From Monday, as ``datetime.weekday`` counts.
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Nobody waits longer than this to be counted by the day; it also bounds the search for the next opening.
_MOST_DAYS: Final = 400

Span = tuple[time, time]


def parse_span(text: str) -> Span:
    """Return the two times of ``HH:MM-HH:MM``. Raises ValueError when it is not written so."""
    begin, dash, end = text.partition("-")
    try:
        return time.fromisoformat(begin.strip()), time.fromisoformat(end.strip())
    except ValueError:
        raise ValueError(f"{text!r}{'' if dash else ' has no dash'}: write it like 08:00-18:00") from None


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """When agents are there, every week.

    Args:
        timezone: an IANA name such as ``America/Sao_Paulo``.
        week: for each day from Monday its span, or None for a day without.
    """

    timezone: str
    week: tuple[Span | None, ...]

    def open_at(self, now: int) -> bool:
        """Return whether agents are there at ``now`` (ms UTC)."""
        span = self._on(local(now, self.timezone).date())
        return span is not None and span[0] <= now < span[1]

    def open_ms(self, since: int, until: int) -> int:
        """Return how much of the time from ``since`` to ``until`` (ms UTC) agents were there, in ms."""
        total, day = 0, local(since, self.timezone).date()
        for _ in range(_MOST_DAYS):
            if (span := self._on(day)) is not None:
                total += max(0, min(until, span[1]) - max(since, span[0]))
            day += timedelta(days=1)
            if midnight(day, self.timezone) >= until:
                break
        return total

    def after(self, since: int, length: int) -> int | None:
        """Return the moment at which ``length`` ms of office time have passed since ``since`` (ms UTC).

        None when there is no such moment within a year, as in a week without any hours.
        """
        left, day = length, local(since, self.timezone).date()
        for _ in range(_MOST_DAYS):
            if (span := self._on(day)) is not None and span[1] > since:
                begin = max(since, span[0])
                if begin + left <= span[1]:
                    return begin + left
                left -= span[1] - begin
            day += timedelta(days=1)
        return None

    def _on(self, day: date) -> tuple[int, int] | None:
        return _span_of(self.timezone, self.week[day.weekday()], day)


def local(at: int, timezone: str) -> datetime:
    """Return a moment (ms UTC) as the clock on the wall shows it."""
    return datetime.fromtimestamp(at / 1000, tz=UTC).astimezone(_zone(timezone))


@lru_cache(maxsize=4096)
def midnight(day: date, timezone: str) -> int:
    """Return when a day begins there, ms UTC."""
    return _moment(day, time(), timezone)


@lru_cache(maxsize=4096)
def _span_of(timezone: str, span: Span | None, day: date) -> tuple[int, int] | None:
    if span is None:
        return None
    return _moment(day, span[0], timezone), _moment(day, span[1], timezone)


def _moment(day: date, at: time, timezone: str) -> int:
    return round(datetime.combine(day, at, _zone(timezone)).timestamp() * 1000)


@lru_cache(maxsize=16)
def _zone(timezone: str) -> ZoneInfo:
    return ZoneInfo(timezone)
