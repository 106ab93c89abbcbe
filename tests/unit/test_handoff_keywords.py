"""Phrases that ask for a human."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from graph.classifier_training import reader_of
from graph.keywords import Keywords, KeywordSpec, same_phrase, silent_phrases
from graph.prompt_check import check_prompts
from graph.prompts import load_prompts


@pytest.fixture(scope="module")
def keywords() -> Keywords:
    """The shipped phrases."""
    return Keywords(load_prompts(Path(__file__).parents[2] / "prompts").keywords)


@pytest.mark.parametrize(
    "text",
    [
        "falar com atendente",
        "Quero FALAR com um ATENDENTE!!!",
        "ajuda humana",
        "quero um humano",
        "atendente",
        "Oi, atendente por favor 🙏",
        "humanooooo",
        "quero falar com\natendente",
        "não, quero falar com um atendente",
        "não entendi nada. chama um atendente",
        "hablar con un agente",
        "quiero hablar con una persona real",
        "pásame con un humano",
        "I want to talk to a human",
        "real person please",
        "não quero mais falar com esse robô",
        "no quiero hablar con un robot",
        "no quiero seguir hablando con este bot",
        "i don't want to talk to a bot",
        "dont want to chat with this machine",
        "let me speak with a representative",
        "agent",
    ],
)
def test_a_wish_for_a_human_is_found(keywords: Keywords, text: str) -> None:
    """Accents, case, punctuation, stretched letters and split messages do not hide the phrase."""
    assert keywords.find(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "oi",
        "obrigado",
        "qual o preço da aula?",
        "ok",
        "👍",
        "",
        "não precisa chamar atendente",
        "não quero falar com atendente",
        "sem atendente, por favor",
        "no quiero hablar con nadie",
        "no quiero hablar con un agente",
        "I don't want to talk to an agent",
        "recursos humanos",
        "qual o horário de atendimento?",
        "vocês contratam atendentes?",
        "ya hablé con un agente",
        "quantas pessoas por turma?",
        "do you work with a travel agent?",
    ],
)
def test_no_wish_for_a_human_is_left_alone(keywords: Keywords, text: str) -> None:
    """Negations, other senses and plain questions bring nobody in."""
    assert keywords.find(text) is None


def test_the_marks_of_a_phrase() -> None:
    """Alternatives, optional words and open endings match what they say, and nothing wider."""
    found = Keywords({"x": KeywordSpec(phrases=("(chama|passa) [o|a] gerente*",))}).find
    assert found("chama gerente") == "chama gerente"
    assert found("passa a gerente-geral") == "passa a gerente"
    assert found("passa o gerentinho") is None
    assert found("passa o gerentes agora") == "passa o gerentes"
    assert found("rechama gerente") is None


def test_optional_words_may_stand_at_either_end() -> None:
    """An optional word at the end or the beginning leaves the rest of the phrase as it is."""
    found = Keywords({"x": KeywordSpec(phrases=("[um] humano [agora]",))}).find
    assert found("humano") == "humano"
    assert found("um humano agora") == "um humano agora"


def test_a_negation_ends_with_its_clause() -> None:
    """A negation before a full stop does not reach over it."""
    spec = KeywordSpec(phrases=("atendente",), negations=("nao",))
    assert Keywords({"x": spec}).find("não. atendente") == "atendente"
    assert Keywords({"x": spec}).find("não quero atendente") is None


def test_a_negation_that_begins_a_phrase_belongs_to_it() -> None:
    """It takes the phrase back only where it stands before; one before may reach into the phrase."""
    spec = KeywordSpec(phrases=("nao quero robo", "quero gerente"), negations=("nao", "ja nao quero"))
    found = Keywords({"x": spec}).find
    assert found("não quero robô") == "nao quero robo"
    assert found("olha, não quero robô") == "nao quero robo"
    assert found("não que não quero robô") is None
    assert found("já não quero gerente") is None
    assert found("quero gerente") == "quero gerente"


def test_phrases_that_never_fire_are_named() -> None:
    """Taken back by another list, or spelt otherwise by the lexicon; one form that fires is enough."""
    spec = KeywordSpec(
        phrases=("(quero|preciso) gerente", "recursos humano*", "ja falei com gerente"),
        alone=("me liga", "chefe"),
        other_senses=("recursos humano*",),
        unless=("ja falei", "preciso"),
    )

    def spelt(_: str, words: str) -> str:
        return words.replace("liga", "ligar")

    assert silent_phrases({"x": spec}, spelt) == [
        ("x", "phrases", "recursos humano*"),
        ("x", "phrases", "ja falei com gerente"),
        ("x", "alone", "me liga"),
    ]


def test_every_shipped_phrase_fires() -> None:
    """None is there in vain."""
    prompts = load_prompts(Path(__file__).parents[2] / "prompts")
    reader = reader_of(prompts.examples, prompts.lexicons)
    assert silent_phrases(prompts.keywords, reader.spelt) == []


def test_the_check_names_a_phrase_that_never_fires(tmp_path: Path) -> None:
    """As advice, with its line: the lexicon writes "vc" out, so that no message ever reads so."""
    folder = Path(shutil.copytree(Path(__file__).parents[2] / "prompts", tmp_path / "prompts"))
    file = folder / "handoff" / "keywords.yaml"
    file.write_text(file.read_text("utf-8").replace("me liga,", "vc liga,", 1), "utf-8")
    found = [p for p in check_prompts(folder) if "never counts" in p.message]
    assert [("vc liga" in p.message, p.advice, p.line is not None) for p in found] == [(True, True, True)]


def test_equal_phrases_are_recognised() -> None:
    """Two spellings of the same phrase count as one."""
    assert same_phrase("Não  quero", "nao quero")
    assert not same_phrase("nao quero", "nao queria")


def test_a_long_text_is_scanned_quickly(keywords: Keywords) -> None:
    """A text made to trouble the patterns costs no more than its length."""
    assert keywords.find("quero falar com " * 2_000) is None
