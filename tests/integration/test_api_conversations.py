"""The agent API over a real socket: every route's good and bad path."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest

from ponte.domain.agent import Role
from ponte.domain.conversation import Conversation, Status
from ponte.domain.message import MessageStatus
from ponte.domain.window import WINDOW_MS
from tests.fixtures.api_office import Office, open_office


@dataclass
class Desk:
    """An office with two agents."""

    office: Office
    ana_id: str
    ana: str
    bia_id: str
    bia: str


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Serve an API with the agents Ana and Bia."""
    async with open_office(tmp_path / "data") as office:
        yield Desk(office, *await office.add_agent("Ana"), *await office.add_agent("Bia"))


async def claimed(desk: Desk) -> Conversation:
    """Return a conversation that Ana holds."""
    conversation = await desk.office.waiting()
    answer = await desk.office.call("POST", f"/v1/conversations/{conversation.id}/claim", desk.ana)
    assert answer.status == 200
    return conversation


async def test_a_waiting_conversation_is_shown_whole(desk: Desk) -> None:
    """The agent sees who waits since when, why, until when they may write, and what is unread."""
    conversation = await desk.office.waiting("Oi", "Quero uma pessoa")
    page = (await desk.office.call("GET", "/v1/conversations?status=AWAITING_AGENT", desk.ana)).json

    (item,) = page["items"]
    assert item == (await desk.office.call("GET", f"/v1/conversations/{conversation.id}", desk.ana)).json
    contact_id = item["contact"].pop("id")
    assert contact_id == conversation.contact_id
    assert item == {
        "id": conversation.id,
        "status": "AWAITING_AGENT",
        "contact": {"wa_id": "5511900000001", "name": "Cliente 1", "opted_out_at": None},
        "agent": None,
        "waiting_since": "2025-06-15T15:06:40.000Z",
        "window_expires_at": "2025-06-16T15:06:40.000Z",
        "handoff": {
            "reason": "Asked for a person.",
            "trigger": "keyword",
            "score": 1.0,
            "summary": "Wants a riding lesson.",
            "at": "2025-06-15T15:06:40.000Z",
        },
        "unread": 2,
        "language": "pt-BR",
        "preview": "Quero uma pessoa",
        "last_seq": 2,
        "opened_at": "2025-06-15T15:06:40.000Z",
        "updated_at": "2025-06-15T15:06:40.000Z",
        "resolved_at": None,
        "disposition": None,
        "csat": None,
        "csat_at": None,
        "labels": [],
        "priority": 0,
        "snoozed_until": None,
        "reopened": 0,
        "unanswered_since": "2025-06-15T15:06:40.000Z",
        "version": 1,
    }


async def test_lists_can_be_filtered_and_paged(desk: Desk) -> None:
    """Status and contact narrow the list, and `next` leads through all of it."""
    wanted = [(await desk.office.waiting()).id for _ in range(5)]
    await desk.office.call("POST", f"/v1/conversations/{wanted[0]}/claim", desk.ana)

    found, after = [], ""
    while True:
        page = (await desk.office.call("GET", f"/v1/conversations?limit=2{after}", desk.ana)).json
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert sorted(found) == sorted(wanted)
    active = (await desk.office.call("GET", "/v1/conversations?status=AGENT_ACTIVE", desk.ana)).json
    assert [item["id"] for item in active["items"]] == wanted[:1]
    assert active["items"][0]["agent"] == {"id": desk.ana_id, "name": "Ana"}


@pytest.mark.parametrize(
    "contact", ["5511900000002", "whatsapp%3A%2B5511900000002", "+5511900000002", "%2B5511900000002"]
)
async def test_a_contact_is_found_by_any_of_its_names(desk: Desk, contact: str) -> None:
    """A contact may be given by its WhatsApp id, its address or its number."""
    await desk.office.waiting()
    second = await desk.office.waiting()
    page = (await desk.office.call("GET", f"/v1/conversations?contact={contact}", desk.ana)).json
    by_id = (await desk.office.call("GET", f"/v1/conversations?contact={second.contact_id}", desk.ana)).json

    assert [item["id"] for item in page["items"]] == [second.id]
    assert by_id == page


async def test_an_unknown_contact_has_no_conversations(desk: Desk) -> None:
    """A filter that fits nobody is an empty list."""
    await desk.office.waiting()
    answer = await desk.office.call("GET", "/v1/conversations?contact=%24ne", desk.ana)

    assert (answer.status, answer.json) == (200, {"items": [], "next": None})


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "status=OPEN", "after=nonsense", "status%5B%24ne%5D=x&limit=-1"],
)
async def test_bad_queries_are_a_422(desk: Desk, query: str) -> None:
    """What a query cannot mean is refused."""
    assert (await desk.office.call("GET", f"/v1/conversations?{query}", desk.ana)).status == 422


