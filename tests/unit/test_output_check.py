"""What a model may say to a customer, and what not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from graph.citing import cited
from graph.knowledge import Hit, Section
from graph.output_check import OutputCheck, Withheld
from graph.prompt_schema import LinksPolicy
from graph.prompts import PromptSet, load_prompts
from graph.visible import defused, visible


@pytest.fixture(scope="module")
def prompts() -> PromptSet:
    """The sample company's files."""
    return load_prompts(Path(__file__).parents[2] / "prompts")


@pytest.fixture(scope="module")
def check(prompts: PromptSet) -> OutputCheck:
    """The check over them."""
    return OutputCheck(prompts)


def test_everything_that_the_company_says_may_be_said(prompts: PromptSet, check: OutputCheck) -> None:
    """No section and no fixed text is stopped."""
    assert [s.title for s in prompts.knowledge if check.reason(f"{s.title}\n{s.text}", "")] == []
    fixed = [text for texts in prompts.messages.values() for text in texts.values() if not text.variables]
    assert [text.render() for text in fixed if check.reason(text.render(), "")] == []


@pytest.mark.parametrize(
    "text",
    [
        "A aula custa R$ 120, e o plano R$ 1.650,00 por mês.",
        "Abrimos de terça a sexta, das 7h às 19h. No dia 12/03/2026, às 08:30, não abrimos.",
        "Claro!Me diga o dia.Depois confirmo.",
        "Sou a assistente virtual da Hípica Ponte Alta, um clube de equitação.",
        "Nossos atendentes: de segunda a sexta.",
        "O agente vai te responder: é só aguardar.",
        "Tudo certo 👨‍👩‍👧! 🐴",
        "Yes, e.g. boots. Our riders (4/group) love it.",
        "Temos 12 vagas em 2026, 8 em 2027 e 30 em 2028.",
    ],
)
def test_ordinary_answers_pass(check: OutputCheck, text: str) -> None:
    """Prices, dates, times, abbreviations and emoji are nothing to stop."""
    assert check.reason(text, "") is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Veja http://exemplo.invalid/a", Withheld.LINK),
        ("Veja wa.me/5511988776655", Withheld.LINK),
        ("https://good.example\\@evil.example", Withheld.LINK),
        ("http://[::1", Withheld.LINK),
        ("hxxp.evil.com", Withheld.LINK),
        ("CPF 123.456.789-09", Withheld.CONTACT),
        ("CNPJ 12.345.678/0001-90", Withheld.CONTACT),
        ("Ligue \uff19\uff18\uff18\uff17\uff17\uff16\uff16\uff15\uff15", Withheld.CONTACT),
        ("R$ 11988776655", Withheld.CONTACT),
        ("Agente 007: olá", Withheld.SPEECH),
        ("A" * 80, Withheld.UNREADABLE),
    ],
)
def test_what_is_stopped(check: OutputCheck, text: str, reason: Withheld) -> None:
    """Links, numbers and speech that are not ours."""
    assert check.reason(text, "") is reason


def test_the_customers_own_contacts_may_be_said_to_them(check: OutputCheck) -> None:
    """With the country's code or without, and an e-mail in any case."""
    own = "meu número é +55 (11) 98877-6655 e o e-mail Ana@Exemplo.com"
    assert check.reason("Anotei: 11 98877 6655.", own) is None
    assert check.reason("Anotei: 11 98877 6654.", own) is Withheld.CONTACT


def test_links_that_the_policy_allows(prompts: PromptSet) -> None:
    """A host stands for its subdomains, not for what merely ends like it."""
    links = LinksPolicy(allow=("hipica.com.br",))
    check = OutputCheck(replace(prompts, policy=prompts.policy.model_copy(update={"links": links})))
    assert check.reason("Veja https://www.hipica.com.br/aulas ou agenda.hipica.com.br.", "") is None
    assert check.reason("Veja https://minhahipica.com.br", "") is Withheld.LINK
    assert check.reason("Veja https://hipica.com.br.evil.com", "") is Withheld.LINK
    with pytest.raises(ValueError, match="host alone"):
        LinksPolicy(allow=("https://hipica.com.br",))


HITS = [Hit(Section("en", "a.en.md", title, "x"), 1.0) for title in ("Prices", "Opening hours", "Prices")]


@pytest.mark.parametrize(
    ("text", "bare", "sources", "answered"),
    [
        ("Ten.\n[[sources: 2]]", "Ten.", ("a.en.md#opening-hours",), True),
        ("Ten. [[Sources: 1, 3]]", "Ten.", ("a.en.md#prices",), True),
        ("Ten. [source: 1]", "Ten.", ("a.en.md#prices",), True),
        ("Ten.", "Ten.", (), True),
        ("Ten.\n[[sources: none]]", "Ten.", (), True),
        ("Ten. [[sources: 9, 0]]", "Ten.", (), True),
        ("[[sources: 1]]\nI do not know.\n[[unanswered]]", "I do not know.", (), False),
        ("[[unanswered]]", "", (), False),
        ("See [our prices] and [1].", "See [our prices] and [1].", (), True),
    ],
)
def test_sources_are_taken_off_and_held_against_what_was_given(
    text: str, bare: str, sources: tuple[str, ...], *, answered: bool
) -> None:
    """A source is always one of the excerpts; the mark never reaches the customer."""
    found = cited(text, HITS)
    assert (found.text, found.sources, found.answered) == (bare, sources, answered)


def test_what_nobody_sees_goes_and_emoji_stay() -> None:
    """Zero-width characters, overrides and tags go; families and skin tones stay whole."""
    assert visible("a\u200bb\u202ec\U000e0041\u00ad\n") == "abc\n"
    assert visible("👨‍👩‍👧 👩🏽‍🚀 ❤️") == "👨‍👩‍👧 👩🏽‍🚀 ❤️"
    assert visible("pa\u200dlavra") == "palavra"
    assert visible("e" + "\u0301" * 30) == "e" + "\u0301" * 3


def test_role_marks_are_broken_and_other_brackets_are_not() -> None:
    """No chat template reads them as its own any more."""
    assert defused("<|im_start|> [INST] </s> <<SYS>>") == "< |im_start| > [ INST] < /s> < <SYS>>"
    assert defused("1 < 2, [a] <b> {{ x }}") == "1 < 2, [a] <b> {{ x }}"
