"""The agent API's office: staff, logins, canned replies, labels, dispositions and the audit log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from ponte.domain.agent import Role
from ponte.domain.conversation import Status
from ponte.domain.office_hours import DEFAULT_TIMEZONE, local
from tests.fixtures.api_office import Office, open_office

CANNED = {"shortcut": "/Horario", "title": "Horários", "body": "Oi, {{first_name}}!", "locale": "pt-BR"}
ROLES_WITHOUT = (Role.AGENT, Role.SUPERVISOR, Role.PROMPT_ENGINEER)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """Serve an API over an empty store."""
    async with open_office(tmp_path / "data") as opened:
        yield opened


async def test_an_admin_adds_agents_who_then_log_in(office: Office) -> None:
    """A made password is answered once and works; one that is given is not answered; e-mails are unique."""
    _, admin = await office.add_agent("Rita", Role.ADMIN)
    wish = {"email": "ana@escola.example", "name": "Ana", "role": "supervisor"}
    added = await office.call("POST", "/v1/office/agents", admin, json=wish)
    assert added.status == 201
    password = added.json["password"]
    login = {"email": "ana@escola.example", "password": password}
    assert (await office.call("POST", "/v1/sessions", json=login)).status in {200, 201}
    assert (await office.call("POST", "/v1/office/agents", admin, json=wish)).status == 422
    named = {"email": "rui@escola.example", "name": "Rui", "password": "uma-senha-forte"}
    assert (await office.call("POST", "/v1/office/agents", admin, json=named)).json["password"] is None
    path = f"/v1/office/agents/{added.json['agent']['id']}"
    again = await office.call("POST", f"{path}/password", admin, json={})
    assert again.json["password"] not in {None, password}
    assert (await office.call("POST", "/v1/sessions", json=login)).status == 401
    listed = await office.call("GET", "/v1/office/agents", admin)
    assert [one["name"] for one in listed.json["items"] if one["role"] == "supervisor"] == ["Ana"]
    assert password not in (await office.call("GET", "/v1/office/audit", admin)).text


async def test_the_last_admin_stays(office: Office) -> None:
    """Nobody demotes themselves; of two admins who demote each other at once one stays."""
    rita, hers = await office.add_agent("Rita", Role.ADMIN)
    alone = await office.call("PATCH", f"/v1/office/agents/{rita}", hers, json={"role": "agent"})
    assert alone.status == 409
    otto, his = await office.add_agent("Otto", Role.ADMIN)
    outcomes = await asyncio.gather(
        office.call("PATCH", f"/v1/office/agents/{otto}", hers, json={"disabled": True}),
        office.call("PATCH", f"/v1/office/agents/{rita}", his, json={"role": "agent"}),
    )
    assert sorted(o.status for o in outcomes) in ([200, 401], [200, 409])
    admins = [a for a in await office.ponte.store.agents() if a.role is Role.ADMIN and not a.disabled]
    assert len(admins) == 1


async def test_a_disabled_agent_is_out_and_their_customers_wait_for_others(office: Office) -> None:
    """Disabling ends the logins and gives what the agent held back to the queue; enabling lets them in."""
    _, admin = await office.add_agent("Rita", Role.ADMIN)
    ana, hers = await office.add_agent("Ana")
    waiting = await office.waiting("Oi")
    await office.call("POST", f"/v1/conversations/{waiting.id}/claim", hers)
    path = f"/v1/office/agents/{ana}"
    assert (await office.call("PATCH", path, admin, json={"disabled": True})).json["disabled"]
    assert (await office.call("GET", "/v1/conversations", hers)).status == 401
    assert (await office.ponte.store.conversation(waiting.id)).status is Status.AWAITING_AGENT
    assert (await office.call("POST", f"{path}/password", admin, json={})).status == 409
    assert not (await office.call("PATCH", path, admin, json={"disabled": False})).json["disabled"]


async def test_logins_are_listed_and_ended(office: Office) -> None:
    """One login, or all of them, end at once; a login's id is no token."""
    _, admin = await office.add_agent("Rita", Role.ADMIN)
    ana, hers = await office.add_agent("Ana")
    path = f"/v1/office/agents/{ana}/sessions"
    (login,) = (await office.call("GET", path, admin)).json["items"]
    assert (await office.call("GET", "/v1/conversations", login["id"])).status == 401
    assert (await office.call("DELETE", f"{path}/{login['id']}", admin)).status == 204
    assert (await office.call("GET", "/v1/conversations", hers)).status == 401
    assert (await office.call("DELETE", f"{path}/{login['id']}", admin)).status == 404
    assert (await office.call("DELETE", path, admin)).json == {"ended": 0}


