"""CSAT: who is asked, how the answers are read, and that they open no conversation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from api.views import conversation_out
from graph.builder import build_graph
from graph.context import GraphContext
from graph.harness import Pipeline
from graph.prompt_schema import CsatPolicy, TemplatesPolicy
from graph.testing import FakeResponder, fake_context
from ponte.adapters.sqlite import SqliteStore, open_sqlite
from ponte.domain.agent import Agent, Role
from ponte.domain.choices import from_details
from ponte.domain.conversation import Conversation, Status
from ponte.domain.message import Author, Details, Inbound, Kind, Message
from ponte.domain.templates import Template
from ponte.domain.window import WINDOW_MS
from ponte.errors import Conflict
from ponte.ports import Commit
from ponte.testing import FakeMessenger, FakeTemplates, ManualClock

MARIA = "whatsapp:+5511900000001"
ANA = Agent("ag_ana", "ana@example.com", "Ana", Role.AGENT, "x", 0)
PROMPTS = Path(__file__).resolve().parents[2] / "prompts"
HOUR_MS = 60 * 60 * 1000
ASK = "Seu atendimento foi concluído. De 1 (péssimo) a 5 (ótimo), que nota você dá?"
THANKS = "Obrigado pela sua avaliação!"
TEMPLATE = Template(
    "HX" + "1" * 32, "avalie_pt_br", "pt_BR", "Oi {{1}}, que nota você dá?", (("1", "Maria"),), "approved"
)


def enabled(context: GraphContext, *, enabled: bool = True, template: str | None = None) -> GraphContext:
    """Return the context with the policy set."""
    change = {"csat": CsatPolicy(enabled=enabled), "templates": TemplatesPolicy(csat=template)}
    policy = context.prompts.policy.model_copy(update=change)
    return replace(context, prompts=replace(context.prompts, policy=policy))


class Desk:
    """A pipeline whose agent resolves Maria's matters."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self._n = 0

    async def says(
        self, body: str, *, kind: Kind = Kind.TEXT, details: Details = (), reply_to: str | None = None
    ) -> None:
        """Let Maria write, and all come to rest."""
        await self.accepts(body, kind=kind, details=details, reply_to=reply_to)
        await self.pipeline.settle()

    async def accepts(
        self, body: str, *, kind: Kind = Kind.TEXT, details: Details = (), reply_to: str | None = None
    ) -> None:
        """Take in what Maria wrote."""
        self._n += 1
        await self.pipeline.intake.accept(
            Inbound(
                sid=f"SM{self._n:032d}",
                address=MARIA,
                to="whatsapp:+1",
                body=body,
                kind=kind,
                received_at=self.pipeline.clock.now(),
                profile_name="Maria",
                details=details,
                reply_to=reply_to,
            )
        )

    async def resolved(self, *, answered: bool = True, silent_ms: int = 0) -> Conversation:
        """Let an agent answer and resolve a matter; returns its conversation."""
        await self.says("quero falar com um atendente")
        current = await self.pipeline.current(MARIA)
        await self.pipeline.desk.claim(ANA, current.id)
        if answered:
            await self.pipeline.desk.reply(ANA, current.id, "Pronto, está marcado.")
        await self.pipeline.settle()
        self.pipeline.clock.advance(silent_ms)
        await self.pipeline.desk.resolve(ANA, current.id)
        await self.pipeline.settle()
        return await self.pipeline.store.conversation(current.id)

    async def rows(self, conversation: Conversation) -> list[Message]:
        """Return the conversation's transcript."""
        return await self.pipeline.store.messages(conversation.id, limit=200)

    async def told(self, conversation: Conversation) -> list[str]:
        """Return what the system said in it, in order."""
        return [m.body for m in await self.rows(conversation) if m.author is Author.SYSTEM]

    async def conversations(self) -> int:
        """Return how many conversations Maria has."""
        contact = await self.pipeline.contact(MARIA)
        page = await self.pipeline.store.conversations(
            status=None, contact_id=contact.id, after=None, limit=50
        )
        return len(page.items)

    def counted(self, score: int) -> float:
        """Return how many customers gave this score."""
        found = self.pipeline.metrics.registry.get_sample_value("ponte_csat_total", {"score": str(score)})
        return found or 0


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """Return an empty store with an agent."""
    async with open_sqlite(tmp_path) as opened:
        await opened.migrate()
        await opened.add_agent(ANA)
        yield opened


@pytest.fixture(scope="module")
def base() -> GraphContext:
    """Return a context over the shipped prompt files."""
    return fake_context(PROMPTS, responder=FakeResponder(answers=["Claro!"]))


