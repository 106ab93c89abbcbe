"""What brings a human in beside the wish for one, through the pipeline; and what the ledger keeps of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from graph.builder import build_graph
from graph.context import GraphContext, Reply, Responder
from graph.harness import Pipeline
from graph.testing import FakeResponder, failing_responder, fake_context
from graph.topics import find_topic
from graph.trigger_policy import After, ForeignLanguage, Repeated, Switch, Triggers
from ponte.adapters.sqlite import SqliteStore, open_sqlite
from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import Status, Trigger
from ponte.domain.decision import HandoffDecision, Outcome
from ponte.domain.message import Kind
from ponte.testing import FakeMessenger, ManualClock

MARIA = "whatsapp:+5511900000001"
TRANSFER = "Ok, vou te transferir para um de nossos atendentes."
UNKNOWN = "o helicóptero zebra flutua?"
PROMPTS = Path(__file__).resolve().parents[2] / "prompts"
ANA = Agent("ag_ana", "ana@example.com", "Ana", Role.AGENT, "x", 0)

Build = Callable[..., Pipeline]


@cache
def real_context() -> GraphContext:
    """The prompt files and the classifier, loaded once."""
    return fake_context(PROMPTS)


@pytest.fixture
async def build(tmp_path: Path, manual_clock: ManualClock, messenger: FakeMessenger) -> AsyncIterator[Build]:
    """Return a function that builds a pipeline with a model and triggers of the test's own."""
    async with open_sqlite(tmp_path) as store:
        await store.migrate()
        await store.add_agent(ANA)

        def built(responder: Responder | None, **triggers: object) -> Pipeline:
            real = real_context()
            handoff = real.prompts.handoff.model_copy(
                update={"triggers": real.prompts.handoff.triggers.model_copy(update=triggers)}
            )
            prompts = replace(real.prompts, handoff=handoff)
            context = replace(real, prompts=prompts, responder=responder, clock=manual_clock)
            return Pipeline(
                store, build_graph(InMemorySaver()), context, clock=manual_clock, messenger=messenger
            )

        yield built


class Customer:
    """Maria, who writes one turn after the other."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.store: SqliteStore = pipeline.store  # type: ignore[assignment]  # the fixture's
        self._turns = 0

    async def says(self, body: str, kind: Kind = Kind.TEXT) -> Trigger | None:
        """Write, and return what brought a human in; None while the bot goes on."""
        self._turns += 1
        await self.pipeline.customer_says(MARIA, body, f"SM{self._turns:032d}", kind=kind)
        await self.pipeline.settle()
        current = await self.pipeline.current(MARIA)
        if current.status is Status.BOT_ACTIVE:
            return None
        assert current.handoff is not None
        return current.handoff.trigger

    async def decisions(self) -> list[HandoffDecision]:
        """Return the conversation's line in the ledger."""
        return await self.store.decisions((await self.pipeline.current(MARIA)).id)

    def heard(self) -> list[str]:
        """Return what Maria's phone received."""
        return [s.body for s in self.pipeline.messenger.sent]


# --- the bot cannot answer ---------------------------------------------------------------------------------


async def test_a_second_failure_to_answer_brings_a_human(build: Build) -> None:
    """Nothing found offers a human the first time and brings one the second time running."""
    maria = Customer(build(None))
    assert await maria.says(UNKNOWN) is None
    assert await maria.says("e o submarino xadrez?") is Trigger.NO_ANSWER
    assert maria.heard()[1:] == ["Não encontrei essa informação.", TRANSFER]
    last = (await maria.decisions())[-1]
    assert dict(last.thresholds)["after"] == 2.0


async def test_an_answer_in_between_begins_the_count_anew(build: Build) -> None:
    """Only failures running count."""
    maria = Customer(build(None))
    assert await maria.says(UNKNOWN) is None
    assert await maria.says("Quanto custa a aula avulsa?") is None
    assert await maria.says("e o submarino xadrez?") is None


async def test_the_number_of_failures_is_set_in_the_file(build: Build) -> None:
    """``after`` decides; switched off, a human is only ever offered."""
    maria = Customer(build(None, no_answer=After(after=1)))
    assert await maria.says(UNKNOWN) is Trigger.NO_ANSWER


