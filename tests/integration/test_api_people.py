"""The agent API's customers: the card, export and erasure; and what needs a model without one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ponte.domain.agent import Role
from ponte.domain.office import CannedReply, canned_item
from tests.fixtures.api_office import Office, open_office


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """Serve an API over an empty store."""
    async with open_office(tmp_path / "data") as opened:
        yield opened


async def test_the_card_is_read_and_written(office: Office) -> None:
    """Notes, labels and language are set, each on its own; a note is its author's."""
    _, ana = await office.add_agent("Ana")
    _, rui = await office.add_agent("Rui")
    _, paula = await office.add_agent("Paula", Role.PROMPT_ENGINEER)
    waiting = await office.waiting("Oi")
    path = f"/v1/contacts/{waiting.contact_id}"
    labelled = await office.call("PATCH", path, ana, json={"labels": ["VIP", "Aluna", "vip"]})
    assert (labelled.status, labelled.json["labels"]) == (200, ["Aluna", "VIP"])
    spoken = await office.call("PATCH", path, ana, json={"language": "es"})
    assert (spoken.json["labels"], spoken.json["language"]) == (["Aluna", "VIP"], "es")
    noted = await office.call("POST", f"{path}/notes", ana, json={"text": "Prefere de manhã"})
    assert noted.status == 201
    (note,) = noted.json["notes"]
    assert (await office.call("DELETE", f"{path}/notes/{note['id']}", rui)).status == 403
    assert (await office.call("POST", f"{path}/notes", paula, json={"text": "x"})).status == 403
    read = await office.call("GET", path, paula)
    assert [n["text"] for n in read.json["notes"]] == ["Prefere de manhã"]
    assert [c["id"] for c in read.json["conversations"]] == [waiting.id]
    gone = await office.call("DELETE", f"{path}/notes/{note['id']}", ana)
    assert (gone.status, gone.json["notes"]) == (200, [])
    assert (await office.call("PATCH", path, ana, json={"language": "português"})).status == 422
    assert (await office.call("GET", "/v1/contacts/nobody", ana)).status == 404


async def test_only_an_admin_exports_and_erases(office: Office) -> None:
    """Export and erasure are the admin's, are audited, and erasure needs the end of the number."""
    rita, admin = await office.add_agent("Rita", Role.ADMIN)
    _, supervisor = await office.add_agent("Saulo", Role.SUPERVISOR)
    waiting = await office.waiting("apaguem tudo")
    path = f"/v1/contacts/{waiting.contact_id}"
    contact = await office.ponte.store.contact(waiting.contact_id)
    end = contact.address[-4:]
    for act in (("GET", f"{path}/export"), ("DELETE", f"{path}?confirm={end}")):
        assert (await office.call(*act, supervisor)).status == 403
    exported = await office.call("GET", f"{path}/export", admin)
    assert exported.json["contact"]["id"] == contact.id
    assert len(exported.json["conversations"]) == 1
    assert (await office.call("DELETE", f"{path}?confirm=zzzz", admin)).status == 422
    erased = await office.call("DELETE", f"{path}?confirm={end}", admin)
    assert (erased.status, erased.json["contacts"], erased.json["conversations"]) == (200, 1, 1)
    assert (await office.call("GET", path, admin)).status == 404
    told = {(e.actor, e.action) for e in await office.ponte.store.audit_log(limit=2)}
    assert told == {(rita, "contact_erase"), (rita, "contact_export")}


async def test_writing_without_a_model(office: Office) -> None:
    """Canned replies and the brief need no model; a draft and a translation say that there is none."""
    ana, token = await office.add_agent("Ana")
    waiting = await office.waiting("Oi")
    path = f"/v1/conversations/{waiting.id}"
    for reply in (
        CannedReply("c1", "hi", "Hello", "Hello, {{first_name}}!", "en"),
        CannedReply("c2", "oi", "Olá", "{{agent}} aqui. {{key}}", "pt-BR"),
    ):
        await office.ponte.store.put_office(canned_item(reply, 1, ana))
    canned = await office.call("GET", f"{path}/canned", token)
    assert canned.json[0]["body"] == "Ana aqui. {{key}}"
    await office.ponte.desk.claim(await office.ponte.store.agent(ana), waiting.id)
    sent = {"body": "See you on Friday.", "original": "Até sexta."}
    replied = await office.call("POST", f"{path}/reply", token, json=sent)
    assert replied.json["items"][0]["details"] == {"original": "Até sexta."}
    assert (await office.call("GET", f"{path}/brief", token)).json == {"text": "See you on Friday."}
    drafted = await office.call("POST", f"{path}/draft", token)
    assert (drafted.status, "OPENAI_API_KEY" in drafted.json["error"]["message"]) == (422, True)
    both = {"text": "Oi", "messages": ["m"], "language": "es"}
    assert (await office.call("POST", f"{path}/translate", token, json=both)).status == 422
