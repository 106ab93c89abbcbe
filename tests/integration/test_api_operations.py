"""Health, metrics, headers, errors and the OpenAPI document, over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from ponte.bootstrap import Ponte
from ponte.errors import PromptError
from tests.fixtures.api_office import Office, open_office


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """Serve an API over an empty database."""
    async with open_office(tmp_path / "data") as opened:
        yield opened


async def test_health_says_that_the_process_lives(office: Office) -> None:
    """It answers without the database."""
    office.store.break_down()
    answer = await office.call("GET", "/healthz")

    assert (answer.status, answer.json) == (200, {"status": "alive"})


async def test_readiness_names_each_check(tmp_path: Path) -> None:
    """One failing check makes it a 503 that tells which, and not why."""
    broken = False

    async def prompts() -> None:
        if broken:
            raise PromptError("prompts/assistant.md, line 3: the closing --- is missing.")

    async with open_office(tmp_path / "data", readiness={"prompts": prompts}) as office:
        fine = {"ok": True, "error": None}
        ready = await office.call("GET", "/readyz")
        assert (ready.status, ready.json) == (
            200,
            {"ready": True, "checks": {"store": fine, "prompts": fine}},
        )
        broken = True
        office.store.break_down()
        answer = await office.call("GET", "/readyz")

    assert answer.status == 503
    assert answer.json == {
        "ready": False,
        "checks": {
            "store": {"ok": False, "error": "StoreUnavailable"},
            "prompts": {"ok": False, "error": "PromptError"},
        },
    }


async def test_metrics_show_what_waits(office: Office) -> None:
    """The gauges are read at each scrape; without the database they are unknown rather than old."""
    await office.waiting()
    await office.waiting()
    text = (await office.call("GET", "/metrics")).text
    office.store.break_down()
    without = await office.call("GET", "/metrics")

    assert 'ponte_conversations{status="AWAITING_AGENT"} 2.0' in text
    assert 'ponte_conversations{status="BOT_ACTIVE"} 0.0' in text
    assert "ponte_outbox 0.0" in text
    assert without.status == 200
    assert "ponte_outbox NaN" in without.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/docs", 404, "not_found"),
        ("GET", "/v1/conversations/", 404, "not_found"),
        ("GET", "/webhook", 405, "method_not_allowed"),
        ("DELETE", "/v1/conversations", 405, "method_not_allowed"),
        ("OPTIONS", "/v1/sessions", 405, "method_not_allowed"),
    ],
)
async def test_wrong_addresses_get_the_same_error_shape(
    office: Office, method: str, path: str, status: int, code: str
) -> None:
    """Also what the framework refuses is answered in the one shape."""
    answer = await office.call(method, path)

    assert (answer.status, answer.json["error"]["code"]) == (status, code)


async def test_every_answer_carries_safe_headers(office: Office) -> None:
    """Errors too; and no other site is let in."""
    for path in ("/healthz", "/nowhere", "/v1/me", "/openapi.json"):
        headers = (await office.call("GET", path, headers={"Origin": "https://evil.example"})).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert len(headers["X-Request-Id"]) >= 8
        assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(("sent", "kept"), [("trace-0123456789", True), ("a b", False), ("x" * 200, False)])
async def test_a_request_id_is_taken_over_when_it_is_plain(office: Office, sent: str, kept: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """A caller's own id is used if it cannot harm a log."""
    answer = await office.call("GET", "/healthz", headers={"X-Request-Id": sent})

    assert (answer.headers["X-Request-Id"] == sent) is kept


async def test_a_large_body_is_refused_everywhere(office: Office) -> None:
    """Over 256 KB it is a 413 in the one shape."""
    answer = await office.call("POST", "/v1/sessions", json={"email": "x" * 300_000, "password": "x"})

    assert (answer.status, answer.json["error"]["code"]) == (413, "too_large")


async def test_an_unexpected_error_says_nothing_but_where_to_look(office: Office) -> None:
    """What nobody foresaw is a 500 with the id that the log knows, and without detail."""
    _, token = await office.add_agent("Ana")
    office.store.failure = RuntimeError("secret detail")
    with capture_logs() as logged:
        answer = await office.call("GET", "/v1/conversations", token)

    assert answer.status == 500
    assert answer.json["error"]["code"] == "internal"
    assert answer.json["error"]["correlation_id"] == answer.headers["X-Request-Id"]
    assert "secret detail" not in answer.text
    (failure,) = [event for event in logged if event["event"] == "request_failed"]
    assert (failure["path"], failure["log_level"]) == ("/v1/conversations", "error")


async def test_the_background_lives_as_long_as_the_api(tmp_path: Path) -> None:
    """What runs beside the API is entered with the open resources and left at the end."""
    steps: list[str] = []

    @asynccontextmanager
    async def background(ponte: Ponte) -> AsyncIterator[None]:
        await ponte.store.ping()
        steps.append("begun")
        yield
        await ponte.store.ping()
        steps.append("ended")

    async with open_office(tmp_path / "data", background=background):
        assert steps == ["begun"]
    assert steps == ["begun", "ended"]
    async with open_office(tmp_path / "other", background=background, run_worker=False):
        pass
    assert steps == ["begun", "ended"]


async def test_the_api_opens_its_own_store(tmp_path: Path) -> None:
    """Without given resources the lifespan opens those of the settings."""
    from api.app import create_app  # noqa: PLC0415 - kept beside its only use
    from ponte.settings import Settings  # noqa: PLC0415 - as above
    from simulator.serving import serve  # noqa: PLC0415 - as above

    app = create_app(Settings(data_dir=tmp_path / "own"))
    async with serve(app):
        assert await app.state.ponte.store.outbox_size() == 0
    assert (tmp_path / "own").is_dir()


async def test_the_document_describes_everything(office: Office) -> None:
    """Every operation, parameter and field of the OpenAPI document says what it is."""
    document = (await office.call("GET", "/openapi.json")).json
    operations = [
        (f"{method} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    assert {name for name, _ in operations} >= {
        "post /webhook",
        "post /webhook/status",
        "post /v1/sessions",
        "get /v1/conversations",
        "post /v1/conversations/{conversation_id}/transfer",
        "get /v1/events",
        "get /media/{token}",
        "get /readyz",
        "get /metrics",
    }
    silent = [name for name, operation in operations if not operation.get("description")]
    silent += [
        f"{name} {parameter['name']}"
        for name, operation in operations
        for parameter in operation.get("parameters", [])
        if not parameter.get("description") and not parameter.get("schema", {}).get("description")
    ]
    schemas: dict[str, Any] = document["components"]["schemas"]
    silent += [
        f"{schema}.{field}"
        for schema, definition in schemas.items()
        for field, described in definition.get("properties", {}).items()
        if not described.get("description")
    ]
    assert silent == []
    assert "AgentSession" in document["components"]["securitySchemes"]
