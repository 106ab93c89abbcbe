"""What agents send, by Twilio's real client, over sockets: files, templates, choices, and Twilio's errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ponte.audio import to_voice_note
from ponte.domain.choices import Choice
from ponte.domain.conversation import Status
from ponte.domain.message import Media, MessageStatus
from ponte.domain.window import WINDOW_MS
from ponte.errors import InvalidInput, WrongState
from simulator.faults import FaultKind
from tests.support.desk import Desk, eventually, open_desk
from tests.support.sounds import heard, recording

MARIA, JOAO, CLARA = "5511900000001", "5511900000002", "5511900000003"
PDF = b"%PDF-1.4\n% tabela de precos\n"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Run everything, with links signed by a key of their own."""
    async with open_desk(tmp_path, secret_key="k" * 32) as opened:
        yield opened


async def test_a_file_goes_out_and_its_text_behind_it(desk: Desk) -> None:
    """Twilio fetches the file by a link of ours; the text waits until WhatsApp has it."""
    conversation = await desk.holds(MARIA)
    media = await desk.stored(PDF, "application/pdf")
    await desk.ponte.desk.send_file(desk.agent, conversation, media, "Segue a tabela")
    _, file, text = await desk.shown(MARIA, 3)
    assert [(m.content_type, m.data) for m in file.media] == [("application/pdf", PDF)]
    assert (file.body, text.body) == ("", "Segue a tabela")
    assert text.created_ms >= (file.sent_ms or 0) > file.created_ms


OUT: dict[str, tuple[str, bytes]] = {
    "photo": ("image/jpeg", b"\xff\xd8\xff\xe0 photo"),
    "picture": ("image/png", b"\x89PNG\r\n\x1a\n picture"),
    "sticker": ("image/webp", b"RIFF\x08\x00\x00\x00WEBPVP8 sticker"),
    "video": ("video/mp4", b"\x00\x00\x00\x18ftypmp42 video"),
    "audio": ("audio/mpeg", b"ID3\x03\x00\x00\x00\x00\x00\x00 audio"),
    "document": ("application/pdf", PDF),
}


async def test_every_type_of_file_goes_out(desk: Desk) -> None:
    """Each type that WhatsApp takes reaches the phone byte for byte, in order, with its caption."""
    conversation = await desk.holds(MARIA)
    for content_type, content in OUT.values():
        media = await desk.stored(content, content_type)
        await desk.ponte.desk.send_file(desk.agent, conversation, media, "veja")
    captioned = {"photo", "picture", "video"}
    wanted: list[tuple[str, str | None, bytes | None]] = []
    for name, (content_type, content) in OUT.items():
        wanted.append(("veja" if name in captioned else "", content_type, content))
        if name not in captioned:
            wanted.append(("veja", None, None))
    shown = (await desk.shown(MARIA, 1 + len(wanted)))[1:]
    files = [(m.media[0].content_type, m.media[0].data) if m.media else (None, None) for m in shown]
    assert [(m.body, *file) for m, file in zip(shown, files, strict=True)] == wanted


async def test_a_recording_goes_out_as_a_voice_note(desk: Desk) -> None:
    """What an agent recorded arrives as Ogg/Opus in mono, which WhatsApp plays as a voice note."""
    conversation = await desk.holds(MARIA)
    note = to_voice_note(recording("webm"))
    media = await desk.stored(note.content, "audio/ogg")
    await desk.ponte.desk.reply_recorded(desk.agent, conversation, media)
    (file,) = (await desk.shown(MARIA, 2))[-1].media
    found = heard(file.data)
    assert file.content_type.startswith("audio/ogg")
    assert (found.container, found.codec, found.channels) == ("ogg", "opus", 1)