async def test_a_list_reads_contacts_and_agents_once(desk: Desk) -> None:
    """The cost of a list does not grow by a query for each row."""
    for _ in range(12):
        await claimed(desk)
    desk.office.store.calls.clear()
    page = (await desk.office.call("GET", "/v1/conversations", desk.ana)).json

    assert len(page["items"]) == 12
    calls = desk.office.store.calls
    assert (calls["conversations"], calls["contacts"], calls["agents"], calls["contact"]) == (1, 1, 1, 0)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("GET", "/messages", None),
        ("POST", "/claim", None),
        ("POST", "/reply", {"body": "Oi"}),
        ("POST", "/note", {"body": "Oi"}),
        ("POST", "/transfer", {"queue": True}),
        ("POST", "/return", None),
        ("POST", "/resolve", None),
    ],
)
async def test_an_unknown_conversation_is_a_404(desk: Desk, method: str, path: str, body: object) -> None:
    """An id that is nobody's is a 404, whatever it looks like."""
    for unknown in ("cv_unknown", "%7B%22%24ne%22%3Anull%7D", "%00", "x" * 200):
        answer = await desk.office.call(method, f"/v1/conversations/{unknown}{path}", desk.ana, json=body)
        assert (answer.status, answer.json["error"]["code"]) == (404, "not_found")


async def test_a_claim_has_one_winner(desk: Desk) -> None:
    """The loser is told who holds the conversation; the winner may claim again."""
    conversation = await desk.office.waiting()
    path = f"/v1/conversations/{conversation.id}/claim"
    won = await desk.office.call("POST", path, desk.ana)
    lost = await desk.office.call("POST", path, desk.bia)
    again = await desk.office.call("POST", path, desk.ana)

    assert (won.status, won.json["status"], won.json["agent"]) == (
        200,
        "AGENT_ACTIVE",
        {"id": desk.ana_id, "name": "Ana"},
    )
    assert (lost.status, lost.json["error"]["code"]) == (409, "already_claimed")
    assert lost.json["error"]["holder"] == {"id": desk.ana_id, "name": "Ana"}
    assert again.status == 200


async def test_of_many_claims_at_once_one_wins(desk: Desk) -> None:
    """Twenty claims of two agents leave one holder."""
    conversation = await desk.office.waiting()
    path = f"/v1/conversations/{conversation.id}/claim"
    answers = await asyncio.gather(
        *(desk.office.call("POST", path, token) for token in [desk.ana, desk.bia] * 10)
    )
    holder = (await desk.office.ponte.store.conversation(conversation.id)).agent_id

    assert sorted(answer.status for answer in answers) == [200] * 10 + [409] * 10
    assert {a.json["agent"]["id"] for a in answers if a.status == 200} == {holder}


async def test_a_bot_conversation_cannot_be_claimed(desk: Desk) -> None:
    """Claiming what nobody waits for is a wrong state."""
    conversation = await claimed(desk)
    await desk.office.call("POST", f"/v1/conversations/{conversation.id}/return", desk.ana)
    answer = await desk.office.call("POST", f"/v1/conversations/{conversation.id}/claim", desk.bia)

    assert (answer.status, answer.json["error"]["code"]) == (409, "wrong_state")


async def test_a_reply_is_queued_for_whatsapp(desk: Desk) -> None:
    """The holder's words are in the transcript and in the outbox, split where WhatsApp needs it."""
    conversation = await claimed(desk)
    path = f"/v1/conversations/{conversation.id}/reply"
    answer = await desk.office.call("POST", path, desk.ana, json={"body": "Olá! 🐴"})
    long = await desk.office.call("POST", path, desk.ana, json={"body": "palavra " * 400})

    assert answer.status == 201
    (message,) = answer.json["items"]
    assert (message["body"], message["author"], message["status"]) == ("Olá! 🐴", "agent", "queued")
    assert message["agent"] == {"id": desk.ana_id, "name": "Ana"}
    assert [item["seq"] for item in long.json["items"]] == [3, 4]
    assert await desk.office.ponte.store.outbox_size() == 3