async def test_canned_replies_and_labels_are_the_supervisors(office: Office) -> None:
    """They are written by supervisors, read by all; a shortcut is there once a language."""
    _, boss = await office.add_agent("Sônia", Role.SUPERVISOR)
    _, ana = await office.add_agent("Ana")
    made = await office.call("POST", "/v1/office/canned", boss, json=CANNED)
    assert (made.status, made.json["shortcut"]) == (201, "horario")
    assert (await office.call("POST", "/v1/office/canned", boss, json=CANNED)).status == 409
    assert (await office.call("POST", "/v1/office/canned", ana, json=CANNED)).status == 403
    path = f"/v1/office/canned/{made.json['id']}"
    changed = await office.call("PUT", path, boss, json={**CANNED, "body": "Olá!"})
    assert changed.json["body"] == "Olá!"
    assert (await office.call("PUT", path, boss, json={**CANNED, "shortcut": "com espaço"})).status == 422
    assert len((await office.call("GET", "/v1/office/canned", ana)).json["items"]) == 1
    assert (await office.call("DELETE", path, boss)).status == 204
    assert (await office.call("DELETE", path, boss)).status == 404
    for name, colour in (("Matrícula", "teal"), ("MATRICULA", "red")):
        wish = {"name": name, "colour": colour}
        assert (await office.call("PUT", "/v1/office/labels", boss, json=wish)).status == 200
    assert (await office.call("GET", "/v1/office/labels", ana)).json["items"] == [
        {"name": "MATRICULA", "colour": "red"}
    ]
    bad = {"name": "x", "colour": "#ff0000"}
    assert (await office.call("PUT", "/v1/office/labels", boss, json=bad)).status == 422
    assert (await office.call("DELETE", "/v1/office/labels?name=matricula", boss)).status == 204


async def test_dispositions_begin_with_five_and_are_retired(office: Office) -> None:
    """An admin renames, adds and retires them; the last one that is left stays."""
    _, admin = await office.add_agent("Rita", Role.ADMIN)
    _, boss = await office.add_agent("Sônia", Role.SUPERVISOR)
    path = "/v1/office/dispositions"
    first = (await office.call("GET", path, boss)).json["items"]
    assert [one["id"] for one in first] == ["solved", "informed", "forwarded", "no_reply", "spam"]
    wish = {"names": {"pt-BR": "Matriculado"}}
    assert (await office.call("POST", path, boss, json=wish)).status == 403
    assert (await office.call("POST", path, admin, json={"names": {}})).status == 422
    added = await office.call("POST", path, admin, json=wish)
    assert (added.status, added.json["position"]) == (201, 6)
    for one in first:
        retired = {"names": one["names"], "retired": True}
        assert (await office.call("PUT", f"{path}/{one['id']}", admin, json=retired)).status == 200
    last = {"names": added.json["names"], "retired": True}
    assert (await office.call("PUT", f"{path}/{added.json['id']}", admin, json=last)).status == 422
    assert (await office.call("PUT", f"{path}/nothing", admin, json=last)).status == 404


async def test_the_audit_log_is_paged_filtered_and_exported(office: Office) -> None:
    """Who did what to which conversation is found by each; cells are safe for spreadsheets."""
    _, admin = await office.add_agent("=cmd()", Role.ADMIN)
    ana, hers = await office.add_agent("Ana")
    waiting = await office.waiting("Oi")
    await office.call("POST", f"/v1/conversations/{waiting.id}/claim", hers)
    await office.call("PUT", "/v1/office/labels", admin, json={"name": "=1+1", "colour": "red"})
    path = "/v1/office/audit"
    of_ana = await office.call("GET", f"{path}?actor={ana}&action=claim", admin)
    assert [e["conversation_id"] for e in of_ana.json["items"]] == [waiting.id]
    there = await office.call("GET", f"{path}?conversation={waiting.id}", admin)
    assert "claim" in {e["action"] for e in there.json["items"]}
    first = await office.call("GET", f"{path}?limit=1", admin)
    second = await office.call("GET", f"{path}?limit=1&after={first.json['next']}", admin)
    assert first.json["items"][0]["id"] != second.json["items"][0]["id"]
    assert (await office.call("GET", f"{path}?after=rubbish", admin)).status == 422
    today = local(office.clock.now(), DEFAULT_TIMEZONE).date()
    for query, found in ((f"from={today}", True), (f"to={today - timedelta(days=1)}", False)):
        assert bool((await office.call("GET", f"{path}?{query}", admin)).json["items"]) is found
    assert (await office.call("GET", f"{path}?to=9999-12-31", admin)).status == 422
    table = (await office.call("GET", "/v1/office/audit.csv", admin)).text
    assert table.startswith("at,actor,name,action,conversation_id,detail\r\n")
    assert ",'=1+1\r\n" in table
    assert ",'=cmd()," in table


@pytest.mark.parametrize("role", ROLES_WITHOUT)
async def test_all_else_is_the_admins(office: Office, role: Role) -> None:
    """Other roles see neither staff nor logins nor the audit log."""
    agent, token = await office.add_agent("Ana", role)
    for act in (
        ("GET", "/v1/office/agents"),
        ("POST", f"/v1/office/agents/{agent}/password"),
        ("PATCH", f"/v1/office/agents/{agent}"),
        ("GET", f"/v1/office/agents/{agent}/sessions"),
        ("DELETE", f"/v1/office/agents/{agent}/sessions"),
        ("GET", "/v1/office/audit"),
        ("GET", "/v1/office/audit.csv"),
    ):
        assert (await office.call(*act, token, json={})).status == 403