async def test_the_bots_own_offer_is_tapped_on_the_phone(desk: Desk) -> None:
    """Without a model and an answer the customer gets buttons; the tapped one brings a human."""
    await desk.network.customer_says(MARIA, "vocês vendem pizza?")
    (offer,) = await desk.shown(MARIA, 1)
    assert offer.body == "Não encontrei essa informação. Quer que eu chame um atendente?"
    contents = (await desk.content("GET", "/v1/Content"))["contents"]
    assert [list(c["types"]) for c in contents] == [["twilio/quick-reply"]]
    fields = {"MessageType": "button", "ButtonText": "Sim, por favor", "ButtonPayload": "human"}
    await desk.network.customer_says(MARIA, "Sim, por favor", fields=fields)
    await desk.shown(MARIA, 2)
    contact = await desk.ponte.store.find_contact(f"whatsapp:+{MARIA}")
    assert contact is not None
    current = await desk.ponte.store.current(contact.id)
    assert current is not None
    assert current.status is Status.AWAITING_AGENT


async def test_a_file_that_whatsapp_does_not_take_is_refused(desk: Desk) -> None:
    """Type and size are checked before anything is queued."""
    conversation = await desk.holds(MARIA)
    for media in (
        await desk.stored(b"MZ", "application/x-msdownload"),
        Media("", "image/png", key="ab" * 32, size=5 * 1024 * 1024 + 1),
        Media("", "image/png", size=10),
    ):
        with pytest.raises(InvalidInput):
            await desk.ponte.desk.send_file(desk.agent, conversation, media)


async def test_a_template_leaves_when_the_window_is_closed(desk: Desk) -> None:
    """What was parked stays until the customer answers the template, and then goes out."""
    conversation = await desk.holds(MARIA)
    approved, plain = await desk.template(), await desk.template(approved=False)
    desk.clock.shift += WINDOW_MS
    (parked,) = await desk.ponte.desk.reply(desk.agent, conversation, "Consegui o horário")
    assert parked.status is MessageStatus.PARKED
    with pytest.raises(WrongState, match="not approved"):
        await desk.ponte.desk.send_template(desk.agent, conversation, plain, {"1": "Maria"})
    with pytest.raises(InvalidInput, match="value"):
        await desk.ponte.desk.send_template(desk.agent, conversation, approved, {})
    await desk.ponte.desk.send_template(desk.agent, conversation, approved, {"1": "Maria"})
    shown = await desk.shown(MARIA, 2)
    assert shown[-1].body == "Oi Maria, temos novidades. Podemos falar?"
    assert (await desk.ponte.store.message(parked.id)).status is MessageStatus.PARKED
    await desk.network.customer_says(MARIA, "pode sim")
    assert (await desk.shown(MARIA, 3))[-1].body == "Consegui o horário"


async def test_a_template_in_the_window_needs_no_approval(desk: Desk) -> None:
    """Any content may answer a customer who wrote within 24 hours."""
    conversation = await desk.holds(MARIA)
    sid = await desk.template(approved=False)
    (sent,) = await desk.ponte.desk.send_template(desk.agent, conversation, sid, {"1": "Maria"})
    assert (await desk.shown(MARIA, 2))[-1].body == sent.body


async def test_the_templates_are_listed_with_their_approval(desk: Desk) -> None:
    """Names, languages, variables and WhatsApp's word on each."""
    await desk.template()
    assert desk.ponte.templates is not None
    (template,) = await desk.ponte.templates.templates()
    assert (template.family, template.language, template.approval) == ("volta", "pt_BR", "approved")
    assert (template.variables, template.samples) == (("1",), (("1", "Maria"),))


async def test_whatsapps_own_clock_parks_an_answer(desk: Desk) -> None:
    """A callback with 63016 parks an agent's message; it goes out when the customer writes."""
    conversation = await desk.holds(MARIA)
    desk.clock.shift += 120_000
    desk.network.faults.add(FaultKind.OUTBOUND_63016, count=1)
    (message,) = await desk.ponte.desk.reply(desk.agent, conversation, "Um momento")
    waiting = await desk.becomes(message, MessageStatus.PARKED)
    assert waiting.error_code == 63016
    await desk.network.customer_says(MARIA, "oi?")
    assert (await desk.shown(MARIA, 2))[-1].body == "Um momento"
    assert (await desk.becomes(message, MessageStatus.DELIVERED)).error_code is None


