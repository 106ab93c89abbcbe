"""Each type of message that a customer can send: as it is read, and what the model and the agent see."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from agent_console.i18n import catalogue
from agent_console.particulars import particulars
from api.views import messages_out
from graph.builder import build_graph
from graph.customer_text import beside_of, with_contact
from graph.harness import Pipeline
from graph.state import InboundItem
from graph.testing import FakeResponder, fake_context
from ponte.adapters.sqlite import open_sqlite
from ponte.adapters.twilio.messenger import open_messenger
from ponte.adapters.twilio.webhook import parse_form
from ponte.clock import SystemClock
from ponte.domain.conversation import Status, Trigger
from ponte.domain.message import Author, Inbound, Kind, Message, MessageStatus
from ponte.domain.vcard import read_cards
from ponte.settings import load_settings
from ponte.testing import FakeMessenger, ManualClock
from simulator.app import create_app
from simulator.config import SimulatorConfig
from simulator.network import InboundMedia
from tests.conftest import ServeApp
from tests.fixtures.inbound_forms import ACCOUNT, FORMS, MARIA, QUOTED

PROMPTS = Path(__file__).resolve().parents[2] / "prompts"
UNKNOWN = "Recebi uma mensagem de um tipo que ainda não consigo abrir. Uma pessoa da nossa equipe vai ver."
TRANSFER = "Ok, vou te transferir para um de nossos atendentes."

VCARD = (
    "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Lima;João;;;\r\nFN:João Lima\r\n"
    "item1.TEL;waid=5511988887777:+55 11 98888-\r\n 7777\r\nitem1.X-ABLabel:Celular\r\n"
    "EMAIL;type=INTERNET:joao@example.com\r\nEND:VCARD\r\n"
)


@dataclass(frozen=True)
class Type:
    """What a form becomes.

    Args:
        kind: its kind.
        words: the body kept.
        details: what it carries.
        model: texts that the model is shown; None: it is not asked.
        agent: the particulars that the transcript draws, by name, each with a text that is in them.
        quotes: whether it quotes a message.
    """

    kind: Kind
    words: str = ""
    details: tuple[tuple[str, str], ...] = ()
    model: tuple[str, ...] | None = None
    agent: tuple[tuple[str, str], ...] = ()
    quotes: bool = False


TYPES: dict[str, Type] = {
    "text": Type(Kind.TEXT, "Quanto custa a aula?", model=("Quanto custa a aula?",)),
    "voice note": Type(Kind.AUDIO),
    "audio file": Type(Kind.AUDIO),
    "image": Type(Kind.IMAGE, "é este o capacete?"),
    "video": Type(Kind.VIDEO),
    "document": Type(Kind.DOCUMENT),
    "document with a caption": Type(Kind.DOCUMENT, "Segue o contrato. Está certo?"),
    "sticker": Type(Kind.STICKER),
    "location": Type(
        Kind.LOCATION,
        details=(
            ("address", "Praça da Sé, São Paulo"),
            ("label", "Catedral da Sé"),
            ("latitude", "-23.550520"),
            ("longitude", "-46.633309"),
        ),
        model=("Catedral da Sé", "Praça da Sé, São Paulo", "-23.550520"),
        agent=(("place", "https://www.google.com/maps/search/?api=1&query=-23.550520%2C-46.633309"),),
    ),
    "contact": Type(Kind.CONTACT, agent=(("contacts", "ainda não foi lido"),)),
    "template button": Type(
        Kind.CHOICE,
        "Confirmar",
        (("button_text", "Confirmar"), ("button_payload", "confirm:42")),
        ("Confirmar", "confirm:42"),
        (("choice", "Confirmar"), ("quote", "não está nesta tela")),
        quotes=True,
    ),
    "quick reply": Type(
        Kind.CHOICE,
        "Aula avulsa",
        (("button_text", "Aula avulsa"), ("button_payload", "single")),
        ("Aula avulsa", "single"),
        (("choice", "Aula avulsa"),),
        quotes=True,
    ),
    "list answer": Type(
        Kind.CHOICE,
        "Pacote de 8",
        (("list_id", "pack-8"), ("list_title", "Pacote de 8"), ("list_description", "8 aulas em 2 meses")),
        ("Pacote de 8", "pack-8", "8 aulas em 2 meses"),
        (("choice", "8 aulas em 2 meses"),),
    ),
    "quoted reply": Type(
        Kind.TEXT,
        "e aos sábados?",
        model=("e aos sábados?",),
        agent=(("quote", "não está nesta tela"),),
        quotes=True,
    ),
    "several files": Type(Kind.IMAGE, "as fotos"),
    "forwarded": Type(
        Kind.TEXT,
        "Promoção de feno!!",
        (("forwarded", "true"), ("frequently_forwarded", "true")),
        ("Promoção de feno!!", "forwarded_by_the_customer"),
        (("marks", "Encaminhada muitas vezes"),),
    ),
    "advertisement": Type(
        Kind.TEXT,
        "Olá! Vi o anúncio.",
        (
            ("referral_headline", "Primeira aula grátis"),
            ("referral_body", "Só em novembro"),
            ("referral_url", "https://fb.me/1aBcD"),
            ("referral_type", "ad"),
            ("referral_source_id", "120210000000000001"),
            ("referral_ctwa_clid", "ARAbc123"),
        ),
        ("Olá! Vi o anúncio.", "Primeira aula grátis", "Só em novembro"),
        (("referral", "Veio do anúncio: Primeira aula grátis"), ("referral", "https://fb.me/1aBcD")),
    ),
    "reaction": Type(
        Kind.TEXT, "👍", (("reaction", "👍"),), ("👍",), (("marks", "Reagiu a uma mensagem"),), quotes=True
    ),
    "reaction taken back": Type(
        Kind.TEXT,
        details=(("reaction", "removed"),),
        agent=(("marks", "Retirou uma reação"),),
        quotes=True,
    ),
    "order": Type(
        Kind.UNKNOWN,
        details=(
            ("message_type", "order"),
            ("OrderItems", '[{"product_retailer_id":"sela-01","quantity":"1"}]'),
        ),
        agent=(("unknown", "Tipo: order"), ("unknown", "sela-01")),
    ),
    "user name": Type(Kind.TEXT, "Quanto custa a aula?", model=("Quanto custa a aula?",)),
}


@pytest.fixture
async def responder() -> FakeResponder:
    """Return the model that is asked."""
    return FakeResponder(answers=["Claro!"])


@pytest.fixture
async def pipeline(
    tmp_path: Path, manual_clock: ManualClock, messenger: FakeMessenger, responder: FakeResponder
) -> AsyncIterator[Pipeline]:
    """Return a pipeline with an empty store."""
    async with open_sqlite(tmp_path) as store:
        await store.migrate()
        context = fake_context(PROMPTS, responder=responder, clock=manual_clock)
        yield Pipeline(store, build_graph(InMemorySaver()), context, clock=manual_clock, messenger=messenger)


async def sent(pipeline: Pipeline, name: str) -> tuple[Inbound, Message]:
    """Let the customer send one of the forms; return it as read, and as the transcript keeps it."""
    inbound = parse_form(FORMS[name], pipeline.clock.now())
    await pipeline.intake.accept(inbound)
    await pipeline.settle()
    kept = next(m for m in await pipeline.transcript(inbound.address) if m.id == inbound.sid)
    return inbound, kept


@pytest.mark.parametrize("name", TYPES)
async def test_each_type_is_read_kept_and_shown(
    pipeline: Pipeline, responder: FakeResponder, name: str
) -> None:
    """Kind, words and details are right; the model sees words and data, the agent all that was sent."""
    wanted = TYPES[name]
    inbound, kept = await sent(pipeline, name)
    assert (inbound.kind, inbound.body, inbound.details) == (wanted.kind, wanted.words, wanted.details)
    assert inbound.reply_to == (QUOTED if wanted.quotes else None)
    assert inbound.raw == tuple(FORMS[name])
    assert (kept.kind, kept.body, kept.details, kept.reply_to) == (
        wanted.kind,
        wanted.words,
        wanted.details,
        inbound.reply_to,
    )
    if wanted.model is not None:
        shown = "\n".join(message.content for message in responder.asked[-1] if message.role == "user")
        system = "\n".join(message.content for message in responder.asked[-1] if message.role == "system")
        for text in wanted.model:
            assert text in shown
            assert text not in system
    (api,) = await messages_out(pipeline.store, [kept])
    assert api.details == dict(wanted.details)
    assert api.reply_to == inbound.reply_to
    assert len(api.media) == len(inbound.media)
    drawn = particulars(kept, [kept], catalogue("pt-BR"))
    for part, text in wanted.agent:
        assert text in str(drawn[part])


@pytest.mark.parametrize("name", ["voice note", "image", "video", "document", "contact", "several files"])
async def test_files_that_cannot_be_read_bring_a_human(pipeline: Pipeline, name: str) -> None:
    """Nothing is guessed, and nobody is left alone with a file that nobody opened."""
    await sent(pipeline, name)
    current = await pipeline.current(MARIA)
    assert current.status is Status.AWAITING_AGENT
    assert current.handoff is not None
    assert current.handoff.trigger is Trigger.MEDIA


@pytest.mark.parametrize("name", ["reaction", "reaction taken back", "sticker"])
async def test_what_says_little_brings_no_human(
    pipeline: Pipeline, responder: FakeResponder, name: str
) -> None:
    """A reaction is answered as a text; one that was taken back, and a sticker, without asking the model."""
    await sent(pipeline, name)
    assert (await pipeline.current(MARIA)).status is Status.BOT_ACTIVE
    assert len(responder.asked) == (name == "reaction")


async def test_an_unknown_type_is_handed_over_as_what_it_is(pipeline: Pipeline) -> None:
    """The customer is told honestly, the agent reads why, and every field is kept."""
    await sent(pipeline, "order")
    current = await pipeline.current(MARIA)
    assert current.status is Status.AWAITING_AGENT
    assert current.handoff is not None
    assert current.handoff.reason == "Enviou uma mensagem de um tipo que o bot não conhece."
    assert [m.body for m in await pipeline.transcript(MARIA)][1:] == [UNKNOWN, TRANSFER]


def test_a_contact_card_is_told_and_drawn() -> None:
    """Names, numbers and addresses of a card that was read reach the model as data, and the agent."""
    inbound = parse_form(FORMS["contact"], 0)
    read = (replace(inbound.media[0], key="a" * 64, text=VCARD),)
    (card,) = beside_of(InboundItem("x", Kind.CONTACT, "", read))
    wanted = {"name": "João Lima", "phones": ["+55 11 98888-7777"], "emails": ["joao@example.com"]}
    assert json.loads(card) == {"contact": wanted}
    details = with_contact((), Kind.CONTACT, read)
    assert details == (("contact_name", "João Lima"), ("contact_phone", "+55 11 98888-7777"))
    for media, carried in ((read, ()), ((), details)):
        kept = Message(
            "m", "cv", "ct", 1, Author.CUSTOMER, Kind.CONTACT, "", MessageStatus.RECEIVED, 0,
            media=media, details=carried,
        )  # fmt: skip
        (drawn,) = cast("list[dict[str, object]]", particulars(kept, [], catalogue("pt-BR"))["contacts"])
        assert (drawn["name"], drawn["phones"]) == ("João Lima", ["+55 11 98888-7777"])


def test_a_document_tells_its_name_where_a_caption_would_be() -> None:
    """Twilio puts the name of a file without caption into the body; a caption stays one."""
    (named,) = parse_form(FORMS["document"], 0).media
    assert named.name == "contrato 2026.pdf"
    (captioned,) = parse_form(FORMS["document with a caption"], 0).media
    assert captioned.name is None
    other = {**dict(FORMS["document"]), "Body": "foto.jpg"}
    assert parse_form(list(other.items()), 0).body == "foto.jpg"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("BEGIN:VCARD\nEND:VCARD", []),
        ("FN:nobody", []),
        ("\ufeffBEGIN:VCARD\nN:Silva\\, Jr.;Ana;;;\nEND:VCARD", ["Ana Silva, Jr."]),
        ("BEGIN:VCARD\nFN:A\nEND:VCARD\nBEGIN:VCARD\nTEL;TYPE=CELL:+1 2\nEND:VCARD", ["A", ""]),
        ("BEGIN:VCARD\nFN:A" * 40, []),
    ],
)
def test_cards_are_read_as_far_as_they_are_cards(text: str, names: list[str]) -> None:
    """What is no card is skipped; nothing in a file breaks the reading."""
    assert [card.name for card in read_cards(text)] == names


async def test_a_quoted_message_reaches_model_and_agent(pipeline: Pipeline, responder: FakeResponder) -> None:
    """What the customer quotes is looked up, told to the model as data, and shown to the agent."""
    await sent(pipeline, "text")
    answer = (await pipeline.transcript(MARIA))[-1]
    fields = {**dict(FORMS["quoted reply"]), "OriginalRepliedMessageSid": answer.sid or ""}
    await pipeline.intake.accept(parse_form(list(fields.items()), pipeline.clock.now()))
    await pipeline.settle()
    asked = responder.asked[-1]
    assert asked[-1].content == "e aos sábados?"
    assert '\\"quoted_message\\": \\"Claro!\\"' in asked[-2].content or '"quoted_message": "Claro!"' in (
        asked[-2].content
    )
    shown = await pipeline.transcript(MARIA)
    quoting = next(m for m in shown if m.body == "e aos sábados?")
    assert particulars(quoting, shown, catalogue("pt-BR"))["quote"] == {"who": "Nós", "text": "Claro!"}


async def test_quoting_somebody_who_asks_for_a_human_asks_for_none(
    pipeline: Pipeline, responder: FakeResponder
) -> None:
    """Quoted, forwarded and named things are no words of the customer's."""
    await sent(pipeline, "text")
    responder.answers = ["Quer falar com um atendente? Escreva: quero falar com atendente"]
    first = dict(FORMS["text"])
    again = {**first, "MessageSid": "SM" + "b" * 32, "SmsMessageSid": "SM" + "b" * 32}
    await pipeline.intake.accept(parse_form(list(again.items()), pipeline.clock.now()))
    await pipeline.settle()
    offer = (await pipeline.transcript(MARIA))[-1]
    fields = {**dict(FORMS["quoted reply"]), "OriginalRepliedMessageSid": offer.sid or "", "Body": "não"}
    await pipeline.intake.accept(parse_form(list(fields.items()), pipeline.clock.now()))
    place = {**dict(FORMS["location"]), "Label": "quero falar com atendente"}
    await pipeline.intake.accept(parse_form(list(place.items()), pipeline.clock.now()))
    await pipeline.settle()
    assert (await pipeline.current(MARIA)).status is Status.BOT_ACTIVE