async def test_a_reply_with_a_key_is_sent_once(desk: Desk) -> None:
    """A repeated Idempotency-Key returns the first reply; another key is another reply."""
    conversation = await claimed(desk)
    path = f"/v1/conversations/{conversation.id}/reply"

    async def send(key: str) -> str:
        headers = {"Idempotency-Key": key}
        answer = await desk.office.call("POST", path, desk.ana, json={"body": "Oi"}, headers=headers)
        assert answer.status == 201
        return str(answer.json["items"][0]["id"])

    ids = [await send(key) for key in ("k-1", "k-1", "k-2")]
    assert ids[0] == ids[1] != ids[2]
    assert await desk.office.ponte.store.outbox_size() == 2


@pytest.mark.parametrize("key", ["", "a b", "x" * 65, "é", "a:1"])
async def test_a_bad_key_is_a_422(desk: Desk, key: str) -> None:
    """A key is a short plain word."""
    conversation = await claimed(desk)
    answer = await desk.office.call(
        "POST",
        f"/v1/conversations/{conversation.id}/reply",
        desk.ana,
        json={"body": "Oi"},
        headers={"Idempotency-Key": key},
    )
    assert answer.status == 422


async def test_only_the_holder_answers(desk: Desk) -> None:
    """An unclaimed conversation and another agent's are both a 409; the latter says whose it is."""
    conversation = await desk.office.waiting()
    path = f"/v1/conversations/{conversation.id}/reply"
    early = await desk.office.call("POST", path, desk.ana, json={"body": "Oi"})
    await desk.office.call("POST", f"/v1/conversations/{conversation.id}/claim", desk.ana)
    foreign = await desk.office.call("POST", path, desk.bia, json={"body": "Oi"})

    assert (early.status, early.json["error"]["code"]) == (409, "wrong_state")
    assert (foreign.status, foreign.json["error"]["code"]) == (409, "not_holder")
    assert foreign.json["error"]["holder"] == {"id": desk.ana_id, "name": "Ana"}
    assert await desk.office.ponte.store.outbox_size() == 0


async def test_after_24_hours_a_reply_is_parked(desk: Desk) -> None:
    """WhatsApp would not deliver it, so it waits for the customer, and can be withdrawn once."""
    conversation = await claimed(desk)
    desk.office.clock.advance(WINDOW_MS)
    _, token = await desk.office.add_agent("Chefe", Role.SUPERVISOR)
    answer = await desk.office.call(
        "POST", f"/v1/conversations/{conversation.id}/reply", token, json={"body": "Oi"}
    )

    assert answer.status == 201
    (message,) = answer.json["items"]
    assert message["status"] == "parked"
    path = f"/v1/messages/{quote(message['id'], safe='')}/withdraw"
    withdrawn = await desk.office.call("POST", path, token)
    assert (withdrawn.status, withdrawn.json["status"]) == (200, "cancelled")
    assert (await desk.office.call("POST", path, token)).status == 409


async def test_a_file_is_checked_before_it_is_queued(desk: Desk) -> None:
    """Its content says what it is: a PDF is queued, a script by the name of one is refused."""
    conversation = await claimed(desk)
    statuses = []
    for content in (b"%PDF-1.4 precos", b"#!/bin/sh\necho", b""):
        form = aiohttp.FormData()
        form.add_field("file", content, filename="tabela.pdf", content_type="application/pdf")
        form.add_field("caption", "A tabela")
        answer = await desk.office.call(
            "POST", f"/v1/conversations/{conversation.id}/files", desk.ana, data=form
        )
        statuses.append(answer.status)
        if answer.status == 201:
            file, caption = answer.json["items"]
            assert (file["kind"], file["media"][0]["name"]) == ("document", "tabela.pdf")
            assert caption["body"] == "A tabela"

    assert statuses == [201, 422, 422]


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("reply", None),
        ("reply", {}),
        ("reply", {"body": ""}),
        ("reply", {"body": " \n "}),
        ("reply", {"body": "x" * 16_001}),
        ("reply", {"body": {"$gt": ""}}),
        ("reply", {"body": "Oi", "to": "whatsapp:+1"}),
        ("note", {"body": ""}),
        ("note", {"body": " "}),
        ("transfer", {}),
        ("transfer", {"queue": False}),
        ("transfer", {"agent": "x", "queue": True}),
        ("transfer", {"agent": {"$ne": ""}}),
        ("return", {"brief": 7}),
        ("return", {"brief": "x" * 4_001}),
        ("resolve", {"disposition": ["x"]}),
        ("resolve", []),
    ],
)
async def test_bad_bodies_are_a_422(desk: Desk, action: str, body: object) -> None:
    """What an action cannot use is refused, and changes nothing."""
    conversation = await claimed(desk)
    answer = await desk.office.call(
        "POST", f"/v1/conversations/{conversation.id}/{action}", desk.ana, json=body
    )

    assert answer.status == 422
    assert await desk.office.is_now(conversation) is Status.AGENT_ACTIVE
    assert await desk.office.ponte.store.outbox_size() == 0