@pytest.fixture
def templates() -> FakeTemplates:
    """Return the account's templates."""
    return FakeTemplates([TEMPLATE])


def desk_of(
    store: SqliteStore,
    clock: ManualClock,
    messenger: FakeMessenger,
    context: GraphContext,
    templates: FakeTemplates,
) -> Desk:
    """Return a desk with this policy."""
    pipeline = Pipeline(
        store,
        build_graph(InMemorySaver()),
        replace(context, clock=clock),
        clock=clock,
        messenger=messenger,
        templates=templates,
    )
    return Desk(pipeline)


@pytest.fixture
def desk(
    store: SqliteStore,
    manual_clock: ManualClock,
    messenger: FakeMessenger,
    base: GraphContext,
    templates: FakeTemplates,
) -> Desk:
    """Return a desk that asks, with a template for silent customers."""
    return desk_of(store, manual_clock, messenger, enabled(base, template="avalie"), templates)


async def test_a_resolved_customer_is_asked_with_a_list(desk: Desk, templates: FakeTemplates) -> None:
    """The question follows the last answer, once, with five answers to tap."""
    conversation = await desk.resolved()
    assert (await desk.told(conversation))[-1] == ASK
    question = (await desk.rows(conversation))[-1]
    assert [c.id for c in from_details(question.details)] == [f"csat:{n}" for n in range(1, 6)]
    assert conversation.csat_asked_at is not None
    assert templates.made[-1][2] == "Ver opções"


@pytest.mark.parametrize(
    ("body", "score"),
    [
        ("5", 5),
        ("nota 5", 5),
        ("Nota: 4", 4),
        ("4/5", 4),
        ("3 estrelas", 3),
        ("2.", 2),
        ("Ótimo!", 5),
        ("pessimo", 1),
        ("\N{WHITE MEDIUM STAR}" * 4, 4),
    ],
)
async def test_an_answer_is_kept_and_thanked_for_once(desk: Desk, body: str, score: int) -> None:
    """However it is written, it belongs to the conversation, and opens no new one."""
    conversation = await desk.resolved()
    await desk.says(body)
    rated = await desk.pipeline.store.conversation(conversation.id)
    assert (rated.csat, rated.status) == (score, Status.RESOLVED)
    assert rated.csat_at is not None
    assert (await desk.told(conversation))[-2:] == [ASK, THANKS]
    assert await desk.conversations() == 1
    assert desk.counted(score) == 1
    shown = await conversation_out(desk.pipeline.store, rated)
    assert (shown.csat, shown.csat_at is not None) == (score, True)


async def test_a_change_of_mind_counts_without_a_word(desk: Desk) -> None:
    """The last answer is the one that is kept; it is thanked for and counted once."""
    conversation = await desk.resolved()
    await desk.says("2")
    await desk.says("Bom", kind=Kind.CHOICE, details=(("list_id", "csat:4"), ("list_title", "Bom")))
    assert (await desk.pipeline.store.conversation(conversation.id)).csat == 4
    assert (await desk.told(conversation)).count(THANKS) == 1
    assert (desk.counted(2), desk.counted(4)) == (1, 0)
    assert await desk.conversations() == 1


@pytest.mark.parametrize("body", ["quanto custa a aula?", "6", "5 pessoas", "quero 2 aulas", "obrigada!"])
async def test_other_texts_go_their_usual_way(desk: Desk, body: str) -> None:
    """What is no answer opens a conversation, and the bot answers."""
    conversation = await desk.resolved()
    await desk.says(body)
    assert (await desk.pipeline.store.conversation(conversation.id)).csat is None
    assert await desk.conversations() == 2
    assert (await desk.pipeline.transcript(MARIA))[-1].author is Author.BOT


async def test_an_answer_and_a_question_at_once(desk: Desk) -> None:
    """Of a burst the answer is kept, and the rest is a new matter."""
    conversation = await desk.resolved()
    await desk.accepts("5")
    await desk.says("e quanto custa a aula?")
    assert (await desk.pipeline.store.conversation(conversation.id)).csat == 5
    assert await desk.conversations() == 2
    rows = await desk.pipeline.transcript(MARIA)
    assert [m.body for m in rows if m.author is Author.CUSTOMER] == ["e quanto custa a aula?"]


