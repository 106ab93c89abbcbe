"""Generated requests against every documented operation: none may break the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok

from tests.fixtures.api_office import Office, open_office

# The first has no end; the second would end the session that all the others use.
_LEFT_OUT = {"/v1/events", "/v1/sessions/current"}
_EXAMPLES = 25
_WAIT_S = 10


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """Serve an API with a conversation in the queue."""
    async with open_office(tmp_path / "data") as opened:
        await opened.waiting("Oi")
        yield opened


def _attack(office: Office, token: str, conversation_id: str) -> int:
    """Send generated requests, good and bad, to every operation; returns how many were sent."""
    schema = schemathesis.openapi.from_url(f"{office.url}/openapi.json", wait_for_schema=_WAIT_S)
    sent = 0

    def attack(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode) -> None:
        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=_EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        def one(case: Case[Any]) -> None:
            nonlocal sent
            sent += 1
            # Half of the requests are about a conversation that exists.
            if sent % 2 and "conversation_id" in case.path_parameters:
                case.path_parameters["conversation_id"] = conversation_id
            headers = {"Authorization": f"Bearer {token}"}
            if case.path.startswith("/webhook") and isinstance(case.body, dict) and not case.query:
                form = [(str(key), str(value)) for key, value in case.body.items()]
                headers["X-Twilio-Signature"] = office.sign(case.path, form)
            response = case.call(headers=headers, timeout=_WAIT_S)
            case.validate_response(response, checks=[not_a_server_error])

        one()

    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if operation.path not in _LEFT_OUT:
            attack(operation, GenerationMode.POSITIVE)
            # An operation without parameters cannot be called wrongly.
            with suppress(Unsatisfiable):
                attack(operation, GenerationMode.NEGATIVE)
    return sent


async def test_no_generated_request_breaks_the_server(office: Office) -> None:
    """Thousands of well and badly formed requests get no 5xx."""
    _, token = await office.add_agent("Ana")
    sent = await asyncio.to_thread(_attack, office, token, "cv_1")

    assert sent > 500
    assert (await office.call("GET", "/v1/me", token)).status == 200