async def test_a_note_stays_inside(desk: Desk) -> None:
    """A note is in the transcript and not in the outbox; anyone who works here may leave one."""
    conversation = await claimed(desk)
    answer = await desk.office.call(
        "POST", f"/v1/conversations/{conversation.id}/note", desk.bia, json={"body": "Cliente antigo"}
    )

    assert answer.status == 201
    assert (answer.json["kind"], answer.json["status"], answer.json["body"]) == (
        "note",
        "internal",
        "Cliente antigo",
    )
    assert await desk.office.ponte.store.outbox_size() == 0


async def test_a_conversation_is_transferred_by_id_and_by_email(desk: Desk) -> None:
    """The new holder is named either way, and the note is left for them."""
    conversation = await claimed(desk)
    path = f"/v1/conversations/{conversation.id}/transfer"
    by_id = await desk.office.call("POST", path, desk.ana, json={"agent": desk.bia_id, "note": "Para você"})
    back = await desk.office.call("POST", path, desk.bia, json={"agent": "ANA@example.com"})

    assert (by_id.status, by_id.json["agent"]) == (200, {"id": desk.bia_id, "name": "Bia"})
    assert (back.status, back.json["agent"]) == (200, {"id": desk.ana_id, "name": "Ana"})
    transcript = await desk.office.ponte.store.messages(conversation.id)
    assert [message.body for message in transcript if message.agent_id] == ["Para você"]


@pytest.mark.parametrize("queue", [True, "default"])
async def test_a_conversation_goes_back_to_the_queue(desk: Desk, queue: object) -> None:
    """Who waits again is free to be claimed by another agent."""
    conversation = await claimed(desk)
    moved = await desk.office.call(
        "POST", f"/v1/conversations/{conversation.id}/transfer", desk.ana, json={"queue": queue}
    )

    assert (moved.status, moved.json["status"], moved.json["agent"]) == (200, "AWAITING_AGENT", None)
    assert (
        await desk.office.call("POST", f"/v1/conversations/{conversation.id}/claim", desk.bia)
    ).status == 200


async def test_a_transfer_needs_somebody_who_can_take_it(desk: Desk) -> None:
    """An unknown agent is a 404, and one whose role does not answer customers a 422."""
    engineer_id, _ = await desk.office.add_agent("Caio", Role.PROMPT_ENGINEER)
    conversation = await claimed(desk)
    path = f"/v1/conversations/{conversation.id}/transfer"
    statuses = [
        (await desk.office.call("POST", path, desk.ana, json={"agent": agent})).status
        for agent in ("ag_unknown", "nobody@example.com", engineer_id)
    ]

    assert statuses == [404, 404, 422]


async def test_a_conversation_is_given_back_to_the_bot(desk: Desk) -> None:
    """The bot goes on with the brief, through the worker's inbox."""
    conversation = await claimed(desk)
    answer = await desk.office.call(
        "POST", f"/v1/conversations/{conversation.id}/return", desk.ana, json={"brief": "Visita no sábado"}
    )
    stored = await desk.office.ponte.store.conversation(conversation.id)

    assert (answer.status, answer.json["status"], answer.json["agent"]) == (200, "BOT_ACTIVE", None)
    assert stored.resume is not None
    assert stored.resume.brief == "Visita no sábado"


async def test_a_conversation_is_resolved(desk: Desk) -> None:
    """A resolved conversation keeps how it was filed, and takes no more actions."""
    conversation = await claimed(desk)
    path = f"/v1/conversations/{conversation.id}"
    answer = await desk.office.call("POST", f"{path}/resolve", desk.ana, json={"disposition": "agendado"})

    assert (answer.status, answer.json["status"], answer.json["disposition"]) == (200, "RESOLVED", "agendado")
    assert answer.json["resolved_at"] == "2025-06-15T15:06:40.000Z"
    for action in ("claim", "return", "resolve"):
        assert (await desk.office.call("POST", f"{path}/{action}", desk.ana)).status == 409


