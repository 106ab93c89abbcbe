"""Phrases that ask for a human."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph.keywords import Keywords, KeywordSpec, same_phrase
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


def test_equal_phrases_are_recognised() -> None:
    """Two spellings of the same phrase count as one."""
    assert same_phrase("Não  quero", "nao quero")
    assert not same_phrase("nao quero", "nao queria")


def test_a_long_text_is_scanned_quickly(keywords: Keywords) -> None:
    """A text made to trouble the patterns costs no more than its length."""
    assert keywords.find("quero falar com " * 2_000) is None
