"""What goes out by itself, by Twilio's real client, over sockets: spoken answers, CSAT, invitations."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette

from ponte.domain.conversation import Status
from ponte.domain.message import WRITTEN, Author, Kind, Message, MessageStatus
from ponte.domain.window import WINDOW_MS
from simulator.faults import FaultKind
from simulator.openai_stub import create_stub_app
from simulator.serving import Served
from tests.support.desk import PROMPTS, Desk, open_desk
from tests.support.sounds import heard

MARIA, JOAO = "5511900000001", "5511900000002"
OFFER = "Não encontrei essa informação. Quer que eu chame um atendente?"
POLICY = {
    "  mode: mirror": "  mode: always",
    "  waiting_answer: null": "  waiting_answer: volta",
    "  csat: null": "  csat: avalie",
    "csat:\n  enabled: false": "csat:\n  enabled: true",
}

ServeApp = Callable[[Starlette], Awaitable[Served]]


@pytest.fixture
async def desk(tmp_path: Path, serve_app: ServeApp) -> AsyncIterator[Desk]:
    """Run everything without a SECRET_KEY; the bot always speaks, and templates are sent by themselves."""
    shutil.copytree(PROMPTS, tmp_path / "prompts")
    policy = tmp_path / "prompts" / "policy.yaml"
    text = policy.read_text("utf-8")
    for old, new in POLICY.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    policy.write_text(text, "utf-8")
    speech = (await serve_app(create_stub_app())).url
    more = {"openai_speech_base_url": f"{speech}/v1", "openai_speech_model": "kokoro"}
    async with open_desk(tmp_path, tmp_path / "prompts", **more) as opened:
        yield opened


async def test_a_spoken_answer_arrives_or_is_written(desk: Desk) -> None:
    """WhatsApp gets a voice note; where it cannot fetch the file, the customer reads what it says."""
    await desk.network.customer_says(MARIA, "oi")
    (note,) = await desk.shown(MARIA, 1)
    assert note.body == ""
    assert note.media[0].content_type == "audio/ogg"
    assert heard(note.media[0].data).codec == "opus"
    desk.network.faults.add(FaultKind.OUTBOUND_63019, wa_id=JOAO)
    await desk.network.customer_says(JOAO, "oi")
    (text,) = await desk.shown(JOAO, 1)
    assert (text.media, text.body[:3]) == ([], "Olá")
    (row,) = [m for m in await _transcript(desk, JOAO) if m.author is Author.BOT]
    assert (row.kind, row.media, row.body, row.details) == (Kind.TEXT, (), text.body, WRITTEN)
    assert (await desk.current(JOAO)).status is Status.BOT_ACTIVE


async def test_buttons_that_are_refused_late_become_numbers(desk: Desk) -> None:
    """63005 is told by a callback: the question follows as a text, and is no content from then on."""
    fault = desk.network.faults.add(FaultKind.OUTBOUND_63005)
    await desk.network.customer_says(MARIA, "vocês vendem pizza?")
    spoken, question = await desk.shown(MARIA, 2)
    assert (spoken.body, question.body) == ("", f"{OFFER}\n\n1. Sim, por favor\n2. Não, obrigado")
    await desk.network.customer_says(JOAO, "vocês vendem pizza?")
    assert (await desk.shown(JOAO, 2))[1].body == question.body
    assert fault.fired == 1
    await desk.network.customer_says(MARIA, "1")
    await desk.shown(MARIA, 3)
    assert (await desk.current(MARIA)).status is Status.AWAITING_AGENT


async def test_a_customer_is_asked_and_answers_with_a_tap(desk: Desk) -> None:
    """In the window CSAT is a list, and its answer belongs to the matter; afterwards a template asks."""
    first = await _resolved(desk, MARIA)
    question = (await desk.shown(MARIA, 3))[-1]
    assert question.body.startswith("Seu atendimento foi concluído.")
    fields = {"MessageType": "interactive", "ListId": "csat:4", "ListTitle": "Bom"}
    await desk.network.customer_says(MARIA, "Bom", fields=fields)
    thanks = (await desk.shown(MARIA, 4))[-1]
    assert thanks.body == "Obrigado pela sua avaliação!"
    assert (await desk.ponte.store.conversation(first)).csat == 4
    await desk.template("Oi {{1}}, que nota você dá?", family="avalie")
    second = await _resolved(desk, JOAO, silent_ms=WINDOW_MS)
    assert (await desk.shown(JOAO, 3))[-1].body == f"Oi {JOAO}, que nota você dá?"
    assert (await desk.ponte.store.conversation(second)).csat_asked_at is not None


async def test_an_answer_that_waits_invites_the_customer(desk: Desk) -> None:
    """The template goes out by itself though the window is open by our clock; then the answer leaves."""
    await desk.template()
    conversation = await desk.holds(MARIA)
    # WhatsApp's clock says so, ours does not.
    desk.clock.shift += 120_000
    desk.network.faults.add(FaultKind.OUTBOUND_63016, count=1)
    (message,) = await desk.ponte.desk.reply(desk.agent, conversation, "Consegui o horário")
    await desk.becomes(message, MessageStatus.PARKED)
    desk.clock.shift += 15_000
    assert (await desk.shown(MARIA, 2))[-1].body == f"Oi {MARIA}, temos novidades. Podemos falar?"
    await desk.network.customer_says(MARIA, "pode sim")
    assert (await desk.shown(MARIA, 3))[-1].body == "Consegui o horário"


async def _transcript(desk: Desk, wa_id: str) -> list[Message]:
    return await desk.ponte.store.messages((await desk.current(wa_id)).id)


async def _resolved(desk: Desk, wa_id: str, *, silent_ms: int = 0) -> str:
    """Let the agent answer and resolve a customer's matter; returns its conversation."""
    conversation = await desk.holds(wa_id)
    (answer,) = await desk.ponte.desk.reply(desk.agent, conversation, "Pronto.")
    await desk.becomes(answer, MessageStatus.DELIVERED)
    desk.clock.shift += silent_ms
    await desk.ponte.desk.resolve(desk.agent, conversation)
    return conversation