async def test_the_transcript_is_read_in_pages(desk: Desk) -> None:
    """`after` and `next` lead forward; `before` gives the newest before a seq."""
    conversation = await desk.office.waiting("a", "b", "c", "d", "e")
    path = f"/v1/conversations/{conversation.id}/messages"

    async def read(query: str) -> tuple[list[str], str | None]:
        page = (await desk.office.call("GET", f"{path}?{query}", desk.ana)).json
        return [item["body"] for item in page["items"]], page["next"]

    assert await read("limit=2") == (["a", "b"], "2")
    assert await read("limit=2&after=2") == (["c", "d"], "4")
    assert await read("limit=2&after=4") == (["e"], None)
    assert await read("limit=5") == (["a", "b", "c", "d", "e"], None)
    assert await read("limit=2&before=5") == (["c", "d"], None)
    assert await read("after=5") == ([], None)
    for query in ("limit=0", "limit=201", "after=-1", f"after={2**70}", "before=0"):
        assert (await desk.office.call("GET", f"{path}?{query}", desk.ana)).status == 422


async def test_what_the_holder_reads_counts_as_seen(desk: Desk) -> None:
    """Reading lowers `unread` for the agent who holds the conversation, and for nobody else."""
    conversation = await desk.office.waiting("a", "b", "c")
    path = f"/v1/conversations/{conversation.id}"

    async def unread() -> int:
        return int((await desk.office.call("GET", path, desk.bia)).json["unread"])

    await desk.office.call("GET", f"{path}/messages", desk.ana)
    assert await unread() == 3
    await desk.office.call("POST", f"{path}/claim", desk.ana)
    assert await unread() == 0
    stored = await desk.office.ponte.store.conversation(conversation.id)
    assert stored.seen_seq == 3


async def test_a_failed_message_is_sent_again(desk: Desk) -> None:
    """Only what has failed can be retried, and only by the holder; the audit log tells of it."""
    conversation = await claimed(desk)
    sent = await desk.office.call(
        "POST", f"/v1/conversations/{conversation.id}/reply", desk.ana, json={"body": "Oi"}
    )
    message_id = sent.json["items"][0]["id"]
    path = f"/v1/messages/{message_id}/retry"
    too_early = await desk.office.call("POST", path, desk.ana)
    await desk.office.ponte.store.settle(
        message_id, MessageStatus.FAILED, now=desk.office.clock.now(), error_code=63016
    )
    foreign = await desk.office.call("POST", path, desk.bia)
    again = await desk.office.call("POST", path, desk.ana)

    assert (too_early.status, foreign.status) == (409, 409)
    assert (again.status, again.json["status"]) == (200, "queued")
    log = await desk.office.ponte.store.audit_log(conversation_id=conversation.id)
    assert [(e.action, e.conversation_id) for e in log].count(("retry", conversation.id)) == 1
    assert (await desk.office.call("POST", "/v1/messages/unknown/retry", desk.ana)).status == 404


async def test_a_prompt_engineer_reads_and_does_not_act(desk: Desk) -> None:
    """A role that may only read gets a 403 for every action."""
    conversation = await claimed(desk)
    _, token = await desk.office.add_agent("Caio", Role.PROMPT_ENGINEER)
    path = f"/v1/conversations/{conversation.id}"
    bodies = {"reply": {"body": "Oi"}, "note": {"body": "Oi"}, "transfer": {"queue": True}}

    assert (await desk.office.call("GET", path, token)).status == 200
    assert (await desk.office.call("GET", f"{path}/messages", token)).status == 200
    for action in ("claim", "reply", "note", "transfer", "return", "resolve"):
        answer = await desk.office.call("POST", f"{path}/{action}", token, json=bodies.get(action))
        assert (answer.status, answer.json["error"]["code"]) == (403, "forbidden"), action
    assert (await desk.office.call("POST", "/v1/messages/x/retry", token)).status == 403


async def test_a_supervisor_acts_on_what_others_hold(desk: Desk) -> None:
    """A supervisor may step in; another agent may not."""
    conversation = await claimed(desk)
    _, supervisor = await desk.office.add_agent("Chefe", Role.SUPERVISOR)
    path = f"/v1/conversations/{conversation.id}/resolve"

    assert (await desk.office.call("POST", path, desk.bia)).json["error"]["code"] == "not_holder"
    assert (await desk.office.call("POST", path, supervisor)).status == 200


async def test_without_the_database_every_call_is_a_503(desk: Desk) -> None:
    """The answer asks to try again and names no host."""
    desk.office.store.break_down()
    for method, path in (
        ("GET", "/v1/conversations"),
        ("POST", "/v1/conversations/x/claim"),
        ("GET", "/v1/me"),
    ):
        answer = await desk.office.call(method, path, desk.ana)
        assert (answer.status, answer.json["error"]["code"]) == (503, "store_unavailable")
        assert answer.headers["Retry-After"]
        assert "27017" not in answer.text
