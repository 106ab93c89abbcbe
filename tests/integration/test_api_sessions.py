"""Log in, log out, roles and throttles, over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ponte.accounts import SESSION_MS
from ponte.domain.agent import Role
from tests.fixtures.api_office import PASSWORD, Answer, Office, open_office


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """Serve an API over an empty database."""
    async with open_office(tmp_path / "data") as opened:
        yield opened


async def log_in(office: Office, email: str, password: str = PASSWORD) -> Answer:
    """Log in over HTTP."""
    return await office.call("POST", "/v1/sessions", json={"email": email, "password": password})


async def test_a_login_gives_a_token_that_works_until_log_out(office: Office) -> None:
    """The token tells who the agent is, and ends with the log-out."""
    agent_id, _ = await office.add_agent("Ana", Role.SUPERVISOR)
    answer = await log_in(office, " ANA@example.com ")

    assert answer.status == 201
    token = answer.json["token"]
    assert answer.json["agent"] == {
        "id": agent_id,
        "name": "Ana",
        "email": "ana@example.com",
        "role": "supervisor",
    }
    assert answer.json["expires_at"] == "2025-06-16T03:06:40.000Z"
    assert (await office.call("GET", "/v1/me", token)).json == answer.json["agent"]
    assert (await office.call("DELETE", "/v1/sessions/current", token)).status == 204
    assert (await office.call("GET", "/v1/me", token)).status == 401


@pytest.mark.parametrize(("email", "password"), [("ana@example.com", "wrong"), ("bob@example.com", PASSWORD)])
async def test_a_failed_login_does_not_say_why(office: Office, email: str, password: str) -> None:
    """A wrong password and an unknown account get the same answer."""
    await office.add_agent("Ana")
    answer = await log_in(office, email, password)

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json == {"error": {"code": "unauthenticated", "message": "E-mail or password is wrong."}}


async def test_a_disabled_agent_is_locked_out_at_once(office: Office) -> None:
    """Disabling an account ends its sessions and refuses new ones."""
    _, token = await office.add_agent("Ana")
    await office.ponte.accounts.disable("ana@example.com")

    assert (await office.call("GET", "/v1/me", token)).status == 401
    assert (await log_in(office, "ana@example.com")).status == 401


async def test_a_session_ends_after_its_time(office: Office) -> None:
    """A token is of no use after twelve hours."""
    _, token = await office.add_agent("Ana")
    office.clock.advance(SESSION_MS - 1)
    assert (await office.call("GET", "/v1/me", token)).status == 200
    office.clock.advance(1)
    assert (await office.call("GET", "/v1/me", token)).status == 401


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer x y", "Basic YTpi", "Bearer é", "x"]
)
async def test_a_bad_token_is_a_401_everywhere(office: Office, header: str | None) -> None:
    """Without a session nothing of the agent API answers."""
    headers = {} if header is None else {"Authorization": header}
    for method, path in (
        ("GET", "/v1/me"),
        ("DELETE", "/v1/sessions/current"),
        ("GET", "/v1/agents"),
        ("GET", "/v1/conversations"),
        ("GET", "/v1/conversations/x"),
        ("GET", "/v1/conversations/x/messages"),
        ("POST", "/v1/conversations/x/claim"),
        ("POST", "/v1/conversations/x/return"),
        ("POST", "/v1/conversations/x/resolve"),
        ("POST", "/v1/messages/x/retry"),
        ("GET", "/v1/events"),
    ):
        answer = await office.call(method, path, headers=headers)
        assert (answer.status, answer.headers.get("WWW-Authenticate")) == (401, "Bearer"), path


async def test_logins_are_throttled_per_account(office: Office) -> None:
    """After ten wrong tries even the right password waits, and the answer says how long."""
    await office.add_agent("Ana")
    await office.add_agent("Bia")
    statuses = [(await log_in(office, "ana@example.com", "wrong")).status for _ in range(10)]
    throttled = await log_in(office, "ana@example.com")

    assert statuses == [401] * 10
    assert throttled.status == 429
    wait_s = int(throttled.headers["Retry-After"])
    assert (await log_in(office, "bia@example.com")).status == 201
    office.clock.advance(wait_s * 1000)
    assert (await log_in(office, "ana@example.com")).status == 201


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "x",
        {"email": "ana@example.com"},
        {"email": 1, "password": "sesame-sesame"},
        {"email": {"$ne": None}, "password": {"$ne": None}},
        {"email": "ana@example.com", "password": "sesame-sesame" * 200},
        {"email": "ana@example.com", "password": "sesame-sesame", "role": "admin"},
        {"email": "\ud800", "password": "sesame-sesame"},
    ],
)
async def test_a_malformed_login_names_the_fields_and_echoes_nothing(office: Office, body: object) -> None:
    """A body that cannot be used is a 422 that does not repeat what was sent."""
    answer = await office.call("POST", "/v1/sessions", json=body)

    assert answer.status == 422
    assert answer.json["error"]["code"] == "invalid_input"
    assert answer.json["error"]["fields"][0]["field"].startswith("body")
    assert "sesame" not in answer.text


@pytest.mark.parametrize(
    ("data", "content_type", "status"),
    [("{", "application/json", 422), (b"\xff", "application/json", 400), ("a=b", "text/plain", 422)],
)
async def test_a_body_that_is_no_json_is_refused(
    office: Office, data: str | bytes, content_type: str, status: int
) -> None:
    """What cannot be parsed is the caller's error."""
    answer = await office.call("POST", "/v1/sessions", data=data, headers={"Content-Type": content_type})

    assert (answer.status, "code" in answer.json["error"]) == (status, True)


async def test_colleagues_are_those_who_can_take_conversations(office: Office) -> None:
    """The list for a transfer leaves out disabled accounts and roles that do not answer customers."""
    _, token = await office.add_agent("Ana")
    await office.add_agent("Bia", Role.SUPERVISOR)
    await office.add_agent("Caio", Role.PROMPT_ENGINEER)
    await office.add_agent("Davi")
    await office.ponte.accounts.disable("davi@example.com")

    page = (await office.call("GET", "/v1/agents", token)).json
    assert [agent["name"] for agent in page["items"]] == ["Ana", "Bia"]
    assert page["next"] is None
