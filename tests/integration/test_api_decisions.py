"""The ledger through the agent API: decisions are read, handoffs are marked, consoles hear of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ponte.domain.agent import Role
from ponte.domain.conversation import Conversation, Trigger
from ponte.domain.decision import HandoffDecision, Outcome, decision_id
from ponte.domain.message import Author
from ponte.ports import Commit
from tests.fixtures.api_office import Answer, Office, open_office


@dataclass
class Desk:
    """An office with two agents and a prompt engineer, and a customer who was handed over at message 3."""

    office: Office
    conversation: Conversation
    ana: str
    bia: str
    engineer: str

    async def mark(self, token: str, **said: object) -> Answer:
        """Mark the conversation's handoff."""
        path = f"/v1/conversations/{self.conversation.id}/handoff-mark"
        return await self.office.call("POST", path, token, json=said)

    async def marks(self) -> list[tuple[str, str, int | None]]:
        """Return the handoff's marks: agent, mark, message."""
        path = f"/v1/conversations/{self.conversation.id}/decisions?outcome=human"
        (decision,) = (await self.office.call("GET", path, self.ana)).json["items"]
        return [(m["agent"]["name"], m["mark"], m["at_seq"]) for m in decision["marks"]]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Serve an API with a conversation that has two decisions."""
    async with open_office(tmp_path / "data") as office:
        conversation = await office.waiting("Oi", "Quanto custa?", "Quero uma pessoa")
        lean = HandoffDecision(
            id=decision_id("t1"),
            conversation_id=conversation.id,
            contact_id=conversation.contact_id,
            at=office.clock.now(),
            first_seq=1,
            seq=2,
            outcome=Outcome.BOT,
            language="pt-BR",
            prompt_version="0123456789ab",
            scores=(("classifier", 0.1),),
        )
        human = replace(
            lean,
            id=decision_id("t2"),
            first_seq=3,
            seq=3,
            outcome=Outcome.HUMAN,
            trigger=Trigger.KEYWORD,
            scores=(("keyword", 1.0),),
            thresholds=(("sure", 0.8),),
            phrase="uma pessoa",
        )
        changed = replace(conversation, version=2)
        await office.ponte.store.commit(Commit(changed, decisions=(lean, human)))
        tokens = [
            (await office.add_agent(name, role))[1]
            for name, role in (("Ana", Role.AGENT), ("Bia", Role.AGENT), ("Eva", Role.PROMPT_ENGINEER))
        ]
        yield Desk(office, changed, *tokens)


async def test_decisions_are_read_in_order_with_figures_and_marks(desk: Desk) -> None:
    """A page tells what was measured, against what, by which prompt files, and what agents say of it."""
    assert (await desk.mark(desk.ana, mark="not_needed")).status == 200
    path = f"/v1/conversations/{desk.conversation.id}/decisions"
    first = (await desk.office.call("GET", f"{path}?limit=1", desk.engineer)).json
    assert (first["items"][0]["outcome"], first["items"][0]["trigger"]) == ("bot", None)
    assert first["items"][0]["scores"] == {"classifier": 0.1}
    rest = (await desk.office.call("GET", f"{path}?after={first['next']}", desk.engineer)).json
    (human,) = rest["items"]
    assert rest["next"] is None
    assert (human["trigger"], human["phrase"], human["thresholds"]) == (
        "keyword",
        "uma pessoa",
        {"sure": 0.8},
    )
    assert (human["prompt_version"], human["language"], human["first_seq"]) == ("0123456789ab", "pt-BR", 3)
    assert [m["mark"] for m in human["marks"]] == ["not_needed"]


async def test_each_agent_has_one_mark_that_can_change(desk: Desk) -> None:
    """The next word of an agent replaces the last, ``none`` takes it back; others' stay."""
    await desk.mark(desk.ana, mark="not_needed")
    await desk.mark(desk.bia, mark="late", at_seq=1)
    assert set(await desk.marks()) == {("Ana", "not_needed", None), ("Bia", "late", 1)}
    await desk.mark(desk.ana, mark="late")
    assert set(await desk.marks()) == {("Ana", "late", 2), ("Bia", "late", 1)}
    await desk.mark(desk.ana, mark="none")
    assert await desk.marks() == [("Bia", "late", 1)]


async def test_a_mark_is_recorded_and_heard(desk: Desk) -> None:
    """The audit log says who marked, and the conversation changes, so that consoles read it again."""
    before = (await desk.office.ponte.store.conversation(desk.conversation.id)).version
    desk.office.clock.advance(1000)
    answer = await desk.mark(desk.ana, mark="not_needed")
    assert answer.json["version"] == before + 1
    assert answer.json["updated_at"] > answer.json["opened_at"]
    newest = (await desk.office.ponte.store.audit_log(conversation_id=desk.conversation.id))[0]
    assert (newest.action, newest.detail) == ("mark_handoff", "not_needed")
    again = await desk.mark(desk.ana, mark="not_needed")
    assert again.json["version"] == before + 1


async def test_a_resolved_conversation_can_be_marked(desk: Desk) -> None:
    """Who sees only afterwards that it was not needed can still say so."""
    path = f"/v1/conversations/{desk.conversation.id}"
    assert (await desk.office.call("POST", f"{path}/claim", desk.bia)).status == 200
    assert (await desk.office.call("POST", f"{path}/resolve", desk.bia)).status == 200
    assert (await desk.mark(desk.ana, mark="not_needed")).json["status"] == "RESOLVED"


@pytest.mark.parametrize("at_seq", [9, 4])
async def test_a_late_mark_names_a_message_of_the_customer(desk: Desk, at_seq: int) -> None:
    """A seq that is none, or is a colleague's note, is refused with 422."""
    note = await desk.office.call(
        "POST", f"/v1/conversations/{desk.conversation.id}/note", desk.ana, json={"body": "nota"}
    )
    assert (note.json["seq"], note.json["author"]) == (4, Author.AGENT.value)
    answer = await desk.mark(desk.ana, mark="late", at_seq=at_seq)
    assert (answer.status, await desk.marks()) == (422, [])


async def test_only_handoffs_are_marked(desk: Desk) -> None:
    """A decision for the bot, one of another conversation, and a conversation without any are refused."""
    assert (await desk.mark(desk.ana, mark="late", decision=decision_id("t1"))).status == 409
    assert (await desk.mark(desk.ana, mark="late", decision=decision_id("t2"))).status == 200
    assert (await desk.mark(desk.ana, mark="late", decision="nothing")).status == 404
    other = await desk.office.waiting()
    path = f"/v1/conversations/{other.id}/handoff-mark"
    assert (await desk.office.call("POST", path, desk.ana, json={"mark": "late"})).status == 409
    said = {"mark": "late", "decision": decision_id("t2")}
    assert (await desk.office.call("POST", path, desk.ana, json=said)).status == 404


async def test_marking_is_for_agents(desk: Desk) -> None:
    """A prompt engineer reads the ledger but does not write it; nobody does without a login."""
    assert (await desk.mark(desk.engineer, mark="late")).status == 403
    path = f"/v1/conversations/{desk.conversation.id}/decisions"
    assert (await desk.office.call("GET", path)).status == 401
    assert (await desk.office.call("GET", "/v1/conversations/none/decisions", desk.ana)).status == 404
    assert (await desk.mark(desk.ana, mark="wrong")).status == 422
