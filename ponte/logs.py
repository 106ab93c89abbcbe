"""Structured logs: one renderer for Ponte's own events and for the libraries' standard logging.

Whatever goes wrong upstream, the last step before rendering removes personal data and secrets: fields that
carry content are dropped by name, and anything that looks like a phone number, a WhatsApp address or a
credential is masked in every value.
"""

from __future__ import annotations

import logging
import re
import secrets as random
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Literal, TextIO

import structlog
from pydantic import SecretStr
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import JSONRenderer, TimeStamper, add_log_level, format_exc_info
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from ponte.settings import Settings

_correlation: ContextVar[str | None] = ContextVar("ponte_correlation", default=None)

# These libraries log requests with their bodies or addresses at INFO or below.
_TALKATIVE: Final = (
    "aiohttp",
    "aiosqlite",
    "asyncio",
    "httpcore",
    "httpcore2",
    "httpx",
    "httpx2",
    "langchain",
    "langchain_core",
    "langchain_openai",
    "langgraph",
    "openai",
    "pymongo",
    "twilio",
    "uvicorn.access",
)
_UVICORN: Final = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")

_REMOVED: Final = "[removed]"
_CONTENT_KEYS: Final = frozenset(
    {
        "address", "authorization", "body", "content", "cookie", "form", "params", "password", "phone", "raw",
        "secret", "text", "token", "wa_id",
    }
)  # fmt: skip
_SHORTEST_SECRET: Final = 8
_MASKS: Final = re.compile(
    r"""
      (?P<whatsapp>whatsapp(?::|%3A)[^\s"',;)\]}&]+)
    | (?P<credential>
          \b(?:Bearer|Basic)\s+[^\s"',]+
        | \bsk-[A-Za-z0-9_-]{12,}
        | (?<=://)[^/\s:@]*:[^/\s@]+(?=@)
        | (?<![\w-])[A-Za-z0-9_-]{43}(?![\w-])      # the form of an agent's session token
      )
    | (?P<phone>
          (?:\+|%2B)\d[\d\ ().-]{5,18}\d
        | (?<![\w.:+-])\d{10,15}(?![\w-]|[.:]\w)
        | (?<![\w.:+-])\(?\d{2,3}\)?[\ -]?\d{4,5}-\d{4}(?![\w-])
      )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_REPLACEMENTS: Final = {"whatsapp": "[address]", "credential": "[secret]", "phone": "[phone]"}


@contextmanager
def bind_correlation(correlation_id: str) -> Iterator[None]:
    """Name what is being done: every event logged within the block carries ``correlation_id``.

    Args:
        correlation_id: a MessageSid, a turn's id, a request's id; never personal data.
    """
    reset = _correlation.set(correlation_id)
    try:
        yield
    finally:
        _correlation.reset(reset)


def current_correlation() -> str | None:
    """Return the correlation id of what is being done; None outside of any."""
    return _correlation.get()


def new_correlation() -> str:
    """Return a fresh correlation id."""
    return random.token_hex(8)


def known_secrets(settings: Settings) -> list[str]:
    """Return the values of all secret settings, for ``configure_logging``."""
    values = (getattr(settings, name) for name in type(settings).model_fields)
    return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]


def configure_logging(
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO",
    fmt: Literal["console", "json"] = "console",
    *,
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Send structlog's and the standard library's logs to ``stream``, rendered alike. May be called again.

    Args:
        level: the least to log. Libraries that log contents stay at WARNING.
        fmt: ``json``, one object a line, for production; ``console`` for people.
        secrets: values that must never appear; see ``known_secrets``. Those under 8 characters are ignored.
        stream: where to; standard error by default.
    """
    target = stream or sys.stderr
    number = logging.getLevelNamesMapping()[level]
    clean = _Cleaner(secrets)
    stamp = TimeStamper(fmt="iso", utc=True)
    render: Processor = (
        JSONRenderer(ensure_ascii=False)
        if fmt == "json"
        else ConsoleRenderer(colors=target.isatty(), exception_formatter=plain_traceback)
    )
    # The renderer for people formats tracebacks itself, but only what is text by then can be cleaned.
    end: list[Processor] = [format_exc_info, clean, stamp, render]
    structlog.configure(
        processors=[_add_logger, add_log_level, _add_correlation, *end],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_SinkFactory(target),
        cache_logger_on_first_use=False,
    )
    _configure_stdlib(number, target, end)


def _configure_stdlib(level: int, target: TextIO, end: list[Processor]) -> None:
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, add_log_level, _add_correlation],
            processors=[ProcessorFormatter.remove_processors_meta, *end],
        )
    )
    root = logging.getLogger()
    for old in list(root.handlers):
        if isinstance(old.formatter, ProcessorFormatter):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _UVICORN:
        # uvicorn's own handlers would print everything twice.
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    logging.captureWarnings(capture=True)


class _Sink:
    """Writes rendered events of one logger to a stream, a line each."""

    def __init__(self, target: TextIO, name: str) -> None:
        self._target = target
        self.name = name

    def msg(self, line: str) -> None:
        """Write one line at once, so that lines of several threads do not mix."""
        self._target.write(line + "\n")
        self._target.flush()

    debug = info = warning = error = critical = exception = log = msg


class _SinkFactory:
    """Makes the sink of ``structlog.get_logger(name)``."""

    def __init__(self, target: TextIO) -> None:
        self._target = target

    def __call__(self, *args: object) -> _Sink:
        return _Sink(self._target, str(args[0]) if args else "ponte")


def _add_logger(logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["logger"] = logger.name
    return event


def _add_correlation(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    correlation_id = _correlation.get()
    if correlation_id is not None:
        event.setdefault("correlation_id", correlation_id)
    return event


class _Cleaner:
    """The last resort: a processor that takes personal data and secrets out of an event.

    Args:
        secrets: exact values to mask besides what is recognised by its form.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        long_enough = sorted({s for s in secrets if len(s) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, long_enough))) if long_enough else None

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        for key, value in event.items():
            event[key] = self._cleaned(key, value)
        return event

    def _cleaned(self, key: str, value: object) -> object:
        if key.lower() in _CONTENT_KEYS:
            return _REMOVED
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, Mapping):
            return {str(k): self._cleaned(str(k), v) for k, v in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self._cleaned("", v) for v in value]
        return self._masked(value if type(value) is str else str(value))

    def _masked(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub("[secret]", text)
        return _MASKS.sub(_replacement, text)


def _replacement(match: re.Match[str]) -> str:
    return _REPLACEMENTS[match.lastgroup or "credential"]
