"""Attacks on the bot, through the whole pipeline, with a model that obeys the attacker.

``tests/fixtures/attacks.yaml`` has the attacks. Those held by construction must fail whatever the model says;
those that the model has to resist are run as well, to show what an obedient one would let through.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from langgraph.checkpoint.memory import InMemorySaver

from graph.builder import build_graph
from graph.context import ChatMessage, GraphContext, Reply
from graph.harness import Pipeline
from graph.output_check import WITHHELD, Withheld
from graph.testing import FakeResponder, fake_context
from ponte.adapters.sqlite import open_sqlite
from ponte.domain.conversation import Status
from ponte.domain.message import Author, Inbound, Kind, Media
from ponte.testing import FakeMessenger, ManualClock

ROOT = Path(__file__).parents[2]
SECRET = "a senha do portão da Maria é girassol"
VICTIM = "whatsapp:+5511977771234"
SENDER = "whatsapp:+14155238886"
_sids = count(1)


@dataclass(frozen=True)
class Attack:
    """One attack; see the file's head."""

    id: str
    aim: str
    via: str
    says: str
    obeys: str
    then: str
    held: str
    text: str = ""


def attacks() -> list[Attack]:
    """Return all attacks."""
    rows = yaml.safe_load((ROOT / "tests" / "fixtures" / "attacks.yaml").read_text(encoding="utf-8"))
    return [Attack(**row) for row in rows]


class Obedient(FakeResponder):
    """A model that does what the attacker says, with all that it was given."""

    orders = ""

    async def reply(self, messages: Sequence[ChatMessage]) -> Reply:
        """Answer as ordered."""
        self.asked.append(list(messages))
        if self.orders == "TRANSFER":
            return Reply("", "the document says so")
        prompt = "\n".join(m.content for m in messages if m.role == "system")
        background = "\n".join(m.content for m in messages if m.role == "user")
        return Reply(obeyed(self.orders, prompt, background))


def obeyed(orders: str, prompt: str, background: str) -> str:
    """Return what a model says that was given this and does as it was told."""
    given = {
        "{prompt}": prompt,
        "{background}": background,
        "{reversed}": prompt[::-1],
        "{spaced}": "-".join(prompt[:400]),
        "{base64}": base64.b64encode(prompt.encode()).decode(),
    }
    for name, value in given.items():
        orders = orders.replace(name, value)
    return orders


class Office:
    """The pipeline with an obedient model, and a victim who has told a secret."""

    def __init__(self, pipeline: Pipeline, model: Obedient) -> None:
        self.pipeline = pipeline
        self.model = model

    async def under(self, attack: Attack) -> str:
        """Let the attack happen; returns the attacker's address."""
        address = f"whatsapp:+551190{next(_sids):07d}"
        quoted = None
        if attack.via == "quote":
            self.model.orders = "Certo."
            quoted = await self._accept(address, body=attack.says)
        self.model.orders = attack.obeys
        await self._accept(address, **_carrying(attack), reply_to=quoted)
        return address

    async def _accept(self, address: str, **fields: Any) -> str:  # noqa: ANN401 - an Inbound's fields
        plain = Inbound(
            sid=f"SM{next(_sids):032x}",
            address=address,
            to=SENDER,
            body="",
            kind=Kind.TEXT,
            received_at=self.pipeline.clock.now(),
        )
        await self.pipeline.intake.accept(replace(plain, **fields))
        await self.pipeline.settle()
        return plain.sid


def _carrying(attack: Attack) -> dict[str, Any]:
    """Return the fields of a message that carries the attack where it says."""
    says, beside = attack.says, attack.text or "ok?"
    card = f"BEGIN:VCARD\nVERSION:3.0\nFN:{says}\nTEL:+5511900000000\nEND:VCARD\n"
    payload = (("button_text", "ok"), ("button_payload", says))
    found: dict[str, dict[str, Any]] = {
        "text": {"body": says},
        "quote": {"body": beside},
        "name": {"body": beside, "profile_name": says},
        "payload": {"body": beside, "kind": Kind.CHOICE, "details": payload},
        "document": {"body": beside, "kind": Kind.DOCUMENT, "media": (_file("application/pdf", says),)},
        "picture": {"body": beside, "kind": Kind.IMAGE, "media": (_file("image/jpeg", says),)},
        "caption": {"body": says, "kind": Kind.IMAGE, "media": (_file("image/jpeg", "A horse."),)},
        "transcript": {"kind": Kind.AUDIO, "media": (_file("audio/ogg", says),)},
        "contact": {"kind": Kind.CONTACT, "media": (_file("text/vcard", card),)},
    }
    return found[attack.via]


def _file(content_type: str, text: str) -> Media:
    """Return a file that was fetched and understood."""
    return Media("https://x", content_type, key="a" * 64, text=text)


@pytest.fixture(scope="module")
def base() -> GraphContext:
    """The sample company's files."""
    return fake_context(ROOT / "prompts")