async def test_switched_off_the_bot_only_offers(build: Build) -> None:
    """Without the trigger the customer is asked each time whether a human should come."""
    maria = Customer(build(None, no_answer=After(enabled=False, after=1)))
    assert [await maria.says(f"{UNKNOWN} {n}") for n in ("a", "b")] == [None, None]


# --- the model ---------------------------------------------------------------------------------------------


async def test_a_model_that_is_down_brings_a_human_at_once(build: Build) -> None:
    """By default one turn without model and without a clear answer is enough."""
    maria = Customer(build(failing_responder()))
    assert await maria.says(UNKNOWN) is Trigger.BOT_FAILED


async def test_a_model_that_is_down_may_be_given_more_time(build: Build) -> None:
    """With ``after`` at 2 the customer is told how to reach a human first, then one comes."""
    maria = Customer(build(failing_responder(), bot_failed=After(after=2), no_answer=After(after=5)))
    assert await maria.says(UNKNOWN) is None
    assert "escrever *atendente*" in maria.heard()[0]
    assert await maria.says("e agora?") is Trigger.BOT_FAILED


async def test_the_model_may_ask_for_a_human(build: Build) -> None:
    """Its tool brings one; switched off, the bot says that it has no answer and offers one."""
    responder = FakeResponder(answers=[Reply("", "quer negociar")])
    maria = Customer(build(responder))
    assert await maria.says("posso pagar em três vezes?") is Trigger.MODEL


async def test_the_models_wish_can_be_switched_off(build: Build) -> None:
    """Then it counts as a turn that the bot could not answer."""
    maria = Customer(build(FakeResponder(answers=[Reply("", "x")]), model=Switch(enabled=False)))
    assert await maria.says("posso pagar em três vezes?") is None
    assert await maria.says("e no cartão?") is Trigger.NO_ANSWER


# --- media -------------------------------------------------------------------------------------------------


async def test_a_file_that_cannot_be_read_brings_a_human(build: Build) -> None:
    """By default the first one does."""
    maria = Customer(build(FakeResponder()))
    assert await maria.says("", kind=Kind.DOCUMENT) is Trigger.MEDIA


async def test_files_may_be_asked_for_in_words_first(build: Build) -> None:
    """With ``after`` at 2 the customer is asked to tell in words; a message between them starts anew."""
    maria = Customer(build(FakeResponder(answers=["Custa 120."]), media=After(after=2)))
    assert await maria.says("", kind=Kind.DOCUMENT) is None
    assert "em palavras" in maria.heard()[0]
    assert await maria.says("quanto custa a aula?") is None
    assert await maria.says("veja esta tabela de preços", kind=Kind.DOCUMENT) is None
    assert [body.partition("\n")[0] for body in maria.heard()[-2:]][1] == "Custa 120."
    assert await maria.says("", kind=Kind.DOCUMENT) is Trigger.MEDIA


# --- the same question again -------------------------------------------------------------------------------


async def test_the_same_question_three_times_brings_a_human(build: Build) -> None:
    """Small differences in spelling do not make it another question."""
    maria = Customer(build(FakeResponder(answers=["Custa 120 reais."])))
    assert await maria.says("Quanto custa a aula avulsa?") is None
    assert await maria.says("quanto custa a aula avulssa") is None
    assert await maria.says("Quanto custa, a aula avulsa?!") is Trigger.REPEATED
    last = (await maria.decisions())[-1]
    assert last.thresholds[:3] == (("times", 3.0), ("within", 5.0), ("similarity", 0.82))
    assert dict(last.scores)["repeated"] >= 0.82


@pytest.mark.parametrize(
    "turns",
    [
        ["qual o preço da aula?", "qual o preço da baia?", "qual o preço do picadeiro?"],
        ["tem aula de salto para crianças no sábado?", "e no domingo tem aula de salto para crianças?"] * 2,
        ["tem aula dia 10?", "tem aula dia 11?", "tem aula dia 12?"],
        ["oi", "oi", "oi", "oi"],
        ["ok", "ok", "ok"],
        ["2", "2", "2"],
    ],
)
async def test_other_questions_and_courtesies_are_no_repetition(build: Build, turns: list[str]) -> None:
    """Another object, another number, a greeting or a choice by number may come again and again."""
    maria = Customer(build(FakeResponder(answers=["Custa 120 reais."])))
    assert [await maria.says(turn) for turn in turns] == [None] * len(turns)