async def test_a_rate_limit_told_late_holds_one_customer(desk: Desk) -> None:
    """After one callback with 63018 only its customer waits: it may be the limit of this pair."""
    first, second = await desk.holds(MARIA), await desk.holds(JOAO)
    desk.network.faults.add(FaultKind.OUTBOUND_63018, count=1, wa_id=MARIA)
    (limited,) = await desk.ponte.desk.reply(desk.agent, first, "Oi, Maria")
    await desk.becomes(limited, MessageStatus.QUEUED)
    assert await desk.ponte.store.get_value("whatsapp.held_until") is None
    (other,) = await desk.ponte.desk.reply(desk.agent, second, "Oi, João")
    await desk.becomes(other, MessageStatus.DELIVERED)
    assert (await desk.ponte.store.message(limited.id)).status is MessageStatus.QUEUED
    await desk.becomes(limited, MessageStatus.DELIVERED)


async def test_a_rate_limit_of_two_customers_holds_the_whole_number(desk: Desk) -> None:
    """After two customers' callbacks with 63018 nobody is sent anything for a while; then everybody is."""
    holds = {wa_id: await desk.holds(wa_id) for wa_id in (MARIA, JOAO, CLARA)}
    for wa_id in (MARIA, JOAO):
        desk.network.faults.add(FaultKind.OUTBOUND_63018, count=1, wa_id=wa_id)
        (limited,) = await desk.ponte.desk.reply(desk.agent, holds[wa_id], "Oi")
        await desk.becomes(limited, MessageStatus.QUEUED)
    held = await eventually(lambda: desk.ponte.store.get_value("whatsapp.held_until"), bool)
    # The worker learns of the pause with its next look at the outbox.
    await asyncio.sleep(0.6)
    (other,) = await desk.ponte.desk.reply(desk.agent, holds[CLARA], "Oi, Clara")
    await desk.becomes(other, MessageStatus.DELIVERED)
    await desk.shown(MARIA, 2)
    await desk.shown(JOAO, 2)
    assert all(desk.phone(wa_id)[-1].created_ms >= int(held or 0) for wa_id in holds)
    assert int(held or 0) - desk.clock.now() < 60_000


async def test_an_opt_out_that_twilio_knows_fails_the_message(desk: Desk) -> None:
    """21610 fails it, and the customer counts as opted out."""
    conversation = await desk.holds(MARIA)
    desk.network.faults.add(FaultKind.OUTBOUND_21610, count=1)
    (message,) = await desk.ponte.desk.reply(desk.agent, conversation, "Oi")
    failed = await desk.becomes(message, MessageStatus.FAILED)
    assert failed.error_code == 21610
    assert (await desk.ponte.store.contact(failed.contact_id)).opted_out_at is not None


async def test_choices_become_buttons_once_and_a_list(desk: Desk) -> None:
    """The same question is one content, however often it is asked; more than three choices are a list."""
    conversation = await desk.holds(MARIA)
    two = [Choice("sat", "Sábado"), Choice("sun", "Domingo")]
    five = [Choice(f"h{n}", f"{n} horas") for n in range(8, 13)]
    for choices in (two, two, five):
        await desk.ponte.desk.reply(desk.agent, conversation, "Quando?", choices=choices)
    assert [m.body for m in (await desk.shown(MARIA, 4))[1:]] == ["Quando?"] * 3
    contents = (await desk.content("GET", "/v1/Content"))["contents"]
    types = [next(iter(c["types"].items())) for c in contents]
    assert [name for name, _ in types] == ["twilio/list-picker", "twilio/quick-reply"]
    assert [a["title"] for a in types[1][1]["actions"]] == ["Sábado", "Domingo"]
    assert desk.ponte.templates is not None
    assert await desk.ponte.templates.templates() == []


async def test_choices_fall_back_to_numbers(desk: Desk) -> None:
    """When Twilio makes no content, the question goes out as a numbered text."""
    conversation = await desk.holds(MARIA)
    desk.network.faults.add(FaultKind.OUTBOUND_500, count=1, scope="all")
    choices = [Choice("sat", "Sábado"), Choice("sun", "Domingo")]
    await desk.ponte.desk.reply(desk.agent, conversation, "Qual dia?", choices=choices)
    assert (await desk.shown(MARIA, 2))[-1].body == "Qual dia?\n\n1. Sábado\n2. Domingo"