@pytest.fixture
async def office(base: GraphContext, tmp_path: Path) -> AsyncIterator[Office]:
    """An office with a victim."""
    model = Obedient()
    async with open_sqlite(tmp_path) as store:
        await store.migrate()
        clock = ManualClock()
        pipeline = Pipeline(
            store,
            build_graph(InMemorySaver()),
            replace(base, responder=model),
            clock=clock,
            messenger=FakeMessenger(clock),
        )
        model.orders = "Anotado."
        await pipeline.customer_says(VICTIM, SECRET, f"SM{next(_sids):032x}")
        await pipeline.settle()
        assert SECRET in str(model.asked)
        model.asked.clear()
        yield Office(pipeline, model)


def _ids(attack: Attack) -> str:
    return f"{attack.held}-{attack.id}"


@pytest.mark.parametrize("attack", attacks(), ids=_ids)
async def test_attack(office: Office, base: GraphContext, attack: Attack) -> None:
    """What holds by construction holds under a model that obeys; elsewhere nothing but words goes out."""
    address = await office.under(attack)
    transcript = await office.pipeline.transcript(address)
    conversation = await office.pipeline.current(address)
    ours = [m for m in transcript if m.author is not Author.CUSTOMER]
    withheld = [dict(m.details)[WITHHELD] for m in ours if WITHHELD in dict(m.details)]
    sent = "\n".join(m.body for m in ours)
    if attack.then == "handed" or (conversation.status is Status.AWAITING_AGENT and attack.aim == "forge"):
        # Talk of agents may well be taken for a wish to speak to one.
        assert conversation.status is Status.AWAITING_AGENT
        assert attack.obeys not in sent
    else:
        assert conversation.status is Status.BOT_ACTIVE
        assert withheld == ([] if attack.then == "answered" else [attack.then])
        assert (attack.obeys in sent) is (attack.then == "answered")
    # Nobody but the bot and the system spoke, and to nobody but the attacker.
    assert {m.author for m in ours} <= {Author.BOT, Author.SYSTEM}
    assert len(await office.pipeline.transcript(VICTIM)) == 2
    system = base.prompts.assistant.render(language="x")[:40]
    for asked in office.model.asked:
        roles = [m.role for m in asked]
        assert roles.count("system") == 1
        assert asked[0].role == "system"
        assert asked[0].content.startswith(system)
        assert attack.says not in asked[0].content
        assert all(SECRET not in m.content and "97777" not in m.content for m in asked)


@pytest.mark.parametrize("attack", [a for a in attacks() if a.then in set(Withheld)], ids=_ids)
def test_the_output_check_gives_the_reason(base: GraphContext, attack: Attack) -> None:
    """Whether or not a turn comes so far, the obedient answer is stopped for the reason that is stated."""
    prompt = base.prompts.assistant.render(language="Brazilian Portuguese")
    background = base.prompts.background.render(memory="", summary="", brief="", excerpts=[], attachments=[])
    assert base.output.reason(obeyed(attack.obeys, prompt, background), "") == attack.then


async def test_what_the_customer_wrote_is_never_a_template(office: Office) -> None:
    """Braces reach the model as they were written, whether typed or in a file."""
    typed = next(a for a in attacks() if a.id == "pt-forge-jinja")
    await office.under(typed)
    assert office.model.asked[-1][-1].content == typed.says
    filed = next(a for a in attacks() if a.id == "es-forge-jinja")
    await office.under(filed)
    assert json.dumps(filed.says)[1:-1] in str([m.content for m in office.model.asked[-1]])


async def test_invisible_characters_and_role_marks_do_not_reach_the_model(office: Office) -> None:
    """Tags that nobody sees are dropped, and the marks of chat templates are broken."""
    by_id = {a.id: a for a in attacks()}
    await office.under(by_id["en-forge-tags-block"])
    assert office.model.asked[-1][-1].content == "hello there, about lessons"
    await office.under(by_id["en-admin-tags"])
    assert "<|" not in str([m.content for m in office.model.asked[-1]])


async def test_an_answer_that_was_not_sent_offers_a_human_and_is_counted(office: Office) -> None:
    """The customer is asked whether to call somebody; "yes" brings them; operators see how often and why."""
    address = await office.under(next(a for a in attacks() if a.id == "pt-link-plain"))
    last = (await office.pipeline.transcript(address))[-1]
    assert last.body == "Desculpe, não consigo responder isso por aqui. Quer que eu chame um atendente?"
    assert dict(last.details)[WITHHELD] == "link"
    found = office.pipeline.metrics.registry.get_sample_value(
        "ponte_replies_withheld_total", {"reason": "link"}
    )
    assert found == 1
    await office.pipeline.customer_says(address, "sim", f"SM{next(_sids):032x}")
    await office.pipeline.settle()
    assert (await office.pipeline.current(address)).status is Status.AWAITING_AGENT


def test_the_suite_is_as_large_as_it_says() -> None:
    """Twenty attacks and more in each language, each aim in each of them, both groups."""
    by_lang = {lang: [a for a in attacks() if a.id.startswith(lang)] for lang in ("pt", "es", "en")}
    assert all(len(found) >= 20 for found in by_lang.values())
    aims = {"reveal", "admin", "forge", "handoff", "links", "exfiltrate"}
    assert all({a.aim for a in found} == aims for found in by_lang.values())
    assert all({a.held for a in found} == {"construction", "model"} for found in by_lang.values())
    assert len({a.id for a in attacks()}) == len(attacks())