async def test_repetition_can_be_switched_off(build: Build) -> None:
    """Then nothing is counted against the customer."""
    maria = Customer(build(FakeResponder(answers=["Custa 120."]), repeated=Repeated(enabled=False)))
    assert [await maria.says("Quanto custa a aula avulsa?") for _ in range(4)] == [None] * 4


async def test_what_is_counted_is_bounded_and_ends_with_the_human_stretch(build: Build) -> None:
    """The state keeps few questions, and none from before an agent dealt with them."""
    pipeline = build(FakeResponder(answers=["Custa 120."]))
    maria = Customer(pipeline)
    for _ in range(2):
        assert await maria.says("Quanto custa a aula avulsa?") is None
    assert await maria.says("quero falar com atendente") is Trigger.KEYWORD
    current = await pipeline.current(MARIA)
    await pipeline.desk.claim(ANA, current.id)
    await pipeline.desk.return_to_bot(ANA, current.id)
    await pipeline.settle()
    assert await maria.says("Quanto custa a aula avulsa?") is None


# --- topics ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "topic"),
    [
        ("minha filha caiu do cavalo agora há pouco", "Acidente ou emergência"),
        ("me cobraram duas vezes a mensalidade", "Reembolso ou cobrança indevida"),
        ("quisiera un reembolso de la clase", "Reembolso ou cobrança indevida"),
        ("I will sue you", "Ameaça ou processo"),
        ("o cavalo está com cólica", "Saúde de uma pessoa ou de um animal"),
    ],
)
async def test_some_topics_are_a_humans(build: Build, body: str, topic: str) -> None:
    """The agent reads which topic it is, whatever the customer's language."""
    maria = Customer(build(FakeResponder()))
    assert await maria.says(body) is Trigger.TOPIC
    handoff = (await maria.pipeline.current(MARIA)).handoff
    assert handoff is not None
    assert topic in handoff.reason


@pytest.mark.parametrize("body", ["vocês têm seguro contra acidentes?", "não quero reembolso, só remarcar"])
async def test_what_only_sounds_like_a_topic_is_the_bots(build: Build, body: str) -> None:
    """Other senses and negations hold for topics as they do for keywords."""
    maria = Customer(build(FakeResponder()))
    assert await maria.says(body) is None


# --- another language --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "Bonjour, combien coûte un cours d'équitation ?",
        "Ich möchte gerne für Samstag buchen",
        "Здравствуйте, сколько стоит урок?",
        "你好 一节课多少钱",
    ],
)
async def test_a_language_that_the_bot_does_not_speak_brings_a_human(build: Build, body: str) -> None:
    """The customer is told so in all three languages, once, and a human comes."""
    maria = Customer(build(FakeResponder()))
    assert await maria.says(body) is Trigger.LANGUAGE
    (told,) = maria.heard()
    assert all(word in told for word in ("espanhol", "español", "English"))


@pytest.mark.parametrize(
    "body",
    ["vc e robo e?", "i wan tspeak the prices", "ya abl con el dueño grasias", "bonjour", "😀😀", "👍"],
)
async def test_slang_typos_and_single_words_are_not_foreign(build: Build, body: str) -> None:
    """What cannot be told is taken for one of the bot's own languages."""
    maria = Customer(build(FakeResponder()))
    assert await maria.says(body) is not Trigger.LANGUAGE


async def test_languages_can_be_left_to_the_model(build: Build) -> None:
    """Switched off, the model answers."""
    language = ForeignLanguage(enabled=False)
    maria = Customer(build(FakeResponder(answers=["Oui."]), language=language))
    assert await maria.says("Bonjour, combien coûte un cours d'équitation ?") is None


# --- the ledger --------------------------------------------------------------------------------------------


