"""The agent API's queue: labels, priority, snooze, reopen, the next one, search and presence."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest

from api.views import moment
from ponte.domain.agent import Role
from ponte.domain.conversation import Status
from tests.fixtures.api_office import Office, open_office

_HOUR = 3_600_000


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """Serve an API over an empty store."""
    async with open_office(tmp_path / "data") as opened:
        yield opened


async def test_labels_and_priority_are_set_and_filter_lists(office: Office) -> None:
    """What agents file and raise comes back in the conversation, and narrows the lists."""
    _, token = await office.add_agent("Ana")
    plain, other = await office.waiting("Oi"), await office.waiting("Olá")
    path = f"/v1/conversations/{other.id}"
    labelled = await office.call("POST", f"{path}/labels", token, json={"add": ["VIP", "aula"]})
    assert (labelled.status, labelled.json["labels"]) == (200, ["aula", "VIP"])
    raised = await office.call("POST", f"{path}/priority", token, json={"priority": 2})
    assert (raised.status, raised.json["priority"]) == (200, 2)

    async def listed(query: str) -> list[str]:
        answer = await office.call("GET", f"/v1/conversations?{query}", token)
        assert answer.status == 200
        return [item["id"] for item in answer.json["items"]]

    assert await listed("status=AWAITING_AGENT") == [other.id, plain.id]
    assert await listed("label=VIP") == [other.id]
    assert await listed("priority=0") == [plain.id]
    assert await listed("language=es") == []
    off = await office.call("POST", f"{path}/labels", token, json={"remove": ["vip"]})
    assert off.json["labels"] == ["aula"]


@pytest.mark.parametrize(
    ("act", "body"),
    [
        ("labels", {"add": [""]}),
        ("labels", {"add": ["x" * 41]}),
        ("labels", {"add": "vip"}),
        ("priority", {"priority": 3}),
        ("priority", {}),
        ("snooze", {"until": "2026-11-22T10:00:00"}),
        ("snooze", {"until": "2001-01-01T10:00:00Z"}),
        ("snooze", {}),
    ],
)
async def test_what_cannot_be_used_is_refused(office: Office, act: str, body: object) -> None:
    """A bad body gets 422 and changes nothing."""
    _, token = await office.add_agent("Ana")
    waiting = await office.waiting("Oi")
    await office.call("POST", f"/v1/conversations/{waiting.id}/claim", token)
    before = await office.ponte.store.conversation(waiting.id)
    answer = await office.call("POST", f"/v1/conversations/{waiting.id}/{act}", token, json=body)
    assert answer.status == 422
    assert await office.ponte.store.conversation(waiting.id) == before


async def test_a_conversation_is_put_off_and_taken_back(office: Office) -> None:
    """Only its holder may; it is in the list of snoozed ones meanwhile."""
    _, token = await office.add_agent("Ana")
    _, other = await office.add_agent("Rui")
    waiting = await office.waiting("Oi")
    path = f"/v1/conversations/{waiting.id}/snooze"
    until = moment(office.clock.now() + _HOUR)
    assert (await office.call("POST", path, token, json={"until": until})).status == 409
    await office.call("POST", f"/v1/conversations/{waiting.id}/claim", token)
    assert (await office.call("POST", path, other, json={"until": until})).status == 409
    put_off = await office.call("POST", path, token, json={"until": until})
    assert put_off.json["snoozed_until"] == until
    asleep = await office.call("GET", "/v1/conversations?snoozed=true&agent=ana@example.com", token)
    assert [item["id"] for item in asleep.json["items"]] == [waiting.id]
    back = await office.call("POST", path, token, json={"until": None})
    assert back.json["snoozed_until"] is None


async def test_a_resolved_conversation_is_opened_again(office: Office) -> None:
    """The agent holds it then; one that is not resolved is refused."""
    agent_id, token = await office.add_agent("Ana")
    waiting = await office.waiting("Oi")
    path = f"/v1/conversations/{waiting.id}"
    assert (await office.call("POST", f"{path}/reopen", token)).status == 409
    await office.call("POST", f"{path}/claim", token)
    await office.call("POST", f"{path}/resolve", token)
    reopened = await office.call("POST", f"{path}/reopen", token)
    assert (reopened.json["status"], reopened.json["agent"]["id"]) == (Status.AGENT_ACTIVE, agent_id)
    assert reopened.json["reopened"] == 1


async def test_the_next_one_is_the_most_urgent(office: Office) -> None:
    """Each call takes another one; with nobody waiting there is no content."""
    _, token = await office.add_agent("Ana")
    first = await office.waiting("Oi")
    office.clock.advance(1000)
    second = await office.waiting("Olá")
    taken = [(await office.call("POST", "/v1/claim-next", token)).json["id"] for _ in range(2)]
    assert taken == [first.id, second.id]
    assert (await office.call("POST", "/v1/claim-next", token)).status == 204


async def test_a_role_that_may_not_work_is_refused(office: Office) -> None:
    """A prompt engineer may search and look, not sort."""
    _, token = await office.add_agent("Eva", Role.PROMPT_ENGINEER)
    waiting = await office.waiting("Oi")
    assert (await office.call("POST", "/v1/claim-next", token)).status == 403
    labels = f"/v1/conversations/{waiting.id}/labels"
    assert (await office.call("POST", labels, token, json={"add": ["x"]})).status == 403
    assert (await office.call("GET", "/v1/search?q=oi", token)).status == 200


async def test_a_search_finds_people_and_words(office: Office) -> None:
    """Customers come before messages; the excerpt says where the words are; pages go on."""
    _, token = await office.add_agent("Ana")
    first = await office.waiting("Quero remarcar a aula de equitação")
    await office.waiting("aula de sexta")
    answer = await office.call("GET", "/v1/search?q=aula%20EQUITACAO", token)
    (hit,) = answer.json["items"]
    assert (hit["conversation"]["id"], hit["message"]["seq"]) == (first.id, 1)
    assert [hit["excerpt"][a:b] for a, b in hit["marks"]] == ["aula", "equitação"]
    page = (await office.call("GET", "/v1/search?q=aula&limit=1", token)).json
    rest = (await office.call("GET", f"/v1/search?q=aula&after={page['next']}", token)).json
    assert [i["conversation"]["id"] for i in page["items"] + rest["items"]][1] == first.id
    assert (await office.call("GET", "/v1/search?q=aula&after=zz", token)).status == 422
    assert (await office.call("GET", "/v1/search?q=%3F", token)).json == {"items": [], "next": None}
    name = (await office.ponte.store.contact(first.contact_id)).name
    people = (await office.call("GET", f"/v1/search?q={quote(name or '')}", token)).json
    assert people["items"][0]["message"] is None


async def test_programs_say_who_is_here(office: Office) -> None:
    """A program's heartbeat shows its agent, until it says good-bye or falls silent."""
    agent_id, token = await office.add_agent("Ana")
    waiting = await office.waiting("Oi")
    shown = {"conversation": waiting.id, "typing": True}
    assert (await office.call("POST", "/v1/presence", token, json=shown)).status == 204
    (one,) = (await office.call("GET", "/v1/presence", token)).json["items"]
    assert one["agent"] == {"id": agent_id, "name": "Ana"}
    assert (one["looking"], one["typing"]) == ([waiting.id], [waiting.id])
    office.clock.advance(6_000)
    (one,) = (await office.call("GET", "/v1/presence", token)).json["items"]
    assert one["typing"] == []
    office.clock.advance(39_000)
    assert (await office.call("GET", "/v1/presence", token)).json["items"] == []
    await office.call("POST", "/v1/presence", token, json={})
    assert (await office.call("DELETE", "/v1/presence", token)).status == 204
    assert (await office.call("GET", "/v1/presence", token)).json["items"] == []
