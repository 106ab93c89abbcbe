"""Questions with answers to tap: the bot's own, the way that they go out, and the answers that come back."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from graph.builder import build_graph
from graph.harness import Pipeline
from graph.prompt_schema import VoicePolicy
from graph.prompts import read_prompts
from graph.testing import fake_context
from graph.voice_answers import VoiceAnswers
from ponte.adapters.sqlite import SqliteStore, open_sqlite
from ponte.domain.agent import Agent, Role
from ponte.domain.choices import Choice, from_details
from ponte.domain.conversation import Status, Trigger
from ponte.domain.message import SPOKEN, Author, Details, Inbound, Kind, Media, Message, MessageStatus
from ponte.errors import SendRefused
from ponte.testing import FakeMessenger, FakeTemplates, ManualClock

MARIA = "whatsapp:+5511900000001"
ANA = Agent("ag_ana", "ana@example.com", "Ana", Role.AGENT, "x", 0)
PROMPTS = Path(__file__).resolve().parents[2] / "prompts"
OFFER = "Não encontrei essa informação. Quer que eu chame um atendente?"
NUMBERED = f"{OFFER}\n\n1. Sim, por favor\n2. Não, obrigado"


class Speaking:
    """Speaks whatever it is given, at once."""

    async def speak(self, text: str, language: str) -> Media | None:
        """Return a voice note."""
        del text, language
        return Media("", "audio/ogg", key="ab" * 32, size=7)

    async def run(self) -> None:
        """Do nothing."""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """Return an empty store with an agent."""
    async with open_sqlite(tmp_path) as opened:
        await opened.migrate()
        await opened.add_agent(ANA)
        yield opened


@pytest.fixture
def templates() -> FakeTemplates:
    """Return an account in which contents can be made."""
    return FakeTemplates()


@pytest.fixture
def pipeline(
    store: SqliteStore, manual_clock: ManualClock, messenger: FakeMessenger, templates: FakeTemplates
) -> Pipeline:
    """Return a pipeline without a model."""
    context = fake_context(PROMPTS, clock=manual_clock)
    graph = build_graph(InMemorySaver())
    return Pipeline(store, graph, context, clock=manual_clock, messenger=messenger, templates=templates)


async def offered(pipeline: Pipeline) -> Message:
    """Let Maria ask what nobody knows, and return the offer of a human."""
    await pipeline.customer_says(MARIA, "vocês vendem pizza?", "SM1")
    await pipeline.settle()
    return (await pipeline.transcript(MARIA))[-1]


async def answers(pipeline: Pipeline, body: str, kind: Kind = Kind.TEXT, details: Details = ()) -> Message:
    """Let Maria answer; returns the last message of what follows."""
    row = Inbound("SM2", MARIA, "whatsapp:+1", body, kind, pipeline.clock.now(), details=details)
    await pipeline.intake.accept(row)
    await pipeline.settle()
    return (await pipeline.transcript(MARIA))[-1]


async def test_the_bot_offers_a_human_with_buttons(
    pipeline: Pipeline, messenger: FakeMessenger, templates: FakeTemplates
) -> None:
    """What the files do not answer ends in an offer with two buttons, made once at Twilio."""
    offer = await offered(pipeline)
    assert (offer.body, offer.author, offer.kind) == (OFFER, Author.BOT, Kind.TEXT)
    assert [c.title for c in from_details(offer.details)] == ["Sim, por favor", "Não, obrigado"]
    assert (await pipeline.current(MARIA)).status is Status.BOT_ACTIVE
    ((body, choices, button),) = templates.made
    assert (body, [c.id for c in choices], button) == (OFFER, ["human", "stay"], "")
    assert messenger.sent[-1].outbound.content_sid is not None


@pytest.mark.parametrize(
    ("body", "kind", "details"),
    [
        ("1", Kind.TEXT, ()),
        ("Sim!", Kind.TEXT, ()),
        ("sim, por favor", Kind.TEXT, ()),
        ("pode ser", Kind.TEXT, ()),
        ("Sim, por favor", Kind.CHOICE, (("button_text", "Sim, por favor"), ("button_payload", "human"))),
    ],
)
async def test_an_accepted_offer_brings_a_human(
    pipeline: Pipeline, body: str, kind: Kind, details: Details
) -> None:
    """Typed, numbered or tapped: yes is yes; the transcript keeps what was written."""
    await offered(pipeline)
    await answers(pipeline, body, kind, details)
    current = await pipeline.current(MARIA)
    assert current.status is Status.AWAITING_AGENT
    assert current.handoff is not None
    assert current.handoff.trigger is Trigger.KEYWORD
    rows = await pipeline.transcript(MARIA)
    assert [m.body for m in rows if m.author is Author.CUSTOMER][-1] == body


@pytest.mark.parametrize("body", ["2", "não", "Nao, obrigado.", "agora não"])
async def test_a_declined_offer_is_a_courtesy(pipeline: Pipeline, body: str) -> None:
    """No is no: the bot stays, and does not count it as a question without an answer."""
    await offered(pipeline)
    last = await answers(pipeline, body)
    assert last.body == "Por nada! Se precisar de mais alguma coisa, é só escrever."
    assert (await pipeline.current(MARIA)).status is Status.BOT_ACTIVE


async def test_numbers_mean_nothing_without_a_question(pipeline: Pipeline) -> None:
    """A bare "1" is no yes where nothing was offered."""
    await pipeline.customer_says(MARIA, "oi", "SM1")
    await pipeline.settle()
    await answers(pipeline, "1")
    assert (await pipeline.current(MARIA)).status is Status.BOT_ACTIVE


async def test_a_refused_content_goes_out_as_numbers(
    pipeline: Pipeline, messenger: FakeMessenger, templates: FakeTemplates
) -> None:
    """Twilio refuses the content: the question follows as a text, and is no content any more."""
    messenger.failures.append(SendRefused("refused", 63005))
    offer = await offered(pipeline)
    assert [s.body for s in messenger.sent] == [NUMBERED]
    assert offer.status is MessageStatus.SENT
    await answers(pipeline, "1")
    assert (await pipeline.current(MARIA)).status is Status.AWAITING_AGENT
    await pipeline.customer_says(f"{MARIA}9", "vocês vendem pizza?", "SM9")
    await pipeline.settle()
    assert messenger.sent[-1].body == NUMBERED
    assert len(templates.made) == 1


async def test_a_refusal_of_the_receiver_is_no_refusal_of_the_choices(
    pipeline: Pipeline, messenger: FakeMessenger
) -> None:
    """What fails the text as well fails the message, after the one try as a text."""
    messenger.failures.extend([SendRefused("refused", 63003), SendRefused("refused", 63003)])
    offer = await offered(pipeline)
    assert (offer.status, offer.error_code) == (MessageStatus.FAILED, 63003)
    assert messenger.sent == []


async def test_choices_follow_a_voice_note(
    store: SqliteStore, manual_clock: ManualClock, messenger: FakeMessenger
) -> None:
    """An offer that is spoken is written behind it too: nobody can tap on a voice note."""
    context = fake_context(PROMPTS, clock=manual_clock)
    voice = VoiceAnswers(Speaking(), VoicePolicy(mode="always"))
    graph = build_graph(InMemorySaver())
    pipeline = Pipeline(store, graph, context, clock=manual_clock, messenger=messenger, voice=voice)
    await pipeline.customer_says(MARIA, "vocês vendem pizza?", "SM1")
    await pipeline.work()
    _, spoken, written = await pipeline.transcript(MARIA)
    assert (spoken.kind, spoken.details, spoken.body) == (Kind.AUDIO, SPOKEN, OFFER)
    assert (written.kind, written.media, written.body) == (Kind.TEXT, (), OFFER)
    assert [c.id for c in from_details(written.details)] == ["human", "stay"]
    await pipeline.customer_says(MARIA, "quero falar com um atendente", "SM2")
    await pipeline.settle()
    current = await pipeline.current(MARIA)
    await pipeline.desk.claim(ANA, current.id)
    choices = [Choice("sat", "Sábado"), Choice("sun", "Domingo")]
    parts = await pipeline.desk.reply(ANA, current.id, "Que dia?", voice=True, choices=choices)
    assert [(p.kind, bool(from_details(p.details))) for p in parts] == [
        (Kind.AUDIO, False),
        (Kind.TEXT, True),
    ]


MANY = ", ".join(f"{{id: c{n}, title: t{n}}}" for n in range(11))


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (f'{{text: "A ou B?", choices: [{{id: a, title: "{"x" * 25}"}}]}}', "1 to 24 characters"),
        ('{text: "A ou B?", choices: [{id: a, title: A}, {id: a, title: B}]}', "same id"),
        (f'{{text: "Qual?", choices: [{MANY}]}}', "1 to 10 choices"),
        (f'{{text: "{"x" * 1025}", choices: [{{id: a, title: A}}]}}', "at most 1024"),
        ("{choices: [{id: a, title: A}]}", "text"),
    ],
)
def test_choices_that_whatsapp_does_not_take_are_found_by_the_check(
    tmp_path: Path, text: str, wrong: str
) -> None:
    """WhatsApp's limits hold for the files, with the file and the mend."""
    folder = tmp_path / "prompts"
    shutil.copytree(PROMPTS, folder)
    file = folder / "messages" / "pt-BR.yaml"
    lines = file.read_text("utf-8").splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("  greeting:"))
    lines[at] = f"  greeting: {text}"
    file.write_text("\n".join(lines), "utf-8")
    prompts, problems = read_prompts(folder)
    assert prompts is None
    assert any(p.file == "messages/pt-BR.yaml" and wrong in p.message for p in problems), problems


def test_any_text_may_offer_answers() -> None:
    """The shipped offer has its answers in three languages; a text without any has none."""
    prompts = fake_context(PROMPTS).prompts
    for locale in ("pt-BR", "es", "en"):
        assert [c.id for c in prompts.choices("bot.offer_human", locale)] == ["human", "stay"]
        assert len(prompts.choices("csat.ask", locale)) == 5
    assert prompts.choices("bot.greeting", "pt-BR") == ()
