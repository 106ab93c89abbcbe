"""Logs: one shape for all, a correlation id, and nothing personal or secret in them."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from ponte.logs import bind_correlation, configure_logging, current_correlation, known_secrets
from ponte.settings import Settings

SECRET = "the-twilio-auth-token"


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Give logging back as it was."""
    configuration = structlog.get_config()
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    names = list(logging.root.manager.loggerDict)
    levels = {name: logging.getLogger(name).level for name in [*names, "twilio", "uvicorn.access"]}
    yield
    structlog.configure(**configuration)
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in logging.root.manager.loggerDict:
        logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))


def configured(level: Any = "INFO", fmt: Any = "json") -> io.StringIO:  # noqa: ANN401 - literals, in a table
    """Configure logging into a buffer."""
    stream = io.StringIO()
    configure_logging(level, fmt, secrets=[SECRET, "", "short"], stream=stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Read what was logged as JSON."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_own_and_foreign_events_look_alike() -> None:
    """Structlog's and the standard library's events have the same fields, with UTC times."""
    stream = configured()
    structlog.get_logger("ponte.intake").info("inbound_accepted", kind="text")
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 42)

    own, foreign = lines(stream)
    assert own.pop("timestamp").endswith("Z")
    assert foreign.pop("timestamp").endswith("Z")
    assert own == {"event": "inbound_accepted", "kind": "text", "level": "info", "logger": "ponte.intake"}
    assert foreign == {"event": "Started server process [42]", "level": "info", "logger": "uvicorn.error"}


def test_the_correlation_id_is_on_every_event_of_its_block() -> None:
    """Blocks nest, and end."""
    stream = configured()
    log = structlog.get_logger("x")
    with bind_correlation("request-1"):
        with bind_correlation("SM1"):
            log.info("inner")
            logging.getLogger("uvicorn.error").warning("foreign")
        assert current_correlation() == "request-1"
        log.info("outer")
    log.info("none")

    assert [line.get("correlation_id") for line in lines(stream)] == ["SM1", "SM1", "request-1", None]


@pytest.mark.parametrize(
    "leak",
    [
        "+5511987654321",
        "+55 11 98765-4321",
        "+55 (11) 98765-4321",
        "%2B5511987654321",
        "5511987654321",
        "(11) 98765-4321",
        "11 98765-4321",
        "whatsapp:+5511987654321",
        "whatsapp%3A%2B5511987654321",
        "whatsapp:US.ABCdef123",
        "Bearer abc.def-ghi",
        "Basic QUM6c2VjcmV0",
        "sk-proj-0123456789abcdef",
        "mongodb://ponte:hunter2@db.example/ponte",
        "VQ3zq0bq0S9x1mG0cYb2Q2Yb3p9o0sJ6kq1n8wH5xZ4",
        SECRET,
    ],
)
@pytest.mark.parametrize("fmt", ["json", "console"])
def test_personal_data_and_secrets_are_masked_wherever_they_are(leak: str, fmt: str) -> None:
    """In values, in nested values, in messages and in tracebacks."""
    stream = configured(fmt=fmt)
    log = structlog.get_logger("x")
    log.info(leak, error=f"cannot send to {leak}.", nested={"list": [leak, {"deep": (leak,)}]})
    logging.getLogger("uvicorn.error").warning("failed: %s", leak)
    try:
        dict[str, str]()[leak]
    except KeyError:
        log.exception("broken")

    text = stream.getvalue()
    assert "KeyError" in text
    for part in (leak, "98765", "hunter2", "ABCdef123", "QUM6c2VjcmV0"):
        assert part not in text


def test_fields_with_content_are_removed_by_name() -> None:
    """Nobody can log a message's text by mistake."""
    stream = configured()
    structlog.get_logger("x").info(
        "event", body="Meu CPF é secreto", Token="t", wa_id=5511987654321, password="p"
    )

    (line,) = lines(stream)
    assert {line[key] for key in ("body", "Token", "wa_id", "password")} == {"[removed]"}


def test_what_an_operator_needs_stays() -> None:
    """Ids, codes, counts and times are not taken for personal data."""
    stream = configured()
    values = {
        "sid": "SM" + "0123456789abcdef" * 2,
        "contact": "ct_012345678901234567890123",
        "turn": "t-123456789012",
        "uuid": "550e8400-e29b-41d4-a716-446655440000",
        "code": 63016,
        "at": 1_750_000_000_000,
        "wait_ms": 1500.5,
        "path": "/v1/conversations/cv_1234567890123/reply",
        "date": "2026-11-22T20:15:00.123Z",
        "none": None,
        "ok": True,
    }
    structlog.get_logger("x").info("event", **values)

    (line,) = lines(stream)
    assert {key: line[key] for key in values} == values


@given(st.integers(min_value=10**9, max_value=10**15 - 1), st.sampled_from(["", "+", "whatsapp:+"]))
def test_no_number_of_a_phones_length_gets_through(number: int, prefix: str) -> None:
    """Any phone-like number within a text is masked."""
    stream = configured()
    structlog.get_logger("x").info("event", error=f"Twilio said: {prefix}{number} is wrong")

    assert str(number) not in stream.getvalue()


def test_talkative_libraries_stay_quiet_at_debug() -> None:
    """The Twilio and OpenAI clients log request bodies; they are held at WARNING."""
    stream = configured(level="DEBUG")
    for name in ("twilio.http_client", "openai._base_client", "httpx", "uvicorn.access", "langchain_core.x"):
        logging.getLogger(name).info("Body=%s", "secreto")
    structlog.get_logger("x").debug("own")

    assert [line["event"] for line in lines(stream)] == ["own"]


def test_the_level_holds_for_all() -> None:
    """Below the level nothing is written, and warnings of Python come through."""
    stream = configured(level="WARNING")
    structlog.get_logger("x").info("quiet")
    logging.getLogger("uvicorn.error").info("quiet")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.warn("old", DeprecationWarning, stacklevel=1)

    (line,) = lines(stream)
    assert line["logger"] == "py.warnings"


def test_configuring_again_replaces() -> None:
    """A second call does not print everything twice."""
    first, second = configured(), configured()
    logging.getLogger("uvicorn.error").warning("once")

    assert (first.getvalue(), len(lines(second))) == ("", 1)


def test_the_secrets_of_the_settings_are_known() -> None:
    """Every secret setting is masked, without a list to keep."""
    settings = Settings(twilio_auth_token="tw-secret", openai_api_key="oa-secret", secret_key="k" * 32)

    assert {"tw-secret", "oa-secret", "k" * 32} <= set(known_secrets(settings))