async def test_every_turn_of_the_bots_has_its_decision(build: Build) -> None:
    """A decision a turn with the customer's last seq; none in human hands."""
    pipeline = build(FakeResponder(answers=["Custa 120."]))
    maria = Customer(pipeline)
    await maria.says("Quanto custa a aula avulsa?")
    await maria.says("quero falar com atendente")
    await maria.says("alguém?")
    bot, human = await maria.decisions()
    assert (bot.outcome, bot.trigger, bot.seq, bot.phrase) == (Outcome.BOT, None, 1, None)
    assert (human.outcome, human.trigger, human.seq) == (Outcome.HUMAN, Trigger.KEYWORD, 3)
    assert human.phrase
    assert {bot.prompt_version, human.prompt_version} == {pipeline.context.prompts.version}
    assert {bot.language, human.language} == {"pt-BR"}
    assert bot.id != human.id


@pytest.mark.parametrize(
    ("body", "trigger", "read", "own"),
    [
        ("Quanto custa a aula avulsa?", None, "pt-BR", {}),
        ("quero falar com atendente", Trigger.KEYWORD, "pt-BR", {}),
        ("necesito hablar con un asesor por favor", Trigger.KEYWORD, "es", {}),
        ("I will sue you", Trigger.TOPIC, "en", {}),
        (
            "Bonjour, combien coûte un cours d'équitation ?",
            Trigger.LANGUAGE,
            None,
            {"words": 4.0, "language.sure": 0.8},
        ),
    ],
)
async def test_every_decision_tells_what_was_measured_against_what(
    build: Build, body: str, trigger: Trigger | None, read: str | None, own: dict[str, float]
) -> None:
    """The classifier's score and its thresholds, with the language that the message was read in."""
    maria = Customer(build(None))
    assert await maria.says(body) is trigger
    (decision,) = await maria.decisions()
    band = real_context().prompts.handoff.classifier
    held = dict(decision.thresholds)
    (local,) = [name for name in held if name.startswith("local.")]
    lang = local.removeprefix("local.")
    assert read in {None, lang}
    assert held == {
        **own,
        "sure": band.sure,
        "unsure": band.unsure,
        "judge": band.judge,
        "doubt": band.doubt,
        local: band.local_for(lang),
    }
    scores = dict(decision.scores)
    assert 0.0 < scores["classifier"] < 1.0
    assert scores.get(str(trigger)) == (None if trigger is None else pytest.approx(1.0, abs=0.2))


async def test_a_turn_without_words_has_no_figures_of_a_wish(build: Build) -> None:
    """Nothing was read, so nothing was held against anything but the trigger's own bound."""
    maria = Customer(build(None))
    assert await maria.says("", kind=Kind.DOCUMENT) is Trigger.MEDIA
    (decision,) = await maria.decisions()
    assert (decision.scores, decision.thresholds) == ((("media", 1.0),), (("after", 1.0),))


async def test_the_judges_score_is_kept(build: Build) -> None:
    """Where the model was asked, its score stands beside the classifier's."""
    maria = Customer(build(FakeResponder(answers=["Claro!"], judgement=0.2)))
    real = real_context()
    band = real.prompts.handoff.classifier
    texts = [e.text for e in real.prompts.examples]
    topics = real.prompts.handoff.topics
    found = (t for t in texts if real.detector.decide(t, band).unsure and find_topic(t, topics) is None)
    await maria.says(next(found))
    (decision,) = await maria.decisions()
    assert decision.trigger is None
    assert dict(decision.scores)["judge"] == 0.2
    assert band.unsure <= dict(decision.scores)["classifier"] < band.sure


async def test_handoffs_are_counted_by_trigger(build: Build) -> None:
    """The metric tells the triggers apart."""
    pipeline = build(FakeResponder())
    await Customer(pipeline).says("quero um reembolso")
    value = pipeline.metrics.registry.get_sample_value("ponte_handoffs_total", {"trigger": "topic"})
    assert value == 1


def test_a_policy_without_triggers_has_their_defaults() -> None:
    """Older files stay valid: each trigger is on, with the threshold of the reference page."""
    triggers = Triggers()
    assert (triggers.no_answer.after, triggers.bot_failed.after, triggers.media.after) == (2, 1, 1)
    assert (triggers.repeated.times, triggers.language.words) == (3, 4)