async def test_an_answer_is_kept_once_whatever_the_rest_meets(
    desk: Desk, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer was kept, and somebody changed the conversation under the question: that alone is redone."""
    conversation = await desk.resolved()
    commit = store.commit
    lost: list[Commit] = []
    kept: list[Commit] = []

    async def lose_one(given: Commit) -> None:
        if given.conversation.id == conversation.id:
            kept.append(given)
        if given.conversation.id != conversation.id and not lost:
            lost.append(given)
            raise Conflict("lost")
        await commit(given)

    monkeypatch.setattr(store, "commit", lose_one)
    await desk.accepts("5")
    await desk.says("e quanto custa a aula?")
    assert (len(lost), len(kept)) == (1, 1)
    rows = await desk.rows(conversation)
    assert [m.body for m in rows][-2:] == ["5", THANKS]
    assert [m.seq for m in rows] == list(range(1, len(rows) + 1))
    assert desk.counted(5) == 1
    rows = await desk.pipeline.transcript(MARIA)
    assert [m.body for m in rows if m.author is Author.CUSTOMER] == ["e quanto custa a aula?"]


async def test_a_late_button_belongs_to_its_question(desk: Desk) -> None:
    """A button is tapped in another conversation: the answer goes to the one that it is about."""
    conversation = await desk.resolved()
    question = (await desk.rows(conversation))[-1]
    await desk.says("bom dia")
    tapped = (("button_payload", "csat:3"), ("button_text", "Regular"))
    await desk.says("Regular", kind=Kind.CHOICE, details=tapped, reply_to=question.sid)
    assert (await desk.pipeline.store.conversation(conversation.id)).csat == 3
    current = await desk.pipeline.current(MARIA)
    assert current.id != conversation.id
    assert current.csat is None
    assert all(m.body != "Regular" for m in await desk.pipeline.transcript(MARIA))


async def test_a_number_after_a_day_is_a_text_like_any_other(desk: Desk) -> None:
    """A typed number counts for the hours that the policy names."""
    conversation = await desk.resolved()
    desk.pipeline.clock.advance(24 * HOUR_MS + 1)
    await desk.says("5")
    assert (await desk.pipeline.store.conversation(conversation.id)).csat is None
    assert await desk.conversations() == 2


async def test_after_the_window_a_template_asks(desk: Desk, messenger: FakeMessenger) -> None:
    """A silent customer is asked by the template in their language, with their name in it."""
    conversation = await desk.resolved(silent_ms=WINDOW_MS)
    assert (await desk.told(conversation))[-1] == "Oi Maria, que nota você dá?"
    sent = messenger.sent[-1].outbound
    assert (sent.content_sid, sent.content_variables) == (TEMPLATE.sid, '{"1": "Maria"}')
    await desk.says("5", kind=Kind.CHOICE, details=(("button_text", "5"),), reply_to=messenger.sent[-1].sid)
    assert (await desk.pipeline.store.conversation(conversation.id)).csat == 5


async def test_after_the_window_without_a_template_nobody_is_asked(
    desk: Desk, templates: FakeTemplates
) -> None:
    """A family that the account does not have, or has not approved, asks nobody."""
    templates.listed = [replace(TEMPLATE, approval="pending")]
    conversation = await desk.resolved(silent_ms=WINDOW_MS)
    assert conversation.csat_asked_at is None
    assert ASK not in await desk.told(conversation)


async def test_who_talked_to_no_agent_is_not_asked(desk: Desk) -> None:
    """A matter that was resolved without an answer has nothing to be rated."""
    conversation = await desk.resolved(answered=False)
    assert conversation.csat_asked_at is None


async def test_who_wrote_on_is_not_asked(desk: Desk) -> None:
    """A customer who wrote before the question went out has a new matter."""
    await desk.says("quero falar com um atendente")
    current = await desk.pipeline.current(MARIA)
    await desk.pipeline.desk.claim(ANA, current.id)
    await desk.pipeline.desk.reply(ANA, current.id, "Pronto.")
    await desk.pipeline.desk.resolve(ANA, current.id)
    await desk.says("mais uma coisa: quanto custa a aula?")
    assert ASK not in await desk.told(current)
    assert await desk.conversations() == 2


async def test_by_default_nobody_is_asked(
    store: SqliteStore,
    manual_clock: ManualClock,
    messenger: FakeMessenger,
    base: GraphContext,
    templates: FakeTemplates,
) -> None:
    """The shipped policy asks nobody, and a number is a text."""
    assert not base.prompts.policy.csat.enabled
    desk = desk_of(store, manual_clock, messenger, base, templates)
    conversation = await desk.resolved()
    assert ASK not in await desk.told(conversation)
    await desk.says("5")
    assert await desk.conversations() == 2