async def test_another_customers_message_cannot_be_quoted(
    pipeline: Pipeline, responder: FakeResponder
) -> None:
    """A sid that belongs to somebody else is not looked into."""
    inbound, _ = await sent(pipeline, "text")
    fields = {**dict(FORMS["user name"]), "OriginalRepliedMessageSid": inbound.sid, "Body": "e isso?"}
    await pipeline.intake.accept(parse_form(list(fields.items()), pipeline.clock.now()))
    await pipeline.settle()
    assert not any("quoted_message" in message.content for message in responder.asked[-1])


async def test_the_catch_up_reads_what_twilios_list_tells(serve_app: ServeApp) -> None:
    """The list has no fields but text and files: those are read; what says nothing else is unknown."""
    app = create_app(SimulatorConfig(account_sid=ACCOUNT, auth_token="t", webhook_timeout_ms=100))
    served = await serve_app(app)
    network = app.state.network
    network.public_url = served.url
    network.set_webhook(f"{served.url}/nobody")
    wanted = [
        (Kind.TEXT, "Oi", ()),
        (Kind.CHOICE, "Pacote de 8", ()),
        (Kind.LOCATION, "", ()),
        (Kind.STICKER, "", ("image/webp",)),
        (Kind.CONTACT, "", ("text/vcard",)),
        (Kind.DOCUMENT, "contrato.pdf", ("application/pdf",)),
    ]
    fields = {
        Kind.CHOICE: {"ListId": "p8", "ListTitle": "Pacote de 8", "MessageType": "interactive"},
        Kind.LOCATION: {"Latitude": "1", "Longitude": "2", "MessageType": "location"},
    }
    for kind, body, types in wanted:
        media = [InboundMedia(one, b"x") for one in types]
        network.receive("5511900000001", body, media=media, fields=fields.get(kind))
    settings = load_settings(
        twilio_account_sid=ACCOUNT, twilio_auth_token="t", twilio_api_base_url=served.url
    )
    async with open_messenger(settings, SystemClock()) as messenger:
        found = [inbound async for inbound in messenger.received_since(network.now_ms - 60_000)]
    kinds = [Kind.TEXT, Kind.TEXT, Kind.UNKNOWN, Kind.STICKER, Kind.CONTACT, Kind.DOCUMENT]
    assert [inbound.kind for inbound in found] == kinds
    assert [inbound.body for inbound in found] == ["Oi", "Pacote de 8", "", "", "", ""]
    assert found[-1].media[0].name == "contrato.pdf"


def test_a_place_without_coordinates_has_no_link() -> None:
    """What is no place on earth makes no link, and loses no name."""
    for latitude in ("91", "nan", "javascript:alert(1)", ""):
        fields = {**dict(FORMS["location"]), "Latitude": latitude}
        inbound = parse_form(list(fields.items()), 0)
        assert inbound.kind is Kind.LOCATION
        assert "latitude" not in dict(inbound.details)
        assert dict(inbound.details)["label"] == "Catedral da Sé"


@pytest.mark.parametrize("url", ["javascript:alert(1)", "http://fb.me/x", "https://", "//evil.example", "["])
async def test_only_an_https_address_of_an_advertisement_is_a_link(pipeline: Pipeline, url: str) -> None:
    """Whatever else stands there is not made pressable."""
    fields = {**dict(FORMS["advertisement"]), "ReferralSourceUrl": url}
    inbound = parse_form(list(fields.items()), pipeline.clock.now())
    await pipeline.intake.accept(inbound)
    await pipeline.settle()
    kept = (await pipeline.transcript(MARIA))[0]
    referral = particulars(kept, [kept], catalogue("en"))["referral"]
    assert isinstance(referral, dict)
    assert referral["url"] is None
